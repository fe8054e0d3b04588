package fleet

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// Tidy drops what no box can ask for any more: rows of the downlink that were
// applied for 30 days (SYNC.md 4.4; a box that needs more gets a snapshot) and
// snapshots that are too old for any download. One school's trouble does not
// keep the others' rows. It gives the number of rows dropped.
func (s *Service) Tidy(ctx context.Context) (dropped int64, err error) {
	s.sweepSnapshots()
	var schools []string
	if err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		rows, err := tx.Query(ctx, listApplied, int64(syncer.DownEpoch))
		schools, err = db.Collect(rows, err, db.Scalar[string])
		return err
	}); err != nil {
		return 0, err
	}
	var errs []error
	for _, school := range schools {
		err := s.o.DB.Update(ctx, func(tx db.Tx) error {
			n, err := s.o.Outbox.Prune(ctx, tx, school)
			dropped += n
			return err
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("prune the downlink of %s: %w", school, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return dropped, errors.Join(errs...)
}
