package identity

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
)

// SetPhone makes phone, which is proven, the number of the account: she signs in
// with it, her profile shows it, and where a school knows a number of hers as a
// guardian, it is this one. Whoever holds the old number answers no more for a
// child. A school that was given no number gets none.
func (s *Service) SetPhone(ctx context.Context, tx db.Tx, account AccountID, phone string) error {
	taken, err := exists(ctx, tx, countPhone, db.Contact(phone), account)
	if err != nil {
		return err
	}
	if taken {
		return ErrPhoneTaken
	}
	if _, err := tx.Exec(ctx, updatePhone, account, db.Contact(phone)); err != nil {
		return err
	}
	p, err := s.personIn(ctx, tx, account)
	if err != nil {
		return err
	}
	p.Profile.Phone = phone
	if err := putProfile(ctx, tx, account, p.Profile, s.now()); err != nil {
		return err
	}
	return s.moveGuardian(ctx, tx, account, phone)
}

// moveGuardian tells the schools of a guardian's children her number.
func (s *Service) moveGuardian(ctx context.Context, tx db.Tx, account AccountID, phone string) error {
	links, err := db.All(ctx, tx, reachableGuardian, scanGuardian, account)
	if err != nil {
		return err
	}
	for _, g := range links {
		if g.Phone == phone && g.Verified {
			continue
		}
		g.Phone, g.Verified, g.UpdatedAt = phone, true, s.now()
		if _, err := Guardians.Save(ctx, tx, g); err != nil {
			return err
		}
	}
	return nil
}
