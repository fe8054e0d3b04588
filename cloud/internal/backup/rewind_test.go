package backup_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/backup"
	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// stopped ends the database's side of a cloud, as a dead server does.
func stopped(t *testing.T, c *fleettest.Cloud, k *backup.Keeper) {
	t.Helper()
	must(t, c.Hub.Stop(context.Background()))
	must(t, c.Fleet.Stop(context.Background()))
	must(t, k.Close())
}

// serve starts a cloud in the world's database.
func (w *world) serve() (*fleettest.Cloud, *backup.Keeper) {
	w.t.Helper()
	k, err := w.Keep(w.t.Context(), w.db, func(error) {})
	must(w.t, err)
	return fleettest.Open(w.t, fleettest.Setup{Pool: w.db, Clock: w.clock, Timeline: k.Life().Timeline, Rewound: k.Life().Reason != backup.First}), k
}

// The test of the field: Postgres is put back by hours, and every box that
// comes back brings what was lost.
func TestABoxBringsBackWhatTheCloudForgot(t *testing.T) {
	w := newWorld(t)
	cloud, keeper := w.serve()
	school := cloud.School("LODWAR-1")
	learner := cloud.Learner(school.ID, "A Learner").ID
	box := cloud.Box()
	if p := box.Claim(cloud.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	learn := func(n int) {
		for range n {
			box.Learn(learner)
		}
	}
	must(t, box.Talk(8)) // the learner comes down
	learn(40)
	must(t, box.Talk(8))
	file := w.take()
	learn(30) // after the backup
	must(t, box.Talk(8))
	if n := w.count(`SELECT count(*) FROM learning_activities`); n != 70 {
		t.Fatalf("%d activities are applied before", n)
	}
	if v := w.verify(file); v.Moved == 0 {
		t.Fatal("no lane is backed up")
	}

	// B reaches the box, which deletes what is below and keeps the rest.
	eventually(t, "B reaches the box", func() bool { return box.Talk(2) == nil && box.Backed(syncproto.LaneLearning) == 40 })
	box.Prune()
	if n := box.Count(`SELECT count(*) FROM outbox WHERE lane = 4`); n != 31 { // the row at B stays: the next frame needs its chain
		t.Errorf("the box keeps %d of its records, want 31", n)
	}

	stopped(t, cloud, keeper)
	learn(20) // nobody hears of these
	w.clock.Advance(2 * time.Hour)
	w.restore(file)
	if n := w.count(`SELECT count(*) FROM learning_activities`); n != 40 {
		t.Fatalf("%d activities after the restore", n)
	}
	cloud, keeper = w.serve()
	defer func() { must(t, keeper.Close()) }()
	if keeper.Life().Reason != backup.Restored {
		t.Errorf("the life began as %s", keeper.Life().Reason)
	}
	box.MoveTo(cloud)
	must(t, box.Talk(12))
	if n := w.count(`SELECT count(*) FROM learning_activities`); n != 90 {
		t.Errorf("%d activities, want 40 + 30 + 20", n)
	}
	if box.Forked != nil {
		t.Errorf("the logs forked: %v", box.Forked)
	}
	if n := box.Backed(syncproto.LaneLearning); n != 40 {
		t.Errorf("B at the box is %d", n)
	}
	if n := w.count(`SELECT count(*) FROM (SELECT id FROM learning_activities GROUP BY id HAVING count(*) > 1) AS twice`); n != 0 {
		t.Errorf("%d activities are there twice", n)
	}
	if got := w.text(`SELECT timeline FROM peer_states`); got == "" {
		t.Error("the box was not heard")
	}
}

func TestWhatComesAgainIsKnownWhileItIsApplied(t *testing.T) {
	w := newWorld(t)
	doubt := func() (d backup.Doubtful) {
		t.Helper()
		must(t, w.db.View(t.Context(), func(tx db.Tx) (err error) {
			d, err = backup.Doubt(t.Context(), tx, "lodwar")
			return err
		}))
		return d
	}
	if d := doubt(); d != (backup.Doubtful{}) {
		t.Errorf("in the first life: %+v", d)
	}
	file := w.take()
	w.clock.Advance(time.Hour)
	life := w.restore(file).Life
	if d := doubt(); !d.Until.Equal(life.BegunAt) || d.Resent || d.Reconciled || d.Ahead != 0 {
		t.Errorf("after a restore: %+v", d)
	}
	run := func(q string, args ...any) {
		t.Helper()
		_, err := w.db.Pool.Exec(t.Context(), q, args...)
		must(t, err)
	}
	run(`INSERT INTO resent_marks VALUES ('lodwar', 7, 4, 9, $1)`, w.clock.Now())
	if doubt().Resent {
		t.Error("another lane counts")
	}
	run(`INSERT INTO resent_marks VALUES ('lodwar', 7, 1, 9, $1)`, w.clock.Now())
	if !doubt().Resent {
		t.Error("the first frame is not known")
	}
	run(`INSERT INTO watermarks VALUES ('lodwar', 7, 1, 8, '\x00', now())`)
	if !doubt().Resent {
		t.Error("the last one is not known")
	}
	run(`UPDATE watermarks SET seq = 9`)
	if doubt().Resent {
		t.Error("what is new counts as old")
	}
	run(`INSERT INTO peer_states (school, epoch, appliance, software, carrier, timeline, head, clock_offset_ms, seen_at) VALUES ('lodwar', 7, '', '', '', '', '', 2500, now())`)
	must(t, w.db.Update(t.Context(), func(tx db.Tx) error { return backup.Reconciled(t.Context(), tx, life.Timeline, w.clock.Now()) }))
	if d := doubt(); d.Ahead != 2500*time.Millisecond || !d.Reconciled {
		t.Errorf("got %+v", d)
	}
}

func TestAHelloOfARewoundCloudsBoxIsWrittenDown(t *testing.T) {
	w := newWorld(t)
	cloud, keeper := w.serve()
	school := cloud.School("LODWAR-1")
	learner := cloud.Learner(school.ID, "A Learner").ID
	box := cloud.Box()
	if p := box.Claim(cloud.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	must(t, box.Talk(6))
	file := w.take()
	for range 5 {
		box.Learn(learner)
	}
	must(t, box.Talk(6))
	stopped(t, cloud, keeper)
	w.restore(file)
	cloud, keeper = w.serve()
	defer func() { must(t, keeper.Close()) }()
	box.MoveTo(cloud)
	must(t, box.Talk(8))
	if n := w.count(`SELECT coalesce(max(seq), 0) FROM resent_marks WHERE lane = 4 AND school = $1`, string(school.ID)); n != 5 {
		t.Errorf("the mark of what comes again is %d, want 5", n)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("never: %s", what)
		}
	}
}
