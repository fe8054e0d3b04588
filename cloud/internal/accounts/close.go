package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Deactivate closes the actor's own account after checking her password. An
// admin can restore it. A school decides about its learners.
func (s *Service) Deactivate(ctx context.Context, who identity.Actor, password string) error {
	if err := s.o.People.CheckPassword(ctx, who, password); err != nil {
		return err
	}
	return s.close(ctx, who, who.Account, closing{identity.Deactivated, "by its owner"})
}

// Delete closes anybody's account softly; for admins. The record stays, so that
// it can be restored and so that what it did remains attributed.
func (s *Service) Delete(ctx context.Context, who identity.Actor, account identity.AccountID, reason string) error {
	if err := who.Require(identity.Admin); err != nil {
		return err
	}
	if who.Account == account {
		return ErrOwnAccount
	}
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > 500 {
		return fault.New(fault.Invalid, "A reason has 1 to 500 characters.").WithCode("reason_missing").At("1 to 500 characters", "reason")
	}
	return s.close(ctx, who, account, closing{identity.Deleted, reason})
}

type closing struct {
	status identity.Status
	reason string
}

func (s *Service) close(ctx context.Context, who identity.Actor, account identity.AccountID, c closing) error {
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		p, err := s.o.People.PersonIn(ctx, tx, account)
		if err != nil {
			return err
		}
		switch {
		case p.Account.Status == identity.Deleted, p.Account.Status == c.status:
			return nil
		case c.status == identity.Deactivated && p.Account.Role == identity.Student && p.Account.School != "":
			return ErrBySchool
		}
		before := p.Account.Status
		if before == identity.Deactivated { // what restoring gives back is what it was at first
			before = identity.Active
		}
		if _, err := tx.Exec(ctx, insertClosure, account, before, who.Account, c.reason, s.now()); err != nil {
			return err
		}
		if err := s.o.People.SetStatusIn(ctx, tx, account, c.status); err != nil {
			return err
		}
		if p.Email == "" {
			return nil
		}
		return s.tell(ctx, tx, p, "closed", map[string]string{"name": p.Account.FullName})
	})
	if err != nil {
		return fmt.Errorf("close an account: %w", err)
	}
	return nil
}

// Restore opens a closed account again as it was; for admins.
func (s *Service) Restore(ctx context.Context, who identity.Actor, account identity.AccountID) (identity.Person, error) {
	if err := who.Require(identity.Admin); err != nil {
		return identity.Person{}, err
	}
	var p identity.Person
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := s.o.People.PersonIn(ctx, tx, account); err != nil {
			return err
		}
		before, err := db.First(ctx, tx, takeClosure, db.Scalar[string], account)
		if errors.Is(err, db.ErrNoRows) {
			return ErrNotClosed
		}
		if err != nil {
			return err
		}
		if err := s.o.People.SetStatusIn(ctx, tx, account, identity.Status(before)); err != nil {
			return err
		}
		p, err = s.o.People.PersonIn(ctx, tx, account)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("restore an account: %w", err)
	}
	return p, nil
}
