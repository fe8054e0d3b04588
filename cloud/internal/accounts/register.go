package accounts

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Register opens an account for the public, by e-mail address or by a phone
// number whose code came back. An address gets a link to confirm it.
func (s *Service) Register(ctx context.Context, in identity.Registration) (identity.Person, error) {
	code := ""
	if in.Phone != "" {
		phone, err := identity.NormalPhone(in.Phone)
		if err != nil {
			return identity.Person{}, err
		}
		in.Phone = phone
		if code, err = s.checkCode(ctx, phone, ToRegister, in.PhoneCode); err != nil {
			return identity.Person{}, err
		}
		if in.Profile.Phone == "" {
			in.Profile.Phone = phone
		}
	}
	in.Within = func(ctx context.Context, tx db.Tx, p identity.Person) error {
		if code != "" {
			if err := s.useCode(ctx, tx, code); err != nil {
				return err
			}
		}
		if p.Email == "" {
			return nil
		}
		return s.sendLink(ctx, tx, p, verifyEmail)
	}
	return s.o.People.Register(ctx, in)
}

// CreateAccount opens an account of any role; for admins. Without a password
// the person gets a link to set one.
func (s *Service) CreateAccount(ctx context.Context, who identity.Actor, in identity.Registration) (identity.Person, error) {
	in.Phone, in.PhoneCode = "", "" // nobody has proven one
	if in.Invited = in.Password == ""; in.Invited {
		in.Within = func(ctx context.Context, tx db.Tx, p identity.Person) error {
			return s.sendLink(ctx, tx, p, setPassword)
		}
	}
	return s.o.People.CreateAccount(ctx, who, in)
}

// ChangePassword changes the actor's own password after checking the present
// one, ends her other sessions and tells her.
func (s *Service) ChangePassword(ctx context.Context, who identity.Actor, current, next string) error {
	if err := s.o.People.CheckPassword(ctx, who, current); err != nil {
		return err
	}
	return s.o.People.ReplacePassword(ctx, next, func(ctx context.Context, tx db.Tx) (identity.Proof, error) {
		return identity.Proof{Account: who.Account, Keep: who.Session}, s.passwordSet(ctx, tx, who.Account)
	})
}

// passwordSet ends the links that would set another password or move the account
// to another address, and tells its owner.
func (s *Service) passwordSet(ctx context.Context, tx db.Tx, account identity.AccountID) error {
	if _, err := tx.Exec(ctx, endLinks, account, s.now()); err != nil {
		return err
	}
	p, err := s.o.People.PersonIn(ctx, tx, account)
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, p, "password_changed", s.notMe(p))
}

// SetStatus approves, suspends or restores an account; for admins. Who waited
// for approval is told.
func (s *Service) SetStatus(ctx context.Context, who identity.Actor, account identity.AccountID, status identity.Status) (identity.Person, error) {
	if err := who.Require(identity.Admin); err != nil {
		return identity.Person{}, err
	}
	if status != identity.Active && status != identity.Suspended {
		return s.o.People.SetStatus(ctx, who, account, status) // which refuses it
	}
	var p identity.Person
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		before, err := s.o.People.PersonIn(ctx, tx, account)
		if err != nil {
			return err
		}
		if err := s.o.People.SetStatusIn(ctx, tx, account, status); err != nil {
			return err
		}
		if status == identity.Suspended && s.o.Suspended != nil {
			if err := s.o.Suspended(ctx, tx, account); err != nil {
				return err
			}
		}
		if before.Account.Status == identity.Pending && status == identity.Active {
			if err := s.tellApproved(ctx, tx, before); err != nil {
				return err
			}
		}
		p, err = s.o.People.PersonIn(ctx, tx, account)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("set the status of an account: %w", err)
	}
	return p, nil
}

func (s *Service) tellApproved(ctx context.Context, tx db.Tx, p identity.Person) error {
	return s.tell(ctx, tx, p, "approved", map[string]string{"name": p.Account.FullName, "url": s.o.PublicURL + "/sign-in"})
}
