// Package door stands at the school's own sign-in: it makes guessing slow, keeps
// the *devices* a teacher opened for the pictures of a class, and says until when
// the school may go on without having heard of the cloud. The secrets themselves
// are identity's, the codes on paper shared/door's.
//
// The rule that surprises: nothing is counted by network address, since a whole
// class has one; a wrong secret counts against the person on that device, so that
// a classmate who guesses elsewhere locks nobody out at her own.
package door

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// How long verifiers are good without a word of the cloud.
const (
	TeacherDays = 30
	LearnerDays = 120
	WarnDays    = 14
)

const day = 24 * time.Hour

// Errors of the door.
var (
	errExpired = fault.New(fault.Forbidden, "This box has not heard of the cloud for too long.").WithCode("door_expired")
	errNotHere = fault.New(fault.Forbidden, "Pictures work on devices that a teacher has opened for the class.").WithCode("pictures_not_here")
	errClass   = fault.New(fault.Invalid, "There is no such class.").WithCode("no_such_class")
)

// Options wires a Service.
type Options struct {
	// DB has the uplink's journal attached: a use of a code travels.
	DB     db.DB
	Clock  clock.Clock
	School identity.SchoolID
	Pepper func(identity.SchoolID) ([]byte, error)
	// Heard is when anything of the cloud last arrived, by line or by hand; zero
	// before it was ever heard.
	Heard func(ctx context.Context, tx db.Tx) (time.Time, error)
}

// Service is the door of one school. It is identity's Guard there.
type Service struct {
	Options
	people *identity.Service
}

// New makes a Service; Join it with the people before it is used for more than a
// Guard.
func New(o Options) *Service { return &Service{Options: o} }

// Join gives the Service the people whose Guard it is.
func (s *Service) Join(people *identity.Service) { s.people = people }

func (s *Service) now() db.Time { return db.Time{Time: s.Clock.Now()} }

func (s *Service) note(ctx context.Context, tx db.Tx, who identity.Actor, act identity.Act) error {
	return s.people.NoteAct(ctx, tx, who, act)
}

type deviceKey struct{}

// WithDevice puts the token of the device that asks into ctx. It is a random
// value that the box once gave to that browser; what is kept of it is a hash.
func WithDevice(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, deviceKey{}, token)
}

// NewDevice is a token for a browser that has none.
func NewDevice() string { return id.Secret(16) }

// deviceOf is the hash of the device's token; empty for one without.
func deviceOf(ctx context.Context) string {
	token, _ := ctx.Value(deviceKey{}).(string)
	if token == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("door device 1 " + token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// State is what the sign-in page and a teacher are told of the door.
type State struct {
	// Open are the classes whose pictures work on this device now.
	Open []string
	// TeachersUntil and LearnersUntil are when the door closes if nothing is heard of
	// the cloud meanwhile; zero when it was never heard.
	TeachersUntil, LearnersUntil time.Time
	// Warn says that one of them is near or over.
	Warn bool
}

// State reads it for the device of ctx.
func (s *Service) State(ctx context.Context) (State, error) {
	var out State
	err := s.DB.View(ctx, func(tx db.Tx) error {
		var err error
		if out.Open, err = db.All(ctx, tx, selectOpen, db.Scalar[string], deviceOf(ctx), s.now()); err != nil {
			return err
		}
		if out.TeachersUntil, err = s.until(ctx, tx, identity.Instructor, ""); err != nil {
			return err
		}
		out.LearnersUntil, err = s.until(ctx, tx, identity.Student, "")
		return err
	})
	if err != nil {
		return out, fmt.Errorf("read the door's state: %w", err)
	}
	warn := s.Clock.Now().Add(WarnDays * day)
	out.Warn = !out.TeachersUntil.IsZero() && out.TeachersUntil.Before(warn)
	return out, nil
}

// Ends is when teachers can no longer sign in; zero when nothing is due.
func (s *Service) Ends(ctx context.Context, tx db.Tx) (time.Time, error) {
	return s.until(ctx, tx, identity.Instructor, "")
}

// until is when account's verifiers end: counted from the last word of the cloud,
// or from a code that vouched since. A learner's also from the last sign-in of a
// teacher, whom one of those vouched for. Zero for no end.
func (s *Service) until(ctx context.Context, tx db.Tx, role identity.Role, account identity.AccountID) (time.Time, error) {
	heard, err := s.Heard(ctx, tx)
	if err != nil || heard.IsZero() {
		return time.Time{}, err
	}
	renewed, err := door.LastRenewed(ctx, tx, s.School, account)
	if err != nil {
		return time.Time{}, err
	}
	last := later(heard, renewed)
	if role != identity.Student {
		return last.Add(TeacherDays * day), nil
	}
	seen, err := db.First(ctx, tx, lastTeacher, db.Scalar[db.Time], s.School)
	return later(last, seen.Time).Add(LearnerDays * day), err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
