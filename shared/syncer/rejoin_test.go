package syncer_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestWhatMovesIntoANewEpoch(t *testing.T) {
	for name, x := range map[string]struct {
		kept        syncer.Kept
		agreed      int64
		trusted     bool
		after, gone int64
	}{
		"all of it was applied":                     {syncer.Kept{First: 1, Head: 9, Acked: 9}, 9, true, 9, 0},
		"some of it was applied":                    {syncer.Kept{First: 1, Head: 9, Acked: 4}, 6, true, 6, 0},
		"acknowledged, and the history is thinned":  {syncer.Kept{First: 1, Head: 9, Acked: 7}, 4, true, 7, 0},
		"acknowledged in another life of the cloud": {syncer.Kept{First: 1, Head: 9, Acked: 7}, 4, false, 4, 0},
		"nothing is known of it":                    {syncer.Kept{First: 1, Head: 9, Acked: 9}, 0, false, 0, 0},
		"pruned above what the cloud has":           {syncer.Kept{First: 6, Head: 9, Acked: 9}, 2, false, 2, 3},
		"all of it is pruned":                       {syncer.Kept{First: 10, Head: 9, Acked: 9}, 2, false, 2, 7},
		"pruned and applied":                        {syncer.Kept{First: 6, Head: 9, Acked: 9}, 9, true, 9, 0},
		"an empty lane":                             {syncer.Kept{First: 1}, 0, true, 0, 0},
		"the cloud has more than this log":          {syncer.Kept{First: 1, Head: 3, Acked: 3}, 3, true, 3, 0},
	} {
		if after, gone := x.kept.Resend(x.agreed, x.trusted); after != x.after || gone != x.gone {
			t.Errorf("%s: after %d, %d gone; want %d and %d", name, after, gone, x.after, x.gone)
		}
	}
}

// Whatever was pruned and forgotten: each position is applied at the cloud, sent
// again, or counted as gone.
func TestNoPositionIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head := rapid.Int64Range(0, 50).Draw(t, "head")
		first := rapid.Int64Range(1, head+1).Draw(t, "first")
		acked := rapid.Int64Range(0, head).Draw(t, "acked")
		trusted := rapid.Bool().Draw(t, "trusted")
		have := rapid.Int64Range(0, head).Draw(t, "the cloud has")
		if trusted { // the same life: it has at least what it said
			have = max(have, acked)
		}
		k := syncer.Kept{First: first, Head: head, Acked: acked}
		after, gone := k.Resend(have, trusted)
		for seq := int64(1); seq <= head; seq++ {
			applied, sent := seq <= have, seq > after && seq >= first
			lost := seq > after && seq <= after+gone
			if !applied && !sent && !lost {
				t.Fatalf("position %d of %+v is nowhere: after %d, %d gone, the cloud has %d", seq, k, after, gone, have)
			}
			if lost && sent {
				t.Fatalf("position %d counts as gone and is sent", seq)
			}
		}
	})
}

func TestTheLastPointTwoLogsAgreeOn(t *testing.T) {
	h := func(b byte) (x syncproto.Hash) { x[0] = b; return x }
	own := func(seq int64) (syncproto.Hash, error) { return h(byte(seq)), nil }
	history := func(marks ...syncproto.Mark) []syncproto.Mark { return marks }
	k := syncer.Kept{First: 4, Head: 9}
	for name, x := range map[string]struct {
		history []syncproto.Mark
		want    int64
	}{
		"the newest":                      {history(syncproto.Mark{Seq: 9, Chain: h(9)}, syncproto.Mark{Seq: 7, Chain: h(7)}), 9},
		"the cloud has more":              {history(syncproto.Mark{Seq: 12, Chain: h(12)}, syncproto.Mark{Seq: 7, Chain: h(7)}), 7},
		"they differ at first":            {history(syncproto.Mark{Seq: 9, Chain: h(99)}, syncproto.Mark{Seq: 7, Chain: h(7)}), 7},
		"they differ wherever they can":   {history(syncproto.Mark{Seq: 9, Chain: h(99)}, syncproto.Mark{Seq: 5, Chain: h(98)}), 0},
		"what is pruned cannot be argued": {history(syncproto.Mark{Seq: 9, Chain: h(99)}, syncproto.Mark{Seq: 2, Chain: h(97)}), 2},
		"nothing":                         {nil, 0},
	} {
		got, err := k.Agreed(x.history, own)
		if err != nil || got != x.want {
			t.Errorf("%s: %d, %v; want %d", name, got, err, x.want)
		}
	}
	broken := errors.New("the disk is away")
	if _, err := k.Agreed(history(syncproto.Mark{Seq: 9}), func(int64) (syncproto.Hash, error) { return h(0), broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestWhoGetsTheNextEpoch(t *testing.T) {
	active := syncer.Standing{Active: true, Present: 100}
	other := syncer.Standing{Present: 100}
	with := func(s syncer.Standing, change func(*syncer.Standing)) syncer.Standing { change(&s); return s }
	for name, x := range map[string]struct {
		standing syncer.Standing
		from     int64
		side     bool
		want     syncer.Verdict
	}{
		"the school's box from its epoch":         {active, 100, false, syncer.Issue},
		"from an epoch that is over: a clone":     {active, 99, false, syncer.Hold},
		"from an epoch the cloud has forgotten":   {active, 140, false, syncer.Issue},
		"another box":                             {other, 100, false, syncer.Hold},
		"another box from a forgotten epoch":      {other, 140, false, syncer.Hold},
		"one beside the school's, forgotten":      {active, 140, true, syncer.Hold},
		"the question of the present epoch again": {with(active, func(s *syncer.Standing) { s.Given = 100 }), 99, false, syncer.Again},
		"a question whose epoch is over again":    {with(active, func(s *syncer.Standing) { s.Given = 90 }), 80, false, syncer.Hold},
		"beside the school's again":               {with(other, func(s *syncer.Standing) { s.Given, s.GivenAside = 101, true }), 99, false, syncer.Again},
		"decided: take in":                        {with(active, func(s *syncer.Standing) { s.Decided = "take_in" }), 99, false, syncer.Aside},
		"decided: the school's box":               {with(other, func(s *syncer.Standing) { s.Decided = "activate" }), 99, false, syncer.Issue},
		"decided, and its old answer is over":     {with(active, func(s *syncer.Standing) { s.Given, s.Decided = 90, "take_in" }), 80, false, syncer.Aside},
	} {
		if got := x.standing.Decide(x.from, x.side); got != x.want {
			t.Errorf("%s: verdict %d, want %d", name, got, x.want)
		}
	}
}

// The cloud is set back behind two renewals of the box: rows of both earlier
// epochs, confirmed then, are lost there and have to come again.
func TestRowsOfEarlierEpochsComeAgainToARewoundCloud(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	learner := id.New()
	for range 4 {
		w.save(w.edge, 1, learner)
	}
	w.settle(4)
	first := w.up()
	var backup syncproto.History
	w.must(w.cloud.db.View(ctx, func(tx db.Tx) error {
		h, err := syncer.History(ctx, tx, first)
		backup = syncproto.History{first.Epoch: syncproto.HistoryOf(h)}
		return err
	}))
	leave := func(to int64, trusted bool, applied syncproto.History) (report syncproto.MovedReport) {
		t.Helper()
		w.must(w.edge.db.Update(ctx, func(tx db.Tx) (err error) {
			report, err = w.edge.outbox.Rejoin(ctx, tx, syncer.Rejoining{To: syncer.Log{School: w.school, Epoch: to}, From: w.epoch, Trusted: trusted, Applied: applied})
			return err
		}))
		w.epoch = to
		w.connect()
		return report
	}
	for range 3 { // confirmed by a life of the cloud that is no more
		w.save(w.edge, 1, learner)
	}
	w.settle(4)
	whole := func() (out syncproto.History) {
		w.must(w.cloud.db.View(ctx, func(tx db.Tx) error {
			h, err := syncer.History(ctx, tx, w.up())
			out = syncproto.History{w.epoch: syncproto.HistoryOf(h)}
			return err
		}))
		return out
	}
	if r := leave(w.epoch+1, true, whole()); r.Resent != 0 || r.Missing != 0 || len(r.Gone) != 0 {
		t.Errorf("with everything applied: %+v", r)
	}
	for range 2 {
		w.save(w.edge, 1, learner)
	}
	w.settle(4)

	r := leave(w.epoch+1, false, backup)
	if r.Resent != 5 || len(r.Gone) != 0 {
		t.Errorf("%+v; want the 3 of the first epoch and the 2 of the second again", r)
	}
	w.settle(6)
	if n, _ := w.total(w.cloud); n != 9 || w.waiting(w.edge, w.epoch) != 0 {
		t.Errorf("the cloud has %d of 9, %d wait", n, w.waiting(w.edge, w.epoch))
	}
	if n := len(w.cloud.seen); n != 9 {
		t.Errorf("%d reactions to 9 facts: what comes a second time must not fire", n)
	}
}

// What was pruned here and lost there is gone, and is said to be.
func TestWhatNobodyHasAnyMoreIsNamed(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	learner := id.New()
	for range 6 {
		w.save(w.edge, 1, learner)
	}
	w.settle(4)
	w.do(w.edge.db, func(tx db.Tx) error { // a backup that is lost with the cloud later
		_, err := tx.Exec(ctx, db.SQL{Both: "UPDATE outbox_heads SET backed_seq = 6 WHERE lane = 4"})
		return err
	})
	w.save(w.edge, 1, learner)
	w.settle(4)
	w.must(w.edge.db.Update(ctx, func(tx db.Tx) error { _, err := w.edge.outbox.Prune(ctx, tx, w.school); return err }))
	var report syncproto.MovedReport
	w.must(w.edge.db.Update(ctx, func(tx db.Tx) (err error) {
		report, err = w.edge.outbox.Rejoin(ctx, tx, syncer.Rejoining{To: syncer.Log{School: w.school, Epoch: w.epoch + 1}, From: w.epoch, Applied: syncproto.History{}})
		return err
	}))
	if len(report.Gone) != 1 || report.Gone[0].First != 1 || report.Gone[0].Last != 5 || report.Resent != 2 {
		t.Errorf("got %+v; want 1 to 5 gone and 2 sent again: the row at the boundary is kept", report)
	}
}

func (w *world) up() syncer.Log { return syncer.Log{School: w.school, Epoch: w.epoch} }

// Positions are counted while rows are read, so a pruned beginning must not make
// the second thousand come twice.
func TestManyRowsAboveAPrunedBeginningMoveOnce(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	const all, pruned = 2300, 700
	w.do(w.edge.db, func(tx db.Tx) error {
		for range all {
			f := fact{ID: id.New(), Learner: stranger, Points: 1, At: db.Time{Time: w.clock.Now()}}
			if _, err := w.edge.facts.Save(ctx, tx, f); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, db.SQL{Both: `DELETE FROM outbox WHERE seq <= $1`}, pruned)
		return err
	})
	w.do(w.edge.db, func(tx db.Tx) error {
		r, err := w.edge.outbox.Rejoin(ctx, tx, syncer.Rejoining{To: syncer.Log{School: w.school, Epoch: w.epoch + 1}, From: w.epoch, Applied: syncproto.History{}})
		if r.Resent != all-pruned {
			t.Errorf("%d rows moved, want %d", r.Resent, all-pruned)
		}
		return err
	})
}
