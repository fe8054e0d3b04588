package identity_test

import (
	"context"
	"errors"
	"testing"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

var errSlow = fault.New(fault.TooMany, "Wait.").WithCode("door_wait")

// warden is a guard that lets nobody try again after three wrong secrets.
type warden struct{ wrong map[identity.AccountID]int }

func (w *warden) Enter(_ context.Context, a identity.Attempt) error {
	if w.wrong[a.Account] >= 3 {
		return errSlow
	}
	return nil
}

func (w *warden) Tell(_ context.Context, a identity.Attempt, right bool) error {
	w.wrong[a.Account]++
	if right {
		w.wrong[a.Account] = 0
	}
	return nil
}

// noteBook keeps the names of what was noted and whom it was about.
type noteBook struct{ lines []string }

func (n *noteBook) Note(_ context.Context, _ db.Tx, e audit.Entry) error {
	n.lines = append(n.lines, e.Action+" "+e.TargetID)
	return nil
}

// oneCode is a second factor with one code, for one account.
type oneCode struct {
	account identity.AccountID
	code    string
}

var errCode = errors.New("wrong code")

func (o *oneCode) Enter(_ context.Context, account identity.AccountID, code string) error {
	switch {
	case account != o.account || code == o.code:
		return nil
	case code == "":
		return identity.ErrSecondFactor
	}
	return errCode
}

func (*oneCode) Missing(context.Context, db.Tx, identity.Account) (bool, error) { return false, nil }

// home is a parent's phone in the hands of her child.
type home struct {
	*world
	s      *identity.Service
	guard  *warden
	notes  *noteBook
	factor *oneCode
	parent identity.Person
	child  identity.Actor
}

func newHome(t *testing.T, d db.DB) *home {
	t.Helper()
	w := newWorld(t, d)
	h := &home{world: w, guard: &warden{map[identity.AccountID]int{}}, notes: &noteBook{}, factor: &oneCode{}}
	h.s = identity.New(identity.Options{
		DB: w.db, Clock: w.clock, Issuer: "https://uhs.example", Audience: identity.CloudAudience, Pepper: peppers, Passwords: identity.CloudPasswords{},
		AnnounceKey: identity.Keys.Save, BcryptCost: cheap, Guard: h.guard, Audit: h.notes, SecondFactor: h.factor,
	})
	must(t, h.s.EnsureKey(t.Context()))
	amina := w.learner(t, w.school(t, "Alfa").ID, "Amina Otieno", "")
	mary, parent := w.parent(t, "mary@example.org")
	must(t, w.db.Update(t.Context(), func(tx db.Tx) error {
		_, err := w.LinkParent(t.Context(), tx, mary.Account.ID, amina.ID)
		return err
	}))
	parent.Session = id.New()
	h.parent = mary
	h.child = get(h.s.Verify(t.Context(), get(h.s.OpenHome(t.Context(), parent, amina.ID))(t).Access))(t)
	return h
}

func TestBackFromAChildIsASignInOfTheParent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		h, ctx := newHome(t, d), t.Context()
		t.Run("a wrong password is told to the guard and noted", func(t *testing.T) {
			_, err := h.s.ReturnHome(ctx, h.child, otherWord, "")
			wantErr(t, err, identity.ErrWrongPassword)
			want := "sign_in.failed " + string(h.parent.Account.ID)
			if last := h.notes.lines[len(h.notes.lines)-1]; h.guard.wrong[h.parent.Account.ID] != 1 || last != want {
				t.Errorf("the guard heard of %d, noted %q", h.guard.wrong[h.parent.Account.ID], last)
			}
		})
		t.Run("the second factor is asked for after the right password", func(t *testing.T) {
			h.factor.account, h.factor.code = h.parent.Account.ID, "123456"
			_, err := h.s.ReturnHome(ctx, h.child, otherWord, "123456")
			wantErr(t, err, identity.ErrWrongPassword)
			_, err = h.s.ReturnHome(ctx, h.child, goodWord, "")
			wantErr(t, err, identity.ErrSecondFactor)
			_, err = h.s.ReturnHome(ctx, h.child, goodWord, "654321")
			wantErr(t, err, errCode)
		})
		t.Run("after a wrong one the right one opens the parent's own session", func(t *testing.T) {
			_, err := h.s.ReturnHome(ctx, h.child, otherWord, "123456")
			wantErr(t, err, identity.ErrWrongPassword)
			who := get(h.s.Verify(ctx, get(h.s.ReturnHome(ctx, h.child, goodWord, "123456"))(t).Access))(t)
			if who.Account != h.parent.Account.ID || who.Guardian != "" || h.guard.wrong[who.Account] != 0 {
				t.Errorf("back as %+v, %d wrong tries", who, h.guard.wrong[who.Account])
			}
		})
		t.Run("guessing meets the guard, even with the right one", func(t *testing.T) {
			for range 3 {
				_, err := h.s.ReturnHome(ctx, h.child, otherWord, "123456")
				wantErr(t, err, identity.ErrWrongPassword)
			}
			_, err := h.s.ReturnHome(ctx, h.child, goodWord, "123456")
			wantErr(t, err, errSlow)
		})
	})
}

func TestAPasswordAskedForAgainMeetsTheGuard(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		h, ctx := newHome(t, d), t.Context()
		who := identity.Actor{Account: h.parent.Account.ID, Role: identity.Parent}
		for range 3 {
			if err := h.s.CheckPassword(ctx, who, otherWord); fault.KindOf(err) != fault.Invalid {
				t.Fatalf("a wrong one: %v", err)
			}
		}
		if last := h.notes.lines[len(h.notes.lines)-1]; last != "sign_in.failed "+string(who.Account) {
			t.Errorf("noted %q", last)
		}
		wantErr(t, h.s.CheckPassword(ctx, who, goodWord), errSlow)
		wantErr(t, h.s.ChangePassword(ctx, who, goodWord, otherWord), errSlow)
		h.guard.wrong = map[identity.AccountID]int{}
		must(t, h.s.CheckPassword(ctx, who, goodWord))
	})
}
