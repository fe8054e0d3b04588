// Package consent says what guardians are asked and what learners show: the
// *texts* of each purpose in English and Kiswahili, the *photo* of a signed form,
// and a learner's *settings*. The facts themselves, who said yes or no, are
// identity's.
//
// The rule that surprises: a setting can only be opened while the consent stands.
// When the guardian takes it back, what the learner shows is shy again at once,
// though her row still says otherwise.
package consent

import (
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/picture"
)

// Options wires a Service.
type Options struct {
	// DB has a journal attached (syncer.WithJournal).
	DB     db.DB
	Clock  clock.Clock
	People *identity.Service
}

// Service is the use-cases of consent.
type Service struct {
	o    Options
	desk *picture.Desk
}

// New makes a Service.
func New(o Options) *Service { return &Service{o, picture.NewDesk()} }

func (s *Service) now() db.Time { return db.Time{Time: s.o.Clock.Now()} }

func invalid(code, msg string, loc ...string) *fault.Error {
	return fault.New(fault.Invalid, msg).WithCode(code).At(msg, loc...)
}
