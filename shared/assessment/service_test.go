package assessment_test

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// A Wednesday, at noon in Nairobi.
var noon = time.Date(2026, 11, 4, 9, 0, 0, 0, time.UTC)

const school = identity.SchoolID("00000000-0000-4000-8000-0000000000f1")

var (
	amina    = identity.Actor{Account: "00000000-0000-4000-8000-00000000000a", Role: identity.Student, School: school}
	brian    = identity.Actor{Account: "00000000-0000-4000-8000-00000000000b", Role: identity.Student, School: school}
	mother   = identity.Actor{Account: "00000000-0000-4000-8000-00000000000c", Role: identity.Parent}
	stranger = identity.Actor{Account: "00000000-0000-4000-8000-00000000000d", Role: identity.Parent}
)

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

type nobodyPaid struct{}

func (nobodyPaid) CanOpen(context.Context, db.Tx, identity.Actor, catalogue.CourseID) (bool, error) {
	return false, nil
}

// arrived is when the school was last heard of.
type arrived struct{ at time.Time }

func (a *arrived) AsOf(context.Context, db.Tx, string) (time.Time, error) { return a.at, nil }

type world struct {
	*assessment.Service
	t        *testing.T
	db       db.DB
	clock    *clock.Fake
	journal  *journal
	arrived  *arrived
	learning *learning.Service
	free     catalogue.Content
	dear     catalogue.Content
}

// content is a course whose quizzes have one question of each kind.
func content(slug string, edition, price int64, lessons ...string) catalogue.Content {
	c := catalogue.CourseIDOf(slug)
	out := catalogue.Content{Course: catalogue.Course{
		ID: c, Slug: slug, Title: "Course " + slug, Grade: "Grade 4", LearningArea: "Mathematics", Owner: catalogue.OwnerPlatform,
		PriceMinor: price, Currency: "KES", Edition: edition, LessonCount: len(lessons), PublishedAt: db.Time{Time: noon},
	}}
	options := []catalogue.Option{{ID: "a", Text: "one"}, {ID: "b", Text: "two"}, {ID: "c", Text: "three"}}
	for i, l := range lessons {
		lesson, quiz := catalogue.LessonIDOf(c, l), catalogue.QuizIDOf(c, l)
		out.Lessons = append(out.Lessons, catalogue.Lesson{LessonSummary: catalogue.LessonSummary{
			ID: lesson, CourseID: c, Slug: l, Title: "Lesson " + l, Position: i, Minutes: 30, QuizID: quiz,
		}})
		out.Quizzes = append(out.Quizzes, catalogue.Quiz{
			QuizForm: catalogue.QuizForm{ID: quiz, CourseID: c, LessonID: lesson, Edition: edition, Title: "Quiz " + l, PassPercent: 60, Questions: []catalogue.Question{
				{ID: "q1", Kind: catalogue.SingleChoice, Prompt: "One?", Options: options},
				{ID: "q2", Kind: catalogue.MultipleChoice, Prompt: "Many?", Options: options},
				{ID: "q3", Kind: catalogue.Numeric, Prompt: "How many?"},
				{ID: "q4", Kind: catalogue.ShortText, Prompt: "Which animal?"},
			}},
			Keys: []catalogue.Key{
				{QuestionID: "q1", Options: []string{"b"}, Explanation: "b of edition " + string(rune('0'+edition))},
				{QuestionID: "q2", Options: []string{"a", "c"}, Explanation: "a and c"},
				{QuestionID: "q3", Value: 12, Explanation: "twelve"},
				{QuestionID: "q4", Texts: []string{"ng'ombe"}, Explanation: "a cow"},
			},
		})
	}
	return out
}

func newWorld(t *testing.T, d db.DB) *world {
	t.Helper()
	w := &world{
		t: t, clock: clock.NewFake(noon), journal: &journal{}, arrived: &arrived{},
		free: content("fractions", 1, 0, "halves", "quarters"), dear: content("algebra", 1, 50000, "letters"),
	}
	w.db = syncer.WithJournal(d, w.journal)
	people := identity.New(identity.Options{DB: w.db, Clock: w.clock})
	access := catalogue.New(catalogue.Options{DB: w.db, Access: nobodyPaid{}})
	w.learning = learning.New(learning.Options{DB: w.db, Clock: w.clock, People: people, Practice: assessment.Sittings{}, Access: access})
	w.Service = assessment.New(assessment.Options{
		DB: w.db, Clock: w.clock, Log: slog.New(slog.DiscardHandler), Access: access,
		Learning: w.learning, Families: people, Freshness: w.arrived,
	})
	at := db.Time{Time: noon}
	w.update(func(tx db.Tx) error {
		for _, c := range []catalogue.Content{w.free, w.dear} {
			if err := catalogue.Install(t.Context(), tx, c); err != nil {
				return err
			}
		}
		if _, err := identity.Schools.Put(t.Context(), tx, identity.School{ID: school, Name: "School", Code: "S", CreatedAt: at, UpdatedAt: at}); err != nil {
			return err
		}
		for _, who := range []identity.Actor{amina, brian, mother, stranger} {
			a := identity.Account{ID: who.Account, Role: who.Role, FullName: "Name", Status: identity.Active, School: who.School, CreatedAt: at, UpdatedAt: at}
			if _, err := identity.Accounts.Put(t.Context(), tx, a); err != nil {
				return err
			}
		}
		_, err := identity.Guardians.Put(t.Context(), tx, identity.Guardian{ID: id.New(), Learner: amina.Account, Account: mother.Account, Name: "Mama", UpdatedAt: at})
		return err
	})
	return w
}

func (w *world) update(fn func(db.Tx) error) {
	w.t.Helper()
	if err := w.db.Update(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) quiz(i int) catalogue.QuizID { return w.free.Quizzes[i].ID }

// attempts counts the attempts that would travel.
func (w *world) attempts() int {
	n := 0
	for _, c := range w.journal.changes {
		if c.Spec.Name == "assessment.attempt" {
			n++
		}
	}
	return n
}

func (w *world) submit(who identity.Actor, in assessment.Submission) assessment.Marked {
	w.t.Helper()
	m, err := w.Submit(w.t.Context(), who, in)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func number(f float64) *float64 { return new(f) }

// three are right answers to q1 to q3.
func three() []assessment.Answer {
	return []assessment.Answer{
		{QuestionID: "q1", Options: []string{"b"}},
		{QuestionID: "q2", Options: []string{"c", "a"}},
		{QuestionID: "q3", Number: number(12)},
	}
}

func TestSubmit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		attempt := assessment.AttemptID(id.New())

		t.Run("a quiz is marked at once, with explanations", func(t *testing.T) {
			m := w.submit(amina, assessment.Submission{QuizID: w.quiz(0), AttemptID: attempt, Answers: three(), Seconds: 90})
			if m.ID != attempt || m.ScorePoints != 3 || m.MaxPoints != 4 || !m.Passed || m.Number != 1 || m.Percent() != 75 {
				t.Errorf("got %+v", m)
			}
			if !m.SubmittedAt.Equal(noon) || !m.StartedAt.Equal(noon.Add(-90*time.Second)) || m.SchoolID != school {
				t.Errorf("got %+v", m.Attempt)
			}
			if key, _ := m.Quiz.Key("q4"); key.Explanation != "a cow" {
				t.Errorf("got %+v", key)
			}
		})
		t.Run("it enrols the learner", func(t *testing.T) {
			list, err := w.learning.ListEnrolments(t.Context(), amina)
			if err != nil || len(list) != 1 {
				t.Errorf("got %v, %v", list, err)
			}
		})
		t.Run("second submission returns the first result, also with other or impossible answers", func(t *testing.T) {
			w.clock.Advance(time.Minute)
			first := w.submit(amina, assessment.Submission{QuizID: w.quiz(0), AttemptID: attempt, Answers: three()})
			other := w.submit(amina, assessment.Submission{
				QuizID: w.quiz(0), AttemptID: assessment.AttemptID(strings.ToUpper(string(attempt))),
				Answers: []assessment.Answer{{QuestionID: "q1", Options: []string{"no such option"}}},
			})
			if first.ScorePoints != 3 || !first.SubmittedAt.Equal(noon) || !reflect.DeepEqual(first, other) {
				t.Errorf("got %+v and %+v", first, other)
			}
			if w.attempts() != 1 {
				t.Errorf("%d events", w.attempts())
			}
		})
		t.Run("the same id for another quiz is a conflict", func(t *testing.T) {
			if _, err := w.Submit(t.Context(), amina, assessment.Submission{QuizID: w.quiz(1), AttemptID: attempt}); !errors.Is(err, assessment.ErrOtherQuiz) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("another learner's attempt does not exist", func(t *testing.T) {
			if _, err := w.Submit(t.Context(), brian, assessment.Submission{QuizID: w.quiz(0), AttemptID: attempt}); !errors.Is(err, assessment.ErrNoAttempt) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("without an id it is a new attempt each time, numbered", func(t *testing.T) {
			m := w.submit(amina, assessment.Submission{QuizID: w.quiz(0)})
			if m.Number != 2 || m.ScorePoints != 0 || m.Passed || len(m.Responses) != 4 {
				t.Errorf("got %+v", m)
			}
		})
		t.Run("an attempt that arrives late is numbered by when it was made", func(t *testing.T) {
			late := assessment.Attempt{
				ID: assessment.AttemptID(id.New()), LearnerID: amina.Account, CourseID: w.free.Course.ID, QuizID: w.quiz(0), MaxPoints: 4,
				Responses: []assessment.Response{}, StartedAt: db.Time{Time: noon.Add(-time.Hour)}, SubmittedAt: db.Time{Time: noon.Add(-time.Hour)},
			}
			w.update(func(tx db.Tx) error { _, err := assessment.Attempts.Put(t.Context(), tx, late); return err })
			m := w.submit(amina, assessment.Submission{QuizID: w.quiz(0), AttemptID: attempt})
			if m.Number != 2 {
				t.Errorf("got number %d", m.Number)
			}
		})
		t.Run("the edition that was seen is the one that is graded", func(t *testing.T) {
			second := content("fractions", 2, 0, "halves", "quarters")
			second.Quizzes[0].Keys[0].Options = []string{"a"}
			w.update(func(tx db.Tx) error { return catalogue.Install(t.Context(), tx, second) })
			seen := w.submit(brian, assessment.Submission{QuizID: w.quiz(0), Edition: 1, Answers: three()})
			now := w.submit(brian, assessment.Submission{QuizID: w.quiz(0), Answers: three()})
			if seen.ScorePoints != 3 || seen.Edition != 1 || now.ScorePoints != 2 || now.Edition != 2 {
				t.Errorf("got %+v and %+v", seen.Attempt, now.Attempt)
			}
		})
		t.Run("a stopwatch that runs wild is cut", func(t *testing.T) {
			for seconds, want := range map[int64]time.Duration{-5: 0, 1 << 62: 6 * time.Hour} {
				m := w.submit(brian, assessment.Submission{QuizID: w.quiz(1), Seconds: seconds})
				if got := m.SubmittedAt.Sub(m.StartedAt.Time); got != want {
					t.Errorf("%d: got %v", seconds, got)
				}
			}
		})
	})
}

func TestRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		for _, c := range []struct {
			name string
			who  identity.Actor
			in   assessment.Submission
			want error
		}{
			{"a wrong shape", amina, assessment.Submission{QuizID: w.quiz(0), Answers: []assessment.Answer{{QuestionID: "q1", Options: []string{"z"}}}}, assessment.ErrBadAnswers},
			{"an unknown quiz", amina, assessment.Submission{QuizID: "none"}, catalogue.ErrNoQuiz},
			{"a quiz of a locked course", amina, assessment.Submission{QuizID: w.dear.Quizzes[0].ID}, catalogue.ErrLocked},
			{"an id that is no UUID", amina, assessment.Submission{QuizID: w.quiz(0), AttemptID: "1"}, assessment.ErrAttemptID},
			{"a parent", mother, assessment.Submission{QuizID: w.quiz(0)}, identity.ErrForbidden},
			{"nobody", identity.Actor{}, assessment.Submission{QuizID: w.quiz(0)}, identity.ErrNobody},
		} {
			t.Run(c.name+" is refused and stores nothing", func(t *testing.T) {
				if _, err := w.Submit(t.Context(), c.who, c.in); !errors.Is(err, c.want) {
					t.Errorf("got %v", err)
				}
				if len(w.journal.changes) != 0 {
					t.Errorf("stored %+v", w.journal.changes)
				}
			})
		}
	})
}

func TestSubmitAtTheSameMoment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		in := assessment.Submission{QuizID: w.quiz(0), AttemptID: assessment.AttemptID(id.New()), Answers: three()}
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if m, err := w.Submit(t.Context(), amina, in); err != nil || m.ScorePoints != 3 || m.Number != 1 {
					t.Errorf("got %+v, %v", m.Attempt, err)
				}
			})
		}
		wg.Wait()
		all, err := w.Submissions(t.Context(), amina)
		if err != nil || len(all) != 1 || w.attempts() != 1 {
			t.Errorf("%d attempts, %d events, %v", len(all), w.attempts(), err)
		}
	})
}

func TestQuizzes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		t.Run("only quizzes of open courses are listed, with their averages", func(t *testing.T) {
			w.submit(amina, assessment.Submission{QuizID: w.quiz(0), Answers: three()})
			w.submit(brian, assessment.Submission{QuizID: w.quiz(0)})
			list, err := w.ListQuizzes(t.Context(), amina, "")
			if err != nil || len(list) != 2 {
				t.Fatalf("got %d, %v", len(list), err)
			}
			if list[0].Attempts != 2 || list[0].Average == nil || *list[0].Average != 37.5 || list[1].Average != nil {
				t.Errorf("got %+v", list)
			}
		})
		t.Run("a quiz of a locked course is locked", func(t *testing.T) {
			if _, err := w.Quiz(t.Context(), amina, w.dear.Quizzes[0].ID); !errors.Is(err, catalogue.ErrLocked) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("there is no grade before the first attempt", func(t *testing.T) {
			if _, err := w.Grade(t.Context(), amina, w.quiz(1)); !errors.Is(err, assessment.ErrNoGrade) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("the grade is that of the newest attempt", func(t *testing.T) {
			w.clock.Advance(time.Minute)
			w.submit(amina, assessment.Submission{QuizID: w.quiz(0)})
			m, err := w.Grade(t.Context(), amina, w.quiz(0))
			if err != nil || m.Number != 2 || m.ScorePoints != 0 {
				t.Errorf("got %+v, %v", m, err)
			}
		})
		t.Run("attempts are listed newest first with their titles", func(t *testing.T) {
			all, err := w.Submissions(t.Context(), amina)
			if err != nil || len(all) != 2 || all[0].Number != 2 || all[1].Quiz.Title != "Quiz halves" || all[1].CourseTitle != "Course fractions" {
				t.Errorf("got %+v, %v", all, err)
			}
		})
	})
}

func TestToday(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		read := func(i int) {
			t.Helper()
			if _, err := w.learning.Enrol(t.Context(), amina, w.free.Course.ID); err != nil {
				t.Fatal(err)
			}
			work := learning.Work{LessonID: w.free.Lessons[i].ID, Seconds: 600}
			if _, err := w.learning.CompleteLesson(t.Context(), amina, learning.EnrolmentOf(amina.Account, w.free.Course.ID), work); err != nil {
				t.Fatal(err)
			}
		}
		plan := func() (out []string) {
			t.Helper()
			got, err := w.Today(t.Context(), amina)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range got.Plan {
				line := string(p.Kind) + " " + p.Title
				if p.Completed {
					line += " done"
				}
				out = append(out, line)
			}
			return out
		}
		t.Run("without courses there is nothing to do", func(t *testing.T) {
			if got := plan(); len(got) != 0 {
				t.Errorf("got %v", got)
			}
		})
		t.Run("after a lesson comes its quiz, then the next lesson", func(t *testing.T) {
			read(0)
			want := []string{"lesson Lesson halves done", "quiz Lesson halves", "lesson Lesson quarters"}
			if got := plan(); !reflect.DeepEqual(got, want) {
				t.Errorf("got %q", got)
			}
		})
		t.Run("a passed quiz is done, a failed one is not", func(t *testing.T) {
			w.submit(amina, assessment.Submission{QuizID: w.quiz(0)})
			failed := []string{"lesson Lesson halves done", "quiz Lesson halves", "lesson Lesson quarters"}
			if got := plan(); !reflect.DeepEqual(got, failed) {
				t.Errorf("got %q", got)
			}
			w.submit(amina, assessment.Submission{QuizID: w.quiz(0), Answers: three()})
			want := []string{"lesson Lesson halves done", "quiz Lesson halves done", "lesson Lesson quarters"}
			if got := plan(); !reflect.DeepEqual(got, want) {
				t.Errorf("got %q", got)
			}
		})
		t.Run("tomorrow what was done today is gone and the streak stands", func(t *testing.T) {
			w.clock.Advance(24 * time.Hour)
			got, err := w.Today(t.Context(), amina)
			if err != nil || len(got.Plan) != 1 || !got.Plan[0].First || got.Streak.Current != 1 || got.Day.Sessions != 0 || got.Part != assessment.Afternoon {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	})
}

func TestFamily(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		t.Run("a child of whom nothing has arrived has no as-of time", func(t *testing.T) {
			got, err := w.Children(t.Context(), mother)
			if err != nil || len(got) != 1 || !got[0].AsOf.IsZero() || got[0].WeekAverage() != nil || got[0].Strongest() != "" {
				t.Errorf("got %+v, %v", got, err)
			}
		})
		t.Run("attempts show with the time up to which the school's work arrived", func(t *testing.T) {
			w.arrived.at = noon.Add(-time.Hour)
			m := w.submit(amina, assessment.Submission{QuizID: w.quiz(0), Answers: three()})
			c, err := w.Child(t.Context(), mother, amina.Account)
			if err != nil || !c.AsOf.Equal(noon.Add(-time.Hour)) || len(c.Attempts) != 1 {
				t.Fatalf("got %+v, %v", c, err)
			}
			events := c.Events(10)
			if len(events) != 1 || events[0].Attempt.ID != m.ID || events[0].Title != "Quiz halves" || events[0].Subject != "Mathematics" {
				t.Errorf("got %+v", events)
			}
			if c.Strongest() != "Mathematics" || *c.WeekAverage() != 75 || c.TrendOf(assessment.Everywhere) != assessment.TrendUnknown {
				t.Errorf("got %q, %v", c.Strongest(), *c.WeekAverage())
			}
		})
		t.Run("the trend compares two weeks", func(t *testing.T) {
			w.clock.Advance(8 * 24 * time.Hour)
			w.submit(amina, assessment.Submission{QuizID: w.quiz(0)})
			c, err := w.Child(t.Context(), mother, amina.Account)
			if err != nil || c.TrendOf(assessment.Everywhere) != assessment.TrendDown || c.Subjects()[0].Trend != assessment.TrendDown {
				t.Errorf("got %v, %v", c.TrendOf(assessment.Everywhere), err)
			}
		})
		t.Run("somebody else's child does not exist", func(t *testing.T) {
			for _, who := range []identity.Actor{mother, stranger} {
				if _, err := w.Child(t.Context(), who, brian.Account); !errors.Is(err, assessment.ErrNoChild) {
					t.Errorf("got %v", err)
				}
			}
			if got, err := w.Children(t.Context(), stranger); err != nil || len(got) != 0 {
				t.Errorf("got %v, %v", got, err)
			}
		})
		t.Run("a learner has no parent's page", func(t *testing.T) {
			if _, err := w.Children(t.Context(), amina); fault.KindOf(err) != fault.Forbidden {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestTravel(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		w.submit(amina, assessment.Submission{QuizID: w.quiz(0), Seconds: 61, Answers: append(three(), assessment.Answer{QuestionID: "q4", Text: "Ng’ombe!"})})
		var c syncer.Change
		for _, c = range w.journal.changes {
			if c.Spec.Name == "assessment.attempt" {
				break
			}
		}
		t.Run("an attempt is about its learner", func(t *testing.T) {
			if c.Audience != syncproto.OfLearner(string(amina.Account)) {
				t.Errorf("got %+v", c.Audience)
			}
		})
		t.Run("applied again it changes nothing and reads back as it travelled", func(t *testing.T) {
			w.update(func(tx db.Tx) error {
				var a assessment.Attempt
				if err := syncproto.DecodeBody(c.Body, &a); err != nil {
					return err
				}
				if inserted, err := assessment.Attempts.Put(t.Context(), tx, a); err != nil || inserted {
					t.Errorf("inserted again: %v, %v", inserted, err)
				}
				have, err := assessment.Attempts.Get(t.Context(), tx, c.Entity)
				if err != nil {
					return err
				}
				body, err := syncproto.EncodeBody(have)
				if string(body) != string(c.Body) {
					t.Errorf("stored %x, travelled %x", body, c.Body)
				}
				return err
			})
		})
		t.Run("copied in bulk it is the same", func(t *testing.T) {
			var a assessment.Attempt
			if err := syncproto.DecodeBody(c.Body, &a); err != nil {
				t.Fatal(err)
			}
			a.ID = assessment.AttemptID(id.New())
			b := assessment.Attempts.Bulk
			w.update(func(tx db.Tx) error {
				if err := tx.BulkInsert(t.Context(), b.Table, b.Columns, [][]any{b.Row(a)}); err != nil {
					return err
				}
				got, err := assessment.Attempts.Get(t.Context(), tx, string(a.ID))
				if !reflect.DeepEqual(got, a) {
					t.Errorf("got %+v\nwant %+v", got, a)
				}
				return err
			})
		})
	})
}
