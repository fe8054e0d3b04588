package accounts_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"urbanhomeschool.org/uhs/cloud/internal/accounts"
	"urbanhomeschool.org/uhs/cloud/internal/secondfactor"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// toldOf are the addresses that letters of a template went to.
func (w *world) toldOf(template string) (to []string) {
	w.t.Helper()
	for _, l := range w.letters() {
		if l.Template == template {
			to = append(to, l.To)
		}
	}
	slices.Sort(to)
	return to
}

func TestAnOpenSessionAloneMovesNoPhone(t *testing.T) {
	const second = "254722000002"
	w, ctx := newWorld(t), t.Context()
	who := w.register("mama@uhs.example", identity.Parent)
	must(t, w.ChangePhone(ctx, who, accounts.PhoneChange{Phone: phone, Code: w.code(phone, accounts.ToChangePhone), Password: word}))
	if to := w.toldOf("phone_changed"); !slices.Equal(to, []string{"mama@uhs.example"}) {
		t.Errorf("told %v", to)
	}
	move := accounts.PhoneChange{Phone: second, Code: w.code(second, accounts.ToChangePhone)}

	t.Run("it needs the password", func(t *testing.T) {
		for _, wrong := range []string{"", other} {
			move.Password = wrong
			if err := w.ChangePhone(ctx, who, move); fault.KindOf(err) != fault.Invalid {
				t.Errorf("with %q: %v", wrong, err)
			}
		}
	})
	t.Run("and a code of the second factor, where there is one", func(t *testing.T) {
		setup, err := w.factor.Begin(ctx, who, word)
		must(t, err)
		now := func() string {
			code, err := totp.GenerateCode(setup.Secret, w.clock.Now())
			must(t, err)
			return code
		}
		_, err = w.factor.Confirm(ctx, who, now())
		must(t, err)
		w.clock.Advance(time.Minute)
		move.Password = word
		wantErr(t, w.ChangePhone(ctx, who, move), identity.ErrSecondFactor)
		move.Factor = wrong(now())
		wantErr(t, w.ChangePhone(ctx, who, move), secondfactor.ErrWrongCode)
		move.Factor = now()
		must(t, w.ChangePhone(ctx, who, move))
	})
	t.Run("both addresses she had are told", func(t *testing.T) {
		if to := w.toldOf("phone_changed"); !slices.Equal(to, []string{phone, "mama@uhs.example", "mama@uhs.example"}) {
			t.Errorf("told %v", to)
		}
	})
	t.Run("the old phone signs in no more", func(t *testing.T) {
		_, err := w.people.SignIn(ctx, "+"+phone, word)
		wantErr(t, err, identity.ErrWrongPassword)
	})
}
