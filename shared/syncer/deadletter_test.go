package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// receiver applies frames on one database, as either side does.
type receiver struct {
	*world
	*node
	puts   int // facts stored one at a time
	pauses []syncer.Pause
	next   [syncproto.Lanes]syncproto.Mark
}

// member is a record that others refer to.
var member = notes

// onBoth runs a test on both databases: the cloud's letters and a box's.
func onBoth(t *testing.T, fn func(t *testing.T, r *receiver)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := &world{t: t, clock: clock.NewFake(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)), school: id.New(), epoch: 1_700_000_000}
		r := &receiver{world: w, node: w.node(d, syncproto.EdgeOnly)}
		counting := r.node.facts
		put := counting.Put
		counting.Put = func(ctx context.Context, tx db.Tx, f fact) (bool, error) { r.puts++; return put(ctx, tx, f) }
		reg, err := syncer.NewRegistry(counting, member, orders)
		w.must(err)
		r.applier.Registry = reg
		r.applier.Paused = func(_ context.Context, _ db.Tx, p syncer.Pause) error { r.pauses = append(r.pauses, p); return nil }
		fn(t, r)
	})
}

// take applies the next events of a lane.
func (r *receiver) take(lane syncproto.Lane, events ...syncproto.Event) error {
	r.t.Helper()
	f := syncproto.Frame{School: r.school, Epoch: r.epoch, Lane: lane, First: r.next[lane].Seq + 1, Prev: r.next[lane].Chain, Events: events}
	_, err := syncproto.EncodeFrame(&f)
	r.must(err)
	mark, err := r.applier.Apply(r.t.Context(), syncer.Log{School: r.school, Epoch: r.epoch}, f)
	if err == nil {
		r.next[lane] = mark
	}
	return err
}

func (r *receiver) letters(f syncer.Filter) (out []syncer.DeadLetter) {
	r.t.Helper()
	f.School = r.school
	r.must(r.db.View(r.t.Context(), func(tx db.Tx) (err error) {
		out, _, err = syncer.ListLetters(r.t.Context(), tx, f, 0, 5_000)
		return err
	}))
	return out
}

func (r *receiver) facts() int64 { r.t.Helper(); n, _ := r.total(r.node); return n }

// bad is a fact that can never be stored: the table refuses it.
func (r *receiver) bad() syncproto.Event { return r.fact(id.New(), 2_000_000) }

func (r *receiver) fact(entity string, points int64) syncproto.Event {
	r.t.Helper()
	body, err := syncproto.EncodeBody(fact{ID: entity, Learner: id.New(), Points: points, At: db.Time{Time: r.clock.Now()}})
	r.must(err)
	return syncproto.Event{Type: "test.fact", Version: 1, Entity: entity, HLC: syncproto.HLCAt(r.clock.Now()), Body: body}
}

func (r *receiver) note(entity, text string) syncproto.Event {
	r.t.Helper()
	body, err := syncproto.EncodeBody(note{ID: entity, School: r.school, Text: text})
	r.must(err)
	r.clock.Advance(time.Second)
	return syncproto.Event{Type: "test.note", Version: 1, Entity: entity, HLC: syncproto.HLCAt(r.clock.Now()), Body: body}
}

// Every sort of poison: the lane goes on, other entities are stored, later
// records of the same entity park, and a replay of the mended record gives
// what would have been.
func TestThePoisonList(t *testing.T) {
	huge := strings.Repeat("x", syncproto.MaxBody-100)
	for name, poison := range map[string]func(r *receiver, entity string) syncproto.Event{
		"malformed": func(r *receiver, entity string) syncproto.Event {
			return syncproto.Event{Type: "test.note", Version: 1, Entity: entity, HLC: syncproto.HLCAt(r.clock.Now()), Body: []byte{0xff, 0x00}}
		},
		"another id inside": func(r *receiver, entity string) syncproto.Event {
			e := r.note(id.New(), "x")
			e.Entity = entity
			return e
		},
		"not the writer": func(r *receiver, entity string) syncproto.Event {
			e := r.note(entity, "x")
			e.Type = "test.order"
			return e
		},
		"a constraint": func(r *receiver, entity string) syncproto.Event { return r.fact(entity, 2_000_000) },
		"a rule":       func(r *receiver, entity string) syncproto.Event { return r.fact(entity, -5) },
		"the largest event": func(r *receiver, entity string) syncproto.Event {
			e := r.note(entity, huge)
			e.Type = "test.order"
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, r *receiver) {
				entity := id.New()
				e := poison(r, entity)
				later := r.note(entity, "later")
				later.Type = e.Type
				if e.Type == "test.fact" {
					later = r.fact(entity, 7)
				}
				other := r.fact(id.New(), 1)
				r.must(r.take(syncproto.LaneLearning, e, other, later))
				if got := r.letters(syncer.Filter{State: syncer.StateOpen}); len(got) != 2 || got[0].Kind != "parked" || got[1].Kind != "poison" || got[1].Reason == "" {
					t.Fatalf("letters: %+v", got)
				}
				if n := r.facts(); n != 1 || r.next[syncproto.LaneLearning].Seq != 3 {
					t.Fatalf("%d facts at %d; the lane did not go on", n, r.next[syncproto.LaneLearning].Seq)
				}
				if e.Type == "test.order" { // no body makes it right: discard
					return
				}
				letter := r.letters(syncer.Filter{Kind: "poison"})[0]
				mended := fmt.Sprintf(`{"ID":%q,"School":%q,"Text":"mended"}`, entity, r.school)
				if e.Type == "test.fact" {
					mended = `{"Points":5}`
				}
				n, err := r.applier.Replay(t.Context(), syncer.Decision{Letter: letter.ID, Who: "admin", Because: "a typing mistake", Body: []byte(mended)})
				if err != nil || n != 2 {
					t.Fatalf("replayed %d: %v", n, err)
				}
				if open := r.letters(syncer.Filter{State: syncer.StateOpen}); len(open) != 0 {
					t.Fatalf("still open: %+v", open)
				}
				if e.Type == "test.note" && r.count(r.node, `SELECT count(*) FROM notes WHERE text = 'later'`) != 1 {
					t.Error("the parked record did not follow the mended one")
				}
				if e.Type == "test.fact" && r.facts() != 2 {
					t.Errorf("%d facts, want 2", r.facts())
				}
				done := r.letters(syncer.Filter{State: syncer.StateReplayed})
				if len(done) != 2 || done[1].DecidedBy != "admin" || done[1].Because == "" || done[1].DecidedAt.IsZero() || len(done[1].Fixed) == 0 {
					t.Errorf("who decided is not kept: %+v", done)
				}
			})
		})
	}
	t.Run("an unknown type and a newer version do not count", func(t *testing.T) {
		onBoth(t, func(t *testing.T, r *receiver) {
			future, newer := r.note(id.New(), "x"), r.note(id.New(), "y")
			future.Type, newer.Version = "test.future", 9
			r.must(r.take(syncproto.LaneLearning, future, newer, r.fact(id.New(), 1)))
			if got := r.letters(syncer.Filter{Kind: "unknown"}); len(got) != 2 || r.facts() != 1 {
				t.Fatalf("letters %+v, %d facts", got, r.facts())
			}
			var b syncer.Backlog
			r.must(r.db.View(t.Context(), func(tx db.Tx) (err error) {
				b, err = syncer.ReadBacklog(t.Context(), tx, syncer.Log{School: r.school, Epoch: r.epoch})
				return err
			}))
			if b.DeadLetters != 0 {
				t.Errorf("%d count as dead letters", b.DeadLetters)
			}
		})
	})
}

func TestGoodRecordsAroundABadOneStayInBulk(t *testing.T) {
	onBoth(t, func(t *testing.T, r *receiver) {
		events := make([]syncproto.Event, syncproto.MaxEvents)
		for i := range events {
			events[i] = r.fact(id.New(), 1)
		}
		events[617] = r.bad()
		r.must(r.take(syncproto.LaneLearning, events...))
		if n := r.facts(); n != int64(len(events))-1 || len(r.letters(syncer.Filter{Kind: "poison"})) != 1 {
			t.Fatalf("%d facts, letters %v", n, r.letters(syncer.Filter{}))
		}
		if r.puts > 8 {
			t.Errorf("%d records went one at a time, want at most 8", r.puts)
		}
		if len(r.seen) != len(events)-1 {
			t.Errorf("reactions saw %d of %d", len(r.seen), len(events)-1)
		}
		// With a letter open, later frames still go in bulk.
		r.puts = 0
		for i := range events {
			events[i] = r.fact(id.New(), 1)
		}
		r.must(r.take(syncproto.LaneLearning, events...))
		if r.puts != 0 {
			t.Errorf("behind an open letter %d records went one at a time", r.puts)
		}
	})
}

func TestALaneWithTooMuchPoisonTakesNothingMore(t *testing.T) {
	poison := func(r *receiver, bad, good int) (events []syncproto.Event) {
		for range bad {
			events = append(events, r.bad())
		}
		for range good {
			events = append(events, r.fact(id.New(), 1))
		}
		return events
	}
	paused := func(r *receiver, lane syncproto.Lane) bool {
		err := r.take(lane, r.fact(id.New(), 1))
		if err != nil && !errors.Is(err, syncer.ErrPaused) {
			r.t.Fatal(err)
		}
		return err != nil
	}
	for _, c := range []struct {
		name      string
		lane      syncproto.Lane
		bad, good int
		paused    bool
	}{
		{"nine of few", syncproto.LaneLearning, 9, 20, false},
		{"ten of few", syncproto.LaneLearning, 10, 20, true},
		{"ten of a thousand is one in a hundred", syncproto.LaneLearning, 10, 990, false},
		{"eleven of a thousand", syncproto.LaneLearning, 11, 989, true},
		{"control never", syncproto.LaneControl, 200, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, r *receiver) {
				r.must(r.take(c.lane, poison(r, c.bad, c.good)...))
				if got := paused(r, c.lane); got != c.paused || (len(r.pauses) == 1) != c.paused {
					t.Errorf("paused %v, told %v", got, r.pauses)
				}
				if c.paused && paused(r, syncproto.LaneTutor) {
					t.Error("another lane is paused too")
				}
			})
		})
	}
	t.Run("above a hundred, however many went well", func(t *testing.T) {
		onBoth(t, func(t *testing.T, r *receiver) {
			for range 10 { // ten in each thousand: below one percent at every look
				r.must(r.take(syncproto.LaneLearning, poison(r, 10, 990)...))
			}
			if paused(r, syncproto.LaneLearning) {
				t.Fatal("paused at 100")
			}
			r.must(r.take(syncproto.LaneLearning, append(poison(r, 0, 998), r.bad())...))
			if !paused(r, syncproto.LaneLearning) {
				t.Fatal("not paused at 101")
			}
		})
	})
	t.Run("nothing is lost, and it goes on when an admin says so or the count falls", func(t *testing.T) {
		onBoth(t, func(t *testing.T, r *receiver) {
			ctx := t.Context()
			r.must(r.take(syncproto.LaneLearning, poison(r, 12, 0)...))
			if !paused(r, syncproto.LaneLearning) {
				t.Fatal("not paused")
			}
			was, err := r.applier.Resume(ctx, r.school, syncproto.LaneLearning, "admin")
			if err != nil || !was {
				t.Fatal(was, err)
			}
			if paused(r, syncproto.LaneLearning) {
				t.Fatal("paused again by what was let pass")
			}
			r.must(r.take(syncproto.LaneLearning, poison(r, 10, 0)...))
			if !paused(r, syncproto.LaneLearning) {
				t.Fatal("what comes after does not count")
			}
			for _, l := range r.letters(syncer.Filter{State: syncer.StateOpen})[:4] {
				_, err := r.applier.Discard(ctx, syncer.Decision{Letter: l.ID, Who: "admin", Because: "test data"})
				r.must(err)
			}
			if paused(r, syncproto.LaneLearning) {
				t.Error("still paused with six of ten decided")
			}
			if got := r.letters(syncer.Filter{State: syncer.StateDiscarded}); len(got) != 4 || got[0].Because != "test data" {
				t.Errorf("discarded ones are not kept: %+v", got)
			}
		})
	})
}

func TestAMissingRecordIsWaitedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, r *receiver) {
		ctx := t.Context()
		other := id.New()
		child := func() syncproto.Event {
			e := r.fact(id.New(), 3)
			e.Deps = []string{"test.note/" + other}
			return e
		}
		one, two := child(), child()
		r.must(r.take(syncproto.LaneLearning, one, r.fact(id.New(), 1), two))
		waiting := r.letters(syncer.Filter{Kind: "waiting"})
		if len(waiting) != 2 || waiting[0].WaitsFor != other || r.facts() != 1 {
			t.Fatalf("waiting %+v, %d facts", waiting, r.facts())
		}
		n, err := r.applier.Sweep(ctx)
		if err != nil || n != 0 || len(r.letters(syncer.Filter{Kind: "waiting", State: syncer.StateOpen})) != 2 {
			t.Fatalf("swept %d: %v", n, err)
		}
		r.must(r.take(syncproto.LaneRoster, r.note(other, "here")))
		if r.facts() != 3 || len(r.letters(syncer.Filter{State: syncer.StateOpen})) != 0 {
			t.Fatalf("%d facts after it came; open: %+v", r.facts(), r.letters(syncer.Filter{State: syncer.StateOpen}))
		}
		if len(r.seen) != 3 {
			t.Errorf("reactions saw %d, want 3", len(r.seen))
		}
	})
	t.Run("for seven days, then it is poison", func(t *testing.T) {
		onBoth(t, func(t *testing.T, r *receiver) {
			e := r.fact(id.New(), 3)
			e.Deps = []string{"test.note/" + id.New()}
			r.must(r.take(syncproto.LaneLearning, e))
			r.clock.Advance(7*24*time.Hour - time.Minute)
			_, err := r.applier.Sweep(t.Context())
			r.must(err)
			if len(r.letters(syncer.Filter{Kind: "poison"})) != 0 {
				t.Fatal("poison too early")
			}
			r.clock.Advance(2 * time.Minute)
			_, err = r.applier.Sweep(t.Context())
			r.must(err)
			if len(r.letters(syncer.Filter{Kind: "poison"})) != 1 {
				t.Fatal("waits for ever")
			}
		})
	})
	t.Run("what waits does not count, and never fills the box", func(t *testing.T) {
		onBoth(t, func(t *testing.T, r *receiver) {
			many := func(n int) (events []syncproto.Event) {
				for range n {
					e := r.fact(id.New(), 3)
					e.Deps = []string{"test.note/" + id.New()}
					events = append(events, e)
				}
				return events
			}
			r.must(r.take(syncproto.LaneLearning, many(1_000)...))
			r.must(r.take(syncproto.LaneLearning, many(1)...))
			if err := r.take(syncproto.LaneLearning, many(1)...); !errors.Is(err, syncer.ErrPaused) {
				t.Fatalf("1,001 wait and the lane takes more: %v", err)
			}
		})
	})
}

func TestDecidingALetter(t *testing.T) {
	onBoth(t, func(t *testing.T, r *receiver) {
		ctx := t.Context()
		entity := id.New()
		r.must(r.take(syncproto.LaneLearning, r.fact(entity, -1), r.fact(entity, -2), r.fact(entity, 3)))
		letters := r.letters(syncer.Filter{State: syncer.StateOpen})
		first, second := letters[2], letters[1]

		l, body, err := r.applier.Open(ctx, first.ID, "admin")
		if err != nil || !strings.Contains(string(body), `"Points": -1`) || l.Event.Entity != entity {
			t.Fatalf("opened %s: %v", body, err)
		}
		if got := r.letters(syncer.Filter{Kind: "poison"})[0]; got.OpenedBy != "admin" || got.OpenedAt.IsZero() {
			t.Error("who looked is not kept")
		}
		decide := func(l syncer.DeadLetter, body string) error {
			_, err := r.applier.Replay(ctx, syncer.Decision{Letter: l.ID, Who: "admin", Body: []byte(body)})
			return err
		}
		for name, c := range map[string]struct {
			err  error
			want string
		}{
			"a letter behind another": {decide(second, `{"Points":2}`), "letter_behind"},
			"still bad":               {decide(first, `{"Points":-7}`), "letter_still_bad"},
			"as it is":                {decide(first, ""), "letter_still_bad"},
			"no JSON":                 {decide(first, "{"), "letter_body"},
			"a field that is not":     {decide(first, `{"Pionts":2}`), "letter_body"},
			"another id":              {decide(first, `{"ID":"`+id.New()+`"}`), "letter_id"},
			"no such letter":          {decide(syncer.DeadLetter{ID: id.New()}, ""), "no_such_letter"},
		} {
			var f *fault.Error
			if !errors.As(c.err, &f) || f.Code != c.want {
				t.Errorf("%s: %v, want %s", name, c.err, c.want)
			}
		}
		if r.facts() != 0 {
			t.Fatal("a refused decision stored something")
		}
		// The first is given up; the second, parked, is bad itself and stands in the way.
		n, err := r.applier.Discard(ctx, syncer.Decision{Letter: first.ID, Who: "admin", Because: "twice typed"})
		if err != nil || n != 0 {
			t.Fatal(n, err)
		}
		if err := decide(first, `{"Points":2}`); !errors.Is(err, syncer.ErrDecided) {
			t.Errorf("decided twice: %v", err)
		}
		if open := r.letters(syncer.Filter{State: syncer.StateOpen}); len(open) != 2 || open[1].Kind != "poison" || open[1].ID != second.ID {
			t.Fatalf("open: %+v", open)
		}
		if err := decide(second, `{"Points":2}`); err != nil {
			t.Fatal(err)
		}
		if r.facts() != 1 || len(r.letters(syncer.Filter{State: syncer.StateOpen})) != 0 {
			t.Errorf("%d facts, open %+v", r.facts(), r.letters(syncer.Filter{State: syncer.StateOpen}))
		}
	})
	t.Run("all of a type after a fix", func(t *testing.T) {
		onBoth(t, func(t *testing.T, r *receiver) {
			var events []syncproto.Event
			for range 5 {
				events = append(events, r.fact(id.New(), 1))
			}
			reg := r.applier.Registry
			strict := r.node.facts
			strict.Put = func(context.Context, db.Tx, fact) (bool, error) {
				return false, fault.New(fault.Invalid, "a mistake of ours")
			}
			strict.Bulk = nil
			broken, err := syncer.NewRegistry(strict)
			r.must(err)
			r.applier.Registry = broken
			r.must(r.take(syncproto.LaneLearning, events...))
			r.applier.Registry = reg
			if n, err := r.applier.ReplayType(t.Context(), "test.note"); err != nil || n != 0 {
				t.Fatal(n, err)
			}
			if n, err := r.applier.ReplayType(t.Context(), "test.fact"); err != nil || n != 5 || r.facts() != 5 {
				t.Fatal(n, err, r.facts())
			}
		})
	})
}

// The two sides of a paused lane: the sender holds it back without a storm, the
// other lanes go on, and what was held arrives after the resume.
func TestTheSenderOfAPausedLaneHoldsItBack(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	learner := id.New()
	saveBad := func() {
		f := fact{ID: id.New(), Learner: stranger, Points: 1, At: db.Time{Time: w.clock.Now()}}
		w.do(w.edge.db, func(tx db.Tx) error { _, err := w.edge.facts.Save(ctx, tx, f); return err })
	}
	for range 12 {
		saveBad()
	}
	w.settle(4)
	for range 300 {
		w.save(w.edge, 1, learner)
	}
	w.settle(3)
	frames, rounds := 0, 240
	for range rounds {
		out, err := w.edge.peer.Outgoing(ctx, 700)
		w.must(err)
		for _, m := range out {
			if m.Kind == syncproto.KindFrame {
				frames++
			}
			w.must(w.cloud.peer.Handle(ctx, m))
		}
		back, err := w.cloud.peer.Outgoing(ctx, 700)
		w.must(err)
		for _, m := range back {
			w.must(w.edge.peer.Handle(ctx, m))
		}
		w.clock.Advance(time.Second)
	}
	if count, _ := w.total(w.cloud); count != 0 {
		t.Fatalf("%d facts went through a paused lane", count)
	}
	if frames > 30 { // one window, before the first ack
		t.Errorf("%d frames of a paused lane in %d s", frames, rounds)
	}
	n := note{ID: id.New(), School: w.school, Text: "on time"}
	w.do(w.edge.db, func(tx db.Tx) error { _, err := notes.Save(ctx, tx, n); return err })
	w.settle(3)
	if w.count(w.cloud, `SELECT count(*) FROM notes`) != 1 {
		t.Error("another lane stands still")
	}
	if _, err := w.cloud.applier.Resume(ctx, w.school, syncproto.LaneLearning, "admin"); err != nil {
		t.Fatal(err)
	}
	w.cloud.peer.SayHello()
	w.settle(80)
	if count, _ := w.total(w.cloud); count != 300 {
		t.Errorf("%d facts after the resume, want 300", count)
	}
}
