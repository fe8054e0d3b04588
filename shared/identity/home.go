package identity

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// ErrAtHome answers a child's session at home that asks for more than learning.
var ErrAtHome = fault.New(fault.Forbidden, "A parent does this in her own session.").WithCode("parent_only")

// OpenHome opens a session of a child on the guardian's phone: the child's own
// account and record, and nothing of the guardian's. For the guardian, or a
// child of hers at home who hands the phone on. ErrNoSuchAccount for anybody who
// is not a child of that guardian. A child's own session that was open on the
// phone ends.
func (s *Service) OpenHome(ctx context.Context, who Actor, child AccountID) (Tokens, error) {
	guardian, err := guardianOf(who)
	if err != nil {
		return Tokens{}, err
	}
	var a Account
	err = s.db.View(ctx, func(tx db.Tx) error {
		var err error
		if a, err = s.Account(ctx, tx, child); err != nil {
			return err
		}
		return s.stillHome(ctx, tx, subject{account: a, manner: manner{guardian: guardian}})
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("open a child's session: %w", err)
	}
	return s.handOver(ctx, who, a, guardian)
}

// guardianOf is the guardian whose phone it is.
func guardianOf(who Actor) (AccountID, error) {
	if who.Guardian != "" {
		return who.Guardian, nil
	}
	if who.Role == Student { // signed in by herself: no phone of a guardian's
		return "", ErrNoSuchAccount
	}
	return who.Account, who.Require(Parent)
}

// handOver opens a session for a and ends the one of who.
func (s *Service) handOver(ctx context.Context, who Actor, a Account, guardian AccountID) (Tokens, error) {
	t, err := s.open(ctx, a, manner{guardian: guardian})
	if err != nil {
		return t, err
	}
	return t, s.SignOut(ctx, who)
}

// stillHome says whether the guardian of p may let her child learn here.
func (s *Service) stillHome(ctx context.Context, tx db.Tx, p subject) error {
	guardian, err := s.Account(ctx, tx, p.guardian)
	if err != nil {
		return err
	}
	linked, err := s.IsGuardianOf(ctx, tx, p.guardian, p.account.ID)
	if err != nil {
		return err
	}
	if !linked || p.account.Role != Student || p.account.MergedInto != "" {
		return ErrNoSuchAccount
	}
	return guardian.MayEnter()
}

// ReturnHome opens the guardian's own session again and ends the child's, when
// the guardian's cloud password is right and, where she has a second factor, its
// code: the child holds the phone. It is a sign-in of the guardian's, and guessing
// is slowed and noted as at one. ErrWrongPassword and ErrSecondFactor otherwise.
func (s *Service) ReturnHome(ctx context.Context, who Actor, password, code string) (Tokens, error) {
	if who.Guardian == "" {
		return Tokens{}, ErrForbidden
	}
	login, err := s.login(ctx, who.Guardian)
	if err != nil {
		return Tokens{}, fmt.Errorf("return from a child's session: %w", err)
	}
	ok, err := s.provesCloud(ctx, login, password)
	if err != nil {
		return Tokens{}, fmt.Errorf("return from a child's session: %w", err)
	}
	if !ok {
		return Tokens{}, s.noteFailedSignIn(ctx, login, ErrWrongPassword)
	}
	if err := s.passFactor(ctx, login, code); err != nil {
		return Tokens{}, fmt.Errorf("return from a child's session: %w", err)
	}
	return s.handOver(ctx, who, login.account, "")
}
