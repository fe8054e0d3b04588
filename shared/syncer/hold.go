package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/syncproto"
)

// When a lane takes nothing more: above holdAbove dead letters, or at holdMany
// and more than 1 % of the last holdOf records, or with more than holdWaiting
// records that wait for others.
const (
	holdAbove   = 100
	holdMany    = 10
	holdOf      = 1_000
	holdWaiting = 1_000
)

// ErrPaused refuses a frame of a lane that takes nothing more until somebody
// has looked at its dead letters. Nothing is lost: the sender keeps it.
var ErrPaused = errors.New("syncer: the lane is paused")

// Pause is a lane that takes nothing more.
type Pause struct {
	School string
	Lane   syncproto.Lane
	// Dead and Waiting are its open dead letters and records that wait for others.
	Dead, Waiting int64
}

// hold is what is known of a lane's pause.
type hold struct {
	paused                      bool
	dead, waiting, epoch, after int64 // what was let pass
}

func (a *Applier) refusePaused(ctx context.Context, tx db.Tx, school string, lane syncproto.Lane) error {
	rows, err := tx.Query(ctx, pausedLane, school, int64(lane))
	n, err := db.One(rows, err, db.Scalar[int64])
	if err == nil && n > 0 {
		err = ErrPaused
	}
	return err
}

// PausedLanes lists the lanes of a school that take nothing more here.
func PausedLanes(ctx context.Context, tx db.Tx, school string) ([]syncproto.Lane, error) {
	rows, err := tx.Query(ctx, listPaused, school)
	return db.Collect(rows, err, func(r db.Rows) (syncproto.Lane, error) {
		n, err := db.Scalar[int64](r)
		if err == nil && (n < 0 || n >= int64(syncproto.Lanes)) {
			err = fmt.Errorf("a hold of lane %d", n)
		}
		return syncproto.Lane(n), err
	})
}

func readHold(ctx context.Context, tx db.Tx, school string, lane syncproto.Lane) (h hold, err error) {
	rows, err := tx.Query(ctx, selectHold, school, int64(lane))
	h, err = db.One(rows, err, func(r db.Rows) (h hold, err error) {
		var paused int64
		err = r.Scan(&paused, &h.dead, &h.waiting, &h.epoch, &h.after)
		h.paused = paused == 1
		return h, err
	})
	if errors.Is(err, db.ErrNoRows) {
		return hold{}, nil
	}
	return h, err
}

// weight is what speaks for a pause of a lane, whose newest record is at seq.
type weight struct {
	dead, recent, waiting int64
	of                    int64 // the records that recent is out of
}

func weigh(ctx context.Context, tx db.Tx, p Pause, h hold, epoch, seq int64) (w weight, err error) {
	from := max(0, seq-holdOf)
	if h.epoch == epoch {
		from = max(from, h.after)
	}
	rows, err := tx.Query(ctx, weighLane, p.School, int64(p.Lane), epoch, from)
	w, err = db.One(rows, err, func(r db.Rows) (w weight, err error) { return w, r.Scan(&w.dead, &w.recent, &w.waiting) })
	w.of = seq - from
	return w, err
}

func (w weight) tooMuch(h hold) bool {
	return w.dead-min(h.dead, w.dead) > holdAbove || w.recent >= holdMany && w.recent*100 > w.of || w.waiting-min(h.waiting, w.waiting) > holdWaiting
}

// maybePause pauses a lane in which too much could not be stored.
func (a *Applier) maybePause(ctx context.Context, tx db.Tx, log Log, lane syncproto.Lane, seq int64) error {
	if lane == syncproto.LaneControl {
		return nil // revocations must arrive whatever else is wrong
	}
	h, err := readHold(ctx, tx, log.School, lane)
	if err != nil || h.paused {
		return err
	}
	p := Pause{School: log.School, Lane: lane}
	w, err := weigh(ctx, tx, p, h, log.Epoch, seq)
	if err != nil || !w.tooMuch(h) {
		return err
	}
	if _, err := tx.Exec(ctx, pauseLane, log.School, int64(lane), a.Clock.Now(), w.dead); err != nil {
		return err
	}
	a.Log.Error("too much could not be stored; the lane takes nothing more until somebody has looked", logging.School(log.School), logging.Lane(int(lane)),
		slog.Int64("dead_letters", w.dead), slog.Int64("waiting", w.waiting))
	if a.Paused == nil {
		return nil
	}
	p.Dead, p.Waiting = w.dead, w.waiting
	return a.Paused(ctx, tx, p)
}

// maybeResume lets a paused lane go on once enough of it was decided.
func (a *Applier) maybeResume(ctx context.Context, tx db.Tx, school string, lane syncproto.Lane) error {
	h, err := readHold(ctx, tx, school, lane)
	if err != nil || !h.paused {
		return err
	}
	_, w, err := a.weighNow(ctx, tx, Pause{School: school, Lane: lane}, h)
	if err != nil || w.tooMuch(h) {
		return err
	}
	_, err = tx.Exec(ctx, unpauseLane, school, int64(lane))
	return err
}

func (a *Applier) weighNow(ctx context.Context, tx db.Tx, p Pause, h hold) (at [2]int64, w weight, err error) {
	rows, err := tx.Query(ctx, newestMark, p.School, int64(p.Lane))
	at, err = db.One(rows, err, func(r db.Rows) (at [2]int64, err error) { return at, r.Scan(&at[0], &at[1]) })
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return at, w, err
	}
	w, err = weigh(ctx, tx, p, h, at[0], at[1])
	return at, w, err
}

// Resume lets a paused lane go on although its dead letters are still there:
// only what comes after counts. It tells whether the lane was paused.
func (a *Applier) Resume(ctx context.Context, school string, lane syncproto.Lane, who string) (was bool, err error) {
	err = a.DB.Update(ctx, func(tx db.Tx) error {
		at, w, err := a.weighNow(ctx, tx, Pause{School: school, Lane: lane}, hold{})
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, resumeLane, school, int64(lane), w.dead, w.waiting, at[0], at[1], who, a.Clock.Now())
		was = n > 0
		return err
	})
	return was, err
}
