package identity

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
)

// pinVerifier is the verifier of a PIN, empty for none.
func (s *Service) pinVerifier(ctx context.Context, school SchoolID, pin string) (string, error) {
	if pin == "" {
		return "", nil
	}
	if err := checkPIN(pin); err != nil {
		return "", err
	}
	secret, err := s.schoolSecret(school, pin)
	if err != nil {
		return "", err
	}
	return s.hash(ctx, secret)
}

// passwordVerifier is the verifier of a school password, empty for none. It
// refuses the account's cloud password: what a stolen box gives away must not
// open the cloud.
func (s *Service) passwordVerifier(ctx context.Context, school SchoolID, account AccountID, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	if err := checkPassword(password, "school_password"); err != nil {
		return "", err
	}
	login, err := s.login(ctx, account)
	if err != nil {
		return "", err
	}
	same, err := s.matches(ctx, login.verifier, keyed([]byte(cloudPepper), password))
	if err != nil {
		return "", err
	}
	if same {
		return "", invalid("same_as_cloud", "The school password differs from the one for the cloud.", "school_password")
	}
	secret, err := s.schoolSecret(school, password)
	if err != nil {
		return "", err
	}
	return s.hash(ctx, secret)
}

func (s *Service) saveCredential(ctx context.Context, tx db.Tx, a Account, kind CredentialKind, verifier string) error {
	_, err := Credentials.Save(ctx, tx, Credential{
		ID: credentialID(a.School, a.ID, kind), School: a.School, Account: a.ID, Kind: kind, Verifier: verifier, UpdatedAt: s.now(),
	})
	return err
}

// SetPIN gives a learner a new PIN; for admins and all instructors of her school.
func (s *Service) SetPIN(ctx context.Context, who Actor, learner AccountID, pin string) error {
	if err := who.Require(Admin, Instructor); err != nil {
		return err
	}
	if err := checkPIN(pin); err != nil {
		return err
	}
	a, err := s.member(ctx, who, learner, Student)
	if err != nil {
		return fmt.Errorf("set a PIN: %w", err)
	}
	verifier, err := s.pinVerifier(ctx, a.School, pin)
	if err != nil {
		return fmt.Errorf("set a PIN: %w", err)
	}
	return s.replaceCredential(ctx, a, PIN, verifier)
}

// SetSchoolPassword gives an instructor a new password for the school's box; for
// herself, admins and the head.
func (s *Service) SetSchoolPassword(ctx context.Context, who Actor, account AccountID, password string) error {
	if err := who.Require(Admin, Instructor); err != nil {
		return err
	}
	if err := checkPassword(password, "school_password"); err != nil {
		return err
	}
	a, err := s.member(ctx, who, account, Instructor)
	if err != nil {
		return fmt.Errorf("set a school password: %w", err)
	}
	if who.Role != Admin && who.Account != account && !who.Has(Head) {
		return ErrForbidden
	}
	verifier, err := s.passwordVerifier(ctx, a.School, account, password)
	if err != nil {
		return fmt.Errorf("set a school password: %w", err)
	}
	return s.replaceCredential(ctx, a, SchoolPassword, verifier)
}

// member is a school's member of role that the actor, an admin or of the same
// school, may know of; ErrNoSuchAccount otherwise.
func (s *Service) member(ctx context.Context, who Actor, account AccountID, role Role) (Account, error) {
	var a Account
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		a, err = s.Account(ctx, tx, account)
		return err
	})
	if err != nil {
		return a, err
	}
	if a.Role != role || a.School == "" || (who.Role != Admin && who.School != a.School) {
		return Account{}, ErrNoSuchAccount
	}
	return a, nil
}

// replaceCredential stores a verifier, made outside the transaction, unless the
// person has changed school meanwhile: then the pepper is the wrong one.
func (s *Service) replaceCredential(ctx context.Context, a Account, kind CredentialKind, verifier string) error {
	err := s.db.Update(ctx, func(tx db.Tx) error {
		now, err := s.Account(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if now.School != a.School {
			return ErrNoSuchAccount
		}
		return s.saveCredential(ctx, tx, a, kind, verifier)
	})
	if err != nil {
		return fmt.Errorf("replace a credential: %w", err)
	}
	return nil
}
