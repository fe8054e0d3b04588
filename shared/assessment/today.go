package assessment

import (
	"context"
	"errors"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
)

// Today is a learner's day: what to do next and how it has gone so far.
type Today struct {
	Date learning.Date
	// Part of the day by the clock in Kenya.
	Part   Part
	Plan   []PlanItem
	Streak learning.Streak
	// Seconds and Sessions of today.
	Day learning.Day
}

// Part is a part of the day, for a greeting.
type Part string

// The parts. The evening lasts until four in the morning.
const (
	Morning   Part = "morning"
	Afternoon Part = "afternoon"
	Evening   Part = "evening"
)

func partOf(t time.Time) Part {
	switch hour := int(t.Sub(learning.DateOf(t).Start()).Hours()); {
	case hour >= 4 && hour < 12:
		return Morning
	case hour >= 12 && hour < 17:
		return Afternoon
	}
	return Evening
}

// ItemKind is what a plan item asks for.
type ItemKind string

// The kinds of plan items.
const (
	ReadLesson ItemKind = "lesson"
	TakeQuiz   ItemKind = "quiz"
)

// PlanItem is one thing to do today. ID is the lesson's or the quiz's.
type PlanItem struct {
	ID       string
	Kind     ItemKind
	Title    string
	CourseID catalogue.CourseID
	LessonID catalogue.LessonID
	QuizID   catalogue.QuizID
	// Subject is the learning area.
	Subject string
	Minutes int
	// First is where the learner stopped last.
	First     bool
	Completed bool
}

// planLength is how many open items a day offers: a list a child can finish.
const planLength = 5

// quizMinutes is the time planned for a quiz of five or six questions.
const quizMinutes = 10

// Today folds who's day. The plan is made each time it is read: what was
// completed today, then, in the course worked on last first, the next lesson of
// every course and the quiz of a lesson that was read but not yet passed.
func (s *Service) Today(ctx context.Context, who identity.Actor) (Today, error) {
	if err := who.Require(identity.Student); err != nil {
		return Today{}, err
	}
	var out Today
	err := s.db.View(ctx, func(tx db.Tx) error {
		summary, err := s.learning.SummaryOf(ctx, tx, identity.Account{ID: who.Account})
		if err != nil {
			return err
		}
		attempts, err := listAttempts(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		now := s.clock.Now()
		today := learning.DateOf(now)
		out = Today{Date: today, Part: partOf(now), Streak: summary.Record.Streak, Day: summary.Record.On(today)}
		out.Plan, err = planner{tx, today, passed(attempts)}.plan(ctx, summary)
		return err
	})
	return out, err
}

// passed gives the day of the first passing attempt by quiz.
func passed(attempts []Attempt) map[catalogue.QuizID]learning.Date {
	out := map[catalogue.QuizID]learning.Date{}
	for _, a := range attempts { // oldest first
		if _, known := out[a.QuizID]; a.Passed && !known {
			out[a.QuizID] = learning.DateOf(a.SubmittedAt.Time)
		}
	}
	return out
}

type planner struct {
	tx     db.Tx
	today  learning.Date
	passed map[catalogue.QuizID]learning.Date
}

func (p planner) plan(ctx context.Context, summary learning.Summary) ([]PlanItem, error) {
	courses := slices.Clone(summary.Courses)
	slices.SortStableFunc(courses, func(a, b learning.Taken) int { return b.Progress.LastAt.Compare(a.Progress.LastAt) })
	var done, open []PlanItem
	for _, c := range courses {
		record := summary.Record.Courses[c.CourseID]
		for _, l := range c.Progress.Course.Lessons {
			at, completed := record.Completed[l.ID]
			if completed && learning.DateOf(at) == p.today {
				done = append(done, lessonItem(c, l, true))
			}
			day, ok := p.passed[l.QuizID]
			if ok && day == p.today {
				done = append(done, quizItem(c, l, true))
			}
			if completed && !ok && l.QuizID != "" {
				usable, err := p.usable(ctx, l.QuizID)
				if err != nil {
					return nil, err
				}
				if usable {
					open = append(open, quizItem(c, l, false))
				}
			}
		}
		if c.Progress.Next != nil {
			open = append(open, lessonItem(c, *c.Progress.Next, false))
		}
	}
	open = open[:min(len(open), planLength)]
	if len(open) > 0 {
		open[0].First = true
	}
	return append(done, open...), nil
}

// usable tells whether the quiz is here and has questions.
func (p planner) usable(ctx context.Context, quiz catalogue.QuizID) (bool, error) {
	q, err := catalogue.QuizByID(ctx, p.tx, quiz)
	if errors.Is(err, catalogue.ErrNoQuiz) {
		return false, nil
	}
	return len(q.Questions) > 0, err
}

func lessonItem(c learning.Taken, l catalogue.LessonSummary, completed bool) PlanItem {
	return PlanItem{
		ID: string(l.ID), Kind: ReadLesson, Title: l.Title, CourseID: c.CourseID, LessonID: l.ID,
		Subject: c.Progress.Course.LearningArea, Minutes: l.Minutes, Completed: completed,
	}
}

func quizItem(c learning.Taken, l catalogue.LessonSummary, completed bool) PlanItem {
	return PlanItem{
		ID: string(l.QuizID), Kind: TakeQuiz, Title: l.Title, CourseID: c.CourseID, LessonID: l.ID, QuizID: l.QuizID,
		Subject: c.Progress.Course.LearningArea, Minutes: quizMinutes, Completed: completed,
	}
}
