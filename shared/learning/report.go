package learning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// The faults of reports.
var (
	ErrNoLearner = fault.New(fault.NotFound, "There is no such learner.").WithCode("no_such_learner")
	ErrNoSchool  = fault.New(fault.NotFound, "There is no such school.").WithCode("no_such_school")
)

func isNoRows(err error) bool { return errors.Is(err, db.ErrNoRows) }

// Summary is one learner with everything folded.
type Summary struct {
	Learner Learner
	Courses []Taken
	Record  Record
}

// LearnerSummary is what a learner, her parent or a teacher of her school may
// see of her learning; for everybody else there is no such learner.
func (s *Service) LearnerSummary(ctx context.Context, who identity.Actor, learner identity.AccountID) (Summary, error) {
	if err := who.Require(identity.Student, identity.Parent, identity.Instructor, identity.Admin); err != nil {
		return Summary{}, err
	}
	var out Summary
	err := s.db.View(ctx, func(tx db.Tx) error {
		l, err := s.visible(ctx, tx, who, learner)
		if err != nil {
			return err
		}
		out, err = s.SummaryOf(ctx, tx, l)
		return err
	})
	return out, err
}

// visible is the learner when who may see her learning.
func (s *Service) visible(ctx context.Context, tx db.Tx, who identity.Actor, learner identity.AccountID) (Learner, error) {
	l, err := s.people.Learner(ctx, tx, learner)
	if fault.KindOf(err) == fault.NotFound {
		return Learner{}, ErrNoLearner
	}
	if err != nil {
		return Learner{}, err
	}
	ok := false
	switch who.Role {
	case identity.Student:
		ok = who.Account == learner
	case identity.Parent:
		ok, err = s.people.IsGuardianOf(ctx, tx, who.Account, learner)
	case identity.Instructor:
		ok = who.School != "" && who.School == l.School
	case identity.Admin:
		ok = true
	}
	if err != nil {
		return Learner{}, fmt.Errorf("who is the guardian: %w", err)
	}
	if !ok {
		return Learner{}, ErrNoLearner
	}
	return l, nil
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
func (s *Service) SummaryOf(ctx context.Context, tx db.Tx, l Learner) (Summary, error) {
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
	Learner   Learner
	Course    Outline
	Completed int
	Total     int
	Percent   int
	Minutes   int64
	// LastAt is zero when nothing was done yet.
	LastAt time.Time
}

// ClassProgress gives every learner of a school in every course she takes, in
// the order of the roster, to a teacher of that school or an admin. A learner
// who takes nothing yet has one line without a course.
func (s *Service) ClassProgress(ctx context.Context, who identity.Actor, school identity.SchoolID) ([]ClassLine, error) {
	if err := who.Require(identity.Instructor, identity.Admin); err != nil {
		return nil, err
	}
	if who.Role == identity.Instructor && who.School != school {
		return nil, ErrNoSchool
	}
	var out []ClassLine
	err := s.db.View(ctx, func(tx db.Tx) error {
		learners, err := s.people.LearnersOf(ctx, tx, school)
		if err != nil {
			return err
		}
		c, err := loadClass(ctx, tx, learners)
		if err != nil {
			return err
		}
		for _, l := range learners {
			out = append(out, c.lines(l)...)
		}
		return nil
	})
	return out, err
}

// class is the facts of some learners, added up by the database.
type class struct {
	outlines map[catalogue.CourseID]Outline
	courses  map[identity.AccountID][]catalogue.CourseID
	totals   map[identity.AccountID][]lessonTotal
}

func loadClass(ctx context.Context, tx db.Tx, learners []Learner) (class, error) {
	c := class{
		outlines: map[catalogue.CourseID]Outline{}, courses: map[identity.AccountID][]catalogue.CourseID{},
		totals: map[identity.AccountID][]lessonTotal{},
	}
	ids := make([]identity.AccountID, len(learners))
	for i, l := range learners {
		ids[i] = l.ID
	}
	enrolments, err := listEnrolmentsOfAll(ctx, tx, ids)
	if err != nil {
		return class{}, fmt.Errorf("list enrolments of a class: %w", err)
	}
	for _, e := range enrolments {
		c.courses[e.LearnerID] = append(c.courses[e.LearnerID], e.CourseID)
		if _, known := c.outlines[e.CourseID]; known {
			continue
		}
		if c.outlines[e.CourseID], err = knownOutline(ctx, tx, e.CourseID); err != nil {
			return class{}, err
		}
	}
	totals, err := listLessonTotals(ctx, tx, ids)
	if err != nil {
		return class{}, fmt.Errorf("add up a class: %w", err)
	}
	for _, t := range totals {
		c.totals[t.learner] = append(c.totals[t.learner], t)
	}
	return c, nil
}

func (c class) lines(l Learner) []ClassLine {
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
