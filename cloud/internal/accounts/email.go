package accounts

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// EmailChange is a new e-mail address with the actor's own password and, where
// she has one, a code of her second factor.
type EmailChange struct{ Email, Password, Factor string }

// ChangeEmail mails a link to a new address, known or not: it looks nobody up, so
// that what it does is the same for every address. The address counts once the
// link was opened (VerifyEmail), and only who holds it learns that it is another
// account's. The present address is told at once, while it can still stop this by
// a new password. ErrTooSoon within a minute, ErrTooMany after five a day.
func (s *Service) ChangeEmail(ctx context.Context, who identity.Actor, in EmailChange) error {
	if who.Account == "" {
		return identity.ErrNobody
	}
	email, err := identity.NormalEmail(in.Email)
	if err != nil {
		return err
	}
	if err := s.o.People.CheckPassword(ctx, who, in.Password); err != nil {
		return err
	}
	if err := s.o.People.CheckFactor(ctx, who, in.Factor); err != nil { // last: a code of the second factor counts once
		return err
	}
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		present, err := s.o.People.PersonIn(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		if err := s.mayMail(ctx, tx, present, changeEmail); err != nil {
			return err
		}
		next := present
		next.Email = email
		if err := s.sendLink(ctx, tx, next, changeEmail); err != nil || present.Email == email {
			return err
		}
		return s.tell(ctx, tx, present, "email_asked", s.notMe(present))
	})
	if err != nil {
		return fmt.Errorf("change an e-mail address: %w", err)
	}
	return nil
}

// moveEmail makes the address a link was mailed to the account's. The links to the
// address before end, and whatever addresses she had are told.
func (s *Service) moveEmail(ctx context.Context, tx db.Tx, l link) error {
	before, err := s.o.People.PersonIn(ctx, tx, l.account)
	if err != nil {
		return err
	}
	if err := s.o.People.SetEmail(ctx, tx, l.account, l.email); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, endLinks, l.account, s.now()); err != nil || before.Email == l.email {
		return err
	}
	return s.tellMoved(ctx, tx, before, "email_changed")
}
