package simtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// lab is one cloud alone, to apply frames to.
type lab struct {
	w *world
	c *cloud
}

func newLab(ctx context.Context) (lab, error) {
	w := &world{o: Options{Seed: 1, Schools: 1}, ctx: ctx, rng: rand.New(rand.NewPCG(1, 1)), now: epochOfTime}
	w.check = newChecker(w)
	w.cloud = &cloud{w: w, clock: nodeClock{w: w}, build: 2, plan: quiet()}
	w.cloud.store = NewStore(db.Postgres)
	w.cloud.disk = w.cloud.store
	w.cloud.start()
	s := &school{id: labSchool, name: "school"}
	s.learners = []*learner{{id: labLearner, home: s}}
	w.schools = []*school{s}
	return lab{w, w.cloud}, w.cloud.enter(s)
}

const (
	labSchool  = "11111111-0000-7000-8000-000000000001"
	labLearner = "22222222-0000-7000-8000-000000000002"
)

func labID(n int) string { return fmt.Sprintf("33333333-0000-7000-8000-%012d", n) }

// writes draws facts and notes of one lane's log: few ids, so that they meet.
func writes(rt *rapid.T) []syncproto.Event {
	kit := newKit(side{build: 2})
	var out []syncproto.Event
	hlc := syncproto.HLCAt(epochOfTime)
	for i := range rapid.IntRange(1, 25).Draw(rt, "events") {
		hlc += syncproto.HLC(rapid.IntRange(0, 2).Draw(rt, "step"))
		if rapid.IntRange(0, 9).Draw(rt, "ahead") == 0 {
			hlc += syncproto.HLC(24*time.Hour/time.Millisecond) << 16
		}
		e := syncproto.Event{Version: 1, HLC: hlc}
		if rapid.Bool().Draw(rt, "note") {
			e.Type, e.Entity = kit.notes.Name, labID(rapid.IntRange(0, 2).Draw(rt, "id"))
			e.Body, _ = syncproto.EncodeBody(Note{e.Entity, labSchool, fmt.Sprintf("text %d", rapid.IntRange(0, 3).Draw(rt, "text"))})
		} else {
			e.Type, e.Version, e.Entity = kit.facts.Name, 2, labID(100+rapid.IntRange(0, 5).Draw(rt, "id"))
			e.Body, _ = syncproto.EncodeBody(Fact{ID: e.Entity, Learner: labLearner, School: labSchool, Points: int64(i % 2), At: db.Time{Time: epochOfTime}})
		}
		out = append(out, e)
	}
	return out
}

// frames cuts a log at random into frames that may overlap, and shuffles them
// until every one has been taken.
func (l lab) deliver(rt *rapid.T, events []syncproto.Event, shuffled bool) error {
	log := syncer.Log{School: labSchool, Epoch: 7}
	chains := []syncproto.Hash{{}}
	for _, e := range events {
		chains = append(chains, syncproto.Chain(chains[len(chains)-1], e.Hash()))
	}
	var frames []syncproto.Frame
	for at := 0; at < len(events); {
		n, back := len(events), 0
		if shuffled {
			n = rapid.IntRange(1, 6).Draw(rt, "length")
			back = min(at, rapid.IntRange(0, 2).Draw(rt, "overlap"))
		}
		to := min(len(events), at+n)
		frames = append(frames, syncproto.Frame{School: labSchool, Epoch: 7, Lane: syncproto.LaneLearning, First: int64(at-back) + 1, Prev: chains[at-back],
			Last: chains[to], Events: events[at-back : to]})
		at = to
	}
	for range frames { // as often as a gap can send one back
		if shuffled {
			order := rapid.Permutation(frames).Draw(rt, "order")
			frames = slices.Concat(order, order[:1])
		}
		for _, f := range frames {
			if _, err := l.c.apply.Apply(l.w.ctx, log, f); err != nil && !isGap(err) {
				return err
			}
		}
		if l.c.store.marksIn.rows[lane{labSchool, 7, int64(syncproto.LaneLearning)}].seq == int64(len(events)) {
			return nil
		}
	}
	return nil
}

func isGap(err error) bool {
	return err != nil && slices.Contains([]error{syncer.ErrGap}, unwrapAll(err))
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
	}
}

// stateOf is what a side holds of the drawn records.
func stateOf(s *Store) string {
	out := ""
	for i := range 3 {
		out += fmt.Sprint(s.notes.rows[labID(i)], string(s.versions.rows[entityKey{"sim.note", labID(i)}].body))
	}
	for i := range 6 {
		out += fmt.Sprint(s.facts.rows[labID(100+i)])
	}
	return out
}

func TestTheOrderOfDeliveryDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		events := writes(rt)
		var got [2]string
		for i, shuffled := range []bool{false, true} {
			l, err := newLab(t.Context())
			if err == nil {
				err = l.deliver(rt, events, shuffled)
			}
			if err != nil {
				rt.Fatal(err)
			}
			got[i] = stateOf(l.c.store)
		}
		if got[0] != got[1] {
			rt.Fatalf("in order: %s\nas it came: %s", got[0], got[1])
		}
	})
}

// TestTwoNodesMergeAlike applies two writers' edits in either order and twice:
// the winner is the same, and every loser is in the log of conflicts.
func TestMergingIsCommutativeAssociativeAndIdempotent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(rt, "edits")
		edits := make([]syncproto.Event, n)
		for i := range edits {
			id := labID(0)
			body, _ := syncproto.EncodeBody(Note{id, labSchool, fmt.Sprintf("text %d", rapid.IntRange(0, 4).Draw(rt, "text"))})
			// Within the clamp: beyond it the order of arrival decides, on purpose.
			edits[i] = syncproto.Event{Type: "sim.note", Version: 1, Entity: id, HLC: syncproto.HLCAt(epochOfTime) + syncproto.HLC(rapid.IntRange(0, 4).Draw(rt, "clock")), Body: body}
		}
		orders := [][]syncproto.Event{edits, rapid.Permutation(edits).Draw(rt, "order"), append(slices.Clone(edits), rapid.Permutation(edits).Draw(rt, "again")...)}
		var first string
		for i, order := range orders {
			l, err := newLab(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			for j, e := range order { // each from a log of its own: no order is given by the log
				f := syncproto.Frame{School: labSchool, Epoch: int64(10 + j), Lane: syncproto.LaneRoster, First: 1, Events: []syncproto.Event{e}, Last: syncproto.Chain(syncproto.Hash{}, e.Hash())}
				if _, err := l.c.apply.Apply(t.Context(), syncer.Log{School: labSchool, Epoch: f.Epoch}, f); err != nil {
					rt.Fatal(err)
				}
			}
			got := stateOf(l.c.store)
			if i == 0 {
				first = got
			}
			if got != first {
				rt.Fatalf("order %d gives %s, the first gave %s", i, got, first)
			}
			for _, e := range edits {
				if !stored(l.c.store, outRow{typ: e.Type, entity: e.Entity, body: e.Body}, nil) {
					rt.Fatalf("a losing edit is in no log of conflicts")
				}
			}
		}
	})
}

// TestPruningChangesNothing is the equation of compaction: for every cut point,
// what a receiver has up to there and the pruned rest give what the whole log
// gives.
func TestPruningChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		events := writes(rt)
		whole, err := newLab(t.Context())
		if err == nil {
			err = whole.deliver(rt, events, false)
		}
		if err != nil {
			rt.Fatal(err)
		}
		cut := rapid.IntRange(1, len(events)).Draw(rt, "cut")
		part, err := newLab(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		sender := part.sender(rt, events)
		if err := part.pull(sender, int64(cut)); err != nil {
			rt.Fatal(err)
		}
		sender.acknowledge(rt, part, int64(cut))
		if err := part.pull(sender, int64(len(events))); err != nil {
			rt.Fatal(err)
		}
		if a, b := stateOf(whole.c.store), stateOf(part.c.store); a != b {
			rt.Fatalf("cut at %d of %d: the whole log gives %s, the pruned one %s", cut, len(events), a, b)
		}
	})
}

// sender is an appliance's outbox with the events in it.
type sender struct {
	store  *Store
	outbox *syncer.Outbox
	log    syncer.Log
}

func (l lab) sender(rt *rapid.T, events []syncproto.Event) sender {
	s := sender{store: NewStore(db.SQLite), log: syncer.Log{School: labSchool, Epoch: 7}}
	hybrid, err := syncer.OpenHybrid(l.w.ctx, s.store, &l.c.clock)
	if err != nil {
		rt.Fatal(err)
	}
	s.outbox = &syncer.Outbox{Hybrid: hybrid, Clock: &l.c.clock}
	err = s.store.Update(l.w.ctx, func(tx db.Tx) error {
		for _, e := range events {
			spec := syncproto.Spec{Name: e.Type, Version: e.Version, Lane: syncproto.LaneLearning}
			if _, err := s.outbox.Append(l.w.ctx, tx, s.log, syncer.Change{Spec: spec, Entity: e.Entity, Body: e.Body, HLC: e.HLC}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
	return s
}

// pull applies the sender's log up to a position.
func (l lab) pull(s sender, to int64) error {
	key := lane{labSchool, 7, int64(syncproto.LaneLearning)}
	for l.c.store.marksIn.rows[key].seq < to {
		err := s.store.View(l.w.ctx, func(tx db.Tx) error {
			after := l.c.store.marksIn.rows[key].seq
			f, _, err := syncer.Cut(l.w.ctx, tx, s.log, syncer.Piece{Lane: syncproto.LaneLearning, After: after, MaxBytes: syncproto.MaxFrame})
			if err != nil {
				return err
			}
			if f.End() > to {
				f.Events = f.Events[:to-after]
				f.Last = f.Prev
				for _, e := range f.Events {
					f.Last = syncproto.Chain(f.Last, e.Hash())
				}
			}
			_, err = l.c.apply.Apply(l.w.ctx, s.log, *f)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// acknowledge tells the sender that everything up to a position is applied and
// backed up, and lets it prune.
func (s sender) acknowledge(rt *rapid.T, l lab, to int64) {
	var marks syncproto.Marks
	var backed [syncproto.Lanes]int64
	m := l.c.store.marksIn.rows[lane{labSchool, 7, int64(syncproto.LaneLearning)}]
	marks[syncproto.LaneLearning], backed[syncproto.LaneLearning] = syncproto.Mark{Seq: m.seq, Chain: syncproto.HashOf(m.chain)}, to
	var pruned int64
	err := s.store.Update(l.w.ctx, func(tx db.Tx) error {
		if _, err := s.outbox.Acknowledge(l.w.ctx, tx, s.log, marks, backed); err != nil {
			return err
		}
		var err error
		pruned, err = s.outbox.Prune(l.w.ctx, tx, labSchool)
		return err
	})
	if err != nil || pruned != to-1 {
		rt.Fatalf("%d rows pruned below %d: %v", pruned, to, err)
	}
}
