package personal

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// List gives the erasures of this node with their receipts, the newest first, and
// how many there are; for admins. Those that were withdrawn are not in it. One
// that a school asked for at its box has no Code here: its receipt opens there.
func (s *Service) List(ctx context.Context, who identity.Actor, limit, skip int) (out []Proof, total int, err error) {
	if err := who.Require(identity.Admin); err != nil {
		return nil, 0, err
	}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		if total, err = first(ctx, tx, countRequests, db.Scalar[int]); err != nil {
			return err
		}
		page, err := all(ctx, tx, listRequests, scanRequest, limit, skip)
		if err != nil {
			return err
		}
		out = make([]Proof, len(page))
		for i, r := range page {
			if out[i], err = s.proof(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list erasures: %w", err)
	}
	return out, total, nil
}
