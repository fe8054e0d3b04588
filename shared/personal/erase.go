package personal

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// Engine is what an erasure needs of the exchange: the logs of this node and how
// to read what is in them.
type Engine struct {
	Outbox   *syncer.Outbox
	Registry *syncer.Registry
}

// Join gives the service the engine, which is built after the domains.
func (s *Service) Join(e Engine) { s.engine = e }

// sweep takes one person out of this node's database. It can be repeated: what
// came in by another way since, a copied table say, goes then. also are words that
// say who she is and stand elsewhere.
func (s *Service) sweep(ctx context.Context, tx db.Tx, person string, also ...string) error {
	words, err := all(ctx, tx, wordsOf, db.Scalar[string], person)
	if err != nil {
		return err
	}
	var telling []string
	for _, w := range append(words, also...) {
		if len(w) > 3 { // less says nothing about anybody
			telling = append(telling, w)
		}
	}
	if _, err := s.engine.Outbox.EraseFromLogs(ctx, tx, s.engine.Registry, person); err != nil {
		return err
	}
	if _, err := audit.Erase(ctx, tx, person, telling...); err != nil {
		return err
	}
	for _, p := range Places() {
		if p.End == Kept || aside(p.Table) {
			continue
		}
		columns, err := Columns(ctx, tx, p.Table)
		if err != nil {
			return err
		}
		if len(columns) == 0 {
			continue // the other side's
		}
		if _, err := tx.Exec(ctx, take(tx.Dialect(), p), person); err != nil {
			return fmt.Errorf("take her out of %s: %w", p.Table, err)
		}
	}
	return nil
}

// aside are the tables that EraseFromLogs looks after: what is left of a record
// there stays.
func aside(table string) bool {
	return table == "entity_versions" || table == "dead_letters" || table == "conflict_log"
}

// erase erases a person and her duplicates everywhere: it tells the schools that
// ever held her, and takes her out of this database.
func (s *Service) erase(ctx context.Context, tx db.Tx, person, by string) error {
	selves, err := s.o.People.Selves(ctx, tx, identity.AccountID(person))
	if err != nil {
		return err
	}
	for _, self := range selves {
		if err := s.tell(ctx, tx, Erasure{Person: string(self), By: by}); err != nil {
			return err
		}
		if err := s.sweep(ctx, tx, string(self)); err != nil {
			return err
		}
	}
	return nil
}

// tell records an erasure for every school that ever held the person: at a box
// for its own.
func (s *Service) tell(ctx context.Context, tx db.Tx, e Erasure) error {
	schools := []string{s.o.School}
	if s.o.School == "" {
		var err error
		if schools, err = all(ctx, tx, schoolsOf, db.Scalar[string], e.Person); err != nil {
			return err
		}
		here := e
		here.ID, here.At = erasureID(e.Person, ""), s.now()
		if _, err := putErasure(ctx, tx, here); err != nil {
			return err
		}
	}
	for _, school := range schools {
		e.ID, e.School, e.At = erasureID(e.Person, school), school, s.now()
		if _, err := Erasures.Save(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// ErrNotTheirs refuses an erasure that a box asks for and may not.
var ErrNotTheirs = fault.New(fault.Forbidden, "A school may erase only its own present learners.").WithCode("forbidden")

// OnErasures follows an erasure that arrives: at a box the person goes. The cloud
// lets a school erase its own present learners and nobody else, and then erases
// them everywhere.
func (s *Service) OnErasures(ctx context.Context, tx db.Tx, arrived []Erasure) error {
	for _, e := range arrived {
		if s.o.School != "" {
			if err := s.sweep(ctx, tx, e.Person); err != nil {
				return err
			}
			continue
		}
		a, err := s.o.People.Account(ctx, tx, identity.AccountID(e.Person))
		if errors.Is(err, identity.ErrNoSuchAccount) {
			continue // erased before
		}
		if err != nil {
			return err
		}
		if a.Role != identity.Student || string(a.School) != e.School {
			return ErrNotTheirs
		}
		if err := s.erase(ctx, tx, e.Person, e.By); err != nil {
			return err
		}
	}
	return nil
}

// Confirm erases once more whoever this box has not confirmed, and writes the
// receipt. It gives the number of receipts.
func (s *Service) Confirm(ctx context.Context) (n int, err error) {
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		open, err := all(ctx, tx, listOpen, scanErasure, s.o.School, s.o.Node)
		if err != nil {
			return err
		}
		n = len(open)
		for _, e := range open {
			if err := s.sweep(ctx, tx, e.Person); err != nil {
				return err
			}
			r := Receipt{ID: id.Derived("personal.receipt", e.ID, s.o.Node), Erasure: e.ID, School: s.o.School, Node: s.o.Node, At: s.now()}
			if _, err := Receipts.Save(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("confirm erasures: %w", err)
	}
	return n, nil
}
