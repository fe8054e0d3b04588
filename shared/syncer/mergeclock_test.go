package syncer_test

import (
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/syncproto"
)

// Both edits are clamped to the same moment at the cloud; the second one still
// wins there, as it does at its box.
func TestOfTwoEditsOfABoxWhoseClockIsAheadTheSecondWins(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.edge.outbox.Hybrid.Observe(syncproto.HLCAt(w.clock.Now().AddDate(10, 0, 0)))
	n := note{ID: id.New(), School: w.school}
	for _, text := range []string{"zzz first.", "aaa second"} { // of one length: the greater body is the earlier one
		n.Text = text
		w.do(w.edge.db, func(tx db.Tx) error { _, err := notes.Save(ctx, tx, n); return err })
	}
	w.settle(6)
	for name, side := range map[string]*node{"edge": w.edge, "cloud": w.cloud} {
		if c := w.count(side, `SELECT count(*) FROM notes WHERE text = 'aaa second'`); c != 1 {
			t.Errorf("the second edit is not at the %s", name)
		}
	}
	w.clock.Advance(time.Hour)
	n.Text = "the cloud, an hour later"
	w.do(w.cloud.db, func(tx db.Tx) error { _, err := notes.Save(ctx, tx, n); return err })
	w.settle(6)
	if c := w.count(w.edge, `SELECT count(*) FROM notes WHERE text LIKE 'the cloud%'`); c != 1 {
		t.Error("the box does not listen to the cloud after its two edits were clamped")
	}
}

// Of two edits with one clock value both sides keep the greater body, in
// whichever order they come.
func TestOfTwoEditsWithTheSameClockTheGreaterBodyWins(t *testing.T) {
	for name, order := range map[string][2]string{"greater first": {"b", "a"}, "greater last": {"a", "b"}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			entity, at := id.New(), syncproto.HLCAt(w.clock.Now())
			f := syncproto.Frame{School: w.school, Epoch: w.epoch, Lane: notes.Lane, First: 1}
			for _, text := range order {
				body, err := syncproto.EncodeBody(note{ID: entity, School: w.school, Text: text})
				w.must(err)
				f.Events = append(f.Events, syncproto.Event{Type: notes.Name, Version: 1, Entity: entity, HLC: at, Body: body})
			}
			data, err := syncproto.EncodeFrame(&f)
			w.must(err)
			w.must(w.cloud.peer.Handle(t.Context(), syncproto.Message{Kind: syncproto.KindFrame, Lane: f.Lane, Data: data}))
			if c := w.count(w.cloud, `SELECT count(*) FROM notes WHERE text = 'b'`); c != 1 {
				t.Error("the smaller body was kept")
			}
			if c := w.count(w.cloud, `SELECT count(*) FROM conflict_log`); c != 1 {
				t.Errorf("the losing body is kept %d times, want once", c)
			}
		})
	}
}
