package identity_test

import (
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
)

// merge makes duplicates count for the learner into; nobody when it is empty.
func (w *world) merge(t *testing.T, into identity.AccountID, duplicates ...identity.Account) {
	t.Helper()
	w.clock.Advance(time.Minute)
	must(t, w.db.Update(t.Context(), func(tx db.Tx) error {
		for _, d := range duplicates {
			d.MergedInto = into
			if err := w.Keep(t.Context(), tx, d); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestConsentOfDuplicates(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		school := w.school(t, "Kisumu Primary")
		amina, second, third := w.learner(t, school.ID, "Amina", "4271"), w.learner(t, school.ID, "Amina A", "4271"), w.learner(t, school.ID, "Amina B", "4271")
		other := w.learner(t, school.ID, "Brian", "4271")
		say := func(learner identity.AccountID, given bool) {
			t.Helper()
			w.clock.Advance(time.Minute)
			get(w.RecordConsent(t.Context(), w.admin, identity.NewConsent{Learner: learner, Purpose: identity.CloudTutor, Given: given,
				Method: identity.OnPaper, GuardianName: "Mary", TextVersion: "2026-1"}))(t)
		}
		want := func(step string, yes bool, whom ...identity.Account) {
			t.Helper()
			for _, a := range whom {
				if got := view(t, w.db, func(tx db.Tx) (bool, error) { return w.HasConsent(t.Context(), tx, a.ID, identity.CloudTutor) }); got != yes {
					t.Errorf("%s: %s has consent: %v", step, a.FullName, got)
				}
			}
		}
		say(second.ID, true)
		want("before the merge", false, amina, third)
		w.merge(t, amina.ID, second, third)
		want("a yes for the duplicate", true, amina, second, third)
		want("a yes for the duplicate", false, other)
		say(amina.ID, false)
		want("a later no for the learner", false, amina, second, third)
		say(third.ID, true)
		want("a yes for another duplicate", true, amina, second, third)
		say(second.ID, false)
		want("the latest, a no for the first", false, amina, second, third)
		if list := get(w.ListConsents(t.Context(), w.admin, amina.ID))(t); len(list) != 4 || list[0].Learner != second.ID || list[0].Given {
			t.Errorf("the list is %+v", list)
		}
		w.merge(t, "", second, third)
		want("when the merge is taken back", true, third)
		want("when the merge is taken back", false, amina, second)
	})
}
