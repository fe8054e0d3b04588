package roster_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
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
