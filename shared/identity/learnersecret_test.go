package identity_test

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/syncproto"
)

// A classmate who guessed the PIN is out with it, by whichever road it is replaced.
func TestANewSecretEndsALearnersSessions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w, ctx := newWorld(t, d), t.Context()
		a := w.school(t, "Lodwar Primary")
		amina, other := w.learner(t, a.ID, "Amina Otieno", "4711"), w.learner(t, a.ID, "Baraka Juma", "4711")
		_, teacher := w.instructor(t, a.ID, "tom@example.org")
		box := w.node(t, a.ID)
		bystander := get(box.SignInPIN(ctx, other.ID, "4711"))(t)
		one := []identity.AccountID{amina.ID}
		set := func(pin string) func(t *testing.T) {
			return func(t *testing.T) { must(t, box.SetPIN(ctx, teacher, amina.ID, pin)) }
		}

		var card identity.Card
		byPIN := func(pin string) func() (identity.Tokens, error) {
			return func() (identity.Tokens, error) { return box.SignInPIN(ctx, amina.ID, pin) }
		}
		for _, c := range []struct {
			name   string
			signIn func() (identity.Tokens, error)
			reset  func(t *testing.T)
		}{
			{"a teacher types a new PIN", byPIN("4711"), set("8351")},
			{"the office gives her one with her place", byPIN("8351"), func(t *testing.T) {
				get(box.AddLearner(ctx, w.admin, a.ID, identity.NewLearner{Account: amina.ID, PIN: "9462"}))(t)
			}},
			{"a card with pictures", byPIN("9462"), func(t *testing.T) { card = get(box.MakeCards(ctx, teacher, identity.PictureSecret, one))(t)[0] }},
			{"a card with other pictures", func() (identity.Tokens, error) { return box.SignInPictures(ctx, amina.ID, card.Pictures) },
				func(t *testing.T) { card = get(box.MakeCards(ctx, teacher, identity.PictureSecret, one))(t)[0] }},
			{"a card with a PIN", func() (identity.Tokens, error) { return box.SignInPictures(ctx, amina.ID, card.Pictures) },
				func(t *testing.T) { card = get(box.MakeCards(ctx, teacher, identity.PIN, one))(t)[0] }},
			{"the cloud, by its record", func() (identity.Tokens, error) { return box.SignInPIN(ctx, amina.ID, card.PIN) }, func(t *testing.T) {
				must(t, w.SetPIN(ctx, teacher, amina.ID, "7391"))
				w.downWithReaction(t, box)
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				open := get(c.signIn())(t)
				get(box.Verify(ctx, open.Access))(t)
				c.reset(t)
				_, err := box.Verify(ctx, open.Access)
				wantErr(t, err, identity.ErrTokenRevoked)
				_, err = box.Refresh(ctx, open.Refresh)
				wantErr(t, err, identity.ErrTokenRevoked)
			})
		}
		get(box.SignInPIN(ctx, amina.ID, "7391"))(t)
		get(box.Verify(ctx, bystander.Access))(t)
		get(box.Refresh(ctx, bystander.Refresh))(t)
	})
}

// downWithReaction applies what the cloud recorded, as a box does.
func (w *world) downWithReaction(t *testing.T, n *node) {
	t.Helper()
	changes := w.out.take(string(n.id))
	apply(t, n.db, changes)
	must(t, n.db.Update(t.Context(), func(tx db.Tx) error {
		for _, c := range changes {
			if c.Spec.Name != identity.Credentials.Name {
				continue
			}
			var v identity.Credential
			if err := syncproto.DecodeBody(c.Body, &v); err != nil {
				return err
			}
			if err := n.OnCredentials(t.Context(), tx, []identity.Credential{v}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// A child who learns at home under her own account goes on while her school gives
// her the first PIN; a teacher's password is not a child's secret.
func TestAFirstSecretEndsNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w, ctx := newWorld(t, d), t.Context()
		a := w.school(t, "Lodwar Primary")
		in := identity.Registration{Email: "amina@example.org", Password: goodWord, Role: identity.Student, FullName: "Amina Otieno", Grade: "Grade 4"}
		amina := get(w.Register(ctx, in))(t)
		get(w.AddLearner(ctx, w.admin, a.ID, identity.NewLearner{Account: amina.Account.ID}))(t)
		_, teacher := w.instructor(t, a.ID, "tom@example.org")
		open := get(w.SignIn(ctx, "amina@example.org", goodWord))(t)
		box := w.node(t, a.ID)
		atBox := get(box.SignIn(ctx, "tom@example.org", boxWord))(t)

		must(t, w.SetPIN(ctx, teacher, amina.Account.ID, "4711"))
		get(w.Verify(ctx, open.Access))(t)
		open = get(w.Refresh(ctx, open.Refresh))(t)
		must(t, w.SetPIN(ctx, teacher, amina.Account.ID, "8351"))
		_, err := w.Verify(ctx, open.Access)
		wantErr(t, err, identity.ErrTokenRevoked)

		must(t, w.SetSchoolPassword(ctx, teacher, teacher.Account, "Another-Box-Word-7"))
		w.downWithReaction(t, box)
		get(box.Verify(ctx, atBox.Access))(t)
	})
}
