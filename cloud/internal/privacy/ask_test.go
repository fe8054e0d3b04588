package privacy_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/cloud/internal/jobs"
	"urbanhomeschool.org/uhs/cloud/internal/privacy"
	"urbanhomeschool.org/uhs/cloud/internal/simpost"
	"urbanhomeschool.org/uhs/cloud/internal/sms"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/db/postgres"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is the cloud's privacy service on a real database and the simulated SMS
// gateway, which calls back as the real one does.
type world struct {
	*privacy.Service
	t       *testing.T
	db      db.DB
	pool    *postgres.DB
	clock   *clock.Fake
	people  *identity.Service
	consent *consent.Service
	post    *simpost.Post
	queue   *jobs.Queue
	log     *journal
	admin   identity.Actor
	school  identity.School
	child   identity.Account
	phone   string
	link    string
}

// journal counts what is recorded for schools.
type journal struct {
	mu      sync.Mutex
	records []syncer.Change
}

func (j *journal) Record(_ context.Context, _ db.Tx, c syncer.Change) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, c)
	return nil
}

func (j *journal) of(name string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.records {
		if c.Spec.Name == name {
			n++
		}
	}
	return n
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, pool: dbtest.Postgres(t), log: &journal{}, clock: clock.NewFake(time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)), phone: "254711000001"}
	must(t, jobs.Migrate(t.Context(), w.pool.Pool))
	w.db = syncer.WithJournal(w.pool, w.log)
	w.people = identity.New(identity.Options{DB: w.db, Clock: w.clock, Issuer: "test", Audience: identity.CloudAudience, Passwords: identity.CloudPasswords{}, BcryptCost: 4,
		AnnounceKey: identity.Keys.Save, Pepper: func(identity.SchoolID) ([]byte, error) { return make([]byte, 32), nil }, Text: consent.Known})
	w.consent = consent.New(consent.Options{DB: w.db, Clock: w.clock, People: w.people})
	mux := http.NewServeMux()
	var c *courier.Courier
	mux.HandleFunc("/i", func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if err := c.OnIncoming(r.Context(), raw); err != nil {
			t.Error(err)
		}
	})
	cloud := httptest.NewServer(mux)
	t.Cleanup(cloud.Close)
	var err error
	w.post, err = simpost.Open(simpost.Options{Incoming: cloud.URL + "/i", Clock: w.clock, Log: logging.Discard()})
	must(t, err)
	gate := httptest.NewServer(w.post)
	t.Cleanup(func() { w.post.Close(); gate.Close() })
	w.queue = jobs.New(jobs.Options{Pool: w.pool.Pool, Log: logging.Discard(), Retry: func(int) time.Duration { return 50 * time.Millisecond }})
	c, err = courier.New(courier.Options{DB: w.db, Jobs: w.queue, Clock: w.clock, Log: logging.Discard(),
		Text: sms.New(sms.Config{BaseURL: gate.URL, Username: simpost.DefaultUsername, Key: simpost.DefaultKey, From: simpost.DefaultShortCode})})
	must(t, err)
	w.Service = privacy.New(privacy.Options{DB: w.db, Clock: w.clock, Log: logging.Discard(), People: w.people, Consent: w.consent, Courier: c})
	c.Listen("consent", w.OnMessage)
	must(t, w.queue.Open())
	must(t, w.queue.Start(t.Context()))
	t.Cleanup(func() { must(t, w.queue.Stop(context.Background())) })

	p, err := w.people.CreateFirstAdmin(t.Context(), "admin@uhs.example", "Sunny-Day-2026", "Ada Admin")
	must(t, err)
	w.admin = identity.Actor{Account: p.Account.ID, Role: identity.Admin}
	w.school, err = w.people.CreateSchool(t.Context(), w.admin, identity.NewSchool{Name: "Lodwar Primary", County: "Turkana", Language: "en"})
	must(t, err)
	w.child, err = w.people.AddLearner(t.Context(), w.admin, w.school.ID, identity.NewLearner{FullName: "Amina Ekai", Grade: "Grade 4", ClassName: "4 Blue", PIN: "4271"})
	must(t, err)
	w.link = w.guardian(w.phone, true)
	return w
}

func (w *world) guardian(phone string, verified bool) string {
	w.t.Helper()
	g, err := w.people.LinkGuardian(w.t.Context(), w.admin, w.school.ID, identity.NewGuardian{Learner: w.child.ID, Name: "Mary Ekai", Phone: phone, Verified: verified})
	must(w.t, err)
	return g.ID
}

func (w *world) allowed(p identity.Purpose) (ok bool) {
	w.t.Helper()
	must(w.t, w.db.View(w.t.Context(), func(tx db.Tx) (err error) {
		ok, err = w.people.HasConsent(w.t.Context(), tx, w.child.ID, p)
		return err
	}))
	return ok
}

// last waits for the nth message to the phone and gives its text.
func (w *world) last(phone string, n int) string {
	w.t.Helper()
	for range 2400 { // a minute: the machine may be busy
		var texts []string
		for _, m := range w.post.Snapshot().Messages {
			if m.To == phone {
				texts = append(texts, m.Text)
			}
		}
		if len(texts) == n {
			return texts[n-1]
		}
		time.Sleep(25 * time.Millisecond)
	}
	w.t.Fatalf("there is no message number %d to %s", n, phone)
	return ""
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 2400 { // a minute: the machine may be busy
		if ok() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatal("not so: " + what)
}

var fourDigits = regexp.MustCompile(`\b\d{4}\b`)

func TestAGuardianAnswersByTextMessage(t *testing.T) {
	w := newWorld(t)
	ask := privacy.Asking{Learner: w.child.ID, Guardian: w.link, Purpose: identity.CloudTutor}
	q, err := w.Ask(t.Context(), w.admin, ask)
	must(t, err)
	text := w.last(w.phone, 1)
	code := fourDigits.FindString(text)
	if code != q.Code || !strings.Contains(text, "Amina") || strings.Contains(text, "Ekai") || !strings.Contains(text, "an AI on the internet") {
		t.Fatalf("the question reads %q", text)
	}
	if w.allowed(identity.CloudTutor) {
		t.Fatal("asking alone allows it")
	}
	t.Run("the same is not asked twice a day", func(t *testing.T) {
		if _, err := w.Ask(t.Context(), w.admin, ask); fault.KindOf(err) != fault.Conflict {
			t.Error(err)
		}
	})
	t.Run("another phone with the code decides nothing", func(t *testing.T) {
		w.post.Text("254711000009", "YES "+code)
		until(t, "the message is stored", func() bool { return w.count(`SELECT count(*) FROM sms_inbox WHERE sender = '254711000009'`) == 1 })
		if w.allowed(identity.CloudTutor) {
			t.Error("allowed")
		}
	})
	t.Run("a code that was never sent decides nothing", func(t *testing.T) {
		w.post.Text(w.phone, "YES 0999")
		until(t, "the message is stored", func() bool { return w.count(`SELECT count(*) FROM sms_inbox WHERE body = 'YES 0999'`) == 1 })
		if w.allowed(identity.CloudTutor) {
			t.Error("allowed")
		}
	})
	t.Run("yes allows it, and the schools hear of it", func(t *testing.T) {
		before := w.log.of(identity.Consents.Name)
		w.post.Text(w.phone, "ndio, "+code)
		until(t, "it is allowed", func() bool { return w.allowed(identity.CloudTutor) })
		if w.allowed(identity.ThirdParty) {
			t.Error("a yes to one purpose allows another")
		}
		if got := w.log.of(identity.Consents.Name) - before; got != 1 {
			t.Errorf("%d records for the school", got)
		}
		if text := w.last(w.phone, 3); !strings.Contains(text, "ACHA "+code) { // 2 told her how to answer
			t.Errorf("the receipt reads %q", text)
		}
	})
	t.Run("stop with the code takes it back, a year later", func(t *testing.T) {
		w.clock.Advance(365 * 24 * time.Hour)
		w.post.Text(w.phone, "Acha "+code)
		until(t, "it is taken back", func() bool { return !w.allowed(identity.CloudTutor) })
		w.last(w.phone, 4)
		w.post.Text(w.phone, "YES "+code)
		if text := w.last(w.phone, 5); !strings.Contains(text, "too old") {
			t.Errorf("a late yes is answered %q", text)
		}
		if w.allowed(identity.CloudTutor) {
			t.Error("a yes a year later counts")
		}
	})
	t.Run("stop alone takes back everything, however it was given", func(t *testing.T) {
		_, err := w.people.RecordConsent(t.Context(), w.admin, identity.NewConsent{Learner: w.child.ID, Purpose: identity.Photos, Given: true,
			Method: identity.OnPaper, GuardianName: "Mary Ekai", TextVersion: consent.Version})
		must(t, err)
		w.post.Text(w.phone, "STOP")
		until(t, "it is taken back", func() bool { return !w.allowed(identity.Photos) })
	})
}

func TestOnlyVerifiedGuardiansAreAsked(t *testing.T) {
	w := newWorld(t)
	_, err := w.Ask(t.Context(), w.admin, privacy.Asking{Learner: w.child.ID, Guardian: w.guardian("254711000002", false), Purpose: identity.CloudTutor})
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unverified phone: %v", err)
	}
	other, err := w.people.AddLearner(t.Context(), w.admin, w.school.ID, identity.NewLearner{FullName: "Brian Otieno", Grade: "Grade 4", PIN: "4271"})
	must(t, err)
	if _, err := w.Ask(t.Context(), w.admin, privacy.Asking{Learner: other.ID, Guardian: w.link, Purpose: identity.CloudTutor}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("somebody else's guardian: %v", err)
	}
	teacher := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Instructor, School: w.school.ID}
	if _, err := w.Ask(t.Context(), teacher, privacy.Asking{Learner: w.child.ID, Guardian: w.link, Purpose: identity.CloudTutor}); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a teacher without a duty: %v", err)
	}
}

func (w *world) count(q string) (n int64) {
	w.t.Helper()
	must(w.t, w.pool.Pool.QueryRow(w.t.Context(), q).Scan(&n))
	return n
}

func TestAParentSetsWhatSheAllows(t *testing.T) {
	w := newWorld(t)
	p, err := w.people.Register(t.Context(), identity.Registration{Email: "mary@uhs.example", Password: "Sunny-Day-2026", Role: identity.Parent, FullName: "Mary Ekai"})
	must(t, err)
	mary := identity.Actor{Account: p.Account.ID, Role: identity.Parent}
	_, err = w.people.LinkGuardian(t.Context(), w.admin, w.school.ID, identity.NewGuardian{Learner: w.child.ID, Parent: p.Account.ID})
	must(t, err)
	own, family, err := w.Family(t.Context(), mary)
	must(t, err)
	if own != (privacy.ParentSettings{}) || len(family) != 1 || family[0].Allowed[identity.CloudTutor] || family[0].ProfileVisibility != consent.Private {
		t.Fatalf("nothing is the default: %+v %+v", own, family)
	}
	yes, seen := true, consent.OfClass
	set := func(c privacy.ChildSettings) error {
		return w.SetFamily(t.Context(), mary, privacy.ParentChange{EmailMarketing: &yes, Children: map[identity.AccountID]privacy.ChildSettings{w.child.ID: c}})
	}
	if err := set(privacy.ChildSettings{ProfileVisibility: &seen}); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a profile opens without consent to social features: %v", err)
	}
	must(t, set(privacy.ChildSettings{SocialFeatures: &yes, AITutoring: &yes, ProfileVisibility: &seen}))
	own, family, err = w.Family(t.Context(), mary)
	must(t, err)
	if !own.EmailMarketing || own.ShareProgressWithSchool || !family[0].Allowed[identity.CloudTutor] || family[0].Allowed[identity.ThirdParty] || family[0].ProfileVisibility != consent.OfClass {
		t.Errorf("got %+v %+v", own, family)
	}
	no := false
	must(t, set(privacy.ChildSettings{SocialFeatures: &no}))
	if _, family, err = w.Family(t.Context(), mary); err != nil || family[0].ProfileVisibility != consent.Private {
		t.Errorf("after the consent is taken back the profile is %s, %v", family[0].ProfileVisibility, err)
	}
	other, err := w.people.AddLearner(t.Context(), w.admin, w.school.ID, identity.NewLearner{FullName: "Brian Otieno", Grade: "Grade 4", PIN: "4271"})
	must(t, err)
	if err := w.SetFamily(t.Context(), mary, privacy.ParentChange{Children: map[identity.AccountID]privacy.ChildSettings{other.ID: {AITutoring: &yes}}}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("somebody else's child: %v", err)
	}
}
