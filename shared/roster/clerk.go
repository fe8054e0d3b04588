package roster

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Clerk acts on a change that was made on this side: Authority or Provisional.
type Clerk interface {
	act(ctx context.Context, tx db.Tx, s *Service, c Change) error
}

// Authority is the cloud's clerk: what it does is so.
type Authority struct{}

// Provisional is a school's clerk: it shows what the cloud will do.
type Provisional struct{}

func (Authority) act(ctx context.Context, tx db.Tx, s *Service, c Change) error {
	note, err := s.settle(ctx, tx, c)
	if err != nil {
		return err
	}
	return s.answer(ctx, tx, c, note, false)
}

func (Provisional) act(ctx context.Context, tx db.Tx, s *Service, c Change) error {
	return s.foresee(ctx, tx, c)
}

// OnChanges acts on a school's changes as they arrive at the cloud, and answers
// each. What the school may not, or what cannot be, is refused in the answer; the
// accounts it would have changed are told again as they are.
func (s *Service) OnChanges(ctx context.Context, tx db.Tx, changes []Change) error {
	for _, c := range changes {
		var note string
		err := tx.Savepoint(ctx, func(tx db.Tx) (err error) {
			note, err = s.settle(ctx, tx, c)
			return err
		})
		code, refused := refusal(err)
		if err != nil && !refused {
			return err
		}
		if code = cmp.Or(code, note); code == "" {
			if err := s.answer(ctx, tx, c, "", false); err != nil {
				return err
			}
			continue
		}
		// The answer first: until it is there the school shows what it asked for.
		if err := s.answer(ctx, tx, c, code, refused); err != nil {
			return err
		}
		for _, account := range []identity.AccountID{c.Account, c.Other} {
			if err := s.tellAgain(ctx, tx, account, c.School); err != nil {
				return err
			}
		}
	}
	return nil
}

// refusal is the code of an error that says no, in place of one of trouble.
func refusal(err error) (code string, refused bool) {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind == fault.Internal || f.Kind == fault.Unavailable || f.Kind == fault.TooMany {
		return "", false
	}
	return cmp.Or(f.Code, "refused"), true
}

func (s *Service) answer(ctx context.Context, tx db.Tx, c Change, code string, refused bool) error {
	_, err := Verdicts.Save(ctx, tx, Verdict{
		ID: id.Derived("roster.verdict", c.ID), School: c.School, Change: c.ID, Account: c.Account, Refused: refused, Code: code, At: s.now(),
	})
	return err
}

// tellAgain sends a school the account of a present or past member as it is.
func (s *Service) tellAgain(ctx context.Context, tx db.Tx, account identity.AccountID, school identity.SchoolID) error {
	a, err := s.people.Account(ctx, tx, account)
	if errors.Is(err, identity.ErrNoSuchAccount) {
		return nil
	}
	if err != nil {
		return err
	}
	member, err := s.people.WasMember(ctx, tx, account, school)
	if err != nil || !member {
		return err
	}
	return s.people.Tell(ctx, tx, a, school)
}

// settle does on the cloud what c says, when the school may. note is what the
// school should know although it was done.
func (s *Service) settle(ctx context.Context, tx db.Tx, c Change) (note string, err error) {
	switch c.Kind {
	case Learner:
		return s.settleLearner(ctx, tx, c)
	case Leave:
		a, err := s.mine(ctx, tx, c.School, c.Account)
		if err != nil {
			return "", err
		}
		return "", s.people.Leave(ctx, tx, a)
	case Merge, Unmerge:
		return "", s.settleMerge(ctx, tx, c)
	case Unlink:
		if _, err := s.mine(ctx, tx, c.School, c.Account); err != nil {
			return "", err
		}
		return "", s.people.Unlink(ctx, tx, c.Account, c.Of)
	case Transfer:
		return "", s.settleTransfer(ctx, tx, c)
	case Seen:
		return "", nil
	default:
		return "", fault.New(fault.Invalid, "This change is not known here.").WithCode("unknown_change")
	}
}

// mine is a learner who is at the school now.
func (s *Service) mine(ctx context.Context, tx db.Tx, school identity.SchoolID, account identity.AccountID) (identity.Account, error) {
	a, err := s.people.Account(ctx, tx, account)
	if errors.Is(err, identity.ErrNoSuchAccount) || err == nil && (a.Role != identity.Student || a.School != school) {
		return a, ErrNotHere
	}
	return a, err
}

func (s *Service) settleLearner(ctx context.Context, tx db.Tx, c Change) (note string, err error) {
	a, err := s.people.Account(ctx, tx, c.Account)
	fresh := errors.Is(err, identity.ErrNoSuchAccount)
	if err != nil && !fresh {
		return "", err
	}
	if fresh && c.Account != LearnerOf(c.School, c.ID) || !fresh && (a.Role != identity.Student || a.School != c.School) {
		return "", ErrNotHere
	}
	if c.Patch, err = c.Patch.check(s.clock.Now(), fresh); err != nil {
		return "", err
	}
	if note, err = s.keepUPI(ctx, tx, &c); err != nil {
		return "", err
	}
	if fresh {
		a = identity.Account{}
	}
	a = Apply(a, c)
	if fresh {
		a.School = "" // until she joins
		a, err = s.people.Join(ctx, tx, a, c.School)
	} else {
		err = s.people.Keep(ctx, tx, a)
	}
	if err != nil || c.Patch.GuardianPhone == "" {
		return note, err
	}
	return note, s.people.NameGuardian(ctx, tx, a.ID, c.Patch.GuardianName, c.Patch.GuardianPhone)
}

// keepUPI leaves a UPI out of c that another learner has: the child is taken in,
// so that no work is lost, and the school is told to ask for her, or to merge.
func (s *Service) keepUPI(ctx context.Context, tx db.Tx, c *Change) (note string, err error) {
	if c.Patch.UPI == nil || *c.Patch.UPI == "" {
		return "", nil
	}
	holder, err := s.people.UPIHolder(ctx, tx, *c.Patch.UPI, c.Account)
	if err != nil || holder == "" {
		return "", err
	}
	c.Patch.UPI = nil
	return ErrUPIElsewhere.Code, nil
}

// settleMerge does a merge of two learners of the school, or takes one back.
func (s *Service) settleMerge(ctx context.Context, tx db.Tx, c Change) error {
	pair := c
	if c.Kind == Unmerge {
		m, err := changeByID(ctx, tx, c.Of)
		if isNoRows(err) || err == nil && (m.Kind != Merge || m.Account != c.Account || m.Other != c.Other) {
			return ErrNoChange
		}
		if err != nil {
			return err
		}
		pair = m
	}
	for _, account := range []identity.AccountID{pair.Account, pair.Other} {
		if _, err := s.mine(ctx, tx, c.School, account); err != nil {
			return err
		}
	}
	return s.remerge(ctx, tx, c, folding{settledMerges, func(a identity.Account) error { return s.people.Keep(ctx, tx, a) }})
}

// foresee does at a school what the cloud will do with c, to the accounts as they
// are here.
func (s *Service) foresee(ctx context.Context, tx db.Tx, c Change) error {
	put := func(a identity.Account) error {
		_, err := identity.Accounts.Put(ctx, tx, a)
		return err
	}
	switch c.Kind {
	case Merge, Unmerge:
		return s.remerge(ctx, tx, c, folding{selectMerges, put})
	case Learner, Leave:
		a, err := s.people.Account(ctx, tx, c.Account)
		if err != nil && !errors.Is(err, identity.ErrNoSuchAccount) {
			return err
		}
		if err != nil {
			a = identity.Account{}
		}
		if err == nil && a.School != c.School || err != nil && c.Account != LearnerOf(c.School, c.ID) {
			return nil // nothing of hers is to be seen here
		}
		return put(Apply(a, c))
	case Unlink, Transfer, Seen:
		return nil // only the cloud can
	default:
		return nil
	}
}

// Foresee does again at a school, after its accounts came from the cloud anew,
// what the cloud has not answered yet.
func (s *Service) Foresee(ctx context.Context, school identity.SchoolID) error {
	return s.db.Update(ctx, func(tx db.Tx) error {
		open, err := openChangesAt(ctx, tx, school)
		if err != nil {
			return err
		}
		return s.foreseeAll(ctx, tx, open)
	})
}

// OnAccounts runs at a school when accounts come down: what the school has
// changed since and the cloud has not read yet stays visible.
func (s *Service) OnAccounts(ctx context.Context, tx db.Tx, accounts []identity.Account) error {
	var open []Change
	seen := map[string]bool{}
	for _, a := range accounts {
		more, err := openChanges(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		for _, c := range more {
			if !seen[c.ID] {
				seen[c.ID], open = true, append(open, c)
			}
		}
	}
	return s.foreseeAll(ctx, tx, open)
}

// OnVerdicts runs at a school when answers come down: a refused merge counts no
// more.
func (s *Service) OnVerdicts(ctx context.Context, tx db.Tx, verdicts []Verdict) error {
	for _, v := range verdicts {
		if !v.Refused {
			continue
		}
		c, err := changeByID(ctx, tx, v.Change)
		if isNoRows(err) || err == nil && c.Kind != Merge && c.Kind != Unmerge {
			continue
		}
		if err != nil {
			return err
		}
		// The fold leaves refused merges out; the change itself begins nothing.
		if err := s.foresee(ctx, tx, Change{ID: c.ID, Kind: Unmerge, Account: c.Account, Other: c.Other, Of: c.ID, At: c.At}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) foreseeAll(ctx context.Context, tx db.Tx, open []Change) error {
	slices.SortFunc(open, func(a, b Change) int { return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(a.ID, b.ID)) })
	for _, c := range open {
		if err := s.foresee(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}
