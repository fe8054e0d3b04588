package identity

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// ErrLastAdmin answers the closing of the only account that could open others.
var ErrLastAdmin = fault.New(fault.Conflict, "This is the last admin.").WithCode("last_admin")

// checkAddresses cleans e-mail address and phone number; one of them is needed.
func checkAddresses(in Registration) (Registration, error) {
	var err error
	if in.Language != "sw" {
		in.Language = "en"
	}
	if in.Phone != "" {
		if in.Phone, err = NormalPhone(in.Phone); err != nil {
			return in, err
		}
		if in.Within == nil { // nobody would check the code
			return in, invalid("bad_phone", "This is not a phone number.", "phone_number")
		}
	}
	if in.Email != "" || in.Phone == "" {
		in.Email, err = NormalEmail(in.Email)
	}
	return in, err
}

// openLogin stores how the account signs in.
func openLogin(ctx context.Context, tx db.Tx, account AccountID, in Registration, hash string, verified db.Time) error {
	if in.Phone != "" {
		taken, err := exists(ctx, tx, countPhone, db.Contact(in.Phone), account)
		if err != nil {
			return err
		}
		if taken {
			return ErrPhoneTaken
		}
	}
	n, err := tx.Exec(ctx, insertLogin, account, in.Email, hash, verified, db.Contact(in.Phone), in.Language)
	if err == nil && n == 0 {
		return ErrEmailTaken
	}
	return err
}

// PersonByAddress is who signs in with an e-mail address or a phone number, in
// tx; ErrNoSuchAccount for nobody. The caller answers for what it tells.
func (s *Service) PersonByAddress(ctx context.Context, tx db.Tx, address string) (Person, error) {
	who, err := CloudPasswords{}.find(ctx, tx, address)
	if errors.Is(err, db.ErrNoRows) {
		return Person{}, ErrNoSuchAccount
	}
	if err != nil {
		return Person{}, err
	}
	return db.First(ctx, tx, selectPerson, scanPerson, who.account.ID)
}

// VerifyEmail notes, in tx, that email is the account's; it changes nothing when
// the account has another by now.
func (s *Service) VerifyEmail(ctx context.Context, tx db.Tx, account AccountID, email string) error {
	_, err := tx.Exec(ctx, verifyLogin, account, email, s.now())
	return err
}

// SetEmail makes email, which is proven, the address the account signs in with, an
// instructor's at her school too.
func (s *Service) SetEmail(ctx context.Context, tx db.Tx, account AccountID, email string) error {
	taken, err := exists(ctx, tx, countEmail, email, account)
	if err != nil {
		return err
	}
	if taken {
		return ErrEmailTaken
	}
	if _, err := tx.Exec(ctx, updateEmail, account, email, s.now()); err != nil {
		return err
	}
	a, err := s.Account(ctx, tx, account)
	if err != nil {
		return err
	}
	if a.Role == Instructor && a.Email != email {
		a.Email, a.UpdatedAt = email, s.now()
		if err := saveAccount(ctx, tx, a); err != nil {
			return err
		}
	}
	return s.noteUser(ctx, tx, "user.email", a, nil, nil)
}

// SetAvatar stores where the account's picture is; "" for none. A minor's needs a
// guardian's consent (ErrNoPhotos).
func (s *Service) SetAvatar(ctx context.Context, tx db.Tx, account AccountID, url string) error {
	p, err := s.PersonIn(ctx, tx, account)
	if err != nil {
		return err
	}
	if err := s.mayShow(ctx, tx, p.Account, url); err != nil {
		return err
	}
	p.Profile.AvatarURL = url
	return putProfile(ctx, tx, account, p.Profile, s.now())
}

// Proof says whose password may be replaced, and which session goes on.
type Proof struct {
	Account AccountID
	Keep    string
}

// ReplacePassword gives the account that prove names a new cloud password and
// ends its sessions. prove checks and uses up what proves the right to do so, in
// the same transaction.
func (s *Service) ReplacePassword(ctx context.Context, next string, prove func(ctx context.Context, tx db.Tx) (Proof, error)) error {
	if err := checkPassword(next, "new_password"); err != nil {
		return err
	}
	hash, err := s.hash(ctx, keyed([]byte(cloudPepper), next))
	if err != nil {
		return fmt.Errorf("replace a password: %w", err)
	}
	err = s.db.Update(ctx, func(tx db.Tx) error {
		p, err := prove(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, updateLoginHash, p.Account, hash); err != nil {
			return err
		}
		a, err := s.Account(ctx, tx, p.Account)
		if err != nil {
			return err
		}
		if err := s.noteUser(ctx, tx, "user.password", a, nil, nil); err != nil {
			return err
		}
		return s.endAll(ctx, tx, p.Account, p.Keep)
	})
	if err != nil {
		return fmt.Errorf("replace a password: %w", err)
	}
	return nil
}

// SetStatusIn sets any status of an account in tx and tells its school. Whoever
// may no longer enter is signed out everywhere. The caller has asked whether the
// actor may; the last admin stays (ErrLastAdmin).
func (s *Service) SetStatusIn(ctx context.Context, tx db.Tx, account AccountID, status Status) error {
	a, err := s.Account(ctx, tx, account)
	if err != nil {
		return err
	}
	if a.Role == Admin && status != Active {
		others, err := exists(ctx, tx, countAdmins, account)
		if err != nil {
			return err
		}
		if !others {
			return ErrLastAdmin
		}
	}
	return s.changeStatus(ctx, tx, a, status)
}

// mayEnter lets the pending enter the cloud, as applicants.
func (s *Service) mayEnter(a Account) error {
	if a.Status == Pending && s.audience == CloudAudience {
		return nil
	}
	return a.MayEnter()
}

// role is what a token says: who waits for approval has no powers of her role.
func (p subject) role() Role {
	if p.account.Status == Pending {
		return Applicant
	}
	return p.account.Role
}
