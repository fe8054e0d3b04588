// Package privacy is what the cloud does for people about their data: it *asks*
// guardians for consent by text message and takes their answers, keeps what
// parents allow, and *tells* people about a child in danger when nobody takes it
// up.
//
// The rule that surprises: a code in a text message works for as long as the
// guardian keeps the message. STOP with it takes a consent back years later, and
// STOP alone takes back everything that the phone's owner may decide about.
package privacy

import (
	"context"
	"log/slog"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Courier stores letters to people; *courier.Courier is one.
type Courier interface {
	Send(ctx context.Context, tx db.Tx, l courier.Letter) error
}

// Options wires a Service.
type Options struct {
	// DB has a journal attached.
	DB      db.DB
	Clock   clock.Clock
	Log     *slog.Logger
	People  *identity.Service
	Consent *consent.Service
	Courier Courier
}

// Service is the use-cases.
type Service struct{ o Options }

// New makes a Service.
func New(o Options) *Service { return &Service{o: o} }

func (s *Service) now() db.Time { return db.Time{Time: s.o.Clock.Now()} }

func invalid(code, msg string, loc ...string) *fault.Error {
	return fault.New(fault.Invalid, msg).WithCode(code).At(msg, loc...)
}
