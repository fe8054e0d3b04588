package secondfactor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"urbanhomeschool.org/uhs/cloud/internal/secondfactor"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fernet"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
)

const (
	email    = "ada@example.org"
	password = "Sunny-Day-2026"
)

// nowhere is a journal of a cloud without schools.
type nowhere struct{}

func (nowhere) Record(context.Context, db.Tx, syncer.Change) error { return nil }

type world struct {
	*secondfactor.Service
	people *identity.Service
	clock  *clock.Fake
	db     db.DB
	admin  identity.Account
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: clock.NewFake(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)), db: syncer.WithJournal(dbtest.Postgres(t), nowhere{})}
	w.Service = secondfactor.New(secondfactor.Options{
		DB: w.db, Clock: w.clock, Issuer: "Urban Home School", Required: []identity.Role{identity.Admin}, Ring: fernet.Ring{{1}}, CodeKey: []byte("codes"),
	})
	w.people = identity.New(identity.Options{
		DB: w.db, Clock: w.clock, Issuer: "https://uhs.example", Audience: identity.CloudAudience, Passwords: identity.CloudPasswords{},
		SecondFactor: w.Service, BcryptCost: 4,
	})
	w.Join(w.people)
	must(t, w.people.EnsureKey(t.Context()))
	p, err := w.people.CreateFirstAdmin(t.Context(), email, password, "Ada Admin")
	must(t, err)
	w.admin = p.Account
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("error %v, want %v", got, want)
	}
}

// in signs in and gives the actor.
func (w *world) in(t *testing.T, code string) identity.Actor {
	t.Helper()
	tokens, err := w.people.SignInWithCode(t.Context(), email, password, code)
	must(t, err)
	who, err := w.people.Verify(t.Context(), tokens.Access)
	must(t, err)
	return who
}

func (w *world) code(t *testing.T, secret string) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, w.clock.Now())
	must(t, err)
	return c
}

// set turns the admin's factor on.
func (w *world) set(t *testing.T) (secret string, codes []string) {
	t.Helper()
	who := w.in(t, "")
	s, err := w.Begin(t.Context(), who, password)
	must(t, err)
	codes, err = w.Confirm(t.Context(), who, w.code(t, s.Secret))
	must(t, err)
	w.clock.Advance(time.Minute)
	return s.Secret, codes
}

func TestARoleThatNeedsAFactorCanDoNothingElseFirst(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	tokens, err := w.people.SignIn(ctx, email, password)
	must(t, err)
	who, err := w.people.Verify(ctx, tokens.Access)
	must(t, err)
	if !who.Limited {
		t.Fatal("an admin without a factor is not limited")
	}
	_, err = w.Begin(ctx, who, "Wrong-Password-1")
	if err == nil {
		t.Fatal("set up without the password")
	}
	s, err := w.Begin(ctx, who, password)
	must(t, err)
	if !strings.HasPrefix(s.Picture, "data:image/png;base64,") || !strings.HasPrefix(s.URI, "otpauth://totp/") {
		t.Errorf("set-up: %+v", s)
	}
	_, err = w.Confirm(ctx, who, "000000")
	wantErr(t, err, secondfactor.ErrWrongCode)
	codes, err := w.Confirm(ctx, who, w.code(t, s.Secret))
	must(t, err)
	if len(codes) != 10 {
		t.Errorf("%d recovery codes", len(codes))
	}
	again, err := w.people.Refresh(ctx, tokens.Refresh)
	must(t, err)
	if who, err = w.people.Verify(ctx, again.Access); err != nil || who.Limited {
		t.Errorf("still limited after the set-up: %+v, %v", who, err)
	}
	_, err = w.Begin(ctx, who, password)
	wantErr(t, err, secondfactor.ErrHasFactor)
	wantErr(t, w.Remove(ctx, who, w.code(t, s.Secret)), secondfactor.ErrMustHave)
}

func TestSigningInWithACode(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	secret, codes := w.set(t)

	t.Run("the code is asked for after the right password only", func(t *testing.T) {
		_, err := w.people.SignIn(ctx, email, password)
		wantErr(t, err, identity.ErrSecondFactor)
		_, err = w.people.SignInWithCode(ctx, email, "Wrong-Password-1", w.code(t, secret))
		wantErr(t, err, identity.ErrWrongPassword)
	})
	t.Run("a code counts once", func(t *testing.T) {
		code := w.code(t, secret)
		if who := w.in(t, code); who.Limited {
			t.Error("limited with a factor")
		}
		_, err := w.people.SignInWithCode(ctx, email, password, code)
		wantErr(t, err, secondfactor.ErrWrongCode)
	})
	t.Run("a phone that is half a minute slow gets in, one that is minutes off does not", func(t *testing.T) {
		w.clock.Advance(5 * time.Minute)
		slow := w.code(t, secret)
		w.clock.Advance(30 * time.Second)
		w.in(t, slow)
		old := w.code(t, secret)
		w.clock.Advance(2 * time.Minute)
		_, err := w.people.SignInWithCode(ctx, email, password, old)
		wantErr(t, err, secondfactor.ErrWrongCode)
	})
	t.Run("a recovery code counts once, with or without hyphens", func(t *testing.T) {
		misread := strings.NewReplacer("0", "O", "1", "l").Replace(codes[0])
		typed := strings.ToLower(misread[:4]) + "-" + misread[4:8] + " " + misread[8:]
		who := w.in(t, typed)
		_, err := w.people.SignInWithCode(ctx, email, password, codes[0])
		wantErr(t, err, secondfactor.ErrWrongCode)
		s, err := w.Status(ctx, who)
		must(t, err)
		if !s.Enabled || !s.Required || s.Codes != 9 {
			t.Errorf("status: %+v", s)
		}
		w.clock.Advance(time.Minute)
		fresh, err := w.NewCodes(ctx, who, w.code(t, secret))
		must(t, err)
		_, err = w.people.SignInWithCode(ctx, email, password, codes[1])
		wantErr(t, err, secondfactor.ErrWrongCode)
		w.in(t, fresh[1])
	})
}

func TestWrongCodesMakeTheAccountWait(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	secret, _ := w.set(t)
	for range 5 {
		_, err := w.people.SignInWithCode(ctx, email, password, "123456")
		wantErr(t, err, secondfactor.ErrWrongCode)
	}
	_, err := w.people.SignInWithCode(ctx, email, password, w.code(t, secret))
	wantErr(t, err, secondfactor.ErrWait)
	w.clock.Advance(31 * time.Second)
	w.in(t, w.code(t, secret))
	_, err = w.people.SignInWithCode(ctx, email, password, "123456")
	wantErr(t, err, secondfactor.ErrWrongCode)
	w.clock.Advance(time.Minute)
	w.in(t, w.code(t, secret))
}

func TestAnAdminResetsAnothersFactor(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	w.set(t)
	lost := w.admin.ID
	wantErr(t, w.Reset(ctx, identity.Actor{Account: lost, Role: identity.Admin}, lost), identity.ErrForbidden)
	wantErr(t, w.Reset(ctx, identity.Actor{Account: "x", Role: identity.Staff}, lost), identity.ErrForbidden)
	other := identity.Actor{Account: "x", Role: identity.Admin}
	must(t, w.Reset(ctx, other, lost))
	wantErr(t, w.Reset(ctx, other, lost), secondfactor.ErrNoFactor)
	if who := w.in(t, ""); !who.Limited {
		t.Error("not limited after the reset")
	}
}

func TestTheDatabaseAloneOpensNothing(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	secret, codes := w.set(t)
	var stored []string
	must(t, w.db.View(ctx, func(tx db.Tx) error {
		q := db.SQL{Postgres: `SELECT secret FROM second_factors UNION ALL SELECT hash FROM recovery_codes`}
		rows, err := tx.Query(ctx, q)
		stored, err = db.Collect(rows, err, db.Scalar[string])
		return err
	}))
	if len(stored) != 11 {
		t.Fatalf("%d rows", len(stored))
	}
	for _, s := range stored {
		if strings.Contains(s, secret) || strings.Contains(s, codes[0]) {
			t.Errorf("a secret is stored as it is: %s", s)
		}
	}
}

func TestSecretsAreSealedAnewUnderTheNewestKey(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	secret, _ := w.set(t)
	with := func(ring fernet.Ring) *secondfactor.Service {
		s := secondfactor.New(secondfactor.Options{DB: w.db, Clock: w.clock, Issuer: "Urban Home School", Ring: ring, CodeKey: []byte("codes")})
		s.Join(w.people)
		return s
	}
	for want := range 2 { // one the first time, none the second
		if n, err := with(fernet.Ring{{2}, {1}}).Reseal(ctx); err != nil || n != 1-want {
			t.Fatalf("%d sealed anew, %v", n, err)
		}
	}
	if _, err := with(fernet.Ring{{1}}).Reseal(ctx); err == nil {
		t.Error("the old key still opens it")
	}
	if n, err := with(fernet.Ring{{2}}).Reseal(ctx); err != nil || n != 0 || secret == "" {
		t.Errorf("the new key alone does not: %d, %v", n, err)
	}
}
