package roster_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/syncproto"
)

func learner(a identity.AccountID) syncproto.Audience { return syncproto.OfLearner(string(a)) }

// merges draws merges among a few learners, and takes some of them back.
func merges(t *rapid.T) []roster.Change {
	n := rapid.IntRange(0, 8).Draw(t, "merges")
	who := rapid.IntRange(0, 4)
	var out []roster.Change
	for i := range n {
		m := roster.Change{ID: fmt.Sprint(i), Kind: roster.Merge, Account: account(who.Draw(t, "learner")), Other: account(who.Draw(t, "duplicate")),
			At: db.Time{Time: time.Unix(int64(rapid.IntRange(0, 3).Draw(t, "at")), 0)}}
		out = append(out, m)
		if rapid.Bool().Draw(t, "undone") {
			out = append(out, roster.Change{ID: "u" + m.ID, Kind: roster.Unmerge, Of: m.ID, Account: m.Account, Other: m.Other})
		}
	}
	return out
}

func account(n int) identity.AccountID { return identity.AccountID(fmt.Sprint("learner ", n)) }

func TestTheOrderOfMergesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		changes := merges(t)
		shuffled := rapid.Permutation(append(changes, changes...)).Draw(t, "shuffled")
		if a, b := roster.Merged(changes), roster.Merged(shuffled); !maps.Equal(a, b) {
			t.Fatalf("%v in one order, %v in another", a, b)
		}
	})
}

func TestAMergeTakenBackLeavesNoTrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		changes := merges(t)
		m := roster.Change{ID: "more", Kind: roster.Merge, Account: account(rapid.IntRange(0, 4).Draw(t, "a")), Other: account(rapid.IntRange(0, 4).Draw(t, "b"))}
		back := roster.Change{ID: "back", Kind: roster.Unmerge, Of: "more", Account: m.Account, Other: m.Other}
		if a, b := roster.Merged(changes), roster.Merged(append(changes, m, back)); !maps.Equal(a, b) {
			t.Fatalf("%v before, %v after", a, b)
		}
	})
}

func TestNobodyIsMergedIntoADuplicate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		into := roster.Merged(merges(t))
		for duplicate, learner := range into {
			if _, also := into[learner]; also || duplicate == learner {
				t.Fatalf("%s is merged into %s: %v", duplicate, learner, into)
			}
		}
	})
}

func TestBothSidesAgreeOnMerges(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		b := w.box("A")
		x, y, z := b.add(t, "X", "4 Blue"), b.add(t, "Y", "4 Blue"), b.add(t, "Z", "4 Blue")
		w.exchange(b)
		agree := func(step string, want map[identity.AccountID]identity.AccountID) {
			t.Helper()
			w.exchange(b)
			for _, a := range []identity.AccountID{x.ID, y.ID, z.ID} {
				here, there := b.account(t, a), w.cloud.account(t, a)
				if here.MergedInto != want[a] || there.MergedInto != want[a] {
					t.Errorf("%s: %s is merged into %q at the school, %q on the cloud, want %q", step, here.FullName, here.MergedInto, there.MergedInto, want[a])
				}
			}
		}
		check(t, b.MergeLearners(t.Context(), b.head, b.school, x.ID, y.ID))
		if got := b.account(t, y.ID).MergedInto; got != x.ID {
			t.Errorf("before the exchange: %q", got)
		}
		lines, err := b.List(t.Context(), b.head, b.school, "")
		if err != nil || len(lines) != 2 {
			t.Errorf("the roster has %d lines (%v)", len(lines), err)
		}
		agree("y is x", map[identity.AccountID]identity.AccountID{y.ID: x.ID})
		w.clock.Advance(time.Minute)
		check(t, w.cloud.MergeLearners(t.Context(), w.admin, b.school, z.ID, x.ID))
		agree("and x is z", map[identity.AccountID]identity.AccountID{y.ID: z.ID, x.ID: z.ID})

		list, err := b.ListMerges(t.Context(), b.head, b.school)
		check(t, err)
		if len(list) != 2 {
			t.Fatalf("%d merges stand", len(list))
		}
		check(t, b.UndoMerge(t.Context(), b.head, b.school, list[0].Change.ID)) // the newest: x is z
		agree("x is herself", map[identity.AccountID]identity.AccountID{y.ID: x.ID})
		check(t, b.UndoMerge(t.Context(), b.head, b.school, list[1].Change.ID))
		agree("all are", nil)
		wantErr(t, b.UndoMerge(t.Context(), b.head, b.school, string(x.ID)), roster.ErrNoChange)
		wantErr(t, b.MergeLearners(t.Context(), b.head, b.school, x.ID, x.ID), roster.ErrSameLearner)
	})
}

// tamper keeps a change at the box that its pages would not make.
func (b *box) tamper(t *testing.T, at time.Time, c roster.Change) {
	t.Helper()
	c.ID, c.School, c.At = id.New(), b.school, db.Time{Time: at}
	check(t, b.db.Update(t.Context(), func(tx db.Tx) error { _, err := roster.Changes.Save(t.Context(), tx, c); return err }))
}

// run brings the box's changes to the cloud as a long run of the applier does: all
// are stored before the first is acted on.
func (w *world) run(b *box) {
	w.t.Helper()
	ctx := w.t.Context()
	check(w.t, w.cloud.db.Update(ctx, func(tx db.Tx) error {
		var stored []roster.Change
		for _, c := range b.take("cloud") {
			if err := w.cloud.people.Admits(ctx, tx, string(b.school), c.Audience); err != nil {
				return err
			}
			if err := put(ctx, tx, roster.Changes, c, func(v roster.Change) error { stored = append(stored, v); return nil }); err != nil {
				return err
			}
		}
		return w.cloud.OnChanges(ctx, tx, stored)
	}))
}

// Of a run of changes none counts before it was judged.
func TestAMergeInARunReachesNoOtherSchool(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		mine, theirs := w.box("Mine"), w.box("Theirs")
		x, y, moved := mine.add(t, "X", "4 Blue"), mine.add(t, "Y", "4 Blue"), mine.add(t, "Moved", "4 Blue")
		v1, v2 := theirs.add(t, "V 1", "4 Blue"), theirs.add(t, "V 2", "4 Blue")
		check(t, theirs.MergeLearners(t.Context(), theirs.head, theirs.school, v1.ID, v2.ID))
		slips, err := mine.MakeCodes(t.Context(), mine.head, mine.school, roster.MoveLearner, []identity.AccountID{moved.ID})
		check(t, err)
		w.exchange(mine, theirs)
		check(t, theirs.Receive(t.Context(), theirs.head, theirs.school, slips[0].Text, roster.Patch{Grade: new("Grade 4")}))
		w.exchange(theirs, mine)
		their, err := theirs.ListMerges(t.Context(), theirs.head, theirs.school)
		check(t, err)
		if len(their) != 1 {
			t.Fatalf("%d merges at the other school", len(their))
		}
		before := map[identity.AccountID]identity.Account{}
		for _, a := range []identity.AccountID{moved.ID, v1.ID, v2.ID} {
			before[a] = w.cloud.account(t, a)
		}

		for i := range 6 {
			_, err := mine.Correct(t.Context(), mine.head, mine.school, x.ID, roster.Patch{AdmissionNumber: new(fmt.Sprint(i))})
			check(t, err)
		}
		now := w.clock.Now()
		mine.tamper(t, now, roster.Change{Kind: roster.Merge, Account: x.ID, Other: y.ID})
		mine.tamper(t, now, roster.Change{Kind: roster.Merge, Account: x.ID, Other: moved.ID})
		mine.tamper(t, now, roster.Change{Kind: roster.Unmerge, Account: x.ID, Other: v1.ID, Of: their[0].Change.ID})
		w.run(mine)
		w.down(mine)
		w.down(theirs)

		if todos := mine.todos(t); len(todos) != 2 {
			t.Errorf("to-dos %v, want the two that name learners of another school", todos)
		}
		if got := w.cloud.account(t, y.ID).MergedInto; got != x.ID {
			t.Errorf("the school's own duplicate is merged into %q", got)
		}
		for a, want := range before {
			if got := w.cloud.account(t, a); got != want {
				t.Errorf("on the cloud she was %+v and is %+v", want, got)
			}
			if got := theirs.account(t, a); got != want {
				t.Errorf("at her school she is %+v, want %+v", got, want)
			}
		}
	})
}

// A merge and what takes it back may come in one run.
func TestARunOfMergesFoldsAsOneByOne(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	b := w.box("A")
	x, y, z := b.add(t, "X", "4 Blue"), b.add(t, "Y", "4 Blue"), b.add(t, "Z", "4 Blue")
	w.exchange(b)
	check(t, b.MergeLearners(t.Context(), b.head, b.school, x.ID, y.ID))
	merges, err := b.ListMerges(t.Context(), b.head, b.school)
	check(t, err)
	w.clock.Advance(time.Minute)
	check(t, b.MergeLearners(t.Context(), b.head, b.school, z.ID, x.ID))
	check(t, b.UndoMerge(t.Context(), b.head, b.school, merges[0].Change.ID))
	w.run(b)
	w.down(b)
	for a, want := range map[identity.AccountID]identity.AccountID{x.ID: z.ID, y.ID: "", z.ID: ""} {
		if here, there := b.account(t, a).MergedInto, w.cloud.account(t, a).MergedInto; here != want || there != want {
			t.Errorf("merged into %q at the school, %q on the cloud, want %q", here, there, want)
		}
	}
}
