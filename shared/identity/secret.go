package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// candidate is who might be signing in: verifier is the stored hash, empty when
// there is none.
type candidate struct {
	account  Account
	verifier string
	typed    string // the address that was typed, if any
}

// cloudPepper separates the cloud's hashes from every school's. It is no
// secret: it makes long passwords fit bcrypt's 72 bytes, and a hash of another
// service useless here.
const cloudPepper = "uhs cloud password 1"

// CloudPasswords is sign-in with the account's own e-mail address or phone
// number and cloud password.
type CloudPasswords struct{}

func (CloudPasswords) find(ctx context.Context, tx db.Tx, email string) (candidate, error) {
	if strings.Contains(email, "@") {
		return loginByEmail(ctx, tx, email)
	}
	phone, err := NormalPhone(email)
	if err != nil { // nobody has it
		return candidate{}, db.ErrNoRows
	}
	return db.First(ctx, tx, selectPhoneLogin, scanCandidate, db.Contact(phone))
}

func (CloudPasswords) secret(password string) ([]byte, error) { //nolint:unparam // SchoolPasswords.secret can fail
	return keyed([]byte(cloudPepper), password), nil
}

// SchoolPasswords is sign-in of a school's instructors with the password they
// have for the school's box.
type SchoolPasswords struct {
	School SchoolID
	Pepper func(SchoolID) ([]byte, error)
}

func (p SchoolPasswords) find(ctx context.Context, tx db.Tx, email string) (candidate, error) {
	return instructorByEmail(ctx, tx, p.School, email)
}

func (p SchoolPasswords) secret(password string) ([]byte, error) {
	pepper, err := p.Pepper(p.School)
	if err != nil {
		return nil, fmt.Errorf("pepper of school %s: %w", p.School, err)
	}
	return keyed(pepper, password), nil
}

// keyed is base64(HMAC-SHA256(pepper, secret)): 44 bytes, always below bcrypt's
// limit of 72 (beyond which Go's bcrypt fails).
func keyed(pepper []byte, secret string) []byte {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(secret))
	return []byte(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// schoolSecret is secret as the school's verifiers see it.
func (s *Service) schoolSecret(school SchoolID, secret string) ([]byte, error) {
	pepper, err := s.pepper(school)
	if err != nil {
		return nil, fmt.Errorf("pepper of school %s: %w", school, err)
	}
	return keyed(pepper, secret), nil
}

// verifierOfNobody is compared with when nobody has the name that was given, so
// that the answer takes as long as for a wrong password.
func verifierOfNobody(cost int) string {
	h, err := bcrypt.GenerateFromPassword([]byte("nobody"), cost)
	if err != nil { // the cost is out of range: a wiring mistake
		panic(fmt.Sprintf("identity: %v", err))
	}
	return string(h)
}

// hash makes a verifier. It never runs inside a transaction: it takes some 80 ms.
func (s *Service) hash(ctx context.Context, secret []byte) (string, error) {
	if err := s.enter(ctx); err != nil {
		return "", err
	}
	defer s.leave()

	h, err := bcrypt.GenerateFromPassword(secret, s.cost)
	if err != nil {
		return "", fmt.Errorf("hash a secret: %w", err)
	}
	return string(h), nil
}

// matches compares secret with a verifier; an empty verifier matches nothing
// and takes as long.
func (s *Service) matches(ctx context.Context, verifier string, secret []byte) (bool, error) {
	if err := s.enter(ctx); err != nil {
		return false, err
	}
	defer s.leave()

	known := verifier != ""
	if !known {
		verifier = s.nobody()
	}
	err := bcrypt.CompareHashAndPassword([]byte(verifier), secret)
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("compare a secret: %w", err)
	}
	return known, nil
}

func (s *Service) enter(ctx context.Context) error {
	select {
	case s.workers <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Service) leave() { <-s.workers }

// checkPassword applies the published rule: 8 to 100 characters, upper, lower,
// digit, special; and refuses what is guessed first. field names the input in the answer.
func checkPassword(password, field string) error {
	weak := fault.New(fault.Invalid, "The password is too weak.").WithCode("weak_password")
	if n := utf8.RuneCountInString(password); n < 8 || n > 100 {
		return weak.At("A password has 8 to 100 characters.", field)
	}
	var upper, lower, digit, special bool
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			upper = true
		case unicode.IsLower(r):
			lower = true
		case unicode.IsDigit(r):
			digit = true
		default:
			special = true
		}
	}
	if !upper || !lower || !digit || !special {
		return weak.At("A password needs an upper-case and a lower-case letter, a digit and a special character.", field)
	}
	if isCommon(password) {
		return errCommon.At("must be other words", field)
	}
	return nil
}

// Attempt is somebody at the door with a secret to be compared.
type Attempt struct {
	// Account is whose secret it would be; empty when nobody has the name that was
	// Typed.
	Account AccountID
	Typed   string
	Role    Role
	Kind    CredentialKind
}

// Guard makes guessing slow, and closes the door of a school that has not heard
// of the cloud for too long.
type Guard interface {
	// Enter is asked before the secret is compared; its error is the answer.
	Enter(ctx context.Context, a Attempt) error
	// Tell hears whether the secret was right.
	Tell(ctx context.Context, a Attempt, right bool) error
}

// proves compares a secret, with the guard before and after.
func (s *Service) proves(ctx context.Context, who candidate, kind CredentialKind, secret []byte) (bool, error) {
	a := Attempt{Account: who.account.ID, Typed: who.typed, Role: who.account.Role, Kind: kind}
	if s.guard != nil {
		if err := s.guard.Enter(ctx, a); err != nil {
			return false, err
		}
	}
	ok, err := s.matches(ctx, who.verifier, secret)
	if err == nil && s.guard != nil {
		err = s.guard.Tell(ctx, a, ok)
	}
	return ok, err
}

// provesCloud is proves for the cloud password of who.
func (s *Service) provesCloud(ctx context.Context, who candidate, password string) (bool, error) {
	return s.proves(ctx, who, SchoolPassword, keyed([]byte(cloudPepper), password))
}

// wrong is what a learner reads who gave a wrong secret.
func wrong(kind CredentialKind) error {
	if kind == PictureSecret {
		return ErrWrongPictures
	}
	return ErrWrongPIN
}

// checkPIN wants four to six digits.
func checkPIN(pin string) error {
	bad := fault.New(fault.Invalid, "A PIN has four to six digits.").WithCode("bad_pin").At("four to six digits", "pin")
	if len(pin) < 4 || len(pin) > 6 {
		return bad
	}
	for _, r := range pin {
		if r < '0' || r > '9' {
			return bad
		}
	}
	return nil
}
