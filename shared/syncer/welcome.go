package syncer

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
)

// Welcome records for a school that was just opened what is for everyone and was
// recorded before the school was there: those records went to the schools of
// then. Without them a new school would differ from the cloud for ever, and have
// no key to check a token with. The caller holds what keeps such a record from
// being recorded meanwhile (identity.Service.Schools).
func (r *Registry) Welcome(ctx context.Context, tx db.Tx, school string) error {
	for _, k := range r.order {
		if !k.lists() || !k.owned().Everyone() {
			continue
		}
		err := walkOwner(ctx, tx, k, "", func(h Held) error { return h.Resend(ctx, tx, school) })
		if err != nil {
			return fmt.Errorf("tell a new school %s: %w", k.Declared().Name, err)
		}
	}
	return nil
}
