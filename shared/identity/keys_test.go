package identity_test

import (
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
)

func TestKeysTakeTurns(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		school := w.school(t, "Alfa")
		box := w.node(t, school.ID)
		in := identity.Registration{Email: "tina@example.org", Password: goodWord, Role: identity.Instructor, FullName: "Tina T"}
		tina := get(w.CreateAccount(ctx, w.admin, in))(t)
		get(w.AddInstructor(ctx, w.admin, school.ID, identity.NewInstructor{Account: tina.Account.ID}))(t)
		w.down(t, box)
		signing := func() string {
			t.Helper()
			for _, k := range get(w.SigningKeys(ctx))(t) {
				if k.Signs {
					return k.ID
				}
			}
			t.Fatal("no key signs")
			return ""
		}
		old := signing()

		t.Run("the next key is announced before it signs, so that a box knows it", func(t *testing.T) {
			w.clock.Advance(identity.KeyTurn - identity.KeyLead - time.Second)
			must(t, w.EnsureKey(ctx))
			if n := len(get(w.SigningKeys(ctx))(t)); n != 1 {
				t.Fatalf("%d keys before it is time", n)
			}
			w.clock.Advance(time.Second)
			must(t, w.EnsureKey(ctx))
			if signing() != old || len(get(w.SigningKeys(ctx))(t)) != 2 || len(get(w.JWKS(ctx))(t)) != 2 {
				t.Fatal("the next key is not there beside the one that signs")
			}
			w.down(t, box)
			w.clock.Advance(identity.KeyLead)
			must(t, w.EnsureKey(ctx))
			if signing() == old {
				t.Fatal("the old key still signs")
			}
			get(box.Verify(ctx, get(w.SignIn(ctx, "tina@example.org", goodWord))(t).Access))(t)
		})
		t.Run("the old key's private half is deleted when its tokens are over, and nothing made with it later counts", func(t *testing.T) {
			w.clock.Advance(identity.KeyLinger)
			must(t, w.EnsureKey(ctx))
			for _, k := range get(w.SigningKeys(ctx))(t) {
				if k.ID == old {
					t.Error("the private half is still there")
				}
			}
			if n := len(get(w.JWKS(ctx))(t)); n != 1 {
				t.Errorf("%d public keys", n)
			}
		})
		t.Run("a revoked key verifies nothing any more, here and after an exchange at the box", func(t *testing.T) {
			w.down(t, box)
			tokens := get(w.SignIn(ctx, "tina@example.org", goodWord))(t)
			get(box.Verify(ctx, tokens.Access))(t)
			must(t, w.RevokeKey(ctx, signing()))
			_, err := w.Verify(ctx, tokens.Access)
			wantErr(t, err, identity.ErrTokenInvalid)
			w.down(t, box)
			_, err = box.Verify(ctx, tokens.Access)
			wantErr(t, err, identity.ErrTokenInvalid)
			fresh := get(w.Refresh(ctx, tokens.Refresh))(t)
			get(w.Verify(ctx, fresh.Access))(t)
			get(box.Verify(ctx, fresh.Access))(t)
			wantErr(t, w.RevokeKey(ctx, "nothing"), identity.ErrNoSuchKey)
		})
	})
}

func TestOwnSessions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		w.parent(t, "mary@example.org")
		w.parent(t, "susan@example.org")
		phone := get(w.SignIn(ctx, "mary@example.org", goodWord))(t)
		w.clock.Advance(time.Minute)
		shop := get(w.SignIn(ctx, "mary@example.org", goodWord))(t)
		mary, stranger := get(w.Verify(ctx, phone.Access))(t), get(w.Verify(ctx, get(w.SignIn(ctx, "susan@example.org", goodWord))(t).Access))(t)

		t.Run("a person sees her own, the last used first", func(t *testing.T) {
			w.clock.Advance(time.Minute)
			phone = get(w.Refresh(ctx, phone.Refresh))(t)
			list := get(w.ListSessions(ctx, mary))(t)
			if len(list) != 2 || !list[0].Current || list[1].Current || list[0].UsedAt.Sub(list[0].Since.Time) != 2*time.Minute {
				t.Fatalf("sessions: %+v", list)
			}
		})
		t.Run("she ends one, a stranger cannot", func(t *testing.T) {
			other := get(w.ListSessions(ctx, mary))(t)[1].ID
			wantErr(t, w.EndSession(ctx, stranger, other), identity.ErrNoSuchSession)
			get(w.Verify(ctx, shop.Access))(t)
			must(t, w.EndSession(ctx, mary, other))
			_, err := w.Verify(ctx, shop.Access)
			wantErr(t, err, identity.ErrTokenRevoked)
			wantErr(t, w.EndSession(ctx, mary, other), identity.ErrNoSuchSession)
			if n := len(get(w.ListSessions(ctx, mary))(t)); n != 1 {
				t.Errorf("%d sessions left", n)
			}
		})
		t.Run("she ends all others", func(t *testing.T) {
			third := get(w.SignIn(ctx, "mary@example.org", goodWord))(t)
			must(t, w.EndOtherSessions(ctx, mary))
			_, err := w.Refresh(ctx, third.Refresh)
			wantErr(t, err, identity.ErrTokenRevoked)
			get(w.Verify(ctx, phone.Access))(t)
		})
	})
}
