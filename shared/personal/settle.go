package personal

import (
	"context"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

// Settle prepares what ends the building of a box's new database, fresh, out of a
// snapshot and of what is only in the one in use, old. That one may be from before
// an erasure or a moment that is in the snapshot: a copy on a second medium that was
// restored. What it brings of her, or that had its time, goes with the function, which
// runs in fresh when everything is in it. A receipt in the snapshot says that this box
// has erased her, so nothing later would.
func (s *Service) Settle(ctx context.Context, old, fresh db.DB) (func(context.Context, db.Tx) error, error) {
	var news []string
	err := fresh.View(ctx, func(tx db.Tx) (err error) { news, err = all(ctx, tx, listErased, db.Scalar[string]); return err })
	if err != nil {
		return nil, fmt.Errorf("read what is settled: %w", err)
	}
	var was time.Time
	telling := map[string][]string{} // of those whom old has not erased: what says who they are
	err = old.View(ctx, func(tx db.Tx) error {
		known, err := Erased(ctx, tx)
		if err != nil {
			return err
		}
		for _, person := range news {
			if known[person] {
				continue
			}
			if telling[person], err = all(ctx, tx, wordsOf, db.Scalar[string], person); err != nil {
				return err
			}
		}
		was, err = momentOf(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what was settled before: %w", err)
	}
	return func(ctx context.Context, tx db.Tx) error {
		for person, words := range telling {
			if err := s.sweep(ctx, tx, person, words...); err != nil {
				return err
			}
		}
		if now, err := momentOf(ctx, tx); err != nil || !now.After(was) {
			return err
		}
		return s.sweepTogether(ctx, tx, "")
	}, nil
}
