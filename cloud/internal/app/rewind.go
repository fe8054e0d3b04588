package app

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/backup"
	money "urbanhomeschool.org/uhs/cloud/internal/payments"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

// lost tells payments what may have happened to a school's intents in a life of
// the database that is over.
func lost(ctx context.Context, tx db.Tx, school identity.SchoolID) (money.Lost, error) {
	l, err := backup.Doubt(ctx, tx, string(school))
	return money.Lost{Until: l.Until, Ahead: l.Ahead, Resent: l.Resent, Reconciled: l.Reconciled}, err
}

// landing is how long after a life began money of the last one may still appear
// at the gateway: a phone that was ringing, and the gateway's own delay.
const landing = 30 * time.Minute

// reconcile sets open orders aside before anything is executed in a new life of
// the database, and then fetches the money of the lost time until it is whole.
// It is a service that is done when it has nothing to do.
func (k *core) reconcile(life backup.Life) service.Service {
	if life.Reason == backup.First || !life.ReconciledAt.IsZero() {
		return starter(func(context.Context) error { return nil })
	}
	var fetched, over bool // over: the gateway does not reach back far enough
	loop := service.Every(time.Minute, func(ctx context.Context) {
		now := k.clock.Now()
		due := !fetched || now.Sub(life.BegunAt) >= landing
		if over || !due || k.config.MpesaURL == "" {
			return
		}
		whole, err := k.money.Fetch(ctx, life.CutAt)
		if err != nil {
			if ctx.Err() == nil {
				k.log.Warn("fetch the money of the lost time", logging.Err(err))
			}
			return
		}
		fetched = true
		if !whole {
			k.log.Error("the gateway does not list all money of the lost time: compare its statement with the payments that wait for a person")
		}
		if over = !whole || now.Sub(life.BegunAt) >= landing; !over || !whole {
			return
		}
		if err := k.money.Settle(ctx, func(ctx context.Context, tx db.Tx) error { return backup.Reconciled(ctx, tx, life.Timeline, now) }); err != nil {
			over = false
			k.log.Warn("settle the payments of the lost time", logging.Err(err))
		}
	})
	return &reconciling{Loop: loop, first: func(ctx context.Context) error {
		if !life.PreparedAt.IsZero() {
			return nil
		}
		return k.money.SetAside(ctx, func(ctx context.Context, tx db.Tx) error {
			return backup.Prepared(ctx, tx, life.Timeline, k.clock.Now())
		})
	}}
}

type reconciling struct {
	*service.Loop

	first func(ctx context.Context) error
}

// Start implements service.Service.
func (r *reconciling) Start(ctx context.Context) error {
	if err := r.first(ctx); err != nil {
		return err
	}
	return r.Loop.Start(ctx)
}
