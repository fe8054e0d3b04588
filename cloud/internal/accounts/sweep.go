package accounts

import (
	"context"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

// KeepCodes is how long limits count a code or link.
const KeepCodes = 48 * time.Hour

// Sweep deletes codes and links that no limit counts any more. The app calls it
// now and then.
func (s *Service) Sweep(ctx context.Context) error {
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, sweepCodes, s.in(-KeepCodes)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sweepLinks, s.in(-KeepCodes))
		return err
	})
	if err != nil {
		return fmt.Errorf("sweep codes and links: %w", err)
	}
	return nil
}
