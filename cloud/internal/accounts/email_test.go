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

const (
	oldAddress = "mama@uhs.example"
	newAddress = "mama.mpya@uhs.example"
)

func (w *world) emailOf(who identity.Actor) string {
	w.t.Helper()
	p, err := w.people.Me(w.t.Context(), who)
	must(w.t, err)
	return p.Email
}

func TestAnotherAddressCountsOnceItsLinkIsOpened(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	who := w.register(oldAddress, identity.Instructor)
	must(t, w.ChangePhone(ctx, who, accounts.PhoneChange{Phone: phone, Code: w.code(phone, accounts.ToChangePhone), Password: word}))
	must(t, w.Forgot(ctx, oldAddress, ""))
	w.work()
	reset := w.last("reset_password", oldAddress).token(t)
	must(t, w.ChangeEmail(ctx, who, accounts.EmailChange{Email: " Mama.Mpya@uhs.example ", Password: word}))
	var link letter
	for _, l := range w.letters() {
		if l.Template == "change_email" {
			link = l
		}
	}

	t.Run("the link goes to the new address, and the old one is told at once", func(t *testing.T) {
		if link.To != newAddress || link.Language != "sw" {
			t.Errorf("the link went to %q in %q", link.To, link.Language)
		}
		if to := w.toldOf("email_asked"); !slices.Equal(to, []string{oldAddress}) {
			t.Errorf("told %v", to)
		}
	})
	t.Run("until then nothing changes", func(t *testing.T) {
		if got := w.emailOf(who); got != oldAddress {
			t.Errorf("she has %s", got)
		}
	})
	must(t, w.VerifyEmail(ctx, link.token(t)))
	t.Run("then she signs in with the new one, and not with the old", func(t *testing.T) {
		_, err := w.people.SignIn(ctx, oldAddress, word)
		wantErr(t, err, identity.ErrWrongPassword)
		_, err = w.people.SignIn(ctx, newAddress, word)
		must(t, err)
		p, err := w.people.Me(ctx, who)
		must(t, err)
		if !p.Verified || p.Account.Email != newAddress {
			t.Errorf("verified %v, at her school %q", p.Verified, p.Account.Email)
		}
	})
	t.Run("every address she had is told", func(t *testing.T) {
		if to := w.toldOf("email_changed"); !slices.Equal(to, []string{phone, oldAddress}) {
			t.Errorf("told %v", to)
		}
	})
	t.Run("links to the old address and the link itself open nothing more", func(t *testing.T) {
		wantErr(t, w.ResetPassword(ctx, accounts.Reset{Token: reset, Password: other}), accounts.ErrLink)
		wantErr(t, w.VerifyEmail(ctx, link.token(t)), accounts.ErrLink)
	})
}

func TestNobodyLearnsByAChangeWhoseAddressItIs(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.register(newAddress, identity.Parent)
	who := w.register(oldAddress, identity.Parent)
	letters := len(w.letters())
	must(t, w.ChangeEmail(ctx, who, accounts.EmailChange{Email: newAddress, Password: word}))
	taken := w.letters()[letters:]
	w.clock.Advance(time.Hour)
	must(t, w.ChangeEmail(ctx, who, accounts.EmailChange{Email: "free@uhs.example", Password: word}))
	free := w.letters()[letters+len(taken):]
	kinds := func(letters []letter) (out []string) {
		for _, l := range letters {
			out = append(out, l.Template)
		}
		slices.Sort(out)
		return out
	}
	if a, b := kinds(taken), kinds(free); !slices.Equal(a, b) || len(a) != 2 {
		t.Errorf("for a taken address %v, for a free one %v", a, b)
	}
	for _, l := range taken {
		if l.Template == "change_email" {
			wantErr(t, w.VerifyEmail(ctx, l.token(t)), identity.ErrEmailTaken)
		}
	}
	if got := w.emailOf(who); got != oldAddress {
		t.Errorf("she has %s", got)
	}
}

func TestAnOpenSessionAloneMovesNoEmail(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	who := w.register(oldAddress, identity.Parent)
	move := accounts.EmailChange{Email: newAddress}

	t.Run("it needs the password", func(t *testing.T) {
		for _, wrong := range []string{"", other} {
			move.Password = wrong
			if err := w.ChangeEmail(ctx, who, move); fault.KindOf(err) != fault.Invalid {
				t.Errorf("with %q: %v", wrong, err)
			}
		}
		wantErr(t, w.ChangeEmail(ctx, identity.Actor{}, move), identity.ErrNobody)
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
		wantErr(t, w.ChangeEmail(ctx, who, move), identity.ErrSecondFactor)
		move.Factor = wrong(now())
		wantErr(t, w.ChangeEmail(ctx, who, move), secondfactor.ErrWrongCode)
		if to := w.toldOf("change_email"); len(to) != 0 {
			t.Errorf("a link went to %v", to)
		}
		move.Factor = now()
		must(t, w.ChangeEmail(ctx, who, move))
		w.clock.Advance(30 * time.Second)
		move.Factor = now()
		wantErr(t, w.ChangeEmail(ctx, who, move), accounts.ErrTooSoon)
	})
	t.Run("a new password ends the link", func(t *testing.T) {
		var link letter
		for _, l := range w.letters() {
			if l.Template == "change_email" {
				link = l
			}
		}
		must(t, w.ChangePassword(ctx, who, word, other))
		wantErr(t, w.VerifyEmail(ctx, link.token(t)), accounts.ErrLink)
		if got := w.emailOf(who); got != oldAddress {
			t.Errorf("she has %s", got)
		}
	})
}

func TestSheChoosesTheLanguageOfHerLetters(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	who := w.register(oldAddress, identity.Parent)
	english, german := "en", "de"
	_, err := w.people.UpdateMe(ctx, who, identity.PersonChange{Language: &german})
	wantErr(t, err, identity.ErrLanguage)
	p, err := w.people.UpdateMe(ctx, who, identity.PersonChange{Language: &english})
	must(t, err)
	if p.Language != english {
		t.Errorf("it answers %q", p.Language)
	}
	must(t, w.ChangePassword(ctx, who, word, other))
	if l := w.last("password_changed", oldAddress); l.Language != english {
		t.Errorf("the letter is in %q", l.Language)
	}
}
