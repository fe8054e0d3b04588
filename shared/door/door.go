// Package door holds what opens a school's box when passwords do not: the
// *one-time code* that the cloud gives a signed-in teacher, with which she sets
// her password for the school's box, and the *recovery sheets*, ten codes on paper
// each, held by the head and one or two others. A *use* is the fact that a code
// was used; it travels up, and the office hears of those of a sheet.
//
// The rule that surprises: all of it is checked at the box without a line. The
// one-time code is a keyed hash under the school's key, which both sides have;
// nothing of it is stored until it is used.
package door

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// ErrWrongCode answers a code that is not one, is used, or is somebody else's.
var ErrWrongCode = fault.New(fault.Unauthenticated, "This code is not valid here.").WithCode("wrong_door_code")

// ErrOldCode answers a one-time code after its seven days.
var ErrOldCode = fault.New(fault.Gone, "This code is too old. Ask for a new one.").WithCode("old_door_code")

// Options wires a Service.
type Options struct {
	// DB has a journal attached (syncer.WithJournal).
	DB     db.DB
	Clock  clock.Clock
	People *identity.Service
	// Pepper is a school's key, as for identity.
	Pepper func(identity.SchoolID) ([]byte, error)
}

// Service makes codes and sheets.
type Service struct{ Options }

// New makes a Service.
func New(o Options) *Service { return &Service{o} }

// keyed is a keyed hash of text for one purpose: what is learnt of one says
// nothing of another, nor of the verifiers.
func keyed(pepper []byte, purpose, text string) []byte {
	key := hmac.New(sha256.New, pepper)
	key.Write([]byte(purpose))
	mac := hmac.New(sha256.New, key.Sum(nil))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// hashOf is what is stored of a code of a sheet. A fast hash is enough: the code
// is 60 random bits.
func hashOf(pepper []byte, code string) string {
	return base64.RawURLEncoding.EncodeToString(keyed(pepper, "recovery sheet 1", code))
}

func (s *Service) note(ctx context.Context, tx db.Tx, who identity.Actor, act identity.Act) error {
	if err := s.People.NoteAct(ctx, tx, who, act); err != nil {
		return fmt.Errorf("note %s: %w", act.Action, err)
	}
	return nil
}
