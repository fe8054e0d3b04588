// Package secondfactor is the *second factor* of accounts at the cloud: a code
// of six digits that a phone makes every 30 seconds (TOTP, RFC 6238), and ten
// printed *recovery codes* for the day the phone is lost. Admins and staff must
// have one, others may.
//
// The rule that surprises: a wrong code makes the account wait, but only after
// the right password, so that a stranger cannot keep anybody out.
package secondfactor

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/fernet"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

const (
	period = 30 // seconds a code is shown
	skew   = 1  // steps before and after that are taken: clocks of phones
	// recoveryCodes is how many a person gets, each of 12 characters (60 bits).
	recoveryCodes, recoveryLength = 10, 12
	// freeMisses wrong codes cost nothing, each further one doubles the wait.
	freeMisses = 4
	firstWait  = 30 * time.Second
	maxWait    = 15 * time.Minute
)

// Errors of the second factor. Those of signing in are identity's.
var (
	ErrWrongCode  = fault.New(fault.Unauthenticated, "The code is wrong or has been used.").WithCode("wrong_code")
	ErrWait       = fault.New(fault.TooMany, "Too many wrong codes. Please wait a little.").WithCode("code_wait")
	ErrHasFactor  = fault.New(fault.Conflict, "A second factor is set up already.").WithCode("second_factor_set")
	ErrNoFactor   = fault.New(fault.NotFound, "No second factor is set up.").WithCode("no_second_factor")
	ErrMustHave   = fault.New(fault.Forbidden, "This role needs a second factor.").WithCode("second_factor_needed")
	errNotStarted = fault.New(fault.Conflict, "Begin the set-up again.").WithCode("second_factor_begin")
)

// People is what is asked of identity.
type People interface {
	CheckPassword(ctx context.Context, who identity.Actor, password string) error
	EndOtherSessions(ctx context.Context, who identity.Actor) error
	Account(ctx context.Context, tx db.Tx, account identity.AccountID) (identity.Account, error)
}

// Options wires a Service.
type Options struct {
	DB    db.DB
	Clock clock.Clock
	// Issuer is shown by the phone beside the code.
	Issuer string
	// Required are the roles that must have a factor.
	Required []identity.Role
	// Ring seals the secrets; CodeKey hashes recovery codes.
	Ring    fernet.Ring
	CodeKey []byte
}

// Service is the use-cases. It is identity's SecondFactor. Join it with identity
// before use.
type Service struct {
	o      Options
	people People
}

// New makes a Service.
func New(o Options) *Service { return &Service{o: o} }

// Join gives the service the people, which need it themselves.
func (s *Service) Join(p People) { s.people = p }

func (s *Service) now() db.Time { return db.Time{Time: s.o.Clock.Now()} }

// factor is the row of an account.
type factor struct {
	sealed                          string
	madeAt, confirmedAt, waitsUntil db.Time
	lastStep, misses                int64
}

// Status is what a person sees of her own factor.
type Status struct {
	Enabled  bool    `json:"enabled"`
	Required bool    `json:"required" doc:"Whether this role must have one."`
	Since    db.Time `json:"since,omitzero"`
	Codes    int     `json:"recovery_codes_left"`
}

// Setup is what a phone needs to make codes.
type Setup struct {
	Secret  string `json:"secret" doc:"Base 32, to be typed where no picture can be read."`
	URI     string `json:"uri" doc:"otpauth://totp/..."`
	Picture string `json:"picture" doc:"The URI as a QR code: a data URL of a PNG."`
}

// Status tells the actor about her own factor.
func (s *Service) Status(ctx context.Context, who identity.Actor) (Status, error) {
	if who.Account == "" {
		return Status{}, identity.ErrNobody
	}
	out := Status{Required: s.required(who.Role)}
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		f, err := s.factor(ctx, tx, selectFactor, who.Account)
		if err != nil || f.confirmedAt.IsZero() {
			return err
		}
		out.Enabled, out.Since = true, f.confirmedAt
		left, err := db.First(ctx, tx, countCodes, db.Scalar[int64], who.Account)
		out.Codes = int(left)
		return err
	})
	if err != nil {
		return out, fmt.Errorf("read a second factor: %w", err)
	}
	return out, nil
}

func (s *Service) required(role identity.Role) bool { return slices.Contains(s.o.Required, role) }

// factor is the row of account, zero for none.
func (s *Service) factor(ctx context.Context, tx db.Tx, q db.SQL, account identity.AccountID) (factor, error) {
	f, err := db.First(ctx, tx, q, scanFactor, account)
	if errors.Is(err, db.ErrNoRows) {
		return factor{}, nil
	}
	return f, err
}

// Missing implements identity.SecondFactor.
func (s *Service) Missing(ctx context.Context, tx db.Tx, a identity.Account) (bool, error) {
	if !s.required(a.Role) {
		return false, nil
	}
	f, err := s.factor(ctx, tx, selectFactor, a.ID)
	return f.confirmedAt.IsZero(), err
}

// Begin makes a new secret for the actor, who shows her password again. It
// counts from the first right code on (Confirm); until then a new Begin replaces
// it.
func (s *Service) Begin(ctx context.Context, who identity.Actor, password string) (Setup, error) {
	if err := s.people.CheckPassword(ctx, who, password); err != nil {
		return Setup{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: s.o.Issuer, AccountName: who.Email, Period: period})
	if err != nil {
		return Setup{}, fmt.Errorf("make a second factor: %w", err)
	}
	sealed, err := s.o.Ring.Seal([]byte(key.Secret()), s.o.Clock.Now())
	if err != nil {
		return Setup{}, err
	}
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, putFactor, who.Account, sealed, s.now())
		if err == nil && n == 0 {
			return ErrHasFactor
		}
		return err
	})
	if err != nil {
		return Setup{}, fmt.Errorf("begin a second factor: %w", err)
	}
	picture, err := key.Image(232, 232)
	if err != nil {
		return Setup{}, fmt.Errorf("draw a QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return Setup{}, fmt.Errorf("draw a QR code: %w", err)
	}
	return Setup{Secret: key.Secret(), URI: key.URL(), Picture: "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())}, nil
}

// Confirm turns the factor on with a first code and gives the recovery codes,
// which are never shown again. The actor's other sessions end.
func (s *Service) Confirm(ctx context.Context, who identity.Actor, code string) ([]string, error) {
	if who.Account == "" {
		return nil, identity.ErrNobody
	}
	codes, err := s.change(ctx, who.Account, code, func(tx db.Tx, f factor) error {
		if !f.confirmedAt.IsZero() {
			return ErrHasFactor
		}
		_, err := tx.Exec(ctx, confirmFactor, who.Account, s.now())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("confirm a second factor: %w", err)
	}
	return codes, s.people.EndOtherSessions(ctx, who)
}

// NewCodes replaces the actor's recovery codes; the old ones are void.
func (s *Service) NewCodes(ctx context.Context, who identity.Actor, code string) ([]string, error) {
	if who.Account == "" {
		return nil, identity.ErrNobody
	}
	codes, err := s.change(ctx, who.Account, code, func(_ db.Tx, f factor) error {
		if f.confirmedAt.IsZero() {
			return ErrNoFactor
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("replace recovery codes: %w", err)
	}
	return codes, nil
}

// change takes code, does also, and makes new recovery codes.
func (s *Service) change(ctx context.Context, account identity.AccountID, code string, also func(db.Tx, factor) error) ([]string, error) {
	codes := make([]string, recoveryCodes)
	var refused error
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		f, err := s.factor(ctx, tx, lockFactor, account)
		if err != nil {
			return err
		}
		if f.sealed == "" {
			return errNotStarted
		}
		if refused, err = s.take(ctx, tx, account, f, code); err != nil || refused != nil {
			return err
		}
		if err := also(tx, f); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropCodes, account); err != nil {
			return err
		}
		for i := range codes {
			codes[i] = id.Code(recoveryLength)
			if _, err := tx.Exec(ctx, insertCode, account, s.hash(codes[i])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return codes, refused
}

// Remove takes the actor's own factor away; not from roles that must have one.
func (s *Service) Remove(ctx context.Context, who identity.Actor, code string) error {
	if who.Account == "" {
		return identity.ErrNobody
	}
	if s.required(who.Role) {
		return ErrMustHave
	}
	if err := s.Enter(ctx, who.Account, code); err != nil {
		return err
	}
	return s.remove(ctx, who.Account)
}

// Reset takes the factor of another person away, who has lost phone and codes;
// for admins, who have made sure of who asks. A person whose role needs a factor
// sets up a new one at her next sign-in.
func (s *Service) Reset(ctx context.Context, who identity.Actor, account identity.AccountID) error {
	if err := who.Require(identity.Admin); err != nil {
		return err
	}
	if who.Account == account {
		return identity.ErrForbidden // a stolen session must not take the factor away
	}
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		_, err := s.people.Account(ctx, tx, account)
		return err
	})
	if err != nil {
		return fmt.Errorf("reset a second factor: %w", err)
	}
	return s.remove(ctx, account)
}

func (s *Service) remove(ctx context.Context, account identity.AccountID) error {
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, dropCodes, account); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, dropFactor, account)
		if err == nil && n == 0 {
			return ErrNoFactor
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("remove a second factor: %w", err)
	}
	return nil
}

// Enter implements identity.SecondFactor.
func (s *Service) Enter(ctx context.Context, account identity.AccountID, code string) error {
	var refused error
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		f, err := s.factor(ctx, tx, lockFactor, account)
		if err != nil || f.confirmedAt.IsZero() {
			refused = nil
			return err
		}
		if strings.TrimSpace(code) == "" {
			refused = identity.ErrSecondFactor
			return nil
		}
		refused, err = s.take(ctx, tx, account, f, code)
		return err
	})
	if err != nil {
		return fmt.Errorf("take a second factor: %w", err)
	}
	return refused
}

// take counts code once: refused says why it does not count, and is committed
// with the miss.
func (s *Service) take(ctx context.Context, tx db.Tx, account identity.AccountID, f factor, code string) (refused, err error) {
	now := s.now()
	if now.Before(f.waitsUntil.Time) {
		return ErrWait, nil
	}
	code = id.Typed(code)
	used := int64(0)
	step, ok, err := s.step(f, code, now.Time)
	switch {
	case err != nil:
	case ok:
		used, err = tx.Exec(ctx, takeStep, account, step)
	case len(code) == recoveryLength && !f.confirmedAt.IsZero():
		used, err = tx.Exec(ctx, takeCode, account, s.hash(code), now)
	}
	if err != nil {
		return nil, err
	}
	if used == 1 {
		_, err = tx.Exec(ctx, forgetMisses, account)
		return nil, err
	}
	_, err = tx.Exec(ctx, noteMiss, account, db.Time{Time: now.Add(wait(f.misses + 1))})
	return ErrWrongCode, err
}

// step is the time step whose code was given, when that is later than the last
// one taken.
func (s *Service) step(f factor, code string, now time.Time) (int64, bool, error) {
	secret, err := s.o.Ring.Open(f.sealed)
	if err != nil {
		return 0, false, fmt.Errorf("open a second factor: %w", err)
	}
	for i := now.Unix()/period - skew; i <= now.Unix()/period+skew; i++ {
		ok, err := hotp.ValidateCustom(code, uint64(i), string(secret), hotp.ValidateOpts{Digits: otp.DigitsSix})
		if err != nil { // not six digits
			return 0, false, nil //nolint:nilerr // it may be a recovery code
		}
		if ok && i > f.lastStep {
			return i, true, nil
		}
	}
	return 0, false, nil
}

// wait is how long an account waits after its n-th wrong code in a row.
func wait(n int64) time.Duration {
	if n <= freeMisses {
		return 0
	}
	return min(firstWait<<min(n-freeMisses-1, 10), maxWait)
}

// hash is all that is stored of a recovery code.
func (s *Service) hash(code string) string {
	m := hmac.New(sha256.New, s.o.CodeKey)
	m.Write([]byte(code))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
