package privacy_test

import (
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/privacy"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// duplicate is the child once more, with a guardian of her own: her account, the
// link and the phone.
func (w *world) duplicate() (identity.Account, string, string) {
	w.t.Helper()
	d, err := w.people.AddLearner(w.t.Context(), w.admin, w.school.ID, identity.NewLearner{FullName: "Amina Ekay", Grade: "Grade 4", ClassName: "4 Blue", PIN: "4271"})
	must(w.t, err)
	const phone = "254711000003"
	g, err := w.people.LinkGuardian(w.t.Context(), w.admin, w.school.ID, identity.NewGuardian{Learner: d.ID, Name: "Mary Ekai", Phone: phone, Verified: true})
	must(w.t, err)
	return d, g.ID, phone
}

// merge makes the duplicate count for into; for nobody when it is empty.
func (w *world) merge(d identity.Account, into identity.AccountID) {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	d.MergedInto = into
	must(w.t, w.db.Update(w.t.Context(), func(tx db.Tx) error { return w.people.Keep(w.t.Context(), tx, d) }))
}

// text sends a message of a guardian and waits for its answer, the nth to her.
func (w *world) text(phone, text string, nth int) {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	w.post.Text(phone, text)
	w.last(phone, nth)
}

func (w *world) onPaper(p identity.Purpose) {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	_, err := w.people.RecordConsent(w.t.Context(), w.admin, identity.NewConsent{Learner: w.child.ID, Purpose: p, Given: true,
		Method: identity.OnPaper, GuardianName: "Mary Ekai", TextVersion: consent.Version})
	must(w.t, err)
}

func (w *world) want(what string, p identity.Purpose, yes bool) {
	w.t.Helper()
	if got := w.allowed(p); got != yes {
		w.t.Errorf("%s: allowed is %v", what, got)
	}
}

func TestTheAnswerOfADuplicatesGuardian(t *testing.T) {
	t.Run("asked after the merge it counts for the learner", func(t *testing.T) {
		w := newWorld(t)
		d, link, phone := w.duplicate()
		w.merge(d, w.child.ID)
		w.onPaper(identity.CloudTutor)
		q, err := w.Ask(t.Context(), w.admin, privacy.Asking{Learner: w.child.ID, Guardian: link, Purpose: identity.CloudTutor})
		must(t, err)
		w.last(phone, 1)
		w.text(phone, "NO "+q.Code, 2)
		w.want("no", identity.CloudTutor, false)
		w.text(phone, "YES "+q.Code, 3)
		w.want("yes", identity.CloudTutor, true)
		list, err := w.people.ListConsents(t.Context(), w.admin, w.child.ID)
		must(t, err)
		if list[0].Learner != w.child.ID || list[1].Learner != w.child.ID {
			t.Errorf("stored for %s and %s", list[0].Learner, list[1].Learner)
		}
		w.text(phone, "STOP "+q.Code, 4)
		w.want("stop with the code", identity.CloudTutor, false)
		w.onPaper(identity.Photos)
		w.text(phone, "STOP", 5)
		w.want("stop alone", identity.Photos, false)
	})
	t.Run("asked and answered before the merge it counts after it", func(t *testing.T) {
		w := newWorld(t)
		d, link, phone := w.duplicate()
		q, err := w.Ask(t.Context(), w.admin, privacy.Asking{Learner: d.ID, Guardian: link, Purpose: identity.CloudTutor})
		must(t, err)
		w.last(phone, 1)
		w.text(phone, "YES "+q.Code, 2)
		w.want("before", identity.CloudTutor, false)
		w.merge(d, w.child.ID)
		w.want("after", identity.CloudTutor, true)
		w.text(phone, "STOP", 3)
		w.want("stop alone", identity.CloudTutor, false)
	})
	t.Run("asked before and answered after", func(t *testing.T) {
		w := newWorld(t)
		d, link, phone := w.duplicate()
		q, err := w.Ask(t.Context(), w.admin, privacy.Asking{Learner: d.ID, Guardian: link, Purpose: identity.CloudTutor})
		must(t, err)
		w.last(phone, 1)
		w.merge(d, w.child.ID)
		if list, err := w.ListQuestions(t.Context(), w.admin, w.child.ID); err != nil || len(list) != 1 {
			t.Errorf("%d questions are listed, %v", len(list), err)
		}
		if _, err := w.Ask(t.Context(), w.admin, privacy.Asking{Learner: w.child.ID, Guardian: link, Purpose: identity.CloudTutor}); err == nil {
			t.Error("the same is asked twice a day")
		}
		w.onPaper(identity.CloudTutor)
		w.text(phone, "NO "+q.Code, 2)
		w.want("no", identity.CloudTutor, false)
		w.text(phone, "YES "+q.Code, 3)
		w.want("yes", identity.CloudTutor, true)
	})
	t.Run("when the merge is taken back she may end what was allowed, and no more", func(t *testing.T) {
		w := newWorld(t)
		d, link, phone := w.duplicate()
		w.merge(d, w.child.ID)
		q, err := w.Ask(t.Context(), w.admin, privacy.Asking{Learner: w.child.ID, Guardian: link, Purpose: identity.CloudTutor})
		must(t, err)
		w.last(phone, 1)
		w.text(phone, "YES "+q.Code, 2)
		w.merge(d, "")
		w.text(phone, "STOP "+q.Code, 3)
		w.want("stop", identity.CloudTutor, false)
		w.post.Text(phone, "YES "+q.Code)
		until(t, "it is stored", func() bool { return w.count(`SELECT count(*) FROM sms_inbox WHERE body LIKE 'YES %'`) == 2 })
		w.want("yes of somebody else's guardian", identity.CloudTutor, false)
	})
}
