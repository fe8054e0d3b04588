package accounts_test

import (
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/identity"
)

func TestAMinorsPictureNeedsHerGuardiansConsent(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	who := w.register("amina@uhs.example", identity.Student)
	raw, url := picture(t, 5, 5, asPNG), "https://pictures.example/amina.jpg"
	refused := func(t *testing.T) {
		t.Helper()
		_, err := w.SetAvatar(ctx, who, raw)
		wantErr(t, err, identity.ErrNoPhotos)
		if n := w.count(`SELECT count(*) FROM avatars WHERE account_id = $1`, string(who.Account)); n != 0 {
			t.Errorf("%d pictures are kept", n)
		}
		_, err = w.people.UpdateMe(ctx, who, identity.PersonChange{AvatarURL: &url})
		wantErr(t, err, identity.ErrNoPhotos)
	}
	say := func(given bool) {
		_, err := w.people.RecordConsent(ctx, w.admin, identity.NewConsent{Learner: who.Account, Purpose: identity.Photos, Given: given,
			Method: identity.OnPaper, GuardianName: "Mary Ekai", TextVersion: "1"})
		must(t, err)
	}
	born := func(day string) {
		_, err := w.db.Pool.Exec(ctx, `UPDATE accounts SET born = $2 WHERE id = $1`, string(who.Account), day)
		must(t, err)
	}
	t.Run("nobody knows her age: without consent there is no picture", refused)
	t.Run("nor does she register with one", func(t *testing.T) {
		in := identity.Registration{Email: "new@uhs.example", Password: word, Role: identity.Student, FullName: "New Learner"}
		in.Profile.AvatarURL = url
		_, err := w.Register(ctx, in)
		wantErr(t, err, identity.ErrNoPhotos)
	})
	t.Run("nor is there one the day before she is of age", func(t *testing.T) {
		born("2008-11-27")
		refused(t)
	})
	t.Run("with consent there is, and what is there can always be removed", func(t *testing.T) {
		say(true)
		got, err := w.SetAvatar(ctx, who, raw)
		must(t, err)
		_, err = w.Avatar(ctx, strings.TrimPrefix(got, "/api/v1/avatars/"))
		must(t, err)
		say(false)
		must(t, w.RemoveAvatar(ctx, who))
	})
	t.Run("after the consent is taken back there is none again", func(t *testing.T) {
		refused(t)
	})
	t.Run("who is of age decides for herself", func(t *testing.T) {
		born("2008-11-26")
		_, err := w.SetAvatar(ctx, who, raw)
		must(t, err)
	})
}
