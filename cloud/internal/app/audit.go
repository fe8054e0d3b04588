package app

import (
	"context"
	"io"

	"urbanhomeschool.org/uhs/shared/audit"
)

// auditCommand checks the audit log: the cloud's chain and every school's.
func auditCommand(ctx context.Context, c Config, args []string, out io.Writer) error {
	k, err := open(ctx, c, io.Discard)
	if err != nil {
		return err
	}
	defer k.pool.Close()
	return audit.Command(ctx, k.domains.Audit, args, out)
}
