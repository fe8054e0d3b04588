// Package permits keeps what an admin lends to a member of staff (a
// *delegation*: a feature, a grade, until when) and takes from a person (a
// *restriction*: signing in, or one feature, for a time). Both end by
// themselves; the table of who may do what is shared/access.
//
// The rule that surprises: a restriction of signing in is the account's status
// "suspended", which reaches the person's school too. Restrictions of a feature
// hold at the cloud only.
package permits

import (
	"context"
	"fmt"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
)

// Auditor keeps the log of who did what (audit.Log).
type Auditor interface {
	Note(ctx context.Context, tx db.Tx, e audit.Entry) error
}

// Notify tells a person of a restriction in the caller's transaction; false when
// there is no way to reach her.
type Notify func(ctx context.Context, tx db.Tx, p identity.Person, r Restriction) (bool, error)

// Learning folds what a learner has learned, of records merged into hers too
// (learning.Service).
type Learning interface {
	SummaryOf(ctx context.Context, tx db.Tx, learner identity.Account) (learning.Summary, error)
}

// Options wires a Service.
type Options struct {
	DB     db.DB
	Clock  clock.Clock
	People *identity.Service
	Audit  Auditor
	Notify Notify
	// Learning is for Describe.
	Learning Learning
}

// Service is the use-cases of delegations and restrictions.
type Service struct {
	o Options

	mu     sync.Mutex
	loaded time.Time
	powers map[identity.AccountID]access.Powers
}

// New makes a Service.
func New(o Options) *Service { return &Service{o: o} }

// Delegation is what an admin lends a member of staff.
type Delegation struct {
	ID        string
	Account   identity.AccountID
	Name      string
	Feature   access.Feature
	Grade     access.Grade
	GrantedBy identity.AccountID
	Reason    string
	GrantedAt db.Time
	Until     db.Time
}

// longest is how long something can be lent or taken: a school year.
const longest = 366 * 24 * time.Hour

// Errors.
var (
	ErrNotStaff     = fault.New(fault.Invalid, "Only a member of staff can get this.").WithCode("not_staff").At("not a member of staff", "account_id")
	ErrNotLendable  = fault.New(fault.Invalid, "This cannot be delegated.").WithCode("not_lendable").At("cannot be delegated", "feature")
	ErrNoSuchPermit = fault.New(fault.NotFound, "There is no such entry.").WithCode("no_such_permit")
)

func invalid(code, message, field string) error {
	return fault.New(fault.Invalid, message).WithCode(code).At(message, field)
}

// Delegate lends a grade of a feature; for admins.
func (s *Service) Delegate(ctx context.Context, who identity.Actor, d Delegation) (Delegation, error) {
	if err := who.Require(identity.Admin); err != nil {
		return d, err
	}
	now := s.o.Clock.Now()
	switch {
	case !access.Lendable(d.Feature, d.Grade):
		return d, ErrNotLendable
	case !d.Until.After(now) || d.Until.Sub(now) > longest:
		return d, invalid("bad_until", "The end is after today, and within a year.", "until")
	case d.Reason == "":
		return d, invalid("reason_missing", "Say why.", "reason")
	}
	d.ID, d.GrantedBy, d.GrantedAt = id.New(), who.Account, db.Time{Time: now}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		a, err := s.o.People.Account(ctx, tx, d.Account)
		if err != nil {
			return err
		}
		if a.Role != identity.Staff {
			return ErrNotStaff
		}
		d.Name = a.FullName
		if _, err := tx.Exec(ctx, insertDelegation, d.ID, d.Account, d.Feature, d.Grade, d.GrantedBy, d.Reason, d.GrantedAt, d.Until); err != nil {
			return err
		}
		tx.AfterCommit(s.forget)
		return s.o.Audit.Note(ctx, tx, audit.Entry{Action: "permission.delegated", TargetKind: "user", TargetID: string(d.Account), After: told(d)})
	})
	if err != nil {
		return d, fmt.Errorf("delegate: %w", err)
	}
	return d, nil
}

type delegationTold struct {
	Feature access.Feature `json:"feature"`
	Grade   access.Grade   `json:"grade"`
	Until   time.Time      `json:"until"`
	Reason  string         `json:"reason"`
}

func told(d Delegation) delegationTold {
	return delegationTold{d.Feature, d.Grade, d.Until.Time, d.Reason}
}

// ListDelegations gives those that are in force, by name; for admins.
func (s *Service) ListDelegations(ctx context.Context, who identity.Actor) ([]Delegation, error) {
	if err := who.Require(identity.Admin); err != nil {
		return nil, err
	}
	var out []Delegation
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, liveDelegations, db.Time{Time: s.o.Clock.Now()})
		out, err = db.Collect(rows, err, scanDelegation)
		return err
	})
	return out, err
}

// Withdraw ends a delegation at once; for admins.
func (s *Service) Withdraw(ctx context.Context, who identity.Actor, delegation string) error {
	if err := who.Require(identity.Admin); err != nil {
		return err
	}
	if !id.Valid(delegation) {
		return ErrNoSuchPermit
	}
	now := db.Time{Time: s.o.Clock.Now()}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, liveDelegations, now)
		live, err := db.Collect(rows, err, scanDelegation)
		if err != nil {
			return err
		}
		for _, d := range live {
			if d.ID != delegation {
				continue
			}
			if _, err := tx.Exec(ctx, withdrawDelegation, d.ID, now); err != nil {
				return err
			}
			tx.AfterCommit(s.forget)
			return s.o.Audit.Note(ctx, tx, audit.Entry{Action: "permission.withdrawn", TargetKind: "user", TargetID: string(d.Account), Before: told(d)})
		}
		return ErrNoSuchPermit
	})
	if err != nil {
		return fmt.Errorf("withdraw a delegation: %w", err)
	}
	return nil
}

// remembered is how long the powers are kept in memory. Every change here
// forgets them at once; the time is for what ends by itself.
const remembered = 5 * time.Second

func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = time.Time{}
}

// Powers is what who may do beside the table, or may not.
func (s *Service) Powers(ctx context.Context, who identity.Actor) (access.Powers, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Clock.Now()
	if age := now.Sub(s.loaded); s.powers == nil || age < 0 || age >= remembered {
		powers, err := s.load(ctx, db.Time{Time: now})
		if err != nil {
			return access.Powers{}, fmt.Errorf("read the powers: %w", err)
		}
		s.powers, s.loaded = powers, now
	}
	return s.powers[who.Account], nil
}

func (s *Service) load(ctx context.Context, now db.Time) (map[identity.AccountID]access.Powers, error) {
	out := map[identity.AccountID]access.Powers{}
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, liveDelegations, now)
		lent, err := db.Collect(rows, err, scanDelegation)
		if err != nil {
			return err
		}
		rows, err = tx.Query(ctx, liveRestrictions, now)
		taken, err := db.Collect(rows, err, scanRestriction)
		if err != nil {
			return err
		}
		for _, d := range lent {
			p := out[d.Account]
			p.Loans = append(p.Loans, access.Loan{Feature: d.Feature, Grade: d.Grade})
			out[d.Account] = p
		}
		for _, r := range taken {
			p := out[r.Account]
			p.Restricted = append(p.Restricted, access.Feature(r.Kind))
			out[r.Account] = p
		}
		return nil
	})
	return out, err
}
