package identity

import (
	"context"
	"errors"
	"strings"

	"urbanhomeschool.org/uhs/shared/db"
)

// NamesAround are the full names a learner may mention: her own, her guardians'
// and those of everybody at her school. They are taken out of a text before it
// leaves the school.
func (s *Service) NamesAround(ctx context.Context, tx db.Tx, learner AccountID) ([]string, error) {
	return db.All(ctx, tx, namesAround, db.Scalar[string], learner)
}

// InstructorByEmail is the account that signs in as email, when it is an
// instructor's; "" when there is none.
func (s *Service) InstructorByEmail(ctx context.Context, tx db.Tx, email string) (AccountID, error) {
	c, err := loginByEmail(ctx, tx, strings.ToLower(strings.TrimSpace(email)))
	if errors.Is(err, db.ErrNoRows) || (err == nil && c.account.Role != Instructor) {
		return "", nil
	}
	return c.account.ID, err
}
