package app

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
)

// heardOfCloud is when anything of the cloud last arrived here: over the line, or
// in a file that somebody carried. Zero before the first word.
func (b *box) heardOfCloud(ctx context.Context, tx db.Tx) (time.Time, error) {
	state, _ := b.agent.State()
	peer, _, err := syncer.ReadPeer(ctx, tx, state.SchoolID)
	if err != nil {
		return time.Time{}, err
	}
	carried, _, err := bundle.Last(ctx, tx, bundle.In, state.SchoolID)
	if carried.At.After(peer.SeenAt) {
		return carried.At, err
	}
	return peer.SeenAt, err
}
