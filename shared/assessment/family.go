package assessment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
)

// ErrNoChild answers a parent about somebody who is not linked to her.
var ErrNoChild = fault.New(fault.NotFound, "There is no such child.").WithCode("no_such_child")

// Child is one child with everything that is known here of her learning.
type Child struct {
	learning.Summary
	// Attempts are newest first.
	Attempts []Marked
	// AsOf is up to when the school's work has arrived; zero when nothing has.
	AsOf time.Time
	// Today is the day on which this was folded.
	Today learning.Date
}

// Children gives a parent her children. Each child's AsOf says how old the news
// is: work done at the school after it has not arrived.
func (s *Service) Children(ctx context.Context, who identity.Actor) ([]Child, error) {
	if err := who.Require(identity.Parent); err != nil {
		return nil, err
	}
	var out []Child
	err := s.db.View(ctx, func(tx db.Tx) error {
		learners, err := s.families.ChildrenOf(ctx, tx, who.Account)
		if err != nil {
			return fmt.Errorf("list children: %w", err)
		}
		for _, l := range learners {
			c, err := s.child(ctx, tx, l)
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return nil
	})
	return out, err
}

// Child gives a parent one child: ErrNoChild when they are not linked.
func (s *Service) Child(ctx context.Context, who identity.Actor, child identity.AccountID) (Child, error) {
	if err := who.Require(identity.Parent); err != nil {
		return Child{}, err
	}
	var out Child
	err := s.db.View(ctx, func(tx db.Tx) error {
		learners, err := s.families.ChildrenOf(ctx, tx, who.Account)
		if err != nil {
			return fmt.Errorf("list children: %w", err)
		}
		i := slices.IndexFunc(learners, func(l identity.Account) bool { return l.ID == child })
		if i < 0 {
			return ErrNoChild
		}
		out, err = s.child(ctx, tx, learners[i])
		return err
	})
	return out, err
}

func (s *Service) child(ctx context.Context, tx db.Tx, l identity.Account) (Child, error) {
	summary, err := s.learning.SummaryOf(ctx, tx, l)
	if err != nil {
		return Child{}, fmt.Errorf("fold child %s: %w", l.ID, err)
	}
	attempts, err := submissions(ctx, tx, l.ID)
	if err != nil {
		return Child{}, err
	}
	c := Child{Summary: summary, Attempts: attempts, Today: learning.DateOf(s.clock.Now())}
	if l.School == "" { // works here, so everything is here
		c.AsOf = s.clock.Now()
		return c, nil
	}
	if c.AsOf, err = s.freshness.AsOf(ctx, tx, string(l.School)); err != nil {
		return Child{}, fmt.Errorf("how fresh is school %s: %w", l.School, err)
	}
	return c, nil
}

// Trend is a direction over two weeks.
type Trend string

// The trends. TrendUnknown is for weeks without attempts.
const (
	TrendUnknown Trend = ""
	TrendUp      Trend = "improving"
	TrendSteady  Trend = "stable"
	TrendDown    Trend = "declining"
)

// trendStep is how many percent points count as a change.
const trendStep = 3.0

// week is how many days a week looks back, today included.
const week = 7

// Average is the mean percentage of the attempts submitted from first to last,
// in the courses for which in says yes; nil when there were none.
func (c Child) Average(first, last learning.Date, in func(catalogue.CourseID) bool) *float64 {
	var sum float64
	var n int
	for _, a := range c.Attempts {
		if d := learning.DateOf(a.SubmittedAt.Time); d >= first && d <= last && in(a.CourseID) {
			sum += a.Percent()
			n++
		}
	}
	if n == 0 {
		return nil
	}
	mean := sum / float64(n)
	return &mean
}

// Everywhere is all courses, for Average and TrendOf.
func Everywhere(catalogue.CourseID) bool { return true }

// WeekAverage is the Average of the seven days that end today.
func (c Child) WeekAverage() *float64 { return c.Average(c.Today-week+1, c.Today, Everywhere) }

// TrendOf compares the last seven days with the seven before.
func (c Child) TrendOf(in func(catalogue.CourseID) bool) Trend {
	now := c.Average(c.Today-week+1, c.Today, in)
	before := c.Average(c.Today-2*week+1, c.Today-week, in)
	switch {
	case now == nil || before == nil:
		return TrendUnknown
	case *now >= *before+trendStep:
		return TrendUp
	case *now <= *before-trendStep:
		return TrendDown
	}
	return TrendSteady
}

// Subject is one learning area of a child, over all her courses in it.
type Subject struct {
	Name      string
	Completed int
	Total     int
	Seconds   int64
	LastAt    time.Time
	// Average of all attempts; nil when there were none.
	Average *float64
	Trend   Trend
}

// Subjects folds the child's courses by learning area, in the order in which
// she began them. Courses that are not here have no learning area and are left
// out.
func (c Child) Subjects() []Subject {
	var out []Subject
	areas := map[catalogue.CourseID]string{}
	for _, taken := range c.Courses {
		area := taken.Progress.Course.LearningArea
		if area == "" {
			continue
		}
		areas[taken.CourseID] = area
		i := slices.IndexFunc(out, func(s Subject) bool { return s.Name == area })
		if i < 0 {
			out = append(out, Subject{Name: area})
			i = len(out) - 1
		}
		out[i].Completed += len(taken.Progress.Completed)
		out[i].Total += taken.Progress.Total
		out[i].Seconds += taken.Progress.Seconds
		if taken.Progress.LastAt.After(out[i].LastAt) {
			out[i].LastAt = taken.Progress.LastAt
		}
	}
	for i := range out {
		in := func(id catalogue.CourseID) bool { return areas[id] == out[i].Name }
		out[i].Average = c.Average(0, c.Today, in)
		out[i].Trend = c.TrendOf(in)
	}
	return out
}

// Strongest is the learning area with the best average; empty before any attempt.
func (c Child) Strongest() string {
	best, name := -1.0, ""
	for _, s := range c.Subjects() {
		if s.Average != nil && *s.Average > best {
			best, name = *s.Average, s.Name
		}
	}
	return name
}

// DoneCourses counts the completed courses.
func (c Child) DoneCourses() int {
	n := 0
	for _, taken := range c.Courses {
		if taken.Progress.Done() {
			n++
		}
	}
	return n
}

// EventKind is what happened.
type EventKind string

// The kinds of events.
const (
	QuizDone   EventKind = "quiz"
	LessonDone EventKind = "lesson"
	CourseDone EventKind = "course"
)

// Event is something that a child did, for a list a parent reads.
type Event struct {
	ID      string
	Kind    EventKind
	Subject string
	Title   string
	// Attempt is set for QuizDone.
	Attempt *Marked
	At      time.Time
}

// Events are the child's newest events, at most limit.
func (c Child) Events(limit int) []Event {
	var out []Event
	areas := map[catalogue.CourseID]string{}
	for _, taken := range c.Courses {
		p := taken.Progress
		areas[taken.CourseID] = p.Course.LearningArea
		for _, l := range p.Course.Lessons {
			if at, done := c.Record.Courses[taken.CourseID].Completed[l.ID]; done {
				out = append(out, Event{ID: string(learning.CompletionOf(c.Learner.ID, l.ID)), Kind: LessonDone, Subject: p.Course.LearningArea, Title: l.Title, At: at})
			}
		}
		if p.Done() {
			out = append(out, Event{ID: string(taken.ID), Kind: CourseDone, Subject: p.Course.LearningArea, Title: p.Course.Title, At: p.CompletedAt})
		}
	}
	for _, a := range c.Attempts {
		out = append(out, Event{ID: string(a.ID), Kind: QuizDone, Subject: areas[a.CourseID], Title: a.Quiz.Title, Attempt: &a, At: a.SubmittedAt.Time})
	}
	slices.SortStableFunc(out, func(a, b Event) int { return b.At.Compare(a.At) })
	return out[:min(len(out), limit)]
}
