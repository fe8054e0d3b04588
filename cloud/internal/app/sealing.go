package app

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fernet"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/wiring"
)

// sealFields has the database seal what is secret of people. What they are looked up
// by stays bare at the cloud: messages, the gateway's reports and the books are
// joined by the number (docs/decisions/0029-what-lies-sealed.md).
func (k *core) sealFields() error {
	ring, err := k.keys.sealer()
	if err == nil {
		k.pool.Seal(fernet.Fields{Ring: ring, Now: k.clock.Now, Bare: true})
	}
	return err
}

// sealAnew seals what lies bare or under an older key.
func (k *core) sealAnew(ctx context.Context) (changed int, err error) {
	_, columns := wiring.Sealed()
	for _, c := range columns {
		n, err := db.SealAnew(ctx, k.pool, c)
		changed += n
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// sealTheRest runs beside the service.
func (k *core) sealTheRest(ctx context.Context) {
	if _, err := k.sealAnew(ctx); err != nil && ctx.Err() == nil {
		k.log.Error("seal what lies bare", logging.Err(err))
	}
}
