package syncer_test

import (
	"context"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// What an older build did not understand waits for a newer one. A snapshot has
// all there is of the kinds it holds: an old record of those, whose learner may
// have left since, is not stored after it. Of other kinds it still is.
func TestASnapshotEndsWhatAnOlderBuildDidNotUnderstand(t *testing.T) {
	w := newWorld(t)
	build := func(version uint32, more ...syncer.Kind) *syncer.Applier {
		f := w.edge.facts
		f.Version = version
		f.List = func(context.Context, db.Tx, syncer.Page) ([]fact, error) { return nil, nil }
		if version > 1 {
			f.Upcast = map[uint32]func([]byte) ([]byte, error){1: func(b []byte) ([]byte, error) { return b, nil }}
		}
		reg, err := syncer.NewRegistry(append([]syncer.Kind{f}, more...)...)
		w.must(err)
		return &syncer.Applier{DB: w.edge.db, Registry: reg, Hybrid: w.edge.applier.Hybrid, Clock: w.clock, Log: logging.Discard(), From: syncproto.CloudOnly}
	}
	event := func(typ string, version uint32, v any, entity string) syncproto.Event {
		body, err := syncproto.EncodeBody(v)
		w.must(err)
		return syncproto.Event{Type: typ, Version: version, Entity: entity, HLC: syncproto.HLCAt(w.clock.Now()), Body: body}
	}
	f := fact{ID: id.New(), Learner: id.New(), Points: 3, At: db.Time{Time: w.clock.Now()}}
	n := note{ID: id.New(), School: w.school, Text: "of a kind that no snapshot holds"}
	frame := syncproto.Frame{School: w.school, Epoch: down, Lane: syncproto.LaneLearning, First: 1,
		Events: []syncproto.Event{event("test.fact", 2, f, f.ID), event("test.note", 1, n, n.ID)}}
	data, err := syncproto.EncodeFrame(&frame)
	w.must(err)
	frame, err = syncproto.DecodeFrame(data)
	w.must(err)
	older := build(1)
	_, err = older.Apply(t.Context(), syncer.Log{School: w.school, Epoch: down}, frame)
	w.must(err)
	if k := w.count(w.edge, `SELECT count(*) FROM dead_letters WHERE state = 'open' AND kind = 'unknown'`); k != 2 {
		t.Fatalf("%d of 2 records are kept aside", k)
	}
	_, err = syncer.Restorer{Applier: older, Snapshot: syncproto.Snapshot{School: w.school}}.Replay(t.Context())
	w.must(err)
	_, err = build(2, notes).ReplayUnknown(t.Context())
	w.must(err)
	if facts, told := w.count(w.edge, `SELECT count(*) FROM facts`), w.count(w.edge, `SELECT count(*) FROM notes`); facts != 0 || told != 1 {
		t.Errorf("%d facts from before the snapshot were stored, want 0, and %d of 1 notes", facts, told)
	}
}

// A box of an older build takes two snapshots before it is updated. What the first
// one left aside is over: only what the second one holds is stored.
func TestASnapshotEndsWhatAnEarlierOneLeftAside(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	build := func(version uint32) *syncer.Applier {
		f := w.edge.facts
		f.Version = version
		f.List = func(context.Context, db.Tx, syncer.Page) ([]fact, error) { return nil, nil }
		if version > 1 {
			f.Upcast = map[uint32]func([]byte) ([]byte, error){1: func(b []byte) ([]byte, error) { return b, nil }}
		}
		reg, err := syncer.NewRegistry(f)
		w.must(err)
		return &syncer.Applier{DB: w.edge.db, Registry: reg, Hybrid: w.edge.applier.Hybrid, Clock: w.clock, Log: logging.Discard()}
	}
	letters := func(from, to string) {
		t.Helper()
		w.do(w.edge.db, func(tx db.Tx) error {
			_, err := tx.Exec(ctx, db.SQL{Both: `UPDATE dead_letters SET state = $2 WHERE state = $1`}, from, to)
			return err
		})
	}
	older := build(1)
	one := func(f fact, epoch int64) (frame syncproto.Frame, data []byte) {
		t.Helper()
		body, err := syncproto.EncodeBody(f)
		w.must(err)
		frame = syncproto.Frame{School: w.school, Epoch: epoch, Lane: syncproto.LaneLearning, First: 1,
			Events: []syncproto.Event{{Type: "test.fact", Version: 2, Entity: f.ID, Body: body}}}
		data, err = syncproto.EncodeFrame(&frame)
		w.must(err)
		return frame, data
	}
	take := func(f fact) {
		t.Helper()
		frame, data := one(f, syncproto.SnapshotEpoch)
		s := syncproto.Snapshot{School: w.school, Counts: []syncproto.KindCount{{Name: "test.fact", N: 1}}}
		s.Ends[frame.Lane] = syncproto.Mark{Seq: 1, Chain: frame.Last}
		r := syncer.Restorer{Applier: older, Snapshot: s}
		letters("open", "in the old file")
		w.must(r.Frame(ctx, data))
		w.must(r.Seal(ctx))
		letters("in the old file", "open") // its letters are copied
		_, err := r.Replay(ctx)
		w.must(err)
		if k := w.count(w.edge, `SELECT count(*) FROM dead_letters WHERE state = 'open' AND kind = 'unknown'`); k != 1 {
			t.Fatalf("%d records of the snapshot are kept aside, want 1", k)
		}
	}
	left, here := fact{ID: id.New(), Learner: id.New(), Points: 3, At: db.Time{Time: w.clock.Now()}}, fact{ID: id.New(), Learner: id.New(), Points: 4, At: db.Time{Time: w.clock.Now()}}
	take(left)
	take(here)
	again, _ := one(here, down) // the log goes on and brings it once more
	_, err := older.Apply(ctx, syncer.Log{School: w.school, Epoch: down}, again)
	w.must(err)
	_, err = build(2).ReplayUnknown(ctx)
	w.must(err)
	if all, known := w.count(w.edge, `SELECT count(*) FROM facts`), w.count(w.edge, `SELECT count(*) FROM facts WHERE points = 4`); all != 1 || known != 1 {
		t.Errorf("%d facts are stored, %d of them of the second snapshot, want 1 and 1", all, known)
	}
	if k := w.count(w.edge, `SELECT count(*) FROM dead_letters WHERE state <> 'replayed'`); k != 0 {
		t.Errorf("%d records are still aside", k)
	}
}
