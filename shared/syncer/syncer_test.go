package syncer_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestRecordsArriveOnceInBothDirections(t *testing.T) {
	for _, faulty := range []bool{false, true} {
		w := newWorld(t)
		w.faulty = faulty
		learner := id.New()
		var sum int64
		for i := range int64(300) {
			w.save(w.edge, i, learner)
			sum += i
		}
		for range 40 {
			w.save(w.cloud, 1000, learner)
		}
		w.settle(400)
		for name, n := range map[string]*node{"edge": w.edge, "cloud": w.cloud} {
			if count, points := w.total(n); count != 340 || points != sum+40_000 {
				t.Errorf("faulty=%v: %s has %d facts of %d points, want 340 of %d", faulty, name, count, points, sum+40_000)
			}
		}
		if a, b := w.waiting(w.edge, w.epoch), w.waiting(w.cloud, down); a != 0 || b != 0 {
			t.Errorf("faulty=%v: %d and %d records still wait", faulty, a, b)
		}
		if len(w.cloud.seen) != 300 || len(w.edge.seen) != 40 {
			t.Errorf("faulty=%v: reactions saw %d and %d, want 300 and 40", faulty, len(w.cloud.seen), len(w.edge.seen))
		}
	}
}

func TestAnUnstorableRecordIsKeptAsideAndTheLaneGoesOn(t *testing.T) {
	w := newWorld(t)
	learner := id.New()
	ctx := t.Context()
	w.save(w.edge, 1, learner)
	w.save(w.edge, 2, stranger) // not a learner of this school
	// A body that this side would never have written, recorded behind the entity's back.
	bad := fact{ID: id.New(), Learner: learner, Points: -5, At: db.Time{Time: w.clock.Now()}}
	w.do(w.edge.db, func(tx db.Tx) error { return w.edge.facts.Record(ctx, tx, bad) })
	mended := bad
	mended.Points = 5
	w.do(w.edge.db, func(tx db.Tx) error { return w.edge.facts.Record(ctx, tx, mended) }) // parks behind it
	huge := fact{ID: id.New(), Learner: learner, Points: 2_000_000, At: bad.At}
	w.do(w.edge.db, func(tx db.Tx) error { return w.edge.facts.Record(ctx, tx, huge) }) // a CHECK of the table
	w.do(w.edge.db, func(tx db.Tx) error {                                              // the school does not write orders
		return orders.Record(ctx, tx, note{ID: id.New(), School: w.school, Text: "open the safe"})
	})
	w.save(w.edge, 4, learner)
	w.settle(6)

	if count, points := w.total(w.cloud); count != 2 || points != 5 {
		t.Errorf("the cloud has %d facts of %d points, want 2 of 5", count, points)
	}
	if n := w.count(w.cloud, `SELECT count(*) FROM dead_letters WHERE kind = 'poison'`); n != 4 {
		t.Errorf("%d poisoned, want 4", n)
	}
	if n := w.count(w.cloud, `SELECT count(*) FROM dead_letters WHERE kind = 'parked'`); n != 1 {
		t.Errorf("%d parked, want 1", n)
	}
	if n := w.waiting(w.edge, w.epoch); n != 0 {
		t.Errorf("%d records still wait: the lane did not go on", n)
	}
	if len(w.cloud.seen) != 2 {
		t.Errorf("reactions saw %d, want 2", len(w.cloud.seen))
	}
}

func TestTroubleOfTheDatabaseIsNotPoison(t *testing.T) {
	w := newWorld(t)
	w.save(w.edge, 1, brokenLearner)
	w.cloud.broken = true
	w.settle(8)
	if n := w.count(w.cloud, `SELECT count(*) FROM dead_letters`); n != 0 {
		t.Errorf("%d dead letters, want none", n)
	}
	if n := w.waiting(w.edge, w.epoch); n != 1 {
		t.Errorf("%d wait, want 1", n)
	}
	w.cloud.broken = false
	w.settle(12)
	if count, _ := w.total(w.cloud); count != 1 {
		t.Errorf("%d facts after the database came back, want 1", count)
	}
}

func TestUnknownTypesAreKeptAndReplayedAfterAnUpgrade(t *testing.T) {
	w := newWorld(t)
	learner := id.New()
	full := w.cloud.applier.Registry
	old, err := syncer.NewRegistry(notes, orders)
	w.must(err)
	w.cloud.applier.Registry = old
	w.save(w.edge, 7, learner)
	w.settle(4)
	if n := w.count(w.cloud, `SELECT count(*) FROM dead_letters WHERE kind = 'unknown'`); n != 1 {
		t.Fatalf("%d kept, want 1", n)
	}
	w.cloud.applier.Registry = full
	n, err := w.cloud.applier.ReplayUnknown(t.Context())
	w.must(err)
	if count, points := w.total(w.cloud); n != 1 || count != 1 || points != 7 {
		t.Errorf("replayed %d; %d facts of %d points", n, count, points)
	}
	if n, err := w.cloud.applier.ReplayUnknown(t.Context()); n != 0 || err != nil {
		t.Errorf("a second replay applied %d, %v", n, err)
	}
}

func TestTheSameIDWithAnotherBodyIsAConflict(t *testing.T) {
	w := newWorld(t)
	learner := id.New()
	f := w.save(w.edge, 3, learner)
	w.settle(4)
	f.Points = 9
	w.do(w.edge.db, func(tx db.Tx) error { return w.edge.facts.Record(t.Context(), tx, f) })
	w.settle(4)
	if _, points := w.total(w.cloud); points != 3 {
		t.Errorf("the first fact has %d points now", points)
	}
	if n := w.count(w.cloud, `SELECT count(*) FROM conflict_log`); n != 1 {
		t.Errorf("%d conflicts kept, want 1", n)
	}
}

func TestTheLaterWriterWinsOnBothSides(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	n := note{ID: id.New(), School: w.school, Text: "from the school"}
	w.do(w.edge.db, func(tx db.Tx) error { _, err := notes.Save(ctx, tx, n); return err })
	w.clock.Advance(time.Second)
	n.Text = "from the cloud, later"
	w.do(w.cloud.db, func(tx db.Tx) error { _, err := notes.Save(ctx, tx, n); return err })
	w.settle(8)
	for name, side := range map[string]*node{"edge": w.edge, "cloud": w.cloud} {
		if c := w.count(side, `SELECT count(*) FROM notes WHERE text = 'from the cloud, later'`); c != 1 {
			t.Errorf("%s does not have the later text", name)
		}
	}
	if c := w.count(w.cloud, `SELECT count(*) FROM conflict_log`); c != 1 {
		t.Errorf("%d losers kept at the cloud, want 1", c)
	}
}

func TestARestoredBoxGetsANewEpochAndLosesNothing(t *testing.T) {
	w := newWorld(t)
	edgeFile := w.edge.file
	ctx := t.Context()
	learner := id.New()
	for range 20 {
		w.save(w.edge, 1, learner)
	}
	w.settle(4)
	backup := filepath.Join(t.TempDir(), "backup.db")
	_, err := edgeFile.Writer().ExecContext(ctx, "VACUUM INTO ?", backup)
	w.must(err)
	for range 15 { // sent, then lost with the disk
		w.save(w.edge, 10, learner)
	}
	w.settle(4)

	restored, err := sqlite.Open(backup)
	w.must(err)
	t.Cleanup(func() { _ = restored.Close() })
	w.edge = w.node(restored, syncproto.CloudOnly)
	w.connect()
	w.edge.db = journalled{syncer.WithJournal(w.edge.db, &syncer.Uplink{Outbox: w.edge.outbox, Current: func() syncer.Log { return syncer.Log{School: w.school, Epoch: w.epoch} }, Wake: func() {}})}
	for range 5 { // work done after the restore, before the link is back
		w.save(w.edge, 100, learner)
	}
	w.settle(4)
	if !errors.Is(w.edge.forked, syncer.ErrFork) {
		t.Fatalf("the box did not notice: %v", w.edge.forked)
	}

	var history [syncproto.Lanes][]syncproto.Mark
	from := syncer.Log{School: w.school, Epoch: w.epoch}
	w.must(w.cloud.db.View(ctx, func(tx db.Tx) (err error) { history, err = syncer.History(ctx, tx, from); return err }))
	w.epoch++
	w.do(w.edge.db, func(tx db.Tx) error {
		report, err := w.edge.outbox.Rejoin(ctx, tx, syncer.Rejoining{To: syncer.Log{School: w.school, Epoch: w.epoch}, From: from.Epoch, Trusted: true,
			Applied: syncproto.History{from.Epoch: syncproto.HistoryOf(history)}})
		if report.Resent != 5 {
			t.Errorf("%+v: want 5 records re-sequenced", report)
		}
		return err
	})
	w.connect()
	w.settle(6)
	if count, points := w.total(w.cloud); count != 40 || points != 20+150+500 {
		t.Errorf("the cloud has %d facts of %d points, want 40 of 670", count, points)
	}
}

func TestAFrameOfAnotherSchoolIsRefused(t *testing.T) {
	w := newWorld(t)
	f := syncproto.Frame{School: id.New(), Epoch: w.epoch, Lane: syncproto.LaneLearning, First: 1,
		Events: []syncproto.Event{{Type: "test.fact", Version: 1, Entity: id.New(), Body: []byte{0xa0}}}}
	data, err := syncproto.EncodeFrame(&f)
	w.must(err)
	err = w.cloud.peer.Handle(t.Context(), syncproto.Message{Kind: syncproto.KindFrame, Lane: f.Lane, Data: data})
	if !errors.Is(err, syncer.ErrRefused) || !errors.Is(err, syncer.ErrForeign) {
		t.Errorf("got %v", err)
	}
	for _, junk := range [][]byte{nil, {1}, {9, 9}, []byte("\x02not zstd"), data[:len(data)-3]} {
		if err := w.cloud.peer.Handle(t.Context(), syncproto.Message{Kind: syncproto.KindFrame, Data: junk}); !errors.Is(err, syncer.ErrRefused) {
			t.Errorf("%q gave %v", junk, err)
		}
	}
}

func TestPruningKeepsWhatMayStillBeAskedFor(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	learner := id.New()
	for range 10 {
		w.save(w.edge, 1, learner)
	}
	w.settle(4)
	log := syncer.Log{School: w.school, Epoch: w.epoch}
	prune := func() (n int64) {
		w.do(w.edge.db, func(tx db.Tx) (err error) { n, err = w.edge.outbox.Prune(ctx, tx, w.school); return err })
		return n
	}
	if n := prune(); n != 0 {
		t.Errorf("%d rows pruned before any backup", n)
	}
	var heads syncer.Heads
	w.must(w.edge.db.View(ctx, func(tx db.Tx) (err error) { heads, err = syncer.ReadHeads(ctx, tx, log); return err }))
	var backed [syncproto.Lanes]int64
	backed[syncproto.LaneLearning] = 6
	w.do(w.edge.db, func(tx db.Tx) error { _, err := w.edge.outbox.Acknowledge(ctx, tx, log, heads.Out, backed); return err })
	if n := prune(); n != 5 {
		t.Errorf("%d rows pruned, want those before the backed-up one: 5", n)
	}
	w.clock.Advance(10 * 365 * 24 * time.Hour)
	if n := prune(); n != 0 {
		t.Errorf("%d rows that no backup holds were pruned because the clock jumped", n)
	}
	for range 31 {
		w.clock.Advance(25 * time.Hour)
		w.save(w.edge, 1, learner)
		w.settle(3)
	}
	if n := prune(); n != 5 {
		t.Errorf("%d rows pruned after 31 days of work, want 5: from the backed-up one to the one before the 30 days", n)
	}
	w.save(w.edge, 1, learner)
	w.settle(8)
	if count, _ := w.total(w.cloud); count != 42 {
		t.Errorf("%d facts, want 42: the chain did not survive pruning", count)
	}
}

func TestAnAckThatContradictsOurChainMovesNothing(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.save(w.edge, 1, id.New())
	log := syncer.Log{School: w.school, Epoch: w.epoch}
	for name, mark := range map[string]syncproto.Mark{
		"another chain":   {Seq: 1, Chain: syncproto.Hash{1}},
		"beyond our head": {Seq: 2, Chain: syncproto.Hash{1}},
	} {
		var applied syncproto.Marks
		applied[syncproto.LaneLearning] = mark
		err := w.edge.db.Update(ctx, func(tx db.Tx) error {
			_, err := w.edge.outbox.Acknowledge(ctx, tx, log, applied, [syncproto.Lanes]int64{})
			return err
		})
		if !errors.Is(err, syncer.ErrFork) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if n := w.waiting(w.edge, w.epoch); n != 1 {
		t.Errorf("%d wait, want 1", n)
	}
}
