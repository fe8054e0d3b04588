package syncer

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// TellPast records for a school alone everything that is held about one person
// and that the cloud may write: she has become a member there, and her past comes
// with her. What a school alone may write stays where it was written.
func (r *Registry) TellPast(ctx context.Context, tx db.Tx, person, school string) error {
	for _, k := range r.order {
		if _, ok := k.owned().Learner(); !ok || !k.lists() || k.Declared().Writer == syncproto.EdgeOnly {
			continue
		}
		err := walkOwner(ctx, tx, k, person, func(h Held) error { return h.Resend(ctx, tx, school) })
		if err != nil {
			return fmt.Errorf("tell %s again: %w", k.Declared().Name, err)
		}
	}
	return nil
}
