package syncer

import (
	"context"

	"urbanhomeschool.org/uhs/shared/crash"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Uplink is the appliance's Journal: every change goes into its one log.
type Uplink struct {
	Outbox *Outbox
	// Current is the log to write to. It is asked in every transaction, since a
	// fork gives the appliance a new epoch.
	Current func() Log
	// Wake is called after a commit that added something.
	Wake func()
}

// Record implements Journal.
func (u *Uplink) Record(ctx context.Context, tx db.Tx, c Change) error {
	hlc, err := u.Outbox.Append(ctx, tx, u.Current(), c)
	if err != nil {
		return err
	}
	tx.AfterCommit(func() { crash.Here(crash.OutboxAfterCommit); u.Wake() })
	err = noteVersion(ctx, tx, c, hlc)
	crash.Here(crash.OutboxBeforeCommit)
	return err
}

// Downlinks is the cloud's Journal: a change goes into the log of every school
// in its audience.
type Downlinks struct {
	Outbox *Outbox
	// Schools are the schools of an audience.
	Schools func(ctx context.Context, tx db.Tx, a syncproto.Audience) ([]string, error)
	// Wake is called after a commit, for each school that got something.
	Wake func(school string)
}

// Record implements Journal.
func (d *Downlinks) Record(ctx context.Context, tx db.Tx, c Change) error {
	schools, err := d.Schools(ctx, tx, c.Audience)
	if err != nil {
		return err
	}
	last := c.HLC
	for _, s := range schools {
		if last, err = d.Outbox.Append(ctx, tx, Log{s, DownEpoch}, c); err != nil {
			return err
		}
		tx.AfterCommit(func() { d.Wake(s) })
	}
	if last == 0 {
		last = d.Outbox.Hybrid.Next()
	}
	return noteVersion(ctx, tx, c, last)
}

// noteVersion remembers the clock of a record we wrote, so that an older one
// from the other side loses.
func noteVersion(ctx context.Context, tx db.Tx, c Change, hlc syncproto.HLC) error {
	if c.Spec.Merge != syncproto.LastWriter || c.Spec.Writer != syncproto.EitherSide {
		return nil
	}
	_, err := tx.Exec(ctx, upsertVersion, c.Spec.Name, c.Entity, int64(hlc), int64(c.Spec.Version), db.SecretBytes(c.Body))
	return err
}
