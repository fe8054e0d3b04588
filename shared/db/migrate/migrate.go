// Package migrate brings a database to the newest schema with goose.
package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// Up applies what is missing of the numbered files in dir.
func Up(ctx context.Context, conn *sql.DB, dialect goose.Dialect, files fs.FS) error {
	p, err := goose.NewProvider(dialect, conn, files)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
