package door

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// errTwoPeople answers one code, or two of one person, where two people are asked.
var errTwoPeople = fault.New(fault.Forbidden, "This needs the codes of two people.").WithCode("two_people")

// SetPassword lets a teacher set her password for this box with the one-time code
// that the cloud gave her. Her earlier sessions here end.
func (s *Service) SetPassword(ctx context.Context, email, code, password string) error {
	pepper, err := s.Pepper(s.School)
	if err != nil {
		return fmt.Errorf("set a school password: %w", err)
	}
	a, err := s.attempt(ctx, email)
	if err != nil {
		return fmt.Errorf("set a school password: %w", err)
	}
	if err := door.CheckCode(pepper, a, code, s.Clock.Now()); err != nil {
		return err
	}
	use := door.Use{ID: door.UseID(s.School, pepper, code), School: s.School, Kind: door.FromCloud, Account: a.ID, At: s.now()}
	err = s.people.SetPasswordByProof(ctx, a.ID, password, func(ctx context.Context, tx db.Tx) error { return s.used(ctx, tx, a.ID, use) })
	if err != nil {
		return fmt.Errorf("set a school password: %w", err)
	}
	return nil
}

// Recovery is what people bring when a password is forgotten and there is no line:
// a code of the person's own sheet; or codes of the sheets of two people; or one
// code and the presence of who looks after the box.
type Recovery struct {
	Email, Password           string
	Codes                     []string
	AdminEmail, AdminPassword string
}

// Recover sets the password of the teacher Email. The office hears of it.
func (s *Service) Recover(ctx context.Context, in Recovery) error {
	if len(in.Codes) == 0 || len(in.Codes) > 2 {
		return door.ErrWrongCode
	}
	pepper, err := s.Pepper(s.School)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	a, err := s.attempt(ctx, in.Email)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	present, err := s.present(ctx, in)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	err = s.people.SetPasswordByProof(ctx, a.ID, in.Password, func(ctx context.Context, tx db.Tx) error {
		holders := make([]identity.AccountID, len(in.Codes))
		for i, code := range in.Codes {
			var err error
			if holders[i], err = door.HolderOf(ctx, tx, pepper, s.School, code); err != nil {
				return err
			}
		}
		kind, second, err := together(a.ID, holders, present)
		if err != nil {
			return err
		}
		for i, code := range in.Codes {
			use := door.Use{ID: door.UseID(s.School, pepper, code), School: s.School, Kind: kind, Account: a.ID, Holder: holders[i], Second: second, At: s.now()}
			if err := s.used(ctx, tx, a.ID, use); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	return nil
}

// together says whether those who are there may set target's password: she
// herself with her own code, or two different people.
func together(target identity.AccountID, holders []identity.AccountID, present identity.AccountID) (door.UseKind, identity.AccountID, error) {
	switch {
	case len(holders) == 1 && present == "" && holders[0] == target:
		return door.ByHolder, "", nil
	case len(holders) == 1 && present != "" && present != holders[0]:
		return door.ByTwo, present, nil
	case len(holders) == 2 && holders[0] != holders[1]:
		return door.ByTwo, holders[1], nil
	default:
		return "", "", errTwoPeople
	}
}

// present is the site admin who proved that she is there; empty when nobody said
// so. Her own verifier may be past its time: the code vouches.
func (s *Service) present(ctx context.Context, in Recovery) (identity.AccountID, error) {
	if in.AdminEmail == "" {
		return "", nil
	}
	if _, err := s.attempt(ctx, in.AdminEmail); err != nil {
		return "", err
	}
	a, duties, err := s.people.ProvePassword(ctx, in.AdminEmail, in.AdminPassword)
	if err != nil {
		return "", err
	}
	if !slices.Contains(duties, identity.SiteAdmin) {
		return "", identity.ErrForbidden
	}
	return a.ID, nil
}

// Renew lets the school go on without a line, with a code of the head's sheet.
func (s *Service) Renew(ctx context.Context, code string) (State, error) {
	pepper, err := s.Pepper(s.School)
	if err != nil {
		return State{}, fmt.Errorf("renew the door: %w", err)
	}
	if err := s.countGuess(ctx, identity.Attempt{Account: anybodysCode, Role: identity.Instructor}); err != nil {
		return State{}, err
	}
	err = s.DB.Update(ctx, func(tx db.Tx) error {
		holder, err := door.HolderOf(ctx, tx, pepper, s.School, code)
		if err != nil {
			return err
		}
		isHead, err := db.First(ctx, tx, countHead, db.Scalar[int64], holder, s.School)
		if err != nil {
			return err
		}
		if isHead == 0 {
			return door.ErrWrongCode
		}
		return s.used(ctx, tx, anybodysCode, door.Use{ID: door.UseID(s.School, pepper, code), School: s.School, Kind: door.Renewed, Holder: holder, At: s.now()})
	})
	if err != nil {
		return State{}, fmt.Errorf("renew the door: %w", err)
	}
	return s.State(ctx)
}

// anybodysCode is the account whose guesses at codes without a name are counted.
const anybodysCode = identity.AccountID("code")

// used stores that a code was used, and that the guessing is over.
func (s *Service) used(ctx context.Context, tx db.Tx, account identity.AccountID, u door.Use) error {
	if err := door.SaveUse(ctx, tx, u); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, forgetPerson, account); err != nil {
		return err
	}
	return s.note(ctx, tx, identity.Actor{Account: u.Holder, School: s.School},
		identity.Act{Action: "door_" + string(u.Kind), Target: u.Account, Facts: map[string]string{"second": string(u.Second)}})
}

// attempt counts a guess at a code of the teacher with this address; nobody's
// address gets the answer of a wrong code.
func (s *Service) attempt(ctx context.Context, email string) (identity.Account, error) {
	var a identity.Account
	err := s.DB.View(ctx, func(tx db.Tx) error {
		account, err := db.First(ctx, tx, selectTeacher, db.Scalar[identity.AccountID], strings.ToLower(strings.TrimSpace(email)), s.School)
		if err != nil {
			return err
		}
		a, err = s.people.Account(ctx, tx, account)
		return err
	})
	if isNone(err) {
		a = identity.Account{}
		return a, errors.Join(s.countGuess(ctx, identity.Attempt{Account: anybodysCode, Role: identity.Instructor}), door.ErrWrongCode)
	}
	if err != nil {
		return a, err
	}
	if err := a.MayEnter(); err != nil {
		return a, err
	}
	return a, s.countGuess(ctx, identity.Attempt{Account: a.ID, Role: identity.Instructor})
}

func (s *Service) countGuess(ctx context.Context, a identity.Attempt) error {
	return s.DB.Update(ctx, func(tx db.Tx) error { return s.slow(ctx, tx, a) })
}
