package personal_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// armed gives w the engine that an erasure needs.
func armed(t *testing.T, w *world) *world {
	t.Helper()
	reg, err := registry.All()
	must(t, err)
	hybrid, err := syncer.OpenHybrid(t.Context(), w.db, w.clock)
	must(t, err)
	w.Join(personal.Engine{Outbox: &syncer.Outbox{Hybrid: hybrid, Clock: w.clock}, Registry: reg})
	return w
}

func exec(t *testing.T, d db.DB, text string, args ...any) {
	t.Helper()
	must(t, d.Update(t.Context(), func(tx db.Tx) error {
		_, err := tx.Exec(t.Context(), db.SQL{Both: text}, args...)
		return err
	}))
}

// office is an admin, who acts on paper.
var office = identity.Actor{Account: "00000000-0000-7000-8000-00000000ad11", Role: identity.Admin}

// One row in every place, and another person beside her: what is hers goes, or is
// blanked where the map says so; what is the other's stays.
func TestAnErasureEmptiesEveryPlace(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w, p, other := armed(t, newWorld(d)), ofNew(), ofNew()
		fill(t, d, p)
		exec(t, d, `UPDATE schools SET named_adult_id = ''`)
		exec(t, d, `UPDATE guardians SET learner_id = $1`, other.id) // she is a guardian too
		asked, err := w.Ask(t.Context(), office, personal.Request{Person: identity.AccountID(p.id), Reason: "a letter"})
		must(t, err)
		w.clock.Advance(personal.Cooling - 1)
		if n, err := w.Due(t.Context()); n != 0 || err != nil {
			t.Fatalf("%d erased before their time, %v", n, err)
		}
		w.clock.Advance(1)
		if n, err := w.Due(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d erased, %v", n, err)
		}
		for _, at := range tablesWith(t, d, marker+p.id) {
			table, column, _ := strings.Cut(at, ".")
			if !stays(table) || column == "details" || column == "instructor_email" || at == "erasure_requests.reason" {
				t.Errorf("%s still says something of her", at)
			}
		}
		if left := tablesWith(t, d, phone); len(left) > 0 {
			t.Errorf("her phone is still in %v", left)
		}
		if left := tablesWith(t, d, secret); slices.Contains(left, "logins.password_hash") || slices.Contains(left, "payment_intents.signature") {
			t.Errorf("secrets of hers are still in %v", left)
		}
		proof, err := w.ProofByCode(t.Context(), asked.Code)
		must(t, err)
		if !proof.Complete || proof.DoneAt.IsZero() || len(proof.Stops) == 0 || proof.Kept["payment_intents"] == "" {
			t.Errorf("the receipt says %+v", proof)
		}
	})
}

// stays tells whether the map keeps rows of a table. The rows of these tests hold
// the marker in all their texts.
func stays(table string) bool {
	return !slices.ContainsFunc(personal.Places(), func(p personal.Place) bool { return p.Table == table && p.End == personal.Deleted })
}

func TestAnErasureCoolsAndCanBeWithdrawn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w, p := armed(t, newWorld(d)), ofNew()
		fill(t, d, p)
		who, person := office, identity.AccountID(p.id)
		self := identity.Actor{Account: person, Role: identity.Student}
		if _, err := w.Ask(t.Context(), self, personal.Request{Person: person}); !errors.Is(err, personal.ErrAskAtHome) {
			t.Fatalf("a child for herself: %v", err)
		}
		if _, err := w.Ask(t.Context(), who, personal.Request{Person: person, Reason: "a letter"}); !errors.Is(err, personal.ErrNamedAdult) {
			t.Fatalf("the named adult of a school: %v", err)
		}
		exec(t, d, `UPDATE schools SET named_adult_id = ''`)
		one, err := w.Ask(t.Context(), who, personal.Request{Person: person, Reason: "a letter"})
		must(t, err)
		again, err := w.Ask(t.Context(), who, personal.Request{Person: person, Reason: "a letter"})
		must(t, err)
		if one.ID != again.ID {
			t.Error("asking twice makes two requests")
		}
		stranger := identity.Actor{Account: identity.AccountID(ofNew().id), Role: identity.Parent}
		if err := w.Withdraw(t.Context(), stranger, person); !errors.Is(err, identity.ErrNoSuchAccount) {
			t.Errorf("a stranger withdraws: %v", err)
		}
		if _, err := w.Standing(t.Context(), stranger, person); !errors.Is(err, identity.ErrNoSuchAccount) {
			t.Errorf("a stranger reads: %v", err)
		}
		must(t, w.Withdraw(t.Context(), who, person))
		w.clock.Advance(2 * personal.Cooling)
		if n, err := w.Due(t.Context()); n != 0 || err != nil {
			t.Errorf("%d erased although it was withdrawn, %v", n, err)
		}
		if _, err := w.Standing(t.Context(), who, person); !errors.Is(err, personal.ErrNoRequest) {
			t.Errorf("a withdrawn request stands: %v", err)
		}
		if _, err := w.ProofByCode(t.Context(), one.Code); !errors.Is(err, personal.ErrNoRequest) {
			t.Errorf("a withdrawn request has a receipt: %v", err)
		}
	})
}

// A box may erase its own learners; of anybody else its word is refused.
func TestABoxErasesNobodyElsesLearner(t *testing.T) {
	d := dbtest.Postgres(t)
	w, p := armed(t, newWorld(d)), ofNew()
	fill(t, d, p)
	try := func(school string) error {
		return w.db.Update(t.Context(), func(tx db.Tx) error {
			return w.OnErasures(context.Background(), tx, []personal.Erasure{{ID: "x", Person: p.id, School: school, By: "head"}})
		})
	}
	if err := try(ofNew().school); !errors.Is(err, personal.ErrNotTheirs) {
		t.Errorf("another school: %v", err)
	}
	if len(tablesWith(t, d, phone)) == 0 {
		t.Fatal("she is gone")
	}
	must(t, try(p.school))
	if left := tablesWith(t, d, phone); len(left) > 0 {
		t.Errorf("her own school: her phone is still in %v", left)
	}
}
