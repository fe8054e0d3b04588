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
