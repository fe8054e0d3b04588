package secondfactor

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
)

// Reseal seals every secret with the newest key of the ring, in one transaction,
// and tells how many were under an older one.
func (s *Service) Reseal(ctx context.Context) (n int, err error) {
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		n = 0
		rows, err := tx.Query(ctx, listSealed)
		all, err := db.Collect(rows, err, func(r db.Rows) (v [2]string, err error) {
			err = r.Scan(&v[0], &v[1])
			return v, err
		})
		if err != nil {
			return err
		}
		for _, f := range all {
			token, changed, err := s.o.Ring.Reseal(f[1], s.o.Clock.Now())
			if err != nil {
				return fmt.Errorf("no key opens the second factor of %s: %w", f[0], err)
			}
			if !changed {
				continue
			}
			if _, err := tx.Exec(ctx, sealAgain, f[0], token); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("seal second factors anew: %w", err)
	}
	return n, nil
}
