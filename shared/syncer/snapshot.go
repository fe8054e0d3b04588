package syncer

import (
	"context"
	"errors"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Way is how an appliance comes to the present of the cloud's log.
type Way int

// The ways.
const (
	// WayNone: it is there.
	WayNone Way = iota
	// WayTail: the rest of the log brings it there.
	WayTail
	// WaySnapshot: only a snapshot does.
	WaySnapshot
)

// longTail is from how many records on an empty box is better served with a
// snapshot: the log repeats every change of a record, a snapshot has it once.
const longTail = 20_000

// Coverage is what the cloud's log of a school can do for an appliance.
type Coverage struct {
	Lanes [syncproto.Lanes]LaneCoverage
	// Worked: the school has sent records. They are not in its downlink, so that
	// an empty box gets them back from a snapshot alone.
	Worked bool
}

// LaneCoverage is one lane of it.
type LaneCoverage struct {
	// Floor is the lowest position that is kept; zero when none is.
	Floor int64
	Head  int64
	// Cursor is how far the appliance has applied the lane. Agrees tells that our
	// own chain there is the same; it counts only where the position is kept.
	Cursor int64
	Agrees bool
}

// reaches tells whether the lane's tail can be cut after the cursor: that needs
// the row at the cursor for its chain.
func (l LaneCoverage) reaches() bool {
	switch {
	case l.Cursor > l.Head:
		return false // the log was rewound
	case l.Cursor == 0:
		return l.Head == 0 || l.Floor == 1
	default:
		return l.Floor > 0 && l.Cursor >= l.Floor && l.Agrees
	}
}

// Choose decides, without looking at anything but c.
func (c Coverage) Choose() Way {
	var waiting int64
	empty := true
	for _, l := range c.Lanes {
		if !l.reaches() {
			return WaySnapshot
		}
		waiting += l.Head - l.Cursor
		empty = empty && l.Cursor == 0
	}
	switch {
	case empty && waiting > 0 && (c.Worked || waiting > longTail):
		return WaySnapshot
	case waiting > 0:
		return WayTail
	default:
		return WayNone
	}
}

// ReadCoverage reads what log can do for an appliance that has applied in.
func ReadCoverage(ctx context.Context, tx db.Tx, log Log, in syncproto.Marks) (c Coverage, err error) {
	heads, err := ReadHeads(ctx, tx, log)
	if err != nil {
		return c, err
	}
	for l := range syncproto.Lanes {
		lane := LaneCoverage{Head: heads.Out[l].Seq, Cursor: in[l].Seq}
		rows, err := tx.Query(ctx, floorOfLane, log.School, log.Epoch, int64(l))
		if lane.Floor, err = db.One(rows, err, db.Scalar[int64]); err != nil {
			return c, err
		}
		chain, err := ChainAt(ctx, tx, log, l, lane.Cursor)
		if err != nil && !errors.Is(err, ErrPruned) {
			return c, err
		}
		lane.Agrees = err == nil && chain == in[l].Chain
		c.Lanes[l] = lane
	}
	rows, err := tx.Query(ctx, countUplinked, log.School)
	n, err := db.One(rows, err, db.Scalar[int64])
	c.Worked = n > 0
	return c, err
}
