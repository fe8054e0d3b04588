package app

import (
	"context"
	"errors"
	"io"

	"urbanhomeschool.org/uhs/shared/audit"
)

// auditCommand checks the audit log of this box.
func auditCommand(ctx context.Context, c Config, args []string, out io.Writer) error {
	b, err := openBox(ctx, c, io.Discard)
	if err != nil {
		return err
	}
	return errors.Join(audit.Command(ctx, audit.New(audit.Options{DB: b.db, Clock: b.clock}), args, out), b.db.Close())
}
