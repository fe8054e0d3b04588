package learning

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

// Record is what the activities of one learner add up to.
type Record struct {
	Courses map[catalogue.CourseID]CourseRecord
	// Days with anything learned, oldest first.
	Days    []Day
	Streak  Streak
	Seconds int64
	// LastAt is the newest activity; zero when there was none.
	LastAt time.Time
}

// CourseRecord is the part of a Record about one course.
type CourseRecord struct {
	// Completed gives the time of completion by lesson, also for lessons that the
	// present edition no longer has.
	Completed map[catalogue.LessonID]time.Time
	Seconds   int64
	LastAt    time.Time
	// LastLesson was worked on last.
	LastLesson catalogue.LessonID
}

// Day is one calendar day in Kenya.
type Day struct {
	Date    Date
	Seconds int64
	// Sessions counts stretches of work with less than half an hour between.
	Sessions int
}

// sessionGap is the pause that begins a new session.
const sessionGap = 30 * time.Minute

// Fold adds facts up, as seen at now. The order of facts does not matter, nor
// does a fact that is there twice.
func Fold(facts []Activity, now time.Time) Record {
	facts = inOrder(facts)
	r := Record{Courses: map[catalogue.CourseID]CourseRecord{}}
	for _, f := range facts {
		c := r.Courses[f.CourseID]
		c.Seconds += f.Seconds
		c.LastAt = f.At.Time
		if f.LessonID != "" {
			c.LastLesson = f.LessonID
		}
		if f.Kind == LessonCompleted {
			c.complete(f)
		}
		r.Courses[f.CourseID] = c
		r.Seconds += f.Seconds
		r.Days = countDay(r.Days, f, r.LastAt)
		r.LastAt = f.At.Time
	}
	r.Streak = StreakOf(r.dates(), DateOf(now))
	return r
}

// inOrder sorts by time, then id, and drops repetitions.
func inOrder(facts []Activity) []Activity {
	byID := make(map[ActivityID]Activity, len(facts))
	for _, f := range facts {
		byID[f.ID] = f
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b Activity) int {
		return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(a.ID, b.ID))
	})
}

func (c *CourseRecord) complete(f Activity) {
	if c.Completed == nil {
		c.Completed = map[catalogue.LessonID]time.Time{}
	}
	if _, done := c.Completed[f.LessonID]; !done {
		c.Completed[f.LessonID] = f.At.Time
	}
}

// countDay adds f, which is not older than last, the fact before it, to its day.
func countDay(days []Day, f Activity, last time.Time) []Day {
	date := DateOf(f.At.Time)
	if len(days) == 0 || days[len(days)-1].Date != date {
		return append(days, Day{Date: date, Seconds: f.Seconds, Sessions: 1})
	}
	day := &days[len(days)-1]
	day.Seconds += f.Seconds
	if f.At.Sub(last) >= sessionGap {
		day.Sessions++
	}
	return days
}

func (r Record) dates() []Date {
	dates := make([]Date, len(r.Days))
	for i, d := range r.Days {
		dates[i] = d.Date
	}
	return dates
}

// On is the day d, with zeroes when nothing was learned.
func (r Record) On(d Date) Day {
	for _, day := range r.Days {
		if day.Date == d {
			return day
		}
	}
	return Day{Date: d}
}

// Between adds the days from first to last, inclusive.
func (r Record) Between(first, last Date) Day {
	sum := Day{Date: first}
	for _, d := range r.Days {
		if d.Date >= first && d.Date <= last {
			sum.Seconds += d.Seconds
			sum.Sessions += d.Sessions
		}
	}
	return sum
}

// Progress is how far a learner is in one course, by its present edition.
type Progress struct {
	Course Outline
	// Completed lessons of the present edition, in the order of the course.
	Completed []catalogue.LessonID
	Total     int
	// Percent of the lessons completed, 0 to 100, rounded down.
	Percent int
	Seconds int64
	// LastAt is the newest activity; zero when there was none.
	LastAt time.Time
	// CompletedAt is when the last missing lesson was completed; zero before.
	CompletedAt time.Time
	// Next is where to go on; nil when every lesson is done.
	Next *catalogue.LessonSummary
}

// Done tells whether every lesson is completed.
func (p Progress) Done() bool { return !p.CompletedAt.IsZero() }

// In sets the record against a course: a lesson that the edition dropped no
// longer counts, a lesson that it brought is open.
func (r Record) In(o Outline) Progress {
	c := r.Courses[o.ID]
	p := Progress{Course: o, Total: len(o.Lessons), Seconds: c.Seconds, LastAt: c.LastAt}
	for _, l := range o.Lessons {
		at, done := c.Completed[l.ID]
		if !done {
			continue
		}
		p.Completed = append(p.Completed, l.ID)
		if at.After(p.CompletedAt) {
			p.CompletedAt = at
		}
	}
	if p.Total > 0 {
		p.Percent = 100 * len(p.Completed) / p.Total
	}
	if len(p.Completed) < p.Total || p.Total == 0 {
		p.CompletedAt = time.Time{}
	}
	p.Next = next(o, c)
	return p
}

// next is where the learner stopped: the lesson last worked on while it is not
// completed, else the first open lesson after it, else the first open lesson.
func next(o Outline, c CourseRecord) *catalogue.LessonSummary {
	last := max(0, slices.IndexFunc(o.Lessons, func(l catalogue.LessonSummary) bool { return l.ID == c.LastLesson }))
	for i := range o.Lessons {
		l := o.Lessons[(last+i)%len(o.Lessons)]
		if _, done := c.Completed[l.ID]; !done {
			return &l
		}
	}
	return nil
}
