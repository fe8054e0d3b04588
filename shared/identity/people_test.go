package identity_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestRegister(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		in := func(change func(*identity.Registration)) identity.Registration {
			r := identity.Registration{Email: "a@example.org", Password: goodWord, Role: identity.Student, FullName: "Amina Otieno"}
			change(&r)
			return r
		}

		t.Run("students and parents are active, instructors and partners wait", func(t *testing.T) {
			for role, want := range map[identity.Role]identity.Status{
				identity.Student: identity.Active, identity.Parent: identity.Active,
				identity.Instructor: identity.Pending, identity.Partner: identity.Pending,
			} {
				p := get(w.Register(ctx, in(func(r *identity.Registration) { r.Email, r.Role = string(role)+"@example.org", role })))(t)
				if p.Account.Status != want || p.Verified {
					t.Errorf("%s: %+v", role, p)
				}
			}
		})
		t.Run("staff and admin are refused, also as an unknown role", func(t *testing.T) {
			for _, role := range []identity.Role{identity.Admin, identity.Staff} {
				_, err := w.Register(ctx, in(func(r *identity.Registration) { r.Role = role }))
				if fault.KindOf(err) != fault.Forbidden {
					t.Errorf("%s: %v", role, err)
				}
			}
			_, err := w.Register(ctx, in(func(r *identity.Registration) { r.Role = "Admin" }))
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("unknown role: %v", err)
			}
		})
		t.Run("weak passwords and bad input are invalid", func(t *testing.T) {
			for name, change := range map[string]func(*identity.Registration){
				"short": func(r *identity.Registration) { r.Password = "Aa1!aaa" }, "no upper": func(r *identity.Registration) { r.Password = "aaaa1111!" },
				"no lower": func(r *identity.Registration) { r.Password = "AAAA1111!" }, "no digit": func(r *identity.Registration) { r.Password = "AAAAaaaa!" },
				"no special": func(r *identity.Registration) { r.Password = "AAAAaaaa1" },
				"long":       func(r *identity.Registration) { r.Password = strings.Repeat("Aa1!", 26) },
				"email":      func(r *identity.Registration) { r.Email = "Amina <a@example.org>" },
				"grade":      func(r *identity.Registration) { r.Grade = "Form 4" },
				"phone":      func(r *identity.Registration) { r.Profile.Phone = "0711-CALL" },
				"birth":      func(r *identity.Registration) { r.Profile.DateOfBirth = "2030-01-01" },
				"picture":    func(r *identity.Registration) { r.Profile.AvatarURL = "javascript:alert(1)" },
			} {
				_, err := w.Register(ctx, in(change))
				if fault.KindOf(err) != fault.Invalid {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
		t.Run("a password of 100 characters signs in, and only the whole of it", func(t *testing.T) {
			long := strings.Repeat("Aa1!", 25)
			get(w.Register(ctx, in(func(r *identity.Registration) { r.Email, r.Password = "long@example.org", long })))(t)
			get(w.SignIn(ctx, "long@example.org", long))(t)
			_, err := w.SignIn(ctx, "long@example.org", long[:99]+"?")
			wantErr(t, err, identity.ErrWrongPassword)
		})
		t.Run("an address is taken whatever its case", func(t *testing.T) {
			get(w.Register(ctx, in(func(r *identity.Registration) { r.Email = "one@example.org" })))(t)
			_, err := w.Register(ctx, in(func(r *identity.Registration) { r.Email = "ONE@example.org" }))
			wantErr(t, err, identity.ErrEmailTaken)
		})
		t.Run("only an admin makes staff", func(t *testing.T) {
			staff := in(func(r *identity.Registration) { r.Email, r.Role = "staff@uhs.example", identity.Staff })
			_, parent := w.parent(t, "p@example.org")
			_, err := w.CreateAccount(ctx, parent, staff)
			wantErr(t, err, identity.ErrForbidden)
			if p := get(w.CreateAccount(ctx, w.admin, staff))(t); !p.Verified || p.Account.Role != identity.Staff {
				t.Errorf("staff = %+v", p)
			}
		})
	})
}

func TestOwnAccount(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		_, mary := w.parent(t, "mary@example.org")

		t.Run("a change keeps what it does not name", func(t *testing.T) {
			bio, phone, interests := "I like maize.", "0711 000 001", []string{"maths", "music"}
			get(w.UpdateMe(ctx, mary, identity.PersonChange{Bio: &bio, LearningInterests: &interests}))(t)
			get(w.UpdateMe(ctx, mary, identity.PersonChange{Phone: &phone}))(t)
			p := get(w.Me(ctx, mary))(t)
			if p.Profile.Bio != bio || p.Profile.Phone != "254711000001" || !reflect.DeepEqual(p.Profile.LearningInterests, interests) {
				t.Errorf("profile = %+v", p.Profile)
			}
		})
		t.Run("the school sets the grade of its learners", func(t *testing.T) {
			school := w.school(t, "Alfa")
			amina := w.learner(t, school.ID, "Amina Otieno", "")
			grade := "Grade 9"
			_, err := w.UpdateMe(ctx, identity.Actor{Account: amina.ID, Role: identity.Student}, identity.PersonChange{Grade: &grade})
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("error = %v", err)
			}
		})
		t.Run("changing the password ends the other sessions and keeps this one", func(t *testing.T) {
			here, there := get(w.SignIn(ctx, "mary@example.org", goodWord))(t), get(w.SignIn(ctx, "mary@example.org", goodWord))(t)
			who := get(w.Verify(ctx, here.Access))(t)
			if err := w.ChangePassword(ctx, who, otherWord, otherWord); fault.KindOf(err) != fault.Invalid {
				t.Errorf("with a wrong current password: %v", err)
			}
			if err := w.ChangePassword(ctx, who, goodWord, "weak"); fault.KindOf(err) != fault.Invalid {
				t.Errorf("to a weak one: %v", err)
			}
			must(t, w.ChangePassword(ctx, who, goodWord, otherWord))
			get(w.Refresh(ctx, here.Refresh))(t)
			_, err := w.Refresh(ctx, there.Refresh)
			wantErr(t, err, identity.ErrTokenRevoked)
			_, err = w.SignIn(ctx, "mary@example.org", goodWord)
			wantErr(t, err, identity.ErrWrongPassword)
			get(w.SignIn(ctx, "mary@example.org", otherWord))(t)
		})
	})
}

func TestListPersons(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		for i, name := range []string{"Zawadi Ali", "100% Bob", "Carol_X Dee"} {
			w.clock.Advance(time.Minute)
			in := identity.Registration{Email: fmt.Sprintf("p%d@example.org", i), Password: goodWord, Role: identity.Parent, FullName: name}
			get(w.Register(ctx, in))(t)
		}
		list := func(f identity.PersonFilter) (names []string, total int) {
			if f.Sort == "" {
				f.Sort, f.Order = "name", "asc"
			}
			if f.Limit == 0 {
				f.Limit = 10
			}
			page, total, err := w.ListPersons(ctx, w.admin, f)
			must(t, err)
			for _, p := range page {
				names = append(names, p.Account.FullName)
			}
			return names, total
		}
		for name, c := range map[string]struct {
			filter identity.PersonFilter
			want   string
			total  int
		}{
			"by role":               {identity.PersonFilter{Role: identity.Parent}, "100% Bob,Carol_X Dee,Zawadi Ali", 3},
			"a page":                {identity.PersonFilter{Role: identity.Parent, Skip: 1, Limit: 1}, "Carol_X Dee", 3},
			"newest first":          {identity.PersonFilter{Role: identity.Parent, Sort: "created_at", Order: "desc"}, "Carol_X Dee,100% Bob,Zawadi Ali", 3},
			"by address":            {identity.PersonFilter{Sort: "email", Order: "desc", Role: identity.Parent}, "Carol_X Dee,100% Bob,Zawadi Ali", 3},
			"search in any case":    {identity.PersonFilter{Search: "ZAWADI"}, "Zawadi Ali", 1},
			"search by address":     {identity.PersonFilter{Search: "p1@"}, "100% Bob", 1},
			"a percent sign is one": {identity.PersonFilter{Search: "0%"}, "100% Bob", 1},
			"an underscore is one":  {identity.PersonFilter{Search: "l_x"}, "Carol_X Dee", 1},
			"by status":             {identity.PersonFilter{Status: identity.Pending}, "", 0},
		} {
			t.Run(name, func(t *testing.T) {
				names, total := list(c.filter)
				if got := strings.Join(names, ","); got != c.want || total != c.total {
					t.Errorf("got %q of %d; want %q of %d", got, total, c.want, c.total)
				}
			})
		}
		t.Run("only admins may", func(t *testing.T) {
			_, parent := w.parent(t, "mary@example.org")
			_, _, err := w.ListPersons(ctx, parent, identity.PersonFilter{Sort: "name", Order: "asc"})
			wantErr(t, err, identity.ErrForbidden)
		})
	})
}

func TestNormalPhone(t *testing.T) {
	for in, want := range map[string]string{
		"0711000001": "254711000001", "+254 711 000 001": "254711000001", "254711000001": "254711000001", "0110 000-001": "254110000001",
		"+255 754 000 001": "255754000001", "711000001": "", "25471100000": "", "254311000001": "", "07110000011": "", "hello": "", "": "", "+1": "",
	} {
		got, err := identity.NormalPhone(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("NormalPhone(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestSecretsNeverShow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		school := w.school(t, "Alfa")
		box := w.node(t, school.ID)
		_, mary := w.parent(t, "mary@example.org")

		t.Run("no error repeats a password or PIN", func(t *testing.T) {
			const secret = "Xyzzy-Plugh-4242"
			const weak = "xyzzyplugh"
			errs := map[string]error{}
			_, errs["sign in"] = w.SignIn(ctx, "mary@example.org", secret)
			_, errs["weak"] = w.Register(ctx, identity.Registration{Email: "x@example.org", Password: weak, Role: identity.Parent})
			_, errs["taken"] = w.Register(ctx, identity.Registration{Email: "mary@example.org", Password: secret, Role: identity.Parent})
			errs["change"] = w.ChangePassword(ctx, mary, secret, secret+"!")
			_, errs["pin"] = box.SignInPIN(ctx, "nobody", "987654")
			_, errs["bad pin"] = w.AddLearner(ctx, w.admin, school.ID, identity.NewLearner{FullName: "A", Grade: "PP1", PIN: weak})
			_, errs["refresh"] = w.Refresh(ctx, secret)
			_, errs["token"] = w.Verify(ctx, secret)
			for name, err := range errs {
				if err == nil {
					t.Errorf("%s: no error", name)
					continue
				}
				for _, s := range []string{secret, weak, "987654"} {
					if strings.Contains(fmt.Sprintf("%+v", err), s) {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
		})
		t.Run("nothing that travels holds a cloud hash, a learner's address or a private key", func(t *testing.T) {
			in := identity.Registration{Email: "amina@example.org", Password: goodWord, Role: identity.Student, FullName: "Amina Otieno", Grade: "Grade 4"}
			amina := get(w.Register(ctx, in))(t)
			get(w.AddLearner(ctx, w.admin, school.ID, identity.NewLearner{Account: amina.Account.ID, PIN: "4711"}))(t)
			w.instructor(t, school.ID, "tom@example.org")
			changes := w.out.take(string(school.ID))
			if len(changes) < 4 {
				t.Fatalf("recorded %d changes", len(changes))
			}
			secrets := storedSecrets(t, w.db)
			if len(secrets) < 3 {
				t.Fatalf("found %d secrets to look for", len(secrets))
			}
			secrets = append(secrets, []byte("amina@example.org"), []byte(goodWord), []byte("4711"))
			for _, c := range changes {
				for _, s := range secrets {
					if bytes.Contains(c.Body, s) {
						t.Errorf("%s carries a secret", c.Spec.Name)
					}
				}
			}
		})
	})
}

// storedSecrets are the cloud's password hashes and private keys.
func storedSecrets(t *testing.T, d db.DB) [][]byte {
	t.Helper()
	return view(t, d, func(tx db.Tx) ([][]byte, error) {
		rows, err := tx.Query(t.Context(), db.SQL{Both: `SELECT password_hash FROM logins WHERE password_hash <> ''`})
		hashes, err := db.Collect(rows, err, db.Scalar[string])
		if err != nil {
			return nil, err
		}
		rows, err = tx.Query(t.Context(), db.SQL{Both: `SELECT seed FROM signing_secrets`})
		out, err := db.Collect(rows, err, db.Scalar[[]byte])
		for _, h := range hashes {
			out = append(out, []byte(h))
		}
		return out, err
	})
}

func TestEntitiesSurviveTheWire(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		at := db.Time{Time: time.Date(2026, 11, 2, 8, 0, 0, 123456000, time.UTC)}
		consent := identity.Consent{
			ID: id.New(), Learner: identity.AccountID(id.New()), Purpose: identity.CloudTutor, Given: true, GuardianName: "Mary Mother",
			Method: identity.OnPaper, TextVersion: "2026-1", RecordedBy: identity.AccountID(id.New()), At: at,
		}
		revocation := identity.Revocation{ID: id.New(), Session: id.New(), School: identity.SchoolID(id.New()), ExpiresAt: at}

		t.Run("a consent comes back as it was, once", func(t *testing.T) { wire(t, w, identity.Consents, consent) })
		t.Run("a revocation comes back as it was, once", func(t *testing.T) { wire(t, w, identity.Revocations, revocation) })
		t.Run("a bulk row is what Put stores", func(t *testing.T) {
			consent.ID = id.New()
			must(t, w.db.Update(ctx, func(tx db.Tx) error {
				b := identity.Consents.Bulk
				return tx.BulkInsert(ctx, b.Table, b.Columns, [][]any{b.Row(consent)})
			}))
			got := view(t, w.db, func(tx db.Tx) (identity.Consent, error) { return identity.Consents.Get(ctx, tx, consent.ID) })
			if got != consent {
				t.Errorf("got %+v; want %+v", got, consent)
			}
		})
	})
}

// wire encodes v, decodes it, stores it twice and reads it back.
func wire[T comparable](t *testing.T, w *world, e syncer.Entity[T], v T) {
	t.Helper()
	var back, got T
	must(t, syncproto.DecodeBody(get(syncproto.EncodeBody(v))(t), &back))
	must(t, w.db.Update(t.Context(), func(tx db.Tx) error {
		for i := range 2 {
			inserted, err := e.Put(t.Context(), tx, back)
			if err != nil {
				return err
			}
			if inserted != (i == 0) {
				t.Errorf("put %d: inserted = %v", i+1, inserted)
			}
		}
		var err error
		got, err = e.Get(t.Context(), tx, e.ID(v))
		return err
	}))
	if got != v {
		t.Errorf("got %+v; want %+v", got, v)
	}
}
