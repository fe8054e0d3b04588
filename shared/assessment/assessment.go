// Package assessment grades quizzes and tells how it went. Its nouns: an
// *answer* is what a learner gives to one question; an *attempt* is a submitted
// quiz with its answers and marks; a *result* is an attempt as the learner sees
// it, with the explanations. It also draws the pages that need learning and
// quizzes together: the learner's day and the parent's view of the children.
//
// Attempts travel; nothing else here does. Numbers of attempts, best scores,
// averages and trends are folded when they are read.
//
// The rule that surprises: the first submission of an attempt id is the
// attempt. Submitting it again, with the same answers or others, gives the first
// result and changes nothing, because a page that lost the answer to its request
// can only send it again.
package assessment

import (
	"context"
	"log/slog"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
)

// Access decides who may open a course; *catalogue.Service does.
type Access interface {
	// MayOpen is nil, or the fault that says why not.
	MayOpen(ctx context.Context, tx db.Tx, who identity.Actor, c catalogue.Course) error
	OpenCourses(ctx context.Context, tx db.Tx, who identity.Actor) ([]catalogue.CourseID, error)
}

// Learning is what this package needs of *learning.Service.
type Learning interface {
	Ensure(ctx context.Context, tx db.Tx, who identity.Actor, course catalogue.CourseID) (learning.Enrolment, error)
	SummaryOf(ctx context.Context, tx db.Tx, l identity.Account) (learning.Summary, error)
}

// Families knows a parent's children; *identity.Service does.
type Families interface {
	// ChildrenOf lists the learners a parent is guardian of.
	ChildrenOf(ctx context.Context, tx db.Tx, parent identity.AccountID) ([]identity.Account, error)
}

// Freshness tells up to when the work done at a school has arrived here: now on
// the school's own box, the last word of the box on the cloud. The zero time
// means that nothing was heard yet.
type Freshness interface {
	AsOf(ctx context.Context, tx db.Tx, school string) (time.Time, error)
}

// Options are what a Service needs from others.
type Options struct {
	DB        db.DB
	Clock     clock.Clock
	Log       *slog.Logger
	Access    Access
	Learning  Learning
	Families  Families
	Freshness Freshness
}

// Service is the use-cases of assessment.
type Service struct {
	db        db.DB
	clock     clock.Clock
	log       *slog.Logger
	access    Access
	learning  Learning
	families  Families
	freshness Freshness
}

// New makes a Service.
func New(o Options) *Service {
	return &Service{
		db: o.DB, clock: o.Clock, log: o.Log, access: o.Access,
		learning: o.Learning, families: o.Families, freshness: o.Freshness,
	}
}

// Sittings tells learning when quizzes were taken, for learning.Options.
type Sittings struct{}

// Sittings implements learning.Practice.
func (Sittings) Sittings(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]learning.Sitting, error) {
	return listSittings(ctx, tx, learner)
}
