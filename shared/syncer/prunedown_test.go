package syncer_test

import (
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestAPrunedDownlinkGoesOnAndAnEmptyBoxNeedsASnapshot(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	learner := id.New()
	const days = 33
	prune := func() (n int64) {
		w.do(w.cloud.db, func(tx db.Tx) (err error) { n, err = w.cloud.outbox.Prune(ctx, tx, w.school); return err })
		return n
	}
	for range days {
		w.save(w.cloud, 1, learner)
		w.settle(4)
		w.clock.Advance(24 * time.Hour)
		if n := prune(); n > 1 {
			t.Fatalf("%d rows went in one day", n)
		}
	}
	var left int64
	if left = w.count(w.cloud, `SELECT count(*) FROM outbox WHERE epoch = 1`); left >= days || left < 28 {
		t.Errorf("%d of %d days' rows are left", left, days)
	}
	w.save(w.cloud, 1, learner) // not applied: it stays, whatever its age
	w.clock.Advance(400 * 24 * time.Hour)
	prune()
	way := func(in syncproto.Marks) (got syncer.Way) {
		w.must(w.cloud.db.View(ctx, func(tx db.Tx) error {
			c, err := syncer.ReadCoverage(ctx, tx, syncer.Log{School: w.school, Epoch: down}, in)
			got = c.Choose()
			return err
		}))
		return got
	}
	var here syncproto.Marks
	w.must(w.edge.db.View(ctx, func(tx db.Tx) (err error) {
		here, err = syncer.ReadMarks(ctx, tx, syncer.Log{School: w.school, Epoch: down})
		return err
	}))
	if got := way(here); got != syncer.WayTail {
		t.Errorf("the box that has the rest: %d", got)
	}
	if got := way(syncproto.Marks{}); got != syncer.WaySnapshot {
		t.Errorf("an empty box: %d", got)
	}
	w.settle(6)
	if c, _ := w.total(w.edge); c != days+1 {
		t.Errorf("%d of 34 facts are at the school", c)
	}
}
