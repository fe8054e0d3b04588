package personal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Cooling is how long an erasure waits, so that a lost phone or a quarrel does not
// end a child's record: until then whoever may ask for it may withdraw it.
const Cooling = 7 * 24 * time.Hour

// Errors of erasures.
var (
	ErrNamedAdult = fault.New(fault.Conflict, "This is the person a school turns to when a child is in danger. Name another one first.").WithCode("is_named_adult")
	ErrNoRequest  = fault.New(fault.NotFound, "No erasure was asked for.").WithCode("no_erasure")
	ErrAskAtHome  = fault.New(fault.Conflict, "A child's guardian asks for this at home, or the head of her school does.").WithCode("ask_at_home")
)

// Asked is a request for an erasure.
type Asked struct {
	ID, Person, School, By string
	// Reason is that of those who ask on paper; gone when it is done.
	Reason string
	// Code opens the receipt, also for somebody who has no account any more.
	Code                                string
	AskedAt, DueAt, WithdrawnAt, DoneAt db.Time
}

// Stop is one place of a receipt.
type Stop struct {
	// School is empty for the cloud.
	School string
	// Name is the school's.
	Name string
	// Box tells whether there is a box that has to confirm; At when it did.
	Box bool
	At  db.Time
}

// Proof is the receipt of an erasure. It is complete when every box has
// confirmed; backups hold her until BackupsUntil, zero when none does.
type Proof struct {
	Asked
	Stops        []Stop
	Complete     bool
	BackupsUntil db.Time
	// Kept are the tables in which something stays, and why.
	Kept map[string]string
}

// AtSchool tells whether this is a box.
func (s *Service) AtSchool() bool { return s.o.School != "" }

// Ask asks for the erasure of a person: by herself or a child's guardian, who
// have shown their password before, or with a reason by the head of her school or
// an admin. It is done after Cooling. Asking again gives the request that waits.
func (s *Service) Ask(ctx context.Context, who identity.Actor, in Request) (Asked, error) {
	var out Asked
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		person, err := s.may(ctx, tx, who, in)
		if err != nil {
			return err
		}
		if who.Account == person.ID {
			if err := s.forHerself(ctx, tx, person); err != nil {
				return err
			}
		}
		named, err := first(ctx, tx, countNamed, db.Scalar[int64], string(person.ID))
		if err != nil {
			return err
		}
		if named > 0 {
			return ErrNamedAdult
		}
		out, err = first(ctx, tx, latestRequest, scanRequest, string(person.ID))
		if err == nil && out.DoneAt.IsZero() && out.WithdrawnAt.IsZero() {
			return nil
		}
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return err
		}
		now := s.now()
		out = Asked{ID: id.New(), Person: string(person.ID), School: string(person.School), By: string(who.Account), Reason: in.Reason, Code: id.Secret(18),
			AskedAt: now, DueAt: db.Time{Time: now.Add(Cooling)}}
		if _, err := tx.Exec(ctx, insertRequest, out.ID, out.Person, out.School, out.By, out.Reason, out.Code, out.AskedAt, out.DueAt, db.Time{}, db.Time{}); err != nil {
			return err
		}
		return s.note(ctx, tx, "person.erasure_asked", who, out)
	})
	if err != nil {
		return Asked{}, fmt.Errorf("ask for an erasure: %w", err)
	}
	return out, nil
}

// forHerself refuses a child who asks for her own end at a school, or while a
// guardian or a school can ask for her. Whoever registered by herself and has
// neither asks herself: nobody else would.
func (s *Service) forHerself(ctx context.Context, tx db.Tx, person identity.Account) error {
	if s.AtSchool() {
		return ErrAskAtHome
	}
	if !person.Minor(s.o.Clock.Now()) {
		return nil
	}
	guardians, err := first(ctx, tx, countGuardians, db.Scalar[int64], string(person.ID))
	if err == nil && (guardians > 0 || person.School != "") {
		err = ErrAskAtHome
	}
	return err
}

func (s *Service) note(ctx context.Context, tx db.Tx, action string, who identity.Actor, a Asked) error {
	e := audit.Entry{Action: action, Actor: string(who.Account), Role: string(who.Role), School: a.School, TargetKind: "user", TargetID: a.Person}
	if a.Reason != "" {
		e.After = map[string]any{"reason": a.Reason}
	}
	return s.o.Audit.Note(ctx, tx, e)
}

// Withdraw takes a request back while it waits; for whoever may ask. An office
// needs no reason for that.
func (s *Service) Withdraw(ctx context.Context, who identity.Actor, person identity.AccountID) error {
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		a, err := s.may(ctx, tx, who, Request{Person: person, Reason: "withdrawn"})
		if err != nil {
			return err
		}
		r, err := first(ctx, tx, latestRequest, scanRequest, string(a.ID))
		if errors.Is(err, db.ErrNoRows) || err == nil && !r.WithdrawnAt.IsZero() {
			return ErrNoRequest
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, withdraw, r.ID, s.now()); err != nil {
			return err
		}
		return s.note(ctx, tx, "person.erasure_withdrawn", who, r)
	})
	if err != nil {
		return fmt.Errorf("withdraw an erasure: %w", err)
	}
	return nil
}

// Due carries out the requests whose time has come, each in a transaction of its
// own. It gives their number.
func (s *Service) Due(ctx context.Context) (n int, err error) {
	var due []Asked
	if err := s.o.DB.View(ctx, func(tx db.Tx) (err error) { due, err = all(ctx, tx, dueRequests, scanRequest, s.now()); return err }); err != nil {
		return 0, fmt.Errorf("look for erasures: %w", err)
	}
	for _, r := range due {
		err := s.o.DB.Update(ctx, func(tx db.Tx) error {
			if err := s.erase(ctx, tx, r.Person, r.By); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, finish, r.ID, s.now()); err != nil {
				return err
			}
			r.Reason = ""
			return s.note(ctx, tx, "person.erased", identity.Actor{Account: identity.AccountID(r.By)}, r)
		})
		if err != nil {
			return n, fmt.Errorf("erase a person: %w", err)
		}
		n++
		if s.o.After != nil {
			s.o.After(ctx)
		}
	}
	return n, nil
}

// Standing gives the latest request about a person, with the receipt: to those
// who may ask for it, and once she is erased to who asked and to admins.
func (s *Service) Standing(ctx context.Context, who identity.Actor, person identity.AccountID) (out Proof, err error) {
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		_, mayErr := s.may(ctx, tx, who, Request{Person: person, Reason: "to look"})
		r, err := first(ctx, tx, latestRequest, scanRequest, string(person))
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return err
		}
		theirs := err == nil && who.Account != "" && (r.By == string(who.Account) || who.Role == identity.Admin)
		if mayErr != nil && !theirs {
			return mayErr
		}
		if err != nil || !r.WithdrawnAt.IsZero() {
			return ErrNoRequest
		}
		out, err = s.proof(ctx, tx, r)
		return err
	})
	if err != nil {
		return Proof{}, fmt.Errorf("read a receipt: %w", err)
	}
	return out, nil
}

// ProofByCode gives a receipt to whoever has its code: it names nobody. A request
// that was withdrawn has none: it would promise an erasure that does not come.
func (s *Service) ProofByCode(ctx context.Context, code string) (out Proof, err error) {
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		r, err := first(ctx, tx, requestByCode, scanRequest, code)
		if errors.Is(err, db.ErrNoRows) || err == nil && !r.WithdrawnAt.IsZero() {
			return ErrNoRequest
		}
		if err == nil {
			out, err = s.proof(ctx, tx, r)
		}
		return err
	})
	if err != nil {
		return Proof{}, fmt.Errorf("read a receipt: %w", err)
	}
	return out, nil
}

func (s *Service) proof(ctx context.Context, tx db.Tx, r Asked) (Proof, error) {
	p := Proof{Asked: r, Kept: map[string]string{}}
	for _, place := range Places() {
		if place.End != Deleted {
			p.Kept[place.Table] = place.Why
		}
	}
	if r.DoneAt.IsZero() {
		return p, nil
	}
	p.Complete = true
	told, err := all(ctx, tx, listErasures, scanErasure, r.Person)
	if err != nil {
		return p, err
	}
	for _, e := range told {
		stop, err := s.stop(ctx, tx, e)
		if err != nil {
			return p, err
		}
		p.Stops, p.Complete = append(p.Stops, stop), p.Complete && (!stop.Box || !stop.At.IsZero())
	}
	if s.o.Backups != nil {
		until, err := s.o.Backups(ctx, tx, r.DoneAt.Time)
		if p.BackupsUntil = (db.Time{Time: until}); err != nil {
			return p, err
		}
	}
	return p, nil
}

// stop is what became of an erasure at one place.
func (s *Service) stop(ctx context.Context, tx db.Tx, e Erasure) (Stop, error) {
	out := Stop{School: e.School, At: e.At}
	if e.School == "" {
		return out, nil
	}
	school, err := s.o.People.School(ctx, tx, identity.SchoolID(e.School))
	if err != nil && !errors.Is(err, identity.ErrNoSuchSchool) {
		return out, err
	}
	out.Name, out.At = school.Name, db.Time{}
	node := s.o.Node
	if s.o.Box != nil {
		if node, err = s.o.Box(ctx, tx, e.School); err != nil {
			return out, err
		}
	}
	out.Box = node != ""
	receipts, err := all(ctx, tx, listReceipts, scanReceipt, e.ID)
	if i := slices.IndexFunc(receipts, func(r Receipt) bool { return r.Node == node }); i >= 0 {
		out.At = receipts[i].At
	}
	return out, err
}
