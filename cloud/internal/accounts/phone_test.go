package accounts_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"urbanhomeschool.org/uhs/cloud/internal/accounts"
	"urbanhomeschool.org/uhs/cloud/internal/secondfactor"
	"urbanhomeschool.org/uhs/shared/db"
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

func TestAMovedPhoneMovesEverywhere(t *testing.T) {
	const second, third = "254722000002", "254733000003"
	w, ctx := newWorld(t), t.Context()
	who := w.register("mama@uhs.example", identity.Parent)
	school, err := w.people.CreateSchool(ctx, w.admin, identity.NewSchool{Name: "Lodwar Primary", County: "Turkana", Language: "sw"})
	must(t, err)
	link := func(name string, in identity.NewGuardian) identity.Guardian {
		learner, err := w.people.AddLearner(ctx, w.admin, school.ID, identity.NewLearner{FullName: name, Grade: "Grade 4", PIN: "4271"})
		must(t, err)
		in.Learner, in.Name = learner.ID, "Some Body"
		g, err := w.people.LinkGuardian(ctx, w.admin, school.ID, in)
		must(t, err)
		return g
	}
	known := link("Amina Ekai", identity.NewGuardian{Parent: who.Account, Phone: phone, Verified: true})
	unknown := link("Brian Ekai", identity.NewGuardian{Parent: who.Account})
	others := link("Chege Otieno", identity.NewGuardian{Phone: third, Verified: true})
	before := len(w.told.changes)
	must(t, w.ChangePhone(ctx, who, accounts.PhoneChange{Phone: second, Code: w.code(second, accounts.ToChangePhone), Password: word}))

	if p, err := w.people.Me(ctx, who); err != nil || p.LoginPhone != second || p.Profile.Phone != second {
		t.Errorf("she signs in with %s, her profile shows %s, %v", p.LoginPhone, p.Profile.Phone, err)
	}
	now := func(g identity.Guardian) (out identity.Guardian) {
		must(t, w.db.View(ctx, func(tx db.Tx) (err error) {
			out, err = w.people.GuardianByID(ctx, tx, g.ID)
			return err
		}))
		return out
	}
	if g := now(known); g.Phone != second || !g.Verified {
		t.Errorf("the school knows %s, verified %v", g.Phone, g.Verified)
	}
	if g := now(unknown); g.Phone != "" || g.Verified {
		t.Errorf("a school that had no number of hers has %s now", g.Phone)
	}
	if g := now(others); g.Phone != third {
		t.Errorf("somebody else's number is %s now", g.Phone)
	}
	var told []string
	for _, c := range w.told.changes[before:] {
		told = append(told, c.Spec.Name)
	}
	if !slices.Equal(told, []string{identity.Guardians.Name}) {
		t.Errorf("the schools are told %v", told)
	}
}
