package app

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

// eraseWhenDue carries out the erasures whose time has come.
func (k *core) eraseWhenDue() service.Service {
	return service.Every(time.Minute, func(ctx context.Context) {
		if _, err := k.domains.Personal.Due(ctx); err != nil && ctx.Err() == nil {
			k.log.Error("erase people", logging.Err(err))
		}
	})
}

// backupsHold is until when a backup may hold what was erased at a moment: the
// last one before it goes when as many as are kept have followed. Zero where this
// process takes none.
func (k *core) backupsHold(_ context.Context, _ db.Tx, at time.Time) (time.Time, error) {
	if k.config.BackupDir == "" {
		return time.Time{}, nil
	}
	if k.config.BackupKeep == 0 {
		return at.AddDate(100, 0, 0), nil // all are kept
	}
	return at.Add(k.config.BackupEvery * time.Duration(k.config.BackupKeep)), nil
}

// dropSnapshots deletes the prepared snapshots of all schools: they are made anew
// when one is asked for.
func (k *core) dropSnapshots(context.Context) {
	if k.fleet == nil {
		return
	}
	if err := k.fleet.DropSnapshots(); err != nil {
		k.log.Error("drop the snapshots that hold an erased person", logging.Err(err))
	}
}
