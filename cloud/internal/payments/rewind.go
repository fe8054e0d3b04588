package payments

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/payments/daraja"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// Lost is what may have happened to a school's intents in a life of the database
// that was lost: the cloud was restored from a backup, or rewound. An intent of
// that time may have been executed, and nobody here remembers it.
type Lost struct {
	// Until is when the present life began; zero when nothing was lost. Intents
	// made before it are in doubt.
	Until time.Time
	// Ahead is by how much the school's clock was ahead of ours when it was heard.
	Ahead time.Duration
	// Resent is set while records are applied that the box says were applied before.
	Resent bool
	// Reconciled tells that all money of the lost time was fetched: what is not in
	// the book was not paid.
	Reconciled bool
}

func (l Lost) doubts(i pay.Intent) bool {
	return !l.Until.IsZero() && (l.Resent || !i.CreatedAt.Add(-l.Ahead).After(l.Until))
}

// doubt changes the verdict on an intent that may have been executed before: the
// phone is never asked by itself. While the money of the lost time is not known
// the order waits for it, as after a lost answer; after that the payer, who
// knows whether she paid, is asked for a fresh yes.
func (s *Service) doubt(ctx context.Context, tx db.Tx, i pay.Intent, v verdict) (verdict, error) {
	if s.opts.Lost == nil || v.state != pay.StateDispatching && v.state != pay.StateNeedsConfirmation {
		return v, nil
	}
	lost, err := s.opts.Lost(ctx, tx, i.SchoolID)
	if err != nil || !lost.doubts(i) {
		return v, err
	}
	v.state, v.reason = pay.StateUnknown, reasonRewound
	if lost.Reconciled {
		v.state = pay.StateNeedsConfirmation
	}
	return v, nil
}

// watch plans the questions about an order that nobody asked the phone about in
// this life.
func (s *Service) watch(o *order) {
	now := s.opts.Clock.Now()
	o.ClaimedAt, o.NextQueryAt = &now, nil
	o.Queries = 0
	o.NextQueryAt = s.due(o)
}

// SetAside takes the orders that would still ask a phone out of the executor's
// way: in the life that was lost it may have been asked. done runs in the same
// transaction.
func (s *Service) SetAside(ctx context.Context, done func(ctx context.Context, tx db.Tx) error) error {
	return s.db.Update(ctx, func(tx db.Tx) error {
		open, err := readAll(ctx, tx, takeUnasked)
		if err != nil {
			return fmt.Errorf("find open orders: %w", err)
		}
		for i := range open {
			o := &open[i]
			o.becomes(pay.StateUnknown, reasonRewound)
			s.watch(o)
			if err := s.store(ctx, tx, o); err != nil {
				return err
			}
		}
		return done(ctx, tx)
	})
}

// Fetch asks the gateway for all money that came since a time and books what is
// not in the book, by the reference of each intent. It may run again and again:
// a receipt is booked once. whole tells that the gateway still reached back to
// since.
func (s *Service) Fetch(ctx context.Context, since time.Time) (whole bool, err error) {
	now := s.opts.Clock.Now()
	reach := now.Add(-daraja.PullReach)
	whole = !since.Before(reach)
	if !whole {
		since = reach
	}
	found, err := s.opts.Daraja.Pull(ctx, since, now)
	if err != nil {
		return false, fmt.Errorf("fetch the money since %s: %w", since.Format(time.RFC3339), err)
	}
	for _, c := range found {
		body := c.Receipt + " " + c.Reference + " " + fmt.Sprint(c.AmountMinor)
		if err := s.arrived(ctx, "pull", body, money{c.Receipt, c.AmountMinor, "c2b", id.Typed(c.Reference)}); err != nil {
			return false, err
		}
	}
	s.opts.Log.Info("fetched the money of the lost time", slog.Int("rows", len(found)), slog.Bool("whole", whole))
	return whole, nil
}

// Settle ends the doubt once all money of the lost time is in the book: what is
// not paid by now was not, and the payer is asked for a fresh yes. done runs in
// the same transaction.
func (s *Service) Settle(ctx context.Context, done func(ctx context.Context, tx db.Tx) error) error {
	return s.db.Update(ctx, func(tx db.Tx) error {
		doubtful, err := readAll(ctx, tx, takeDoubtful)
		if err != nil {
			return fmt.Errorf("find doubtful orders: %w", err)
		}
		for i := range doubtful {
			o := &doubtful[i]
			unlocked, err := pay.HasEntitlement(ctx, tx, account(o.LearnerID), course(o.CourseID))
			if err != nil {
				return fmt.Errorf("read entitlement: %w", err)
			}
			o.NextQueryAt = nil
			if unlocked {
				o.becomes(pay.StateFailed, reasonReplaced)
			} else {
				o.ClaimedAt = nil // no phone was asked in this life
				o.becomes(pay.StateNeedsConfirmation, reasonRewound)
			}
			if err := s.store(ctx, tx, o); err != nil {
				return err
			}
		}
		return done(ctx, tx)
	})
}

// contradicted puts a receipt that came with two amounts before a person.
func (s *Service) contradicted(ctx context.Context, m money, err error) error {
	s.opts.Log.Error("one receipt, two amounts", slog.String("receipt", m.Receipt), logging.Err(err))
	return s.ask(ctx, m)
}
