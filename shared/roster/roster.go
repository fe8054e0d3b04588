// Package roster is a school's list of its people: *classes* and *terms*,
// *changes* of the list with the *verdict* on each, *merges* of learners who are
// there twice, and *codes* on slips that link a parent or move a child.
//
// A change is a fact. A school writes it on its own box with no internet, where
// it shows at once, provisionally; the cloud, which is the authority for accounts,
// acts on it when it arrives and answers with a verdict. What it did comes down
// as the account itself, what it refused as a to-do for the school. The same
// function, Apply, makes the account on both sides.
//
// The rule that surprises: the id of a new learner is derived from the school and
// the change that brings her. A school can therefore name an account as new only
// when it is its own, and everything else it says counts only about learners who
// are at that school when the cloud reads it.
package roster

import (
	"context"
	"slices"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// What a person, or in a verdict her school, is told.
var (
	ErrNotHere      = fault.New(fault.NotFound, "There is no such learner at this school.").WithCode("not_at_school")
	ErrNoChange     = fault.New(fault.NotFound, "There is nothing like that to undo.").WithCode("no_such_change")
	ErrSameLearner  = fault.New(fault.Invalid, "These are one learner already.").WithCode("same_learner")
	ErrNoCode       = fault.New(fault.NotFound, "This code is not known here yet. It may still be on the way from the school.").WithCode("code_not_here")
	ErrCodeUsed     = fault.New(fault.Conflict, "This code was used already.").WithCode("code_used")
	ErrCodeOld      = fault.New(fault.Conflict, "This code has expired.").WithCode("code_expired")
	ErrCodeStale    = fault.New(fault.Conflict, "The child has changed school since this code was printed.").WithCode("code_stale")
	ErrUPIElsewhere = fault.New(fault.Conflict, "Another learner has this UPI.").WithCode("upi_elsewhere")
)

// Linker tells the other schools' boxes what they need to know of a learner who
// comes to them; optional. The cloud's sends the facts of her past.
type Linker func(ctx context.Context, tx db.Tx, learner identity.AccountID, school identity.SchoolID) error

// Options are what a Service needs.
type Options struct {
	DB     db.DB
	Clock  clock.Clock
	People *identity.Service
	// Clerk acts on changes: Authority on the cloud, Provisional at a school.
	Clerk Clerk
	// History brings a moved learner's past to her new school; the cloud's.
	History Linker
}

// Service is the use-cases of the roster.
type Service struct {
	db      db.DB
	clock   clock.Clock
	people  *identity.Service
	clerk   Clerk
	history Linker
}

// New makes a Service.
func New(o Options) *Service {
	return &Service{db: o.DB, clock: o.Clock, people: o.People, clerk: o.Clerk, history: o.History}
}

func (s *Service) now() db.Time { return db.Time{Time: s.clock.Now()} }

// managers may change the roster of their school.
func managers() []identity.Duty {
	return []identity.Duty{identity.Head, identity.Bursar, identity.SiteAdmin}
}

// mayChange lets admins, the school's duty holders, and the teacher of class
// change what stands about it. People of other schools get ErrNoSuchSchool.
func (s *Service) mayChange(ctx context.Context, tx db.Tx, who identity.Actor, school identity.SchoolID, class string) error {
	if err := maySee(who, school); err != nil {
		return err
	}
	if who.Role == identity.Admin || slices.ContainsFunc(managers(), who.Has) {
		return nil
	}
	if class != "" {
		c, err := classByID(ctx, tx, classID(school, class))
		if err == nil && c.Active && c.Teacher == who.Account {
			return nil
		}
		if err != nil && !isNoRows(err) {
			return err
		}
	}
	return identity.ErrForbidden
}

// maySee lets admins and the instructors of the school read its roster.
func maySee(who identity.Actor, school identity.SchoolID) error {
	if err := who.Require(identity.Admin, identity.Instructor); err != nil {
		return err
	}
	if who.Role != identity.Admin && (who.School == "" || who.School != school) {
		return identity.ErrNoSuchSchool
	}
	return nil
}

// LearnerOf is the id of the learner whom a change brings to a school.
func LearnerOf(school identity.SchoolID, change string) identity.AccountID {
	return identity.AccountID(id.Derived("roster.learner", string(school), change))
}

func classID(school identity.SchoolID, name string) string {
	return id.Derived("identity.class", string(school), name)
}
