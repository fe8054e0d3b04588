package learning

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
)

var noon = time.Date(2026, 11, 4, 9, 0, 0, 0, time.UTC)

func facts() *rapid.Generator[[]Activity] {
	return rapid.Custom(func(t *rapid.T) []Activity {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		out := make([]Activity, n)
		for i := range out {
			out[i] = Activity{
				ID:       ActivityID(fmt.Sprintf("fact-%02d", i)),
				Kind:     rapid.SampledFrom([]Kind{LessonOpened, LessonCompleted, TimeSpent, QuizTaken}).Draw(t, "kind"),
				CourseID: rapid.SampledFrom([]catalogue.CourseID{"c1", "c2"}).Draw(t, "course"),
				LessonID: rapid.SampledFrom([]catalogue.LessonID{"l1", "l2", "l3"}).Draw(t, "lesson"),
				Seconds:  rapid.Int64Range(0, 3600).Draw(t, "seconds"),
				// Few different moments, so that equal times are common.
				At: db.Time{Time: noon.Add(-time.Duration(rapid.IntRange(0, 200).Draw(t, "at")) * 20 * time.Minute)},
			}
		}
		return out
	})
}

func TestFold(t *testing.T) {
	t.Run("the order of facts does not matter, nor does a repetition", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			in := facts().Draw(t, "facts")
			want := Fold(in, noon)

			seed := rapid.Uint64().Draw(t, "seed")
			shuffled := append([]Activity{}, in...)
			if len(in) > 0 {
				shuffled = append(shuffled, in[seed%uint64(len(in))])
			}
			rand.New(rand.NewPCG(seed, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			if got := Fold(shuffled, noon); !reflect.DeepEqual(got, want) {
				t.Fatalf("got %+v\nwant %+v", got, want)
			}
		})
	})
	t.Run("days, courses and the whole add up to the same seconds", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			r := Fold(facts().Draw(t, "facts"), noon)
			var days, courses int64
			for _, d := range r.Days {
				days += d.Seconds
			}
			for _, c := range r.Courses {
				courses += c.Seconds
			}
			if days != r.Seconds || courses != r.Seconds {
				t.Fatalf("days %d, courses %d, whole %d", days, courses, r.Seconds)
			}
		})
	})
	t.Run("a pause of half an hour begins a new session", func(t *testing.T) {
		at := func(id string, minute int) Activity {
			return Activity{ID: ActivityID(id), Kind: LessonOpened, At: db.Time{Time: noon.Add(time.Duration(minute) * time.Minute)}}
		}
		r := Fold([]Activity{at("a", 0), at("b", 29), at("c", 59), at("d", 60)}, noon)
		if got := r.On(DateOf(noon)).Sessions; got != 2 {
			t.Errorf("got %d sessions", got)
		}
	})
}

func TestProgress(t *testing.T) {
	lessons := []catalogue.LessonSummary{{ID: "l1"}, {ID: "l2"}, {ID: "l3"}}
	course := Outline{Course: catalogue.Course{ID: "c1"}, Lessons: lessons}
	done := func(lesson string, minute int) Activity {
		return Activity{ID: ActivityID("done-" + lesson), Kind: LessonCompleted, CourseID: "c1", LessonID: catalogue.LessonID(lesson), At: db.Time{Time: noon.Add(time.Duration(minute) * time.Minute)}}
	}
	opened := func(lesson string, minute int) Activity {
		return Activity{ID: ActivityID("open-" + lesson), Kind: LessonOpened, CourseID: "c1", LessonID: catalogue.LessonID(lesson), At: db.Time{Time: noon.Add(time.Duration(minute) * time.Minute)}}
	}
	for _, c := range []struct {
		name    string
		facts   []Activity
		percent int
		next    catalogue.LessonID
		done    bool
	}{
		{"a new course begins with its first lesson", nil, 0, "l1", false},
		{"an opened lesson is where to go on", []Activity{opened("l2", 0)}, 0, "l2", false},
		{"after a completed lesson comes the next", []Activity{done("l1", 0)}, 33, "l2", false},
		{"after the last lesson comes one that was left out", []Activity{done("l1", 0), done("l3", 1)}, 66, "l2", false},
		{"a lesson read again does not hide the open one", []Activity{done("l1", 0), opened("l1", 5)}, 33, "l2", false},
		{"all lessons done is the end", []Activity{done("l3", 0), done("l1", 1), done("l2", 2)}, 100, "", true},
		{"a lesson the edition dropped does not count", []Activity{done("old", 0)}, 0, "l1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Fold(c.facts, noon).In(course)
			var next catalogue.LessonID
			if p.Next != nil {
				next = p.Next.ID
			}
			if p.Percent != c.percent || next != c.next || p.Done() != c.done {
				t.Errorf("got %d %%, next %q, done %v", p.Percent, next, p.Done())
			}
		})
	}
	t.Run("a course without lessons is never done", func(t *testing.T) {
		if p := Fold(nil, noon).In(Outline{}); p.Done() || p.Percent != 0 || p.Next != nil {
			t.Errorf("got %+v", p)
		}
	})
}
