package learning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

func isNoRows(err error) bool { return errors.Is(err, db.ErrNoRows) }

// Summary is one learner with everything folded.
type Summary struct {
	Learner identity.Account
	Courses []Taken
	Record  Record
}

// LearnerSummary is what a learner, her guardians and the teachers of her school
// may see of her learning; for everybody else there is no such learner.
func (s *Service) LearnerSummary(ctx context.Context, who identity.Actor, learner identity.AccountID) (Summary, error) {
	var out Summary
	err := s.db.View(ctx, func(tx db.Tx) error {
		if err := s.people.MaySee(ctx, tx, who, learner); err != nil {
			return err
		}
		account, err := s.people.Account(ctx, tx, learner)
		if err != nil {
			return err
		}
		if account.Role != identity.Student {
			return identity.ErrNoSuchAccount
		}
		out, err = s.SummaryOf(ctx, tx, account)
		return err
	})
	return out, err
}

// RecordOf folds one learner's facts, practice included. For use-cases that
// have decided that the asker may see them.
func (s *Service) RecordOf(ctx context.Context, tx db.Tx, learner identity.AccountID) (Record, error) {
	facts, err := listActivities(ctx, tx, learner)
	if err != nil {
		return Record{}, fmt.Errorf("list activities: %w", err)
	}
	sittings, err := s.practice.Sittings(ctx, tx, learner)
	if err != nil {
		return Record{}, fmt.Errorf("list sittings: %w", err)
	}
	for _, q := range sittings {
		facts = append(facts, Activity{
			ID: ActivityID(q.ID), Kind: QuizTaken, LearnerID: learner,
			CourseID: q.CourseID, Seconds: q.Seconds, At: db.Time{Time: q.At},
		})
	}
	return Fold(facts, s.clock.Now()), nil
}

// SummaryOf folds one learner, course by course. For use-cases that have
// decided that the asker may see it.
func (s *Service) SummaryOf(ctx context.Context, tx db.Tx, l identity.Account) (Summary, error) {
	enrolments, err := listEnrolments(ctx, tx, l.ID)
	if err != nil {
		return Summary{}, fmt.Errorf("list enrolments: %w", err)
	}
	record, err := s.RecordOf(ctx, tx, l.ID)
	if err != nil {
		return Summary{}, err
	}
	out := Summary{Learner: l, Record: record}
	for _, e := range enrolments {
		outline, err := knownOutline(ctx, tx, e.CourseID)
		if err != nil {
			return Summary{}, err
		}
		out.Courses = append(out.Courses, Taken{e, record.In(outline)})
	}
	return out, nil
}

// knownOutline is outlineOf, but a course whose pack has not arrived (or was
// evicted) is one without title and lessons: the facts about it stay visible.
func knownOutline(ctx context.Context, tx db.Tx, course catalogue.CourseID) (Outline, error) {
	o, err := outlineOf(ctx, tx, course)
	if errors.Is(err, catalogue.ErrNoCourse) {
		return Outline{Course: catalogue.Course{ID: course}}, nil
	}
	return o, err
}

// ClassLine is one learner in one course, as a teacher sees it.
type ClassLine struct {
	Learner   identity.Account
	Course    Outline
	Completed int
	Total     int
	Percent   int
	Minutes   int64
	// LastAt is zero when nothing was done yet.
	LastAt time.Time
}

// ClassProgress gives the learners of a school, of one class or of all when
// class is empty, in every course they take, in the order of the roster, to a
// teacher of that school or an admin. A learner who takes nothing yet has one
// line without a course.
func (s *Service) ClassProgress(ctx context.Context, who identity.Actor, school identity.SchoolID, class string) ([]ClassLine, error) {
	roster, err := s.people.Roster(ctx, who, school, class)
	if err != nil {
		return nil, err
	}
	var out []ClassLine
	err = s.db.View(ctx, func(tx db.Tx) error {
		sums, err := addUp(ctx, tx, roster)
		if err != nil {
			return err
		}
		for _, l := range roster {
			out = append(out, sums.lines(l.Account)...)
		}
		return nil
	})
	return out, err
}

// sums is the facts of some learners, added up by the database.
type sums struct {
	outlines map[catalogue.CourseID]Outline
	courses  map[identity.AccountID][]catalogue.CourseID
	totals   map[identity.AccountID][]lessonTotal
}

func addUp(ctx context.Context, tx db.Tx, roster []identity.RosterLine) (sums, error) {
	c := sums{
		outlines: map[catalogue.CourseID]Outline{}, courses: map[identity.AccountID][]catalogue.CourseID{},
		totals: map[identity.AccountID][]lessonTotal{},
	}
	ids := make([]identity.AccountID, len(roster))
	for i, l := range roster {
		ids[i] = l.Account.ID
	}
	enrolments, err := listEnrolmentsOfAll(ctx, tx, ids)
	if err != nil {
		return sums{}, fmt.Errorf("list enrolments of a class: %w", err)
	}
	for _, e := range enrolments {
		c.courses[e.LearnerID] = append(c.courses[e.LearnerID], e.CourseID)
		if _, known := c.outlines[e.CourseID]; known {
			continue
		}
		if c.outlines[e.CourseID], err = knownOutline(ctx, tx, e.CourseID); err != nil {
			return sums{}, err
		}
	}
	totals, err := listLessonTotals(ctx, tx, ids)
	if err != nil {
		return sums{}, fmt.Errorf("add up a class: %w", err)
	}
	for _, t := range totals {
		c.totals[t.learner] = append(c.totals[t.learner], t)
	}
	return c, nil
}

func (c sums) lines(l identity.Account) []ClassLine {
	if len(c.courses[l.ID]) == 0 {
		return []ClassLine{{Learner: l}}
	}
	var out []ClassLine
	for _, course := range c.courses[l.ID] {
		outline := c.outlines[course]
		line := ClassLine{Learner: l, Course: outline, Total: len(outline.Lessons)}
		var seconds int64
		for _, t := range c.totals[l.ID] {
			if t.course != course {
				continue
			}
			seconds += t.seconds
			if t.last.After(line.LastAt) {
				line.LastAt = t.last
			}
			if t.completed && outline.has(t.lesson) {
				line.Completed++
			}
		}
		if line.Total > 0 {
			line.Percent = 100 * line.Completed / line.Total
		}
		line.Minutes = minutes(seconds)
		out = append(out, line)
	}
	slices.SortFunc(out, func(a, b ClassLine) int { return b.LastAt.Compare(a.LastAt) })
	return out
}
