package roster

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Merged folds merges and what took them back: each duplicate and the learner
// whose record hers counts for. The order of changes does not matter, nor does one
// that is there twice; a merge that was taken back leaves no trace. Of several
// merges of one duplicate the first counts, and one that would close a circle
// does not.
func Merged(changes []Change) map[identity.AccountID]identity.AccountID {
	undone := map[string]bool{}
	merges := map[string]Change{}
	for _, c := range changes {
		switch c.Kind {
		case Unmerge:
			undone[c.Of] = true
		case Merge:
			merges[c.ID] = c
		default:
		}
	}
	order := make([]Change, 0, len(merges))
	for _, c := range merges {
		if !undone[c.ID] && c.Account != c.Other {
			order = append(order, c)
		}
	}
	slices.SortFunc(order, func(a, b Change) int { return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(a.ID, b.ID)) })

	into := map[identity.AccountID]identity.AccountID{}
	for _, c := range order {
		if _, known := into[c.Other]; !known && root(into, c.Account) != c.Other {
			into[c.Other] = c.Account
		}
	}
	for duplicate := range into {
		into[duplicate] = root(into, duplicate)
	}
	return into
}

// root follows the merges to the record that stays.
func root(into map[identity.AccountID]identity.AccountID, a identity.AccountID) identity.AccountID {
	for {
		next, ok := into[a]
		if !ok {
			return a
		}
		a = next
	}
}

// folding is how a side folds merges: which it counts beside the change in hand,
// and how it stores an account.
type folding struct {
	merges db.SQL
	keep   func(identity.Account) error
}

// remerge brings the accounts that merges touch, beginning with those of c, in
// line with the fold.
func (s *Service) remerge(ctx context.Context, tx db.Tx, c Change, how folding) error {
	touched, changes, err := family(ctx, tx, c, how.merges)
	if err != nil {
		return err
	}
	into := Merged(changes)
	for _, account := range touched {
		a, err := s.people.Account(ctx, tx, account)
		if errors.Is(err, identity.ErrNoSuchAccount) {
			continue // of another school, and not known here
		}
		if err != nil {
			return err
		}
		if a.MergedInto == into[account] {
			continue
		}
		a.MergedInto = into[account]
		if err := how.keep(a); err != nil {
			return err
		}
	}
	return nil
}

// family is everybody whom merges, read by query, connect with those of c, and
// the merges.
func family(ctx context.Context, tx db.Tx, c Change, query db.SQL) ([]identity.AccountID, []Change, error) {
	touched := []identity.AccountID{c.Account, c.Other}
	changes := []Change{c}
	seen := map[string]bool{c.ID: true}
	for i := 0; i < len(touched); i++ {
		near, err := db.All(ctx, tx, query, scanChange, touched[i])
		if err != nil {
			return nil, nil, err
		}
		for _, m := range near {
			if seen[m.ID] {
				continue
			}
			seen[m.ID] = true
			changes = append(changes, m)
			for _, a := range []identity.AccountID{m.Account, m.Other} {
				if !slices.Contains(touched, a) {
					touched = append(touched, a)
				}
			}
		}
	}
	return touched, changes, nil
}
