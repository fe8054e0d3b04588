package personal_test

import (
	"context"
	"errors"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/personal"
)

func TestAnAdminSeesHowFarEveryErasureIs(t *testing.T) {
	l := newLine(t)
	one, two, back := l.learner("Zawadi Ekai"), l.learner("Faith Friend"), l.learner("Left Alone")
	l.both()
	list := func() []personal.Proof {
		t.Helper()
		out, total, err := l.cloud.List(t.Context(), l.admin, 10, 0)
		must(t, err)
		if total != len(out) {
			t.Errorf("%d of %d", len(out), total)
		}
		return out
	}
	ask := func(who identity.Account) {
		t.Helper()
		_, err := l.cloud.Ask(t.Context(), l.admin, personal.Request{Person: who.ID, Reason: "her mother wrote"})
		must(t, err)
	}
	ask(one)
	ask(back)
	must(t, l.cloud.Withdraw(t.Context(), l.admin, back.ID))
	if got := list(); len(got) != 1 || got[0].Person != string(one.ID) || !got[0].DoneAt.IsZero() || got[0].Complete || got[0].Code == "" {
		t.Errorf("while it cools: %+v", got)
	}

	l.clock.Advance(personal.Cooling)
	_, err := l.cloud.Due(t.Context())
	must(t, err)
	got := list()
	if len(got) != 1 || got[0].DoneAt.IsZero() || got[0].Complete || len(got[0].Stops) != 2 {
		t.Fatalf("while the box has not confirmed: %+v", got)
	}
	waits := 0
	for _, stop := range got[0].Stops {
		if stop.Box && stop.At.IsZero() && stop.Name == "Lodwar" {
			waits++
		}
	}
	if waits != 1 {
		t.Errorf("it waits for %+v", got[0].Stops)
	}

	l.both()
	_, err = l.box.Confirm(t.Context())
	must(t, err)
	l.both()
	if got := list(); len(got) != 1 || !got[0].Complete {
		t.Errorf("when the box has confirmed: %+v", got)
	}

	t.Run("also one that a school asked for at its box", func(t *testing.T) {
		l.clock.Advance(1)
		must(t, l.cloud.db.Update(t.Context(), func(tx db.Tx) error {
			return l.cloud.OnErasures(context.Background(), tx, []personal.Erasure{{ID: "x", Person: string(two.ID), School: l.school, By: "head"}})
		}))
		if got := list(); len(got) != 2 || got[0].Person != string(two.ID) || got[0].Code != "" || got[0].DoneAt.IsZero() {
			t.Errorf("%+v", got)
		}
		page, total, err := l.cloud.List(t.Context(), l.admin, 1, 1)
		must(t, err)
		if total != 2 || len(page) != 1 || page[0].Person != string(one.ID) {
			t.Errorf("the second page of %d: %+v", total, page)
		}
	})
}

func TestNobodyButAnAdminListsErasures(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(d)
		for _, role := range []identity.Role{"", identity.Student, identity.Parent, identity.Instructor, identity.Staff, identity.Partner} {
			if _, _, err := w.List(t.Context(), identity.Actor{Account: "x", Role: role}, 10, 0); !errors.Is(err, identity.ErrForbidden) {
				t.Errorf("%q: %v", role, err)
			}
		}
		if out, total, err := w.List(t.Context(), office, 10, 0); err != nil || total != 0 || len(out) != 0 {
			t.Errorf("of nothing: %v, %d, %v", out, total, err)
		}
	})
}
