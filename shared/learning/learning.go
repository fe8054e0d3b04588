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

// People knows who may see whom; *identity.Service does.
type People interface {
	Account(ctx context.Context, tx db.Tx, account identity.AccountID) (identity.Account, error)
	// MaySee is nil for the learner, her guardians and her teachers.
	MaySee(ctx context.Context, tx db.Tx, who identity.Actor, learner identity.AccountID) error
	// Roster lists the learners of a school for those who may see them.
	Roster(ctx context.Context, who identity.Actor, school identity.SchoolID, class string) ([]identity.RosterLine, error)
}

// Practice tells when a learner sat quizzes, so that a day of practice counts
// as a day of learning.
type Practice interface {
	Sittings(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]Sitting, error)
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
