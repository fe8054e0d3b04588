// Package accounts opens, guards and closes the accounts of people at the
// cloud: *registration* by e-mail address or phone, *links* that are mailed and
// open one door once, *codes* of six digits that go to a phone, *applications*
// of instructors, pictures, and *closures* that can be undone.
//
// The rule that surprises: whether an address is known is never told, nor felt.
// A forgotten password is answered before anybody has looked; a code goes to
// any phone, and only who holds the phone learns more.
package accounts

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/cloud/internal/jobs"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/picture"
)

// Errors a person meets.
var (
	ErrLink        = fault.New(fault.Gone, "This link has been used or is too old.").WithCode("link_invalid")
	ErrCode        = fault.New(fault.Invalid, "The code is wrong or too old.").WithCode("bad_code").At("not the code that was sent", "code")
	ErrTooSoon     = fault.New(fault.TooMany, "A code was sent less than a minute ago.").WithCode("code_too_soon")
	ErrTooMany     = fault.New(fault.TooMany, "Too many codes were asked for; try again tomorrow.").WithCode("too_many_codes")
	ErrOwnAccount  = fault.New(fault.Conflict, "An admin cannot close her own account.").WithCode("own_account")
	ErrNotClosed   = fault.New(fault.Conflict, "This account is not closed.").WithCode("not_closed")
	ErrBySchool    = fault.New(fault.Forbidden, "The school decides about the accounts of its learners.").WithCode("set_by_school")
	ErrPicture     = fault.New(fault.Invalid, "The picture is not a PNG or JPEG file.").WithCode("bad_picture")
	ErrDocument    = fault.New(fault.Invalid, "A document is a PDF, PNG or JPEG file of at most 5 MB.").WithCode("bad_document")
	ErrNoSuchFile  = fault.New(fault.NotFound, "There is no such file.").WithCode("no_such_file")
	ErrNoneSuch    = fault.New(fault.NotFound, "There is no such application.").WithCode("no_such_application")
	ErrDecided     = fault.New(fault.Conflict, "This application has been decided.").WithCode("application_decided")
	ErrApplied     = fault.New(fault.Conflict, "You have applied already.").WithCode("already_applied")
	ErrApplication = fault.New(fault.Invalid, "Some of the application is missing or too long.").WithCode("bad_application")
)

// Letters sends letters; *courier.Courier does.
type Letters interface {
	Send(ctx context.Context, tx db.Tx, l courier.Letter) error
}

// Options wires a Service.
type Options struct {
	DB      db.DB
	People  *identity.Service
	Letters Letters
	Jobs    *jobs.Queue
	Clock   clock.Clock
	// CodeKey hashes codes; it is not in the database.
	CodeKey []byte
	// PublicURL begins the links in letters.
	PublicURL string
	// CodesAnHour bounds the text messages with codes to all phones together; by
	// default 1,000.
	CodesAnHour int
	// Suspended hears, in the same transaction, that an admin suspended an account;
	// optional.
	Suspended func(ctx context.Context, tx db.Tx, account identity.AccountID) error
}

// Service is the use-cases of accounts at the cloud.
type Service struct {
	o    Options
	desk *picture.Desk
}

// New makes a Service and gives its work to the queue, which is opened after.
func New(o Options) *Service {
	if o.CodesAnHour == 0 {
		o.CodesAnHour = 1000
	}
	s := &Service{o, picture.NewDesk()}
	jobs.Work(o.Jobs, s.answerForgotten)
	return s
}

func (s *Service) now() db.Time { return db.Time{Time: s.o.Clock.Now()} }

func (s *Service) in(d time.Duration) db.Time { return db.Time{Time: s.o.Clock.Now().Add(d)} }

// tell sends a person a letter: by mail when she has a verified or any address,
// else by text message, else not at all. Templates exist for the channels they
// are used on.
func (s *Service) tell(ctx context.Context, tx db.Tx, p identity.Person, template string, data map[string]string) error {
	l := courier.Letter{Channel: courier.Email, To: p.Email, Template: template, Language: p.Language, Data: data}
	switch {
	case p.Email != "":
	case p.LoginPhone != "":
		l.Channel, l.To = courier.SMS, p.LoginPhone
	default:
		return nil
	}
	return s.o.Letters.Send(ctx, tx, l)
}
