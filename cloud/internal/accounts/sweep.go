package accounts

import (
	"context"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

// Sweep deletes codes and links that no limit counts any more. The app calls it
// now and then.
func (s *Service) Sweep(ctx context.Context) error {
	const keep = 48 * time.Hour
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, sweepCodes, s.in(-keep)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sweepLinks, s.in(-keep))
		return err
	})
	if err != nil {
		return fmt.Errorf("sweep codes and links: %w", err)
	}
	return nil
}
