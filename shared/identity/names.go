package identity

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
)

// NamesAround are the full names a learner may mention: her own, her guardians'
// and those of everybody at her school. They are taken out of a text before it
// leaves the school.
func (s *Service) NamesAround(ctx context.Context, tx db.Tx, learner AccountID) ([]string, error) {
	return all(ctx, tx, namesAround, db.Scalar[string], learner)
}
