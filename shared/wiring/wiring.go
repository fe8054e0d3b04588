// Package wiring joins the domains to each other, as both binaries need them:
// it holds the small adapters behind the interfaces that a domain declares for
// what lies beside or above it. What differs between cloud and school comes in
// as values.
package wiring

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// Differences are what one side has and the other has not, or has otherwise.
type Differences struct {
	DB    db.DB
	Clock clock.Clock
	Log   *slog.Logger
	// Identity is how people sign in here and whose tokens are good.
	Identity identity.Options
	// Gateway executes payments, or lets them wait; Sign signs intents made here.
	Gateway payments.Gateway
	Sign    payments.Signer
	// Routes are the models this side can ask; Forward sends consented questions
	// to the other side.
	Routes  []tutor.Route
	Forward bool
	// Office, optional, gives the alerts that climbed to the admins, and is the cloud's.
	Office func(ctx context.Context, tx db.Tx) ([]string, error)
	// Opened, optional, hears of each lesson that somebody opens, by its course.
	Opened func(course catalogue.CourseID)
	// Clerk acts on changes of a school's roster; History brings a moved learner's
	// past to her new school, and is the cloud's.
	Clerk   roster.Clerk
	History roster.Linker
	// Freshness tells up to when a school's work has arrived here.
	Freshness assessment.Freshness
	// Audit is whose chain of the audit log this side writes.
	Audit audit.Options
	// Personal says whose side of an erasure this is, and what lies beside the
	// database.
	Personal personal.Options
}

// Domains are the services of the shared domain.
type Domains struct {
	Identity   *identity.Service
	Catalogue  *catalogue.Service
	Learning   *learning.Service
	Assessment *assessment.Service
	Tutor      *tutor.Service
	Payments   *payments.Service
	Audit      *audit.Log
	Roster     *roster.Service
	Consent    *consent.Service
	Personal   *personal.Service
}

// Join builds the domains in their order of dependence.
func Join(d Differences) (Domains, error) {
	d.Audit.DB, d.Audit.Clock = d.DB, d.Clock
	log := audit.New(d.Audit)
	d.Identity.DB, d.Identity.Clock, d.Identity.Audit, d.Identity.Text = d.DB, d.Clock, log, consent.Known
	d.Identity.Form = consent.HasForm
	people := identity.New(d.Identity)
	d.Personal.DB, d.Personal.Clock, d.Personal.Log, d.Personal.People, d.Personal.Audit = d.DB, d.Clock, d.Log, people, log
	courses := catalogue.New(catalogue.Options{DB: d.DB, Access: Entitled{}, Enrolments: learning.Counts{}, Opened: d.Opened})
	pay := payments.New(d.DB, payments.Options{Clock: d.Clock, Prices: Prices{}, Guardians: Guardians{people}, Gateway: d.Gateway, Sign: d.Sign})
	learn := learning.New(learning.Options{DB: d.DB, Clock: d.Clock, Access: courses, People: people, Practice: assessment.Sittings{}})
	assess := assessment.New(assessment.Options{DB: d.DB, Clock: d.Clock, Log: d.Log, Access: courses, Learning: learn, Families: people, Freshness: d.Freshness})
	bird, err := tutor.New(d.DB, tutor.Options{
		Consents: consents{people}, Passages: passages{}, Access: openTo{courses}, Names: names{people}, Safeguards: people,
		Minor: func(ctx context.Context, tx db.Tx, learner identity.AccountID) (bool, error) {
			a, err := people.Account(ctx, tx, learner)
			return a.Minor(d.Clock.Now()), err
		},
		Routes: d.Routes, Forward: d.Forward, Office: d.Office, Clock: d.Clock, Log: d.Log,
	})
	if err != nil {
		return Domains{}, fmt.Errorf("join the tutor: %w", err)
	}
	return Domains{Identity: people, Catalogue: courses, Learning: learn, Assessment: assess, Tutor: bird, Payments: pay, Audit: log,
		Roster:   roster.New(roster.Options{DB: d.DB, Clock: d.Clock, People: people, Clerk: d.Clerk, History: d.History}),
		Consent:  consent.New(consent.Options{DB: d.DB, Clock: d.Clock, People: people}),
		Personal: personal.New(d.Personal)}, nil
}

// Entitled opens paid courses to learners who hold an entitlement.
type Entitled struct{}

// CanOpen implements catalogue.Access.
func (Entitled) CanOpen(ctx context.Context, tx db.Tx, who identity.Actor, course catalogue.CourseID) (bool, error) {
	return payments.HasEntitlement(ctx, tx, who.Account, course)
}

// Prices reads prices from the catalogue.
type Prices struct{}

// Price implements payments.Prices.
func (Prices) Price(ctx context.Context, tx db.Tx, course catalogue.CourseID) (payments.Price, error) {
	c, err := catalogue.CourseByID(ctx, tx, course)
	if err != nil {
		return payments.Price{}, err
	}
	p := payments.Price{AmountMinor: c.PriceMinor, Currency: c.Currency, Edition: c.Edition, Owner: payments.Platform, Title: c.Title}
	if c.Owner == catalogue.OwnerInstructor {
		p.Owner = c.InstructorID
	}
	return p, nil
}

// Guardians tells who may pay for a learner.
type Guardians struct{ People *identity.Service }

// VerifiedPhones implements payments.Guardians.
func (g Guardians) VerifiedPhones(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]string, error) {
	return g.People.VerifiedPhones(ctx, tx, learner)
}

// Children implements payments.Guardians.
func (g Guardians) Children(ctx context.Context, tx db.Tx, parent identity.AccountID) ([]identity.AccountID, error) {
	accounts, err := g.People.ChildrenOf(ctx, tx, parent)
	out := make([]identity.AccountID, len(accounts))
	for i, a := range accounts {
		out[i] = a.ID
	}
	return out, err
}

// SchoolOf implements payments.Guardians.
func (g Guardians) SchoolOf(ctx context.Context, tx db.Tx, learner identity.AccountID) (identity.SchoolID, error) {
	a, err := g.People.Account(ctx, tx, learner)
	return a.School, err
}

// Sealed are the columns of both sides that lie sealed: first those that people are
// looked up by, which must be sealed anew before anybody looks, then the others.
func Sealed() (soon, later []db.SealedColumn) {
	soon, later = identity.Sealed()
	soon = append(soon, payments.Sealed()...)
	return soon, slices.Concat(later, tutor.Sealed(), roster.Sealed(), syncer.Sealed())
}
