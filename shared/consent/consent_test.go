package consent_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
)

func TestEveryPurposeIsExplainedInBothLanguages(t *testing.T) {
	words, ok := consent.Texts(consent.Version)
	if !ok || len(words) != len(identity.Purposes()) {
		t.Fatalf("%d purposes are explained, %v", len(words), ok)
	}
	for _, p := range identity.Purposes() {
		for _, language := range []string{"en", "sw"} {
			w := words[p][language]
			for name, text := range map[string]string{"title": w.Title, "what": w.What, "who": w.Who, "how_long": w.HowLong, "automated": w.Automated,
				"transfer": w.Transfer, "withdraw": w.Withdraw, "sms": w.SMS} {
				if len(text) < 15 {
					t.Errorf("%s in %s does not say %s", p, language, name)
				}
			}
			if len(w.SMS) > 71 {
				t.Errorf("%s in %s does not fit into a text message: %d", p, language, len(w.SMS))
			}
		}
	}
	if consent.Known("2001-01", identity.CloudTutor) || consent.Known(consent.Version, "everything") || !consent.Known(consent.Version, identity.Photos) {
		t.Error("texts that never were are known, or the present ones are not")
	}
}

// journal throws away what is recorded.
type journal struct{}

func (journal) Record(context.Context, db.Tx, syncer.Change) error { return nil }

type world struct {
	*consent.Service
	people  *identity.Service
	clock   *clock.Fake
	teacher identity.Actor
}

func newWorld(d db.DB) *world {
	w := &world{clock: clock.NewFake(time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC))}
	d = syncer.WithJournal(d, journal{})
	w.people = identity.New(identity.Options{DB: d, Clock: w.clock, BcryptCost: 4, Form: consent.HasForm})
	w.Service = consent.New(consent.Options{DB: d, Clock: w.clock, People: w.people})
	w.teacher = identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Instructor, School: identity.SchoolID(id.New())}
	return w
}

func (w *world) learner(t *testing.T, d db.DB, born string) identity.Actor {
	t.Helper()
	a := identity.Account{ID: identity.AccountID(id.New()), Role: identity.Student, FullName: "Amina Ekai", Status: identity.Active, School: w.teacher.School, Born: born,
		CreatedAt: db.Time{Time: w.clock.Now()}, UpdatedAt: db.Time{Time: w.clock.Now()}}
	if err := d.Update(t.Context(), func(tx db.Tx) error { _, err := identity.Accounts.Put(t.Context(), tx, a); return err }); err != nil {
		t.Fatal(err)
	}
	return identity.Actor{Account: a.ID, Role: identity.Student, School: a.School}
}

func TestWhatALearnerShowsNeedsConsent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(d)
		child := w.learner(t, d, "2016")
		on, seen := true, consent.OfAll
		open := func(who identity.Actor) error {
			_, err := w.SetSettings(t.Context(), who, who.Account, consent.Change{ProfileVisibility: &seen, ShowStreak: &on})
			return err
		}
		say := func(given bool) {
			t.Helper()
			w.clock.Advance(time.Minute)
			if _, err := w.people.RecordConsent(t.Context(), w.teacher, identity.NewConsent{Learner: child.Account, Purpose: identity.SocialFeatures, Given: given,
				Method: identity.OnPaper, GuardianName: "Mary", TextVersion: consent.Version}); err != nil {
				t.Fatal(err)
			}
		}
		read := func() consent.Settings {
			t.Helper()
			v, err := w.Settings(t.Context(), child, child.Account)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if v := read(); v.ProfileVisibility != consent.Private || v.ShowStreak {
			t.Errorf("by default she shows %+v", v)
		}
		if err := open(child); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("without consent: %v", err)
		}
		say(true)
		if err := open(child); err != nil || read().ProfileVisibility != consent.OfAll {
			t.Errorf("with consent: %v", err)
		}
		say(false)
		if v := read(); v.ProfileVisibility != consent.Private || v.ShowStreak {
			t.Errorf("after it was taken back she shows %+v", v)
		}
		if _, err := w.people.RecordConsent(t.Context(), child, identity.NewConsent{Learner: child.Account, Purpose: identity.SocialFeatures, Given: true,
			Method: identity.OnWeb, TextVersion: consent.Version}); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("a child consents for herself: %v", err)
		}
		grown := w.learner(t, d, "2008-11-26")
		if _, err := w.people.RecordConsent(t.Context(), grown, identity.NewConsent{Learner: grown.Account, Purpose: identity.SocialFeatures, Given: true,
			Method: identity.OnWeb, TextVersion: consent.Version}); err != nil {
			t.Errorf("on her 18th birthday she may: %v", err)
		}
	})
}

func TestWhoIsAMinor(t *testing.T) {
	now := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	for born, minor := range map[string]bool{"": true, "2008-11-26": false, "2008-11-27": true, "2008": true, "2007": false, "long ago": true} {
		if got := (identity.Account{Born: born}).Minor(now); got != minor {
			t.Errorf("born %q: %v", born, got)
		}
	}
}

func TestThePhotoOfAForm(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(d)
		child := w.learner(t, d, "2016")
		big := image.NewRGBA(image.Rect(0, 0, 2400, 1200))
		for i := range 2400 {
			big.Set(i, i/2, color.RGBA{R: 255, A: 255})
		}
		var raw bytes.Buffer
		if err := png.Encode(&raw, big); err != nil {
			t.Fatal(err)
		}
		raw.WriteString("<script>hidden behind the picture</script>")
		name, err := w.AddPhoto(t.Context(), w.teacher, child.Account, raw.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		kept, err := w.Photo(t.Context(), w.teacher, child.Account, name)
		if err != nil {
			t.Fatal(err)
		}
		size, err := jpeg.DecodeConfig(bytes.NewReader(kept))
		if err != nil || size.Width != 1600 || size.Height != 800 || strings.Contains(string(kept), "script") {
			t.Errorf("kept is %+v, %v", size, err)
		}
		if _, err := w.Photo(t.Context(), child, child.Account, name); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("the child reads it: %v", err)
		}
		other := w.learner(t, d, "2016")
		if _, err := w.Photo(t.Context(), w.teacher, other.Account, name); fault.KindOf(err) != fault.NotFound {
			t.Errorf("as another child's: %v", err)
		}
		again, err := w.AddPhoto(t.Context(), w.teacher, other.Account, raw.Bytes())
		if err != nil || again == name {
			t.Errorf("the same form for another child is %s, %v", again, err)
		}
		if got, err := w.Photo(t.Context(), w.teacher, other.Account, again); err != nil || !bytes.Equal(got, kept) {
			t.Errorf("it is not hers: %v", err)
		}
		record := func(learner identity.AccountID, photo string) error {
			_, err := w.people.RecordConsent(t.Context(), w.teacher, identity.NewConsent{Learner: learner, Purpose: identity.Photos, Given: true,
				Method: identity.OnPaper, GuardianName: "Mary", TextVersion: consent.Version, Photo: photo})
			return err
		}
		if err := record(child.Account, name); err != nil {
			t.Errorf("a consent with her own form: %v", err)
		}
		for what, photo := range map[string]string{"another child's": again, "none that is here": strings.Repeat("0", 64)} {
			if err := record(child.Account, photo); fault.KindOf(err) != fault.Invalid {
				t.Errorf("a consent with %s form: %v", what, err)
			}
		}
		stranger := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Instructor, School: identity.SchoolID(id.New())}
		if _, err := w.AddPhoto(t.Context(), stranger, child.Account, []byte("never looked at")); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a stranger's photo: %v", err)
		}
		for what, bad := range map[string][]byte{"no picture": []byte("hello"), "nothing": nil, "too large": make([]byte, consent.MaxPhoto+1)} {
			if _, err := w.AddPhoto(t.Context(), w.teacher, child.Account, bad); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
