package syncer

import (
	"context"
	"sync"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Hybrid is this node's hybrid logical clock. It never goes back, whatever the
// wall clock does: its floor is the largest value it
// gave or saw.
type Hybrid struct {
	clock clock.Clock
	mu    sync.Mutex
	last  syncproto.HLC
}

// OpenHybrid reads the persisted floor.
func OpenHybrid(ctx context.Context, d db.DB, c clock.Clock) (*Hybrid, error) {
	h := &Hybrid{clock: c}
	err := d.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, selectHLCFloor)
		floor, err := db.One(rows, err, db.Scalar[int64])
		h.last = syncproto.HLC(floor)
		return err
	})
	return h, err
}

// Next is the clock value of a new write.
func (h *Hybrid) Next() syncproto.HLC {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = h.last.Next(h.clock.Now())
	return h.last
}

// Observe moves the clock past a value from elsewhere.
func (h *Hybrid) Observe(v syncproto.HLC) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = max(h.last, v)
}
