package privacy_test

import (
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/privacy"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// hear sends a message from a phone and waits until it is dealt with; what is said
// to it is stored by then.
func (w *world) hear(phone, text string) {
	w.t.Helper()
	before := w.count(`SELECT count(*) FROM sms_inbox`)
	w.post.Text(phone, text)
	until(w.t, "the message is stored", func() bool { return w.count(`SELECT count(*) FROM sms_inbox`) == before+1 })
}

// letters counts what was said to the guardian.
func (w *world) letters() int64 {
	return w.count(`SELECT count(*) FROM letters WHERE recipient = '` + w.phone + `'`)
}

func (w *world) ask(link string) (code string) {
	w.t.Helper()
	q, err := w.Ask(w.t.Context(), w.admin, privacy.Asking{Learner: w.child.ID, Guardian: link, Purpose: identity.CloudTutor})
	must(w.t, err)
	return q.Code
}

func TestAGuardianWhoMistypesIsToldHowToAnswer(t *testing.T) {
	w := newWorld(t)
	w.hear(w.phone, "What is this?")
	if n := w.letters(); n != 0 {
		t.Fatalf("who was asked nothing is told %d things", n)
	}
	code := w.ask(w.link)
	question := w.last(w.phone, 1)
	for i, text := range []string{"YES 0999", "Yes", "blah"} {
		w.hear(w.phone, text)
		if said := w.last(w.phone, i+2); !strings.Contains(said, "did not understand") || !strings.Contains(said, "YES "+code+" or NO "+code) || !strings.Contains(said, "Amina") {
			t.Errorf("%q is answered %q", text, said)
		}
	}
	t.Run("at most three times a day", func(t *testing.T) {
		w.hear(w.phone, "I am driving")
		if n := w.letters(); n != 4 {
			t.Errorf("%d letters went", n)
		}
	})
	t.Run("our question sent back by a machine is no answer", func(t *testing.T) {
		w.hear(w.phone, question)
		if w.allowed(identity.CloudTutor) {
			t.Error("it is a yes")
		}
	})
	t.Run("the next day again, in the language she writes", func(t *testing.T) {
		w.clock.Advance(25 * time.Hour)
		w.hear(w.phone, "Hapana")
		if said := w.last(w.phone, 5); !strings.Contains(said, "NDIO "+code+" au HAPANA "+code) {
			t.Errorf("she is told %q", said)
		}
	})
	t.Run("strangers are told nothing", func(t *testing.T) {
		w.hear("254711000009", "YES "+code)
		w.hear("254711000009", "blah")
		if n := w.count(`SELECT count(*) FROM letters WHERE recipient = '254711000009'`); n != 0 {
			t.Errorf("%d letters went", n)
		}
	})
	t.Run("nor is she, once she has answered", func(t *testing.T) {
		w.hear(w.phone, "NO "+code)
		w.last(w.phone, 6)
		w.hear(w.phone, "Thank you")
		if n := w.letters(); n != 6 {
			t.Errorf("%d letters went", n)
		}
	})
}

func TestAWithdrawalIsAnsweredInItsLanguage(t *testing.T) {
	w := newWorld(t)
	code := w.ask(w.link)
	w.last(w.phone, 1)
	for i, c := range []struct{ text, want string }{
		{"YES " + code, "your yes for Amina is recorded"},
		{"ACHA " + code, "Kibali chako kwa Amina (namba " + code + ") kimeondolewa"},
		{"STOP " + code, "Your consent for Amina (code " + code + ") is withdrawn"},
		{"HAPANA " + code, "Umekataa kwa Amina"},
		{"acha", "Vibali vyote ulivyotoa"},
		{"stop", "Everything you had allowed"},
	} {
		w.hear(w.phone, c.text)
		if said := w.last(w.phone, i+2); !strings.Contains(said, c.want) {
			t.Errorf("%q is answered %q", c.text, said)
		}
		if w.allowed(identity.CloudTutor) != (i == 0) {
			t.Errorf("after %q it is allowed: %v", c.text, i != 0)
		}
	}
}

func TestTheOldNumberAnswersNoMore(t *testing.T) {
	const second = "254722000002"
	w, ctx := newWorld(t), t.Context()
	p, err := w.people.Register(ctx, identity.Registration{Email: "mary@uhs.example", Password: "Sunny-Day-2026", Role: identity.Parent, FullName: "Mary Ekai"})
	must(t, err)
	w.phone = "254711000005"
	g, err := w.people.LinkGuardian(ctx, w.admin, w.school.ID, identity.NewGuardian{Learner: w.child.ID, Parent: p.Account.ID, Phone: w.phone, Verified: true})
	must(t, err)
	code := w.ask(g.ID)
	w.last(w.phone, 1)
	must(t, w.db.Update(ctx, func(tx db.Tx) error { return w.people.SetPhone(ctx, tx, p.Account.ID, second) }))
	for _, text := range []string{"YES " + code, "blah"} {
		w.hear(w.phone, text)
		if w.allowed(identity.CloudTutor) || w.letters() != 1 {
			t.Errorf("the old number says %q: allowed %v, %d letters", text, w.allowed(identity.CloudTutor), w.letters())
		}
	}
	w.hear(second, "YES "+code)
	if !w.allowed(identity.CloudTutor) {
		t.Error("the new number's yes does not count")
	}
	if said := w.last(second, 1); !strings.Contains(said, "STOP "+code) {
		t.Errorf("the receipt reads %q", said)
	}
}
