// Package learning keeps what learners do with courses. Its nouns: an
// *enrolment* is the fact that a learner takes a course; an *activity* is one
// thing done at one time (a lesson opened, a lesson completed, time spent); a
// *record* is what the activities of one learner add up to: progress, minutes,
// days, streak, where to go on.
//
// The rule that surprises: nothing here is ever updated. Both kinds of fact are
// append-only and travel; records are folded when they are read and travel
// never, so facts may arrive in any order, twice, and weeks late, and the record
// is the same. Days are counted by when a thing happened, not by when it arrived.
package learning

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Access decides who may open a course; *catalogue.Service does.
type Access interface {
	// MayOpen is nil, or the fault that says why not.
	MayOpen(ctx context.Context, tx db.Tx, who identity.Actor, c catalogue.Course) error
}

// People knows who is linked to whom.
type People interface {
	// Learner answers fault.NotFound for an account that is not a learner here.
	Learner(ctx context.Context, tx db.Tx, learner identity.AccountID) (Learner, error)
	// LearnersOf are the present learners of a school.
	LearnersOf(ctx context.Context, tx db.Tx, school identity.SchoolID) ([]Learner, error)
	// IsGuardianOf tells whether guardian is linked to child as a parent.
	IsGuardianOf(ctx context.Context, tx db.Tx, guardian, child identity.AccountID) (bool, error)
}

// Practice tells when a learner sat quizzes, so that a day of practice counts
// as a day of learning.
type Practice interface {
	Sittings(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]Sitting, error)
}

// Learner is a student as a teacher or parent sees one.
type Learner struct {
	ID     identity.AccountID
	Name   string
	Grade  string
	School identity.SchoolID
}

// Outline is a course and its lessons in order.
type Outline struct {
	catalogue.Course
	Lessons []catalogue.LessonSummary
}

// Sitting is one quiz taken, and the seconds it took.
type Sitting struct {
	ID       string
	CourseID catalogue.CourseID
	Seconds  int64
	At       time.Time
}

// Options are what a Service needs from others.
type Options struct {
	DB       db.DB
	Clock    clock.Clock
	Access   Access
	People   People
	Practice Practice
}

// Service is the use-cases of learning.
type Service struct {
	db       db.DB
	clock    clock.Clock
	access   Access
	people   People
	practice Practice
}

// New makes a Service.
func New(o Options) *Service {
	return &Service{db: o.DB, clock: o.Clock, access: o.Access, people: o.People, practice: o.Practice}
}
