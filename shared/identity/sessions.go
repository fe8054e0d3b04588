package identity

import (
	"context"
	"fmt"
	"unicode/utf8"

	"urbanhomeschool.org/uhs/shared/db"
)

// maxDevice is how much is kept of what a browser calls itself.
const maxDevice = 200

func cutDevice(s string) string {
	for len(s) > maxDevice {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// OpenSession is a sign-in of a person at this node, as she sees it.
type OpenSession struct {
	ID string
	// Device is what the browser called itself, at most 200 bytes; may be empty.
	Device        string
	Since, UsedAt db.Time
	// Current is the session that asks.
	Current bool
	school  SchoolID
}

// ListSessions gives the actor's own open sessions at this node, the last used
// first.
func (s *Service) ListSessions(ctx context.Context, who Actor) ([]OpenSession, error) {
	if who.Account == "" {
		return nil, ErrNobody
	}
	var out []OpenSession
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		out, err = db.All(ctx, tx, listSessions, scanOpenSession, who.Account, s.now())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	for i := range out {
		out[i].Current = out[i].ID == who.Session
	}
	return out, nil
}

// EndSession ends one of the actor's own sessions; ErrNoSuchSession when it is
// not hers or is over.
func (s *Service) EndSession(ctx context.Context, who Actor, sid string) error {
	if who.Account == "" {
		return ErrNobody
	}
	err := s.db.Update(ctx, func(tx db.Tx) error {
		open, err := db.All(ctx, tx, listSessions, scanOpenSession, who.Account, s.now())
		if err != nil {
			return err
		}
		for _, o := range open {
			if o.ID == sid {
				return s.end(ctx, tx, o.ID, o.school)
			}
		}
		return ErrNoSuchSession
	})
	if err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

// EndOtherSessions ends all of the actor's sessions but the one that asks.
func (s *Service) EndOtherSessions(ctx context.Context, who Actor) error {
	if who.Account == "" {
		return ErrNobody
	}
	err := s.db.Update(ctx, func(tx db.Tx) error { return s.endAll(ctx, tx, who.Account, who.Session) })
	if err != nil {
		return fmt.Errorf("end other sessions: %w", err)
	}
	return nil
}

// CheckPassword compares password with the actor's cloud password, before
// something that a borrowed phone must not do. Guessing is slowed and noted
// as at the door.
func (s *Service) CheckPassword(ctx context.Context, who Actor, password string) error {
	if who.Account == "" {
		return ErrNobody
	}
	login, err := s.login(ctx, who.Account)
	if err != nil {
		return fmt.Errorf("check a password: %w", err)
	}
	ok, err := s.provesCloud(ctx, login, password)
	if err != nil {
		return fmt.Errorf("check a password: %w", err)
	}
	if !ok {
		return s.noteFailedSignIn(ctx, login, invalid("wrong_password", "The current password is wrong.", "password"))
	}
	return nil
}

// CheckFactor takes a code of the actor's second factor, where she has one;
// ErrSecondFactor when it is missing. It is asked after CheckPassword only.
func (s *Service) CheckFactor(ctx context.Context, who Actor, code string) error {
	if who.Account == "" {
		return ErrNobody
	}
	login, err := s.login(ctx, who.Account)
	if err != nil {
		return fmt.Errorf("check a second factor: %w", err)
	}
	return s.passFactor(ctx, login, code)
}
