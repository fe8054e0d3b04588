// Package copy keeps an encrypted copy of the appliance's database on a second
// *medium*: another disk, a stick, or a neighbour's box. A copy is a *chain* of
// *segments*; each holds the pages that changed, and enough of them together,
// a *base*, hold every page. Restore puts them together again on a spare.
//
// The rule that surprises: the box cannot read its own copy. It is encrypted to
// the school's recovery key, which the cloud derives and gives to a spare that
// is claimed in the box's place, and to a key on paper if there is one. What
// the chain holds is known by a hash of each page, kept on the main disk.
//
// The copy never hurts the school: it reads the write-ahead log, keeps one bit
// per changed page, and waits for nobody. What is wrong with a medium is only a
// state.
package copy

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

// Options are the parts of a Service.
type Options struct {
	DB Source
	// Path is the database's file.
	Path string
	// Dir is for the journals, on the main disk.
	Dir    string
	Media  []Medium
	Chain  [16]byte
	Key    ed25519.PrivateKey
	Clock  clock.Clock
	Log    *slog.Logger
	Every  time.Duration // how often changes are copied; by default 10 s
	Look   time.Duration // how often the log is looked at; by default 1 s
	Verify time.Duration // how often every page is compared; by default 1 h
	// Recipients are who can open the copy; a Trouble while they are not known.
	Recipients func(ctx context.Context) ([]age.Recipient, error)
}

// Service copies until it is stopped.
type Service struct {
	o         Options
	tracker   *tracker
	followers []*follower
	cancel    context.CancelFunc
	wg        sync.WaitGroup
}

// New makes a stopped Service.
func New(o Options) *Service {
	for d, def := range map[*time.Duration]time.Duration{&o.Every: 10 * time.Second, &o.Look: time.Second, &o.Verify: time.Hour} {
		if *d == 0 {
			*d = def
		}
	}
	s := &Service{o: o, tracker: newTracker(o.DB, o.Path)}
	for _, m := range o.Media {
		name := sha256.Sum256([]byte(m.String()))
		f := &follower{medium: m, tracker: s.tracker, chain: o.Chain, key: o.Key, recipients: o.Recipients, clock: o.Clock, log: o.Log,
			journal: &journal{path: filepath.Join(o.Dir, hex.EncodeToString(name[:8])+".pages")},
			status:  Status{Medium: m.String(), State: Starting}}
		s.followers = append(s.followers, f)
	}
	return s
}

// Start implements service.Service.
func (s *Service) Start(ctx context.Context) error {
	if err := s.tracker.takeOver(ctx); err != nil {
		return fmt.Errorf("start the safety copy: %w", err)
	}
	for _, f := range s.followers {
		f.remember()
		s.tracker.watch(&f.dirty)
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.wg.Go(func() { s.watch(ctx) })
	for _, f := range s.followers {
		s.wg.Go(func() {
			for ctx.Err() == nil {
				_ = f.Round(ctx) // it has noted the error as its state
				wait(ctx, s.o.Every)
			}
		})
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// watch follows the log and resets it.
func (s *Service) watch(ctx context.Context) {
	verified := s.o.Clock.Now()
	for ctx.Err() == nil {
		if now := s.o.Clock.Now(); now.Sub(verified) >= s.o.Verify || now.Before(verified) {
			verified = now
			s.tracker.mu.Lock()
			s.tracker.forget()
			s.tracker.mu.Unlock()
		}
		err := s.tracker.Poll()
		if err == nil {
			err = s.tracker.Checkpoint(ctx, checkpointAt)
		}
		if err != nil && ctx.Err() == nil {
			s.o.Log.Warn("follow the database's log", logging.Err(err))
		}
		wait(ctx, s.o.Look)
	}
}

// Stop implements service.Service: a medium that hangs is left behind when ctx
// ends.
func (s *Service) Stop(ctx context.Context) error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	ended := make(chan struct{})
	go func() { s.wg.Wait(); close(ended) }()
	select {
	case <-ended:
		for _, f := range s.followers {
			f.journal.close()
		}
	case <-ctx.Done():
		return fmt.Errorf("stop the safety copy: %w", ctx.Err())
	}
	return s.tracker.handBack(ctx)
}

// Status is how each medium is.
func (s *Service) Status() []Status {
	out := make([]Status, 0, len(s.followers))
	for _, f := range s.followers {
		out = append(out, f.Status())
	}
	return out
}

// Sum is the state of all media in one: the newest copy, and the first thing
// that is wrong. Empty when there are none.
func (s *Service) Sum() (at time.Time, state string) {
	for _, f := range s.followers {
		m := f.Status()
		if m.At.After(at) {
			at = m.At
		}
		if state == "" || state == OK {
			state = m.State
		}
	}
	return at, state
}
