package tutor_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/tutor"
	"urbanhomeschool.org/uhs/syncproto"
)

// journal records what would travel.
type journal struct {
	mu      sync.Mutex
	changes []syncer.Change
}

func (j *journal) Record(_ context.Context, _ db.Tx, c syncer.Change) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.changes = append(j.changes, c)
	return nil
}

func (j *journal) named(name string) []syncer.Change {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []syncer.Change
	for _, c := range j.changes {
		if c.Spec.Name == name {
			out = append(out, c)
		}
	}
	return out
}

// school is everything around the tutor that other rooms give it.
type school struct {
	consent  bool
	passages []tutor.Passage
	open     []string
	adult    identity.AccountID
}

func (s *school) HasConsent(context.Context, db.Tx, identity.AccountID, string) (bool, error) {
	return s.consent, nil
}

func (s *school) Search(context.Context, db.Tx, string, []string) ([]tutor.Passage, error) {
	return s.passages, nil
}

func (s *school) OpenCourses(context.Context, db.Tx, identity.AccountID) ([]string, error) {
	return s.open, nil
}

func (s *school) Known(context.Context, db.Tx, identity.AccountID) (tutor.Known, error) {
	return tutor.Known{Learner: "Achieng Otieno", People: []string{"Achieng Otieno", "Mary Wairimu"}, Places: []string{"Mwangaza Primary School"}}, nil
}

func (s *school) NamedAdult(context.Context, db.Tx, identity.SchoolID) (identity.AccountID, error) {
	return s.adult, nil
}

// model is a provider that does as told.
type model struct {
	name string
	mu   sync.Mutex
	seen []tutor.Prompt
	// do answers; nil: a complete reply.
	do func(ctx context.Context) (tutor.Reply, error)
}

func (m *model) Name() string { return m.name }

func (m *model) Answer(ctx context.Context, p tutor.Prompt) (tutor.Reply, error) {
	m.mu.Lock()
	m.seen = append(m.seen, p)
	do := m.do
	m.mu.Unlock()
	if do != nil {
		return do(ctx)
	}
	return tutor.Reply{Text: "A model's answer.", Model: m.name + "-1", Tokens: 12}, nil
}

func (m *model) calls() int { m.mu.Lock(); defer m.mu.Unlock(); return len(m.seen) }

func (m *model) set(do func(ctx context.Context) (tutor.Reply, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.do = do
}

func fails(kind tutor.FailureKind) func(context.Context) (tutor.Reply, error) {
	return func(context.Context) (tutor.Reply, error) { return tutor.Reply{}, &tutor.Failure{Kind: kind} }
}

const (
	science = "0190b7a0-0000-7000-8000-000000000001"
	paid    = "0190b7a0-0000-7000-8000-000000000002"
)

var plants = tutor.Passage{CourseID: science, CourseTitle: "Science", LessonID: "0190b7a0-0000-7000-8000-0000000000aa",
	LessonTitle: "How plants feed", Heading: "Photosynthesis", Quote: "Photosynthesis is how green plants make food from light.", Link: "/courses/x"}

// world is one node with its tutor.
type world struct {
	*school
	t       *testing.T
	db      db.DB
	journal *journal
	clock   *clock.Fake
	tutor   *tutor.Service
	learner identity.Actor
}

func newWorld(t *testing.T, d db.DB, set func(*tutor.Options)) *world {
	t.Helper()
	w := &world{school: &school{open: []string{science}, passages: []tutor.Passage{plants}}, t: t, journal: &journal{},
		clock: clock.NewFake(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))}
	w.db = syncer.WithJournal(d, w.journal)
	w.learner = identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Student, School: identity.SchoolID(id.New())}
	opts := tutor.Options{Consents: w, Passages: w, Access: w, Names: w, Safeguards: w, Clock: w.clock, Log: logging.Discard()}
	if set != nil {
		set(&opts)
	}
	var err error
	if w.tutor, err = tutor.New(w.db, opts); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) ask(text string) tutor.Asked {
	w.t.Helper()
	got, err := w.tutor.Ask(w.t.Context(), w.learner, tutor.Asking{Text: text})
	if err != nil {
		w.t.Fatal(err)
	}
	w.clock.Advance(time.Second)
	return got
}

func (w *world) history() tutor.History {
	w.t.Helper()
	h, err := w.tutor.History(w.t.Context(), w.learner, 0, 50)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func TestAsk(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		t.Run("a question is answered from the lessons with title and link", func(t *testing.T) {
			w := newWorld(t, d, nil)
			got := w.ask("What is photosynthesis?")
			src := got.Best.Source
			if src.Kind != tutor.FromPassages || len(src.Passages) != 1 || src.Passages[0].Link != plants.Link {
				t.Errorf("got %+v", src)
			}
			if !strings.Contains(got.Best.Text, plants.Quote) || !strings.Contains(got.Best.Text, plants.LessonTitle) {
				t.Errorf("got %q", got.Best.Text)
			}
		})
		t.Run("a question the lessons do not cover gets an honest no", func(t *testing.T) {
			w := newWorld(t, d, nil)
			w.passages = nil
			got := w.ask("How do I mend a bicycle?")
			if got.Best.Source.Kind != tutor.FromNothing || len(got.Best.Source.Passages) != 0 {
				t.Errorf("got %+v", got.Best)
			}
		})
		t.Run("a paid lesson without access is not quoted", func(t *testing.T) {
			w := newWorld(t, d, nil)
			locked := plants
			locked.CourseID = paid
			w.passages = []tutor.Passage{locked}
			if got := w.ask("What is photosynthesis?"); got.Best.Source.Kind != tutor.FromNothing {
				t.Errorf("got %+v", got.Best)
			}
		})
		t.Run("a local model answers first and sees the passages last", func(t *testing.T) {
			m := &model{name: "local"}
			w := newWorld(t, d, func(o *tutor.Options) { o.Routes = []tutor.Route{{Provider: m}} })
			got := w.ask("What is photosynthesis?")
			if got.Best.Source.Kind != tutor.FromLocalModel || got.Best.Source.Model != "local-1" || got.Tokens != 12 {
				t.Errorf("got %+v", got)
			}
			msgs := m.seen[0].Messages()
			if msgs[0].Content != tutor.SystemPrompt || !strings.Contains(msgs[len(msgs)-1].Content, plants.Quote) {
				t.Errorf("got %+v", msgs)
			}
			w.ask("And at night?")
			if again := m.seen[1].Messages(); again[0] != msgs[0] || len(again) != 4 {
				t.Errorf("second prompt %+v", again)
			}
		})
		for _, kind := range []tutor.FailureKind{tutor.Unreachable, tutor.Busy, tutor.TimedOut, tutor.Cut, tutor.Denied, tutor.Rejected} {
			t.Run("the passages take over when the model fails: "+string(kind), func(t *testing.T) {
				m := &model{name: "local", do: fails(kind)}
				w := newWorld(t, d, func(o *tutor.Options) { o.Routes = []tutor.Route{{Provider: m}} })
				got := w.ask("What is photosynthesis?")
				if got.Best.Source.Kind != tutor.FromPassages || got.Best.Source.Reason != string(kind) {
					t.Errorf("got %+v", got.Best.Source)
				}
			})
		}
		t.Run("the second model answers when the first fails", func(t *testing.T) {
			first, second := &model{name: "first", do: fails(tutor.Cut)}, &model{name: "second"}
			w := newWorld(t, d, func(o *tutor.Options) { o.Routes = []tutor.Route{{Provider: first}, {Provider: second}} })
			if got := w.ask("What is photosynthesis?"); got.Best.Source.Provider != "second" {
				t.Errorf("got %+v", got.Best.Source)
			}
		})
		t.Run("what one model refused for safety is not offered to another", func(t *testing.T) {
			first, second := &model{name: "first", do: fails(tutor.Moderated)}, &model{name: "second"}
			w := newWorld(t, d, func(o *tutor.Options) { o.Routes = []tutor.Route{{Provider: first}, {Provider: second}} })
			if got := w.ask("What is photosynthesis?"); got.Best.Source.Reason != "moderated" || second.calls() != 0 {
				t.Errorf("got %+v, %d calls", got.Best.Source, second.calls())
			}
		})
		t.Run("an empty reply is not an answer", func(t *testing.T) {
			m := &model{name: "local", do: func(context.Context) (tutor.Reply, error) { return tutor.Reply{Text: " \n"}, nil }}
			w := newWorld(t, d, func(o *tutor.Options) { o.Routes = []tutor.Route{{Provider: m}} })
			if got := w.ask("What is photosynthesis?"); got.Best.Source.Reason != string(tutor.Cut) {
				t.Errorf("got %+v", got.Best.Source)
			}
		})
		t.Run("a slow model is left at the deadline of the chain", func(t *testing.T) {
			m := &model{name: "local", do: func(ctx context.Context) (tutor.Reply, error) { <-ctx.Done(); return tutor.Reply{}, ctx.Err() }}
			w := newWorld(t, d, func(o *tutor.Options) {
				o.Routes, o.Deadline = []tutor.Route{{Provider: m}}, 20*time.Millisecond
			})
			if got := w.ask("What is photosynthesis?"); got.Best.Source.Reason != string(tutor.TimedOut) {
				t.Errorf("got %+v", got.Best.Source)
			}
		})
		t.Run("a repeated request gives the first answer and asks no model again", func(t *testing.T) {
			m := &model{name: "local"}
			w := newWorld(t, d, func(o *tutor.Options) { o.Routes = []tutor.Route{{Provider: m}} })
			in := tutor.Asking{ID: tutor.QuestionID(id.New()), Text: "What is photosynthesis?"}
			first, err := w.tutor.Ask(t.Context(), w.learner, in)
			if err != nil {
				t.Fatal(err)
			}
			second, err := w.tutor.Ask(t.Context(), w.learner, in)
			if err != nil || second.Best.ID != first.Best.ID || m.calls() != 1 {
				t.Errorf("%v, %+v, %d calls", err, second.Best, m.calls())
			}
			other := w.learner
			other.Account = identity.AccountID(id.New())
			if _, err := w.tutor.Ask(t.Context(), other, in); fault.KindOf(err) != fault.Conflict {
				t.Errorf("another learner with this id: %v", err)
			}
		})
		t.Run("bad input is refused", func(t *testing.T) {
			w := newWorld(t, d, nil)
			for _, in := range []tutor.Asking{{}, {Text: "  \n"}, {Text: strings.Repeat("a", 2001)}, {Text: "x", ID: "7"}, {Text: "a\x00b"}, {Text: "x", CourseID: "../etc"}} {
				if _, err := w.tutor.Ask(t.Context(), w.learner, in); fault.KindOf(err) != fault.Invalid {
					t.Errorf("%.20q: %v", in.Text, err)
				}
			}
			teacher := w.learner
			teacher.Role = identity.Instructor
			if _, err := w.tutor.Ask(t.Context(), teacher, tutor.Asking{Text: "x"}); !errors.Is(err, identity.ErrForbidden) {
				t.Errorf("teacher: %v", err)
			}
		})
		t.Run("the daily limit ends at midnight in Nairobi", func(t *testing.T) {
			w := newWorld(t, d, func(o *tutor.Options) { o.DailyLimit = 2 })
			w.ask("What is photosynthesis?")
			w.ask("What is photosynthesis?")
			if _, err := w.tutor.Ask(t.Context(), w.learner, tutor.Asking{Text: "again?"}); fault.KindOf(err) != fault.TooMany {
				t.Fatalf("got %v", err)
			}
			if got := w.ask("i want to die"); got.Best.Source.Kind != tutor.FromSafety {
				t.Error("words of danger met the daily limit")
			}
			w.clock.Set(time.Date(2026, 3, 2, 21, 0, 0, 0, time.UTC)) // 00:00 of 3 March in Nairobi
			w.ask("What is photosynthesis?")
		})
		t.Run("a reset hides the conversation and keeps the facts", func(t *testing.T) {
			w := newWorld(t, d, nil)
			w.ask("What is photosynthesis?")
			before := w.history()
			if _, err := w.tutor.Reset(t.Context(), w.learner); err != nil {
				t.Fatal(err)
			}
			after := w.history()
			if before.Messages != 2 || after.Messages != 0 || len(after.Exchanges) != 0 || after.ConversationID == before.ConversationID {
				t.Errorf("before %d, after %d", before.Messages, after.Messages)
			}
			st, err := w.tutor.Status(t.Context(), w.learner)
			if err != nil || st.Interactions != 1 {
				t.Errorf("%v, %+v", err, st)
			}
		})
		t.Run("the response mode is kept", func(t *testing.T) {
			w := newWorld(t, d, nil)
			if _, err := w.tutor.SetMode(t.Context(), w.learner, "hologram"); fault.KindOf(err) != fault.Invalid {
				t.Errorf("got %v", err)
			}
			if _, err := w.tutor.SetMode(t.Context(), w.learner, tutor.ModeVoice); err != nil {
				t.Fatal(err)
			}
			if got := w.ask("What is photosynthesis?"); got.Mode != tutor.ModeVoice {
				t.Errorf("got %q", got.Mode)
			}
		})
	})
}

func TestConsent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		typed := "My name is Achieng and I go to Mwangaza primary school, what is photosynthesis? Call 0712 345 678"
		t.Run("without consent nothing of a question travels", func(t *testing.T) {
			w := newWorld(t, d, func(o *tutor.Options) { o.Forward = true })
			if got := w.ask(typed); got.Waiting {
				t.Error("waits for the cloud")
			}
			if len(w.journal.changes) != 0 {
				t.Errorf("recorded %+v", w.journal.changes)
			}
		})
		t.Run("with consent the question travels without names and its answer stays", func(t *testing.T) {
			w := newWorld(t, d, func(o *tutor.Options) { o.Forward = true })
			w.consent = true
			got := w.ask(typed)
			sent := w.journal.named("tutor.question")
			if !got.Waiting || len(sent) != 1 || len(w.journal.changes) != 1 {
				t.Fatalf("waiting %v, recorded %+v", got.Waiting, w.journal.changes)
			}
			var q tutor.Question
			if err := syncproto.DecodeBody(sent[0].Body, &q); err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"Achieng", "Mwangaza", "712"} {
				if strings.Contains(q.Text, secret) {
					t.Errorf("%q left the school in %q", secret, q.Text)
				}
			}
			if !strings.Contains(q.Text, "photosynthesis") || !q.AskedAt.Equal(got.Question.AskedAt.Time) {
				t.Errorf("sent %+v", q)
			}
			if learner, ok := sent[0].Audience.Learner(); !ok || learner != string(w.learner.Account) {
				t.Errorf("audience %+v", sent[0].Audience)
			}
			if h := w.history(); h.Exchanges[0].Question.Text != typed {
				t.Errorf("the learner sees %q", h.Exchanges[0].Question.Text)
			}
		})
		t.Run("a hosted model is not asked without consent", func(t *testing.T) {
			m := &model{name: "hosted"}
			w := newWorld(t, d, func(o *tutor.Options) { o.Routes = []tutor.Route{{Provider: m, Hosted: true}} })
			got := w.ask(typed)
			if m.calls() != 0 || got.Best.Source.Reason != tutor.ReasonNoConsent {
				t.Errorf("%d calls, %+v", m.calls(), got.Best.Source)
			}
		})
		t.Run("a hosted model sees no name in question or conversation", func(t *testing.T) {
			m := &model{name: "hosted"}
			w := newWorld(t, d, func(o *tutor.Options) { o.Routes = []tutor.Route{{Provider: m, Hosted: true}} })
			w.consent = true
			w.ask(typed)
			if got := w.ask("Is Achieng right that plants sleep?"); got.Best.Source.Kind != tutor.FromCloudModel || got.Waiting {
				t.Errorf("got %+v", got)
			}
			for _, p := range m.seen {
				for _, msg := range p.Messages() {
					for _, secret := range []string{"Achieng", "Mwangaza", "712", string(w.learner.Account), string(w.learner.School)} {
						if strings.Contains(msg.Content, secret) {
							t.Errorf("%q was sent in %q", secret, msg.Content)
						}
					}
				}
			}
			if len(m.seen[1].Turns) != 2 {
				t.Errorf("turns %+v", m.seen[1].Turns)
			}
		})
	})
}

func TestSafeguarding(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		t.Run("words of danger reach no model; the named adult is told without the words", func(t *testing.T) {
			m := &model{name: "local"}
			w := newWorld(t, d, func(o *tutor.Options) {
				o.Routes, o.Forward = []tutor.Route{{Provider: m}, {Provider: m, Hosted: true}}, true
			})
			w.consent = true
			got := w.ask("Nataka kujiua, nobody can help")
			if got.Best.Source.Kind != tutor.FromSafety || m.calls() != 0 || !strings.Contains(got.Best.Text, "116") {
				t.Errorf("%d calls, %+v", m.calls(), got.Best)
			}
			if len(w.journal.named("tutor.question")) != 0 || len(w.journal.named("tutor.answer")) != 0 {
				t.Error("the words travel")
			}
			alerts := w.journal.named("tutor.alert")
			if len(alerts) != 1 || strings.Contains(string(alerts[0].Body), "kujiua") || !alerts[0].Spec.Lane.Urgent() {
				t.Fatalf("alerts %+v", alerts)
			}

			adult := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Instructor, School: w.learner.School}
			if _, err := w.tutor.ListAlerts(t.Context(), adult, 0, 20); !errors.Is(err, identity.ErrForbidden) {
				t.Errorf("any teacher reads alerts: %v", err)
			}
			w.adult = adult.Account
			page, err := w.tutor.ListAlerts(t.Context(), adult, 0, 20)
			if err != nil || page.Open != 1 || len(page.Alerts) != 1 {
				t.Fatalf("%v, %+v", err, page)
			}
			a := page.Alerts[0]
			if a.Category != tutor.SelfHarm || a.Severity != tutor.High || a.LearnerName != "Achieng Otieno" || a.LearnerID != w.learner.Account {
				t.Errorf("got %+v", a)
			}

			outsider := adult
			outsider.School, outsider.Duties = identity.SchoolID(id.New()), []identity.Duty{identity.Head}
			if _, err := w.tutor.AcknowledgeAlert(t.Context(), outsider, a.ID); fault.KindOf(err) != fault.NotFound {
				t.Errorf("another school's head: %v", err)
			}
			for range 2 {
				if _, err := w.tutor.AcknowledgeAlert(t.Context(), adult, a.ID); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(w.journal.named("tutor.acknowledgement")); n != 1 {
				t.Errorf("%d acknowledgements travel", n)
			}
			head := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Instructor, School: w.learner.School, Duties: []identity.Duty{identity.Head}}
			page, err = w.tutor.ListAlerts(t.Context(), head, 0, 20)
			if err != nil || page.Open != 0 || len(page.Alerts[0].Acknowledgements) != 1 {
				t.Errorf("%v, %+v", err, page)
			}
		})
		t.Run("an admin reads and takes up a school's alert once it has climbed to the office", func(t *testing.T) {
			var climbed []string
			w := newWorld(t, d, func(o *tutor.Options) {
				o.Office = func(context.Context, db.Tx) ([]string, error) { return climbed, nil }
			})
			w.ask("Nataka kujiua")
			head := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Instructor, School: w.learner.School, Duties: []identity.Duty{identity.Head}}
			of, err := w.tutor.ListAlerts(t.Context(), head, 0, 20)
			if err != nil || len(of.Alerts) != 1 {
				t.Fatalf("%v, %+v", err, of)
			}
			alert := of.Alerts[0].ID

			admin := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Admin}
			if page, err := w.tutor.ListAlerts(t.Context(), admin, 0, 20); err != nil || page.Total != 0 || page.Open != 0 || len(page.Alerts) != 0 {
				t.Errorf("before it climbed: %v, %+v", err, page)
			}
			if _, err := w.tutor.AcknowledgeAlert(t.Context(), admin, alert); fault.KindOf(err) != fault.NotFound {
				t.Errorf("taken up before it climbed: %v", err)
			}
			climbed = []string{alert}
			if page, err := w.tutor.ListAlerts(t.Context(), admin, 0, 20); err != nil || page.Total != 1 || page.Open != 1 || len(page.Alerts) != 1 || page.Alerts[0].ID != alert {
				t.Errorf("after it climbed: %v, %+v", err, page)
			}
			other := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Instructor, School: identity.SchoolID(id.New()), Duties: []identity.Duty{identity.Head}}
			if page, err := w.tutor.ListAlerts(t.Context(), other, 0, 20); err != nil || page.Total != 0 {
				t.Errorf("another school's head: %v, %+v", err, page)
			}
			if _, err := w.tutor.AcknowledgeAlert(t.Context(), admin, alert); err != nil {
				t.Fatal(err)
			}
			if page, err := w.tutor.ListAlerts(t.Context(), admin, 0, 20); err != nil || page.Total != 1 || page.Open != 0 {
				t.Errorf("after she took it up: %v, %+v", err, page)
			}
		})
		t.Run("a model is not shown an exchange in which there was danger", func(t *testing.T) {
			m := &model{name: "local"}
			w := newWorld(t, d, func(o *tutor.Options) { o.Routes = []tutor.Route{{Provider: m}} })
			w.ask("my uncle touches my private parts")
			w.ask("What is photosynthesis?")
			if len(m.seen) != 1 || len(m.seen[0].Turns) != 0 {
				t.Errorf("seen %+v", m.seen)
			}
		})
	})
}

func TestRecords(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		at := db.Time{Time: time.Date(2026, 3, 2, 9, 0, 0, 123000, time.UTC)}
		learner, school := identity.AccountID(id.New()), identity.SchoolID(id.New())
		q := tutor.Question{ID: tutor.QuestionID(id.New()), ConversationID: id.New(), LearnerID: learner, SchoolID: school, Text: "Swali?", Language: tutor.Kiswahili, AskedAt: at}
		a := tutor.Answer{ID: id.New(), QuestionID: q.ID, LearnerID: learner, SchoolID: school, Text: "Jibu.", Source: tutor.Source{Kind: tutor.FromPassages, Passages: []tutor.Passage{plants}}, At: at}
		l := tutor.Alert{ID: id.New(), LearnerID: learner, SchoolID: school, Category: tutor.Abuse, Severity: tutor.High, At: at}
		k := tutor.Acknowledgement{ID: id.New(), AlertID: l.ID, LearnerID: learner, SchoolID: school, AccountID: learner, At: at}
		t.Run("a question is stored once and read back to the byte", func(t *testing.T) { stored(t, d, tutor.Questions, q) })
		t.Run("an answer is stored once and read back to the byte", func(t *testing.T) { stored(t, d, tutor.Answers, a) })
		t.Run("an alert is stored once and read back to the byte", func(t *testing.T) { stored(t, d, tutor.Alerts, l) })
		t.Run("an acknowledgement is stored once and read back to the byte", func(t *testing.T) { stored(t, d, tutor.Acknowledgements, k) })
	})
}

// stored sends v over the wire, stores it by Bulk, and repeats it by Put.
func stored[T any](t *testing.T, d db.DB, e syncer.Entity[T], v T) {
	t.Helper()
	body, err := syncproto.EncodeBody(v)
	if err != nil {
		t.Fatal(err)
	}
	var got T
	if err := syncproto.DecodeBody(body, &got); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := d.Update(ctx, func(tx db.Tx) error {
		keys, err := tx.BulkUpsert(ctx, e.Bulk.Table, e.Bulk.Columns, [][]any{e.Bulk.Row(got)})
		if err != nil || !slices.Equal(keys, []string{e.ID(v)}) {
			t.Errorf("bulk: %v, %v", keys, err)
		}
		if inserted, err := e.Put(ctx, tx, got); err != nil || inserted {
			t.Errorf("second put: %v, %v", inserted, err)
		}
		back, err := e.Get(ctx, tx, e.ID(v))
		if err != nil {
			return err
		}
		again, err := syncproto.EncodeBody(back)
		if !slices.Equal(again, body) {
			t.Errorf("read back %+v", back)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAMinorsTutorNeedsANamedAdult(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		minor := true
		c := newWorld(t, d, func(o *tutor.Options) {
			o.Minor = func(context.Context, db.Tx, identity.AccountID) (bool, error) { return minor, nil }
		})
		c.adult = ""
		if _, err := c.tutor.Ask(t.Context(), c.learner, tutor.Asking{Text: "What is a fraction?"}); !errors.Is(err, tutor.ErrNoNamedAdult) {
			t.Errorf("a child at a school that named nobody: %v", err)
		}
		if got, err := c.tutor.Ask(t.Context(), c.learner, tutor.Asking{Text: "I want to kill myself"}); err != nil || got.Best.Source.Kind != tutor.FromSafety {
			t.Errorf("words of danger are always answered: %+v, %v", got.Best.Source, err)
		}
		minor = false
		if _, err := c.tutor.Ask(t.Context(), c.learner, tutor.Asking{Text: "What is a fraction?"}); err != nil {
			t.Errorf("a learner of full age: %v", err)
		}
		minor, c.adult = true, identity.AccountID(id.New())
		if _, err := c.tutor.Ask(t.Context(), c.learner, tutor.Asking{Text: "What is a fraction?"}); err != nil {
			t.Errorf("once somebody is named: %v", err)
		}
	})
}
