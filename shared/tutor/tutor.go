// Package tutor answers learners' questions. Its nouns: a *question* a learner
// asked; an *answer* with its *source* (lesson passages, a local model, a hosted
// model, the safety rule); a *passage* of a lesson that is quoted; a *route* to
// a provider of answers, with its own short queue; a *job*, a question that
// waits here for a hosted model; an *alert*, which tells the school's named
// adult that a learner may be in danger.
//
// The rules that surprise: words of danger are answered by fixed text and reach
// no model on either side. A question enters the outbox only when the guardian's
// consent is recorded, and then without names; every other question stays on the
// node where it was asked. A stream that merely ends is a failure: an answer
// counts only when its provider said that it is complete.
package tutor

import (
	"context"
	"log/slog"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// PurposeCloudTutor is the purpose of consent that a guardian gives before a
// question may reach a hosted model.
const PurposeCloudTutor = "cloud_tutor"

// Consents tells what guardians have agreed to.
type Consents interface {
	HasConsent(ctx context.Context, tx db.Tx, learner identity.AccountID, purpose string) (bool, error)
}

// Passages searches the lessons that are on this node. It gives only passages
// that fit the question, best first, of the given courses; no course means no
// passage.
type Passages interface {
	Search(ctx context.Context, tx db.Tx, query string, courses []string) ([]Passage, error)
}

// Access lists the courses whose lessons the learner may open here: free ones
// and those paid for.
type Access interface {
	OpenCourses(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]string, error)
}

// Known is what must not leave with a learner's words.
type Known struct {
	// Learner is the learner's display name, shown to the named adult.
	Learner string
	// People are full names: the learner, guardians, teachers.
	People []string
	// Places are the names of the school and its site.
	Places []string
}

// Names gives the names around a learner.
type Names interface {
	Known(ctx context.Context, tx db.Tx, learner identity.AccountID) (Known, error)
}

// Safeguards names the adult of a school who is told about danger; empty when
// none is set.
type Safeguards interface {
	NamedAdult(ctx context.Context, tx db.Tx, school identity.SchoolID) (identity.AccountID, error)
}

// Options is what a binary gives the tutor. All interfaces are required.
type Options struct {
	Consents   Consents
	Passages   Passages
	Access     Access
	Names      Names
	Safeguards Safeguards
	// Minor, optional, tells whether a learner is under age or may be: without a
	// school, or at one that has named nobody who looks after its children, such a
	// learner is not answered.
	Minor func(ctx context.Context, tx db.Tx, learner identity.AccountID) (bool, error)
	// Office, optional, gives the alerts of schools that admins may read and take
	// up: those that nobody at the school took up in time.
	Office func(ctx context.Context, tx db.Tx) ([]string, error)
	// Routes are the ways to a model, tried in order.
	Routes []Route
	// Forward is set where consented questions travel to a node with hosted
	// models.
	Forward bool
	// DailyLimit is how many questions a learner may ask in a day of Nairobi;
	// 0 means 40.
	DailyLimit int
	// Deadline bounds the whole chain of routes for one question; 0 means 60 s.
	Deadline time.Duration
	Clock    clock.Clock
	Log      *slog.Logger
}

// The defaults of Options.
const (
	defaultDailyLimit = 40
	defaultDeadline   = time.Minute
)

// Service is the tutor of one node.
type Service struct {
	db     db.DB
	opts   Options
	danger *dangerWords
	chain  *chain
	// wake tells the Answerer that a job was added.
	wake chan struct{}
}

// New makes the service; d needs a journal.
func New(d db.DB, opts Options) (*Service, error) {
	if opts.DailyLimit == 0 {
		opts.DailyLimit = defaultDailyLimit
	}
	if opts.Deadline == 0 {
		opts.Deadline = defaultDeadline
	}
	danger, err := loadDanger(dangerFile)
	if err != nil {
		return nil, err
	}
	return &Service{db: d, opts: opts, danger: danger, chain: newChain(opts), wake: make(chan struct{}, 1)}, nil
}
