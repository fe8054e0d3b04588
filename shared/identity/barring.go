package identity

import (
	"context"
	"errors"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
)

// Barring is the fact that a person may not enter a school any more: suspended,
// or gone to another one. It counts until an account that is newer than it says
// otherwise.
type Barring struct {
	ID      string    `cbor:"1,keyasint" json:"id"`
	School  SchoolID  `cbor:"2,keyasint" json:"school_id"`
	Account AccountID `cbor:"3,keyasint" json:"account_id"`
	At      db.Time   `cbor:"4,keyasint" json:"at"`
}

// bar stores and records that a, as it is from now on, may not enter school.
func bar(ctx context.Context, tx db.Tx, a Account, school SchoolID) error {
	v := Barring{ID: id.Derived("identity.barring", string(school), string(a.ID), a.UpdatedAt.UTC().String()), School: school, Account: a.ID, At: a.UpdatedAt}
	_, err := Barrings.Save(ctx, tx, v)
	return err
}

// barred gives ErrSuspended while a barring is newer than the account that this
// node knows.
func barred(ctx context.Context, tx db.Tx, a Account) error {
	if a.School == "" {
		return nil
	}
	is, err := exists(ctx, tx, countBarrings, a.ID, a.School, a.UpdatedAt)
	if err != nil || !is {
		return err
	}
	return ErrSuspended
}

// OnBarrings ends at once what a barred person has open here; for the reactions
// of a school's box.
func (s *Service) OnBarrings(ctx context.Context, tx db.Tx, in []Barring) error {
	for _, v := range in {
		a, err := s.Account(ctx, tx, v.Account)
		if err != nil && !errors.Is(err, ErrNoSuchAccount) {
			return err
		}
		if err == nil && a.Status == Active && a.School == v.School && a.UpdatedAt.After(v.At.Time) {
			continue // lifted meanwhile
		}
		if err := s.endAll(ctx, tx, v.Account, ""); err != nil {
			return err
		}
	}
	return nil
}
