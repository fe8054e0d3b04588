package door

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Errors of guessing.
var (
	errWait   = fault.New(fault.TooMany, "Too many wrong tries. Wait a little, then try again.").WithCode("door_wait")
	errLocked = fault.New(fault.TooMany, "Too many wrong tries. Your teacher can open it again.").WithCode("door_locked")
)

// How guessing is slowed. Misses are forgotten after a night.
const (
	childFree    = 5 // wrong tries of a child before she waits
	childLock    = 10
	childWait    = time.Minute
	adultFree    = 3
	adultFirst   = 5 * time.Second
	adultMost    = 15 * time.Minute
	deviceFree   = 30 // wrong tries more than right ones on one device, over everybody
	deviceWait   = time.Minute
	forgetAfter  = 12 * time.Hour
	rightOutdoes = 5 // wrong tries of a device that a right one makes good
)

// What is kept at most.
const (
	mostMisses  = 5_000
	mostKnown   = 20_000
	knownPeople = 80 // on one device
)

// anybody is the account of a device's own count.
const anybody = "*"

// Enter implements identity.Guard. The try is counted as a wrong one at once, so
// that sixty tries sent together are not sixty free ones; Tell takes a right one
// back.
func (s *Service) Enter(ctx context.Context, a identity.Attempt) error {
	if a.Account == "" {
		if a.Typed == "" {
			return nil // nobody's: there is nothing to guess, and it takes as long
		}
		// An address that nobody has is slowed like one that somebody has.
		a.Account, a.Role = nameOf(a.Typed), identity.Instructor
	}
	err := s.DB.Update(ctx, func(tx db.Tx) error {
		if a.Kind == identity.PictureSecret {
			if err := s.openFor(ctx, tx, a.Account); err != nil {
				return err
			}
		}
		until, err := s.until(ctx, tx, a.Role, a.Account)
		if err != nil {
			return err
		}
		if !until.IsZero() && s.Clock.Now().After(until) {
			return errExpired
		}
		return s.slow(ctx, tx, a)
	})
	if err != nil {
		return fmt.Errorf("at the door: %w", err)
	}
	return nil
}

func nameOf(typed string) identity.AccountID {
	sum := sha256.Sum256([]byte(typed))
	return identity.AccountID("name:" + base64.RawURLEncoding.EncodeToString(sum[:12]))
}

// slow counts a try, or refuses it.
func (s *Service) slow(ctx context.Context, tx db.Tx, a identity.Attempt) error {
	device := deviceOf(ctx)
	if device != "" {
		if err := s.count(ctx, tx, anybody, device, func(n int) (time.Duration, error) {
			if n < deviceFree {
				return 0, nil
			}
			return deviceWait, nil
		}); err != nil {
			return err
		}
	}
	where, err := s.where(ctx, tx, a.Account, device)
	if err != nil {
		return err
	}
	return s.count(ctx, tx, string(a.Account), where, func(n int) (time.Duration, error) { return patience(a.Role, n) })
}

// where is the device that a try counts at: its own when the person has signed in
// there before, else the one of all strange devices.
func (s *Service) where(ctx context.Context, tx db.Tx, account identity.AccountID, device string) (string, error) {
	known, err := db.First(ctx, tx, countKnown, db.Scalar[int64], account, device)
	if err != nil || known == 0 {
		return "", err
	}
	return device, nil
}

// patience is how long to wait after n wrong tries; for a child after ten an error:
// her teacher opens it.
func patience(role identity.Role, n int) (time.Duration, error) {
	if role == identity.Student {
		switch {
		case n >= childLock:
			return 0, errLocked
		case n >= childFree:
			return childWait, nil
		default:
			return 0, nil
		}
	}
	if n < adultFree {
		return 0, nil
	}
	return min(adultFirst<<min(n-adultFree, 16), adultMost), nil
}

func (s *Service) count(ctx context.Context, tx db.Tx, account, device string, wait func(n int) (time.Duration, error)) error {
	m, err := db.First(ctx, tx, selectMisses, scanMisses, account, device)
	if err != nil && !isNone(err) {
		return err
	}
	now := s.now()
	if now.Sub(m.last.Time) > forgetAfter || now.Before(m.last.Add(-forgetAfter)) { // or the clock was set back
		m.n = 0
	}
	pause, err := wait(m.n)
	if err != nil {
		return err
	}
	if pause > 0 && now.Before(m.last.Add(pause)) {
		return errWait
	}
	_, err = tx.Exec(ctx, upsertMisses, account, device, m.n+1, now)
	return err
}

// Tell implements identity.Guard.
func (s *Service) Tell(ctx context.Context, a identity.Attempt, right bool) error {
	if !right || a.Account == "" {
		return nil
	}
	err := s.DB.Update(ctx, func(tx db.Tx) error {
		device := deviceOf(ctx)
		where, err := s.where(ctx, tx, a.Account, device)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteMisses, a.Account, where); err != nil {
			return err
		}
		if device == "" {
			return nil
		}
		if _, err := tx.Exec(ctx, easeMisses, anybody, device, rightOutdoes+1); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, upsertKnown, a.Account, device, s.now()); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, trimKnown, device, knownPeople)
		return err
	})
	if err != nil {
		return fmt.Errorf("remember who came in: %w", err)
	}
	return nil
}

// Unlock lets a learner try again at once, on every device; for the instructors
// of the school.
func (s *Service) Unlock(ctx context.Context, who identity.Actor, learner identity.AccountID) error {
	if err := s.teaches(who); err != nil {
		return err
	}
	err := s.DB.Update(ctx, func(tx db.Tx) error {
		a, err := s.people.Account(ctx, tx, learner)
		if err != nil {
			return err
		}
		if a.School != s.School || a.Role != identity.Student {
			return identity.ErrNoSuchAccount
		}
		if _, err := tx.Exec(ctx, forgetPerson, learner); err != nil {
			return err
		}
		return s.note(ctx, tx, who, identity.Act{Action: "unlock", Target: learner})
	})
	if err != nil {
		return fmt.Errorf("unlock a learner: %w", err)
	}
	return nil
}

// Locked are the learners who wait for a teacher somewhere; for the instructors of
// the school.
func (s *Service) Locked(ctx context.Context, who identity.Actor) ([]identity.AccountID, error) {
	if err := s.teaches(who); err != nil {
		return nil, err
	}
	var out []identity.AccountID
	err := s.DB.View(ctx, func(tx db.Tx) (err error) {
		out, err = db.All(ctx, tx, selectLocked, db.Scalar[identity.AccountID], childLock, db.Time{Time: s.Clock.Now().Add(-forgetAfter)}, s.School)
		return err
	})
	return out, err
}

// Sweep forgets what no longer matters and keeps the tables small.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.Clock.Now()
	return s.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, sweepMisses, db.Time{Time: now.Add(-forgetAfter)}, mostMisses); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sweepKnown, db.Time{Time: now.Add(-400 * day)}, mostKnown); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sweepDevices, db.Time{Time: now})
		return err
	})
}

func (s *Service) teaches(who identity.Actor) error {
	if err := who.Require(identity.Instructor); err != nil {
		return err
	}
	if who.School != s.School {
		return identity.ErrNoSuchSchool
	}
	return nil
}
