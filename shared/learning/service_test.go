package learning_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

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

const (
	school = identity.SchoolID("00000000-0000-4000-8000-0000000000f1")
	other  = identity.SchoolID("00000000-0000-4000-8000-0000000000f2")
)

var (
	amina   = identity.Actor{Account: "00000000-0000-4000-8000-00000000000a", Role: identity.Student, School: school}
	brian   = identity.Actor{Account: "00000000-0000-4000-8000-00000000000b", Role: identity.Student, School: school}
	mother  = identity.Actor{Account: "00000000-0000-4000-8000-00000000000c", Role: identity.Parent}
	teacher = identity.Actor{Account: "00000000-0000-4000-8000-00000000000d", Role: identity.Instructor, School: school}
	foreign = identity.Actor{Account: "00000000-0000-4000-8000-00000000000e", Role: identity.Instructor, School: other}
)

// journal keeps what would travel.
type journal struct{ changes []syncer.Change }

func (j *journal) Record(_ context.Context, _ db.Tx, c syncer.Change) error {
	j.changes = append(j.changes, c)
	return nil
}

func (j *journal) count(name string) int {
	n := 0
	for _, c := range j.changes {
		if c.Spec.Name == name {
			n++
		}
	}
	return n
}

// entitled is who has paid for what.
type entitled map[catalogue.CourseID]identity.AccountID

func (e entitled) CanOpen(_ context.Context, _ db.Tx, who identity.Actor, c catalogue.CourseID) (bool, error) {
	return e[c] == who.Account, nil
}

type sittings []learning.Sitting

func (s sittings) Sittings(context.Context, db.Tx, identity.AccountID) ([]learning.Sitting, error) {
	return s, nil
}

type world struct {
	*learning.Service
	t       *testing.T
	db      db.DB
	clock   *clock.Fake
	journal *journal
	paid    entitled
	free    catalogue.Content
	dear    catalogue.Content
}

func content(slug string, price int64, lessons ...string) catalogue.Content {
	c := catalogue.CourseIDOf(slug)
	out := catalogue.Content{Course: catalogue.Course{
		ID: c, Slug: slug, Title: "Course " + slug, Grade: "Grade 4", LearningArea: "Mathematics", Owner: catalogue.OwnerPlatform,
		PriceMinor: price, Currency: "KES", Edition: 1, LessonCount: len(lessons), PublishedAt: db.Time{Time: noon},
	}}
	for i, l := range lessons {
		out.Lessons = append(out.Lessons, catalogue.Lesson{LessonSummary: catalogue.LessonSummary{
			ID: catalogue.LessonIDOf(c, l), CourseID: c, Slug: l, Title: "Lesson " + l, Position: i, Minutes: 30,
		}})
	}
	return out
}

func newWorld(t *testing.T, d db.DB, taken ...learning.Sitting) *world {
	t.Helper()
	w := &world{
		t: t, clock: clock.NewFake(noon), journal: &journal{}, paid: entitled{},
		free: content("fractions", 0, "halves", "quarters", "thirds"), dear: content("algebra", 50000, "letters"),
	}
	w.db = syncer.WithJournal(d, w.journal)
	people := identity.New(identity.Options{DB: w.db, Clock: w.clock})
	w.Service = learning.New(learning.Options{
		DB: w.db, Clock: w.clock, People: people, Practice: sittings(taken),
		Access: catalogue.New(catalogue.Options{DB: w.db, Access: w.paid}),
	})
	at := db.Time{Time: noon}
	w.update(func(tx db.Tx) error {
		for _, c := range []catalogue.Content{w.free, w.dear} {
			if err := catalogue.Install(t.Context(), tx, c); err != nil {
				return err
			}
		}
		for _, s := range []identity.SchoolID{school, other} {
			if _, err := identity.Schools.Put(t.Context(), tx, identity.School{ID: s, Name: string(s), Code: string(s), CreatedAt: at, UpdatedAt: at}); err != nil {
				return err
			}
		}
		for _, who := range []identity.Actor{amina, brian, mother, teacher, foreign} {
			a := identity.Account{ID: who.Account, Role: who.Role, FullName: "Name " + string(who.Account[35:]), Status: identity.Active, School: who.School, CreatedAt: at, UpdatedAt: at}
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

func (w *world) lesson(i int) catalogue.LessonID { return w.free.Lessons[i].ID }

func (w *world) work(i int) learning.Work {
	return learning.Work{CourseID: w.free.Course.ID, LessonID: w.lesson(i)}
}

func (w *world) enrol(who identity.Actor) learning.Taken {
	w.t.Helper()
	got, err := w.Enrol(w.t.Context(), who, w.free.Course.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

func (w *world) complete(who identity.Actor, i int, seconds int64) learning.Taken {
	w.t.Helper()
	got, err := w.CompleteLesson(w.t.Context(), who, learning.EnrolmentOf(who.Account, w.free.Course.ID), learning.Work{LessonID: w.lesson(i), Seconds: seconds})
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

func TestEnrol(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		t.Run("enrolling twice is one enrolment and one event", func(t *testing.T) {
			first := w.enrol(amina)
			w.clock.Advance(time.Hour)
			again := w.enrol(amina)
			if again.ID != first.ID || !again.EnrolledAt.Equal(noon) || again.Progress.Total != 3 {
				t.Errorf("got %+v", again)
			}
			if n := w.journal.count("learning.enrolment"); n != 1 {
				t.Errorf("%d events", n)
			}
		})
		t.Run("a course that is not paid for is locked and stores nothing", func(t *testing.T) {
			before := len(w.journal.changes)
			if _, err := w.Enrol(t.Context(), amina, w.dear.Course.ID); !errors.Is(err, catalogue.ErrLocked) {
				t.Errorf("got %v", err)
			}
			if len(w.journal.changes) != before {
				t.Error("something was stored")
			}
		})
		t.Run("an entitlement unlocks it", func(t *testing.T) {
			w.paid[w.dear.Course.ID] = amina.Account
			if _, err := w.Enrol(t.Context(), amina, w.dear.Course.ID); err != nil {
				t.Error(err)
			}
		})
		t.Run("an unknown course is not found", func(t *testing.T) {
			if _, err := w.Enrol(t.Context(), amina, "no such course"); fault.KindOf(err) != fault.NotFound {
				t.Errorf("got %v", err)
			}
		})
		t.Run("a parent does not take courses", func(t *testing.T) {
			if _, err := w.Enrol(t.Context(), mother, w.free.Course.ID); !errors.Is(err, identity.ErrForbidden) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("learners of a course are counted", func(t *testing.T) {
			w.enrol(brian)
			err := w.db.View(t.Context(), func(tx db.Tx) error {
				got, err := learning.Counts{}.CountByCourse(t.Context(), tx, []catalogue.CourseID{w.free.Course.ID, "none"})
				if want := (map[catalogue.CourseID]int{w.free.Course.ID: 2}); !reflect.DeepEqual(got, want) {
					t.Errorf("got %v", got)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	})
}

func TestLessons(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		t.Run("opening a lesson enrols and is where to go on", func(t *testing.T) {
			got, err := w.OpenLesson(t.Context(), amina, w.work(1))
			if err != nil || got.Progress.Next == nil || got.Progress.Next.ID != w.lesson(1) || got.Progress.Percent != 0 {
				t.Fatalf("got %+v, %v", got, err)
			}
		})
		t.Run("completing twice is once, and its time counts once", func(t *testing.T) {
			w.complete(amina, 1, 600)
			got := w.complete(amina, 1, 600)
			if got.Progress.Percent != 33 || got.Progress.Seconds != 600 || got.Progress.Next.ID != w.lesson(2) {
				t.Errorf("got %+v", got.Progress)
			}
			if n := w.journal.count("learning.activity"); n != 2 { // opened, completed
				t.Errorf("%d events", n)
			}
		})
		t.Run("time reported twice under one id counts once", func(t *testing.T) {
			work := w.work(1)
			work.Seconds, work.ID = 60, id.New()
			for range 2 {
				got, err := w.SpendTime(t.Context(), amina, work)
				if err != nil || got.Progress.Seconds != 660 {
					t.Fatalf("got %+v, %v", got.Progress, err)
				}
			}
		})
		t.Run("somebody else's id is refused", func(t *testing.T) {
			work := w.work(0)
			work.Seconds, work.ID = 60, id.New()
			if _, err := w.SpendTime(t.Context(), amina, work); err != nil {
				t.Fatal(err)
			}
			if _, err := w.SpendTime(t.Context(), brian, work); !errors.Is(err, learning.ErrOtherActivity) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("all lessons completed is a completed course", func(t *testing.T) {
			w.complete(amina, 0, 0)
			w.clock.Advance(time.Hour)
			got := w.complete(amina, 2, 0)
			if !got.Progress.Done() || got.Progress.Percent != 100 || got.Progress.Next != nil || !got.Progress.CompletedAt.Equal(noon.Add(time.Hour)) {
				t.Errorf("got %+v", got.Progress)
			}
		})
		t.Run("another learner's enrolment does not exist", func(t *testing.T) {
			_, err := w.CompleteLesson(t.Context(), brian, learning.EnrolmentOf(amina.Account, w.free.Course.ID), learning.Work{LessonID: w.lesson(0)})
			if !errors.Is(err, learning.ErrNoEnrolment) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("an enrolment id that is no id does not exist", func(t *testing.T) {
			if _, err := w.CompleteLesson(t.Context(), brian, "nonsense", learning.Work{LessonID: w.lesson(0)}); !errors.Is(err, learning.ErrNoEnrolment) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("a lesson of another course is not found", func(t *testing.T) {
			_, err := w.CompleteLesson(t.Context(), amina, learning.EnrolmentOf(amina.Account, w.free.Course.ID), learning.Work{LessonID: w.dear.Lessons[0].ID})
			if !errors.Is(err, learning.ErrNoLesson) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("time that cannot be is refused", func(t *testing.T) {
			for _, seconds := range []int64{-1, 13 * 3600} {
				work := w.work(0)
				work.Seconds = seconds
				if _, err := w.SpendTime(t.Context(), amina, work); !errors.Is(err, learning.ErrTooLong) {
					t.Errorf("%d: got %v", seconds, err)
				}
			}
		})
		t.Run("a course whose pack is gone keeps its facts", func(t *testing.T) {
			gone := learning.Enrolment{ID: learning.EnrolmentOf(amina.Account, "gone"), LearnerID: amina.Account, CourseID: "gone", EnrolledAt: db.Time{Time: noon}}
			w.update(func(tx db.Tx) error { _, err := learning.Enrolments.Put(t.Context(), tx, gone); return err })
			list, err := w.ListEnrolments(t.Context(), amina)
			if err != nil || len(list) != 2 {
				t.Errorf("got %d, %v", len(list), err)
			}
		})
	})
}

func TestReports(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d, learning.Sitting{ID: "quiz", CourseID: catalogue.CourseIDOf("fractions"), Seconds: 120, At: noon.AddDate(0, 0, -1)})
		w.enrol(amina)
		w.complete(amina, 0, 300)

		t.Run("learner, mother, teacher see the same; a day of practice counts for the streak", func(t *testing.T) {
			for _, who := range []identity.Actor{amina, mother, teacher} {
				got, err := w.LearnerSummary(t.Context(), who, amina.Account)
				if err != nil {
					t.Fatalf("%s: %v", who.Role, err)
				}
				if got.Record.Streak.Current != 2 || got.Record.Seconds != 420 || len(got.Courses) != 1 || got.Courses[0].Progress.Percent != 33 {
					t.Errorf("%s: got %+v", who.Role, got.Record)
				}
			}
		})
		t.Run("for others there is no such learner", func(t *testing.T) {
			for _, who := range []identity.Actor{brian, foreign, {Account: brian.Account, Role: identity.Parent}} {
				if _, err := w.LearnerSummary(t.Context(), who, amina.Account); fault.KindOf(err) != fault.NotFound {
					t.Errorf("%s: got %v", who.Role, err)
				}
			}
		})
		t.Run("the class list agrees with the learner's own progress", func(t *testing.T) {
			lines, err := w.ClassProgress(t.Context(), teacher, school, "")
			if err != nil || len(lines) != 2 {
				t.Fatalf("got %+v, %v", lines, err)
			}
			a, b := lines[0], lines[1]
			if a.Learner.ID != amina.Account || a.Percent != 33 || a.Completed != 1 || a.Total != 3 || a.Minutes != 5 || !a.LastAt.Equal(noon) {
				t.Errorf("got %+v", a)
			}
			if b.Learner.ID != brian.Account || b.Course.ID != "" {
				t.Errorf("got %+v", b)
			}
		})
		t.Run("a teacher of another school sees no class, a learner none at all", func(t *testing.T) {
			if _, err := w.ClassProgress(t.Context(), foreign, school, ""); fault.KindOf(err) != fault.NotFound {
				t.Errorf("got %v", err)
			}
			if _, err := w.ClassProgress(t.Context(), amina, school, ""); fault.KindOf(err) != fault.Forbidden {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestTravel(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		t.Run("a fact read back has the bytes it travelled with, and applied twice it is once", func(t *testing.T) {
			w.enrol(amina)
			w.complete(amina, 0, 61)
			for _, c := range w.journal.changes {
				if c.Audience != syncproto.OfLearner(string(amina.Account)) {
					t.Errorf("%s is about %+v", c.Spec.Name, c.Audience)
				}
				switch c.Spec.Name {
				case "learning.enrolment":
					again(t, w.db, learning.Enrolments, c)
				case "learning.activity":
					again(t, w.db, learning.Activities, c)
				}
			}
		})
		t.Run("rows copied in bulk read back the same", func(t *testing.T) {
			a := learning.Activity{ID: learning.ActivityID(id.New()), Kind: learning.TimeSpent, LearnerID: brian.Account, CourseID: "c", LessonID: "l", Seconds: 5, At: db.Time{Time: noon}}
			b := learning.Activities.Bulk
			w.update(func(tx db.Tx) error { return tx.BulkInsert(t.Context(), b.Table, b.Columns, [][]any{b.Row(a)}) })
			w.update(func(tx db.Tx) error {
				keys, err := tx.BulkUpsert(t.Context(), b.Table, b.Columns, [][]any{b.Row(a)})
				if len(keys) != 0 {
					t.Errorf("inserted again: %v", keys)
				}
				return err
			})
			w.update(func(tx db.Tx) error {
				got, err := learning.Activities.Get(t.Context(), tx, string(a.ID))
				if got != a {
					t.Errorf("got %+v", got)
				}
				return err
			})
		})
	})
}

// again applies a recorded change to the database that made it.
func again[T any](t *testing.T, d db.DB, e syncer.Entity[T], c syncer.Change) {
	t.Helper()
	err := d.Update(t.Context(), func(tx db.Tx) error {
		var v T
		if err := syncproto.DecodeBody(c.Body, &v); err != nil {
			return err
		}
		if inserted, err := e.Put(t.Context(), tx, v); err != nil || inserted {
			t.Errorf("%s: inserted again: %v, %v", e.Name, inserted, err)
		}
		have, err := e.Get(t.Context(), tx, c.Entity)
		if err != nil {
			return err
		}
		body, err := syncproto.EncodeBody(have)
		if string(body) != string(c.Body) {
			t.Errorf("%s: stored %x, travelled %x", e.Name, body, c.Body)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
