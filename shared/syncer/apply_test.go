package syncer_test

import (
	"errors"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// events makes n valid facts of a learner.
func (w *world) events(n int, learner string) []syncproto.Event {
	w.t.Helper()
	out := make([]syncproto.Event, n)
	for i := range out {
		f := fact{ID: id.New(), Learner: learner, Points: 1, At: db.Time{Time: w.clock.Now()}}
		body, err := syncproto.EncodeBody(f)
		w.must(err)
		out[i] = syncproto.Event{Type: "test.fact", Version: 1, Entity: f.ID, HLC: syncproto.HLCAt(w.clock.Now()), Body: body}
	}
	return out
}

// apply gives the cloud a frame, as it would arrive.
func (w *world) apply(first int64, prev syncproto.Hash, events []syncproto.Event) (syncproto.Mark, error) {
	w.t.Helper()
	f := syncproto.Frame{School: w.school, Epoch: w.epoch, Lane: syncproto.LaneLearning, First: first, Prev: prev, Events: events}
	_, err := syncproto.EncodeFrame(&f)
	w.must(err)
	return w.cloud.applier.Apply(w.t.Context(), syncer.Log{School: w.school, Epoch: w.epoch}, f)
}

func TestAFrameMustFitWhatIsApplied(t *testing.T) {
	w := newWorld(t)
	learner := id.New()
	events := w.events(6, learner)
	mark, err := w.apply(1, syncproto.Hash{}, events[:3])
	w.must(err)
	if _, err := w.apply(5, mark.Chain, events[4:]); !errors.Is(err, syncer.ErrGap) {
		t.Errorf("a gap gave %v", err)
	}
	if _, err := w.apply(4, syncproto.Hash{7}, events[3:]); !errors.Is(err, syncer.ErrFork) {
		t.Errorf("another past gave %v", err)
	}
	other := append(w.events(1, learner), events[1:4]...)
	if _, err := w.apply(1, syncproto.Hash{}, other); !errors.Is(err, syncer.ErrFork) {
		t.Errorf("another first event gave %v", err)
	}
	if count, _ := w.total(w.cloud); count != 3 {
		t.Fatalf("%d facts, want 3: a refused frame was applied in part", count)
	}
	// A frame that begins with what is there already goes on where that ends.
	if _, err := w.apply(1, syncproto.Hash{}, events); err != nil {
		t.Fatal(err)
	}
	if count, _ := w.total(w.cloud); count != 6 || len(w.cloud.seen) != 6 {
		t.Errorf("%d facts, reactions saw %d, want 6 each", count, len(w.cloud.seen))
	}
}

func TestReactionsSeeOnlyWhatIsNewAlsoInBulk(t *testing.T) {
	w := newWorld(t)
	learner := id.New()
	events := w.events(20, learner)
	mark, err := w.apply(1, syncproto.Hash{}, events)
	w.must(err)
	// The same facts again at new positions, as after a fork, with some new ones.
	again := append(append([]syncproto.Event{}, events...), w.events(5, learner)...)
	again = append(again, again[len(again)-1])
	if _, err := w.apply(21, mark.Chain, again); err != nil {
		t.Fatal(err)
	}
	if count, _ := w.total(w.cloud); count != 25 || len(w.cloud.seen) != 25 {
		t.Errorf("%d facts, reactions saw %d, want 25 each", count, len(w.cloud.seen))
	}
	if n := w.count(w.cloud, `SELECT count(*) FROM conflict_log`); n != 0 {
		t.Errorf("%d conflicts among equal facts", n)
	}
}

func TestACommonPointIsFoundInTheHistoryBeyondWhatWasAcknowledged(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	learner := id.New()
	for range 12 {
		w.save(w.edge, 1, learner)
	}
	log := syncer.Log{School: w.school, Epoch: w.epoch}
	var history [syncproto.Lanes][]syncproto.Mark
	for _, seq := range []int64{12, 8, 3} { // applied up to there, and nobody told us
		var h syncproto.Hash
		w.must(w.edge.db.View(ctx, func(tx db.Tx) (err error) {
			h, err = syncer.ChainAt(ctx, tx, log, syncproto.LaneLearning, seq)
			return err
		}))
		if seq == 12 {
			h[0]++ // the other box of ours wrote something else there
		}
		history[syncproto.LaneLearning] = append(history[syncproto.LaneLearning], syncproto.Mark{Seq: seq, Chain: h})
	}
	w.must(w.edge.file.Update(ctx, func(tx db.Tx) error {
		report, err := w.edge.outbox.Rejoin(ctx, tx, syncer.Rejoining{To: syncer.Log{School: w.school, Epoch: w.epoch + 1}, From: w.epoch, Trusted: true,
			Applied: syncproto.History{w.epoch: syncproto.HistoryOf(history)}})
		if report.Resent != 4 || report.Missing != 4 {
			t.Errorf("the common point is not 8: %+v", report)
		}
		return err
	}))
}
