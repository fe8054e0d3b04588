package app

import (
	"context"
	"io"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/cloud/internal/permits"
	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/mishap"
	"urbanhomeschool.org/uhs/shared/service"
)

// addOffice builds what admins work with: delegations, restrictions, the log of
// errors.
func (k *core) addOffice() {
	k.mishaps = mishap.New(k.db, k.clock, Version)
	k.permits = permits.New(permits.Options{
		DB: k.db, Clock: k.clock, People: k.domains.Identity, Audit: k.domains.Audit, Notify: k.tellRestricted, Learning: k.domains.Learning,
	})
}

// powers is what a person may do beside the table of permissions.
func (k *core) powers(ctx context.Context, who identity.Actor) (access.Powers, error) {
	return k.permits.Powers(ctx, who)
}

// tellRestricted writes to a person what she may not do, and until when.
func (k *core) tellRestricted(ctx context.Context, tx db.Tx, p identity.Person, r permits.Restriction) (bool, error) {
	if p.Email == "" {
		return false, nil
	}
	until := ""
	if !r.ExpiresAt.IsZero() {
		until = r.ExpiresAt.Format(time.DateOnly)
	}
	return true, k.courier.Send(ctx, tx, courier.Letter{Channel: courier.Email, To: p.Email, Template: "restricted",
		Data: map[string]string{"name": p.Account.FullName, "reason": r.Reason, "until": until}})
}

// keepOffice ends restrictions that are over and forgets old failures.
func (k *core) keepOffice(group *service.Group) {
	group.Add("restrictions", service.Every(time.Minute, func(ctx context.Context) {
		if err := k.permits.EndDue(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("end what is over", logging.Err(err))
		}
	}))
	group.Add("failures", service.Every(time.Hour, func(ctx context.Context) {
		if err := k.mishaps.Sweep(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("forget old failures", logging.Err(err))
		}
	}))
}

// auditCommand checks the audit log: the cloud's chain and every school's.
func auditCommand(ctx context.Context, c Config, args []string, out io.Writer) error {
	k, err := open(ctx, c, io.Discard)
	if err != nil {
		return err
	}
	defer k.pool.Close()
	return audit.Command(ctx, k.domains.Audit, args, out)
}
