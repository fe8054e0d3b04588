package identity

import (
	"context"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
)

// Family is who learns on a guardian's phone.
type Family struct {
	Guardian Account
	Children []Account
}

// FamilyAtHome lists the children who may learn on this phone, for the guardian
// and for a child whose session she opened. ErrNoSuchAccount for a learner who
// signed in by herself.
func (s *Service) FamilyAtHome(ctx context.Context, who Actor) (Family, error) {
	guardian, err := guardianOf(who)
	if err != nil {
		return Family{}, err
	}
	var out Family
	err = s.db.View(ctx, func(tx db.Tx) error {
		if out.Guardian, err = s.Account(ctx, tx, guardian); err != nil {
			return err
		}
		out.Children, err = s.ChildrenOf(ctx, tx, guardian)
		return err
	})
	if err != nil {
		return Family{}, fmt.Errorf("list the children at home: %w", err)
	}
	out.Children = slices.DeleteFunc(out.Children, func(a Account) bool {
		return a.Role != Student || a.Status != Active || a.MergedInto != ""
	})
	return out, nil
}
