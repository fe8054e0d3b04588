package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/postgres"
)

// Retain deletes the oldest backups of dir beyond keep; 0 keeps all. The newest
// verified one always stays: appliances deleted their copies on its word.
func (s *Service) Retain(ctx context.Context, dir string, keep int, out io.Writer) error {
	if keep == 0 {
		return nil
	}
	files, err := list(dir)
	if err != nil || len(files) <= keep {
		return err
	}
	live, err := postgres.Open(ctx, s.o.DatabaseURL)
	if err != nil {
		return err
	}
	defer live.Close()
	var verified string
	err = live.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, listVerified)
		verified, err = db.One(rows, err, db.Scalar[string])
		return err
	})
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return fmt.Errorf("find the verified backups: %w", err)
	}
	for _, f := range files[:len(files)-keep] {
		if filepath.Base(f) == verified {
			_, _ = fmt.Fprintf(out, "kept %s: it is the last verified one\n", verified)
			continue
		}
		if err := os.Remove(f); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "removed %s\n", filepath.Base(f))
	}
	return nil
}
