package identity_test

import (
	"errors"
	"fmt"
	"slices"
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

func TestSchoolSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		a, b := w.school(t, "Alfa"), w.school(t, "Bravo")
		boxA, boxB := w.node(t, a.ID), w.node(t, b.ID)
		amina := w.learner(t, a.ID, "Amina Otieno", "4711")
		w.learner(t, a.ID, "Brian Mwangi", "4712")
		twin := w.learner(t, a.ID, "Amina Omondi", "4713")
		w.instructor(t, a.ID, "tom@example.org", identity.Bursar)
		w.down(t, boxA)

		t.Run("class, name, PIN", func(t *testing.T) {
			school, classes, err := boxA.ListClasses(ctx)
			must(t, err)
			if school.Name != "Alfa" || len(classes) != 1 || classes[0].Name != "4 Blue" || classes[0].Learners != 3 {
				t.Fatalf("school %+v, classes %+v", school, classes)
			}
			names := get(boxA.ListSignInNames(ctx, classes[0].ID))(t)
			if got := fmt.Sprint(names); len(names) != 3 || names[0].Name != "Amina Omondi" || names[1].Name != "Amina Otieno" || names[2].Name != "Brian M." {
				t.Errorf("names = %s", got)
			}
			who := get(boxA.Verify(ctx, get(boxA.SignInPIN(ctx, amina.ID, "4711"))(t).Access))(t)
			if who.Account != amina.ID || who.Role != identity.Student || who.School != a.ID {
				t.Errorf("actor = %+v", who)
			}
		})
		t.Run("a wrong PIN, another's PIN and an unknown learner are refused alike", func(t *testing.T) {
			for _, c := range []struct {
				learner identity.AccountID
				pin     string
			}{{amina.ID, "0000"}, {amina.ID, "4713"}, {twin.ID, "4711"}, {"nobody", "4711"}, {amina.ID, ""}} {
				_, err := boxA.SignInPIN(ctx, c.learner, c.pin)
				wantErr(t, err, identity.ErrWrongPIN)
			}
			_, err := boxA.ListSignInNames(ctx, "nothing")
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("unknown class: %v", err)
			}
		})
		t.Run("a verifier is worth nothing without the school's pepper", func(t *testing.T) {
			thief := identity.New(identity.Options{
				DB: boxA.db, Clock: w.clock, Issuer: "thief", Audience: "thief", School: a.ID, BcryptCost: cheap,
				Pepper: func(identity.SchoolID) ([]byte, error) { return []byte("a guess"), nil },
			})
			_, err := thief.SignInPIN(ctx, amina.ID, "4711")
			wantErr(t, err, identity.ErrWrongPIN)
		})
		t.Run("an instructor signs in with the school password and has her duties", func(t *testing.T) {
			who := get(boxA.Verify(ctx, get(boxA.SignIn(ctx, "Tom@example.org", boxWord))(t).Access))(t)
			if who.Role != identity.Instructor || !who.Has(identity.Bursar) || who.Email != "tom@example.org" {
				t.Errorf("actor = %+v", who)
			}
			_, err := w.SignIn(ctx, "tom@example.org", boxWord)
			wantErr(t, err, identity.ErrWrongPassword)
		})
		t.Run("the school password cannot be the cloud password", func(t *testing.T) {
			in := identity.Registration{Email: "tina@example.org", Password: goodWord, Role: identity.Instructor, FullName: "Tina T"}
			tina := get(w.CreateAccount(ctx, w.admin, in))(t)
			_, err := w.AddInstructor(ctx, w.admin, a.ID, identity.NewInstructor{Account: tina.Account.ID, SchoolPassword: goodWord})
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("error = %v", err)
			}
		})
		t.Run("a learner who moves is refused at the old school and takes a new PIN at the new one", func(t *testing.T) {
			session := get(boxA.SignInPIN(ctx, amina.ID, "4711"))(t)
			moved := get(w.AddLearner(ctx, w.admin, b.ID, identity.NewLearner{Account: amina.ID, PIN: "9999"}))(t)
			if moved.School != b.ID || moved.FullName != "Amina Otieno" {
				t.Errorf("moved = %+v", moved)
			}
			w.down(t, boxA)
			w.down(t, boxB)
			_, err := boxA.SignInPIN(ctx, amina.ID, "4711")
			wantErr(t, err, identity.ErrWrongPIN)
			_, err = boxA.Refresh(ctx, session.Refresh)
			wantErr(t, err, identity.ErrSignInAgain)
			get(boxB.SignInPIN(ctx, amina.ID, "9999"))(t)
		})
		t.Run("the box holds no cloud sign-in and nobody of another school", func(t *testing.T) {
			n := view(t, boxA.db, func(tx db.Tx) (int64, error) {
				rows, err := tx.Query(ctx, db.SQL{Both: `SELECT (SELECT count(*) FROM logins) +
					(SELECT count(*) FROM accounts WHERE role NOT IN ('student', 'instructor')) + (SELECT count(*) FROM signing_secrets) - 1`})
				return db.One(rows, err, db.Scalar[int64])
			})
			if n != 0 {
				t.Errorf("%d rows that do not belong at the school", n)
			}
		})
	})
}

func TestRoutingAndAdmitting(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		a, b := w.school(t, "Alfa"), w.school(t, "Bravo")
		amina := w.learner(t, a.ID, "Amina Otieno", "")
		route := func(to syncproto.Audience) []string {
			return view(t, w.db, func(tx db.Tx) ([]string, error) { return w.Schools(ctx, tx, to) })
		}
		admits := func(school identity.SchoolID, of syncproto.Audience) error {
			return w.db.View(ctx, func(tx db.Tx) error { return w.Admits(ctx, tx, string(school), of) })
		}
		both := []string{string(a.ID), string(b.ID)}
		slices.Sort(both)

		t.Run("records go to the school, the learner's school, or all", func(t *testing.T) {
			for name, c := range map[string]struct {
				to   syncproto.Audience
				want []string
			}{
				"school":   {syncproto.OfSchool(string(a.ID)), []string{string(a.ID)}},
				"learner":  {syncproto.OfLearner(string(amina.ID)), []string{string(a.ID)}},
				"stranger": {syncproto.OfLearner(id.New()), nil},
				"all":      {syncproto.OfEveryone(), both},
				"none":     {syncproto.OfSchool(""), nil},
			} {
				if got := route(c.to); !slices.Equal(got, c.want) {
					t.Errorf("%s: %v; want %v", name, got, c.want)
				}
			}
		})
		t.Run("of many people those are admitted at once that are members", func(t *testing.T) {
			mine, stranger := syncproto.OfLearner(string(amina.ID)), syncproto.OfLearner(id.New())
			asked := []syncproto.Audience{stranger, mine, syncproto.OfLearner("no id"), syncproto.OfSchool(string(b.ID)), syncproto.OfEveryone()}
			for school, want := range map[identity.SchoolID][]syncproto.Audience{a.ID: {mine}, b.ID: nil} {
				got := view(t, w.db, func(tx db.Tx) ([]syncproto.Audience, error) { return w.AdmitsAll(ctx, tx, string(school), asked) })
				if !slices.Equal(got, want) {
					t.Errorf("%s admits %v, want %v", school, got, want)
				}
			}
		})
		t.Run("a school writes about itself and its present and past members only", func(t *testing.T) {
			must(t, admits(a.ID, syncproto.OfSchool(string(a.ID))))
			must(t, admits(a.ID, syncproto.OfLearner(string(amina.ID))))
			for _, err := range []error{
				admits(b.ID, syncproto.OfSchool(string(a.ID))), admits(b.ID, syncproto.OfLearner(string(amina.ID))),
				admits(a.ID, syncproto.OfEveryone()), admits("", syncproto.OfSchool("")), admits(a.ID, syncproto.Audience{}),
			} {
				wantErr(t, err, identity.ErrNotYourLearner)
				if fault.KindOf(err) != fault.Forbidden {
					t.Errorf("kind of %v", err)
				}
			}
			if err := admits(a.ID, syncproto.OfLearner(id.New())); !errors.Is(err, identity.ErrNotYourLearner) || !syncer.IsMissing(err) {
				t.Errorf("a person nobody knows: %v; want a refusal that may wait", err)
			}
			if err := admits(b.ID, syncproto.OfLearner(string(amina.ID))); syncer.IsMissing(err) {
				t.Error("another school's learner is worth waiting for")
			}
			get(w.AddLearner(ctx, w.admin, b.ID, identity.NewLearner{Account: amina.ID}))(t)
			must(t, admits(a.ID, syncproto.OfLearner(string(amina.ID))))
			must(t, admits(b.ID, syncproto.OfLearner(string(amina.ID))))
			if got := route(syncproto.OfLearner(string(amina.ID))); !slices.Equal(got, []string{string(b.ID)}) {
				t.Errorf("after the move: %v", got)
			}
		})
	})
}

func TestJoiningASchool(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		a, b := w.school(t, "Alfa"), w.school(t, "Bravo")
		boxB := w.node(t, b.ID)
		amina := w.learner(t, a.ID, "Amina Otieno", "4711")
		_, mary := w.parent(t, "mary@example.org")

		get(w.LinkGuardian(ctx, w.admin, a.ID, identity.NewGuardian{
			Learner: amina.ID, ParentEmail: "mary@example.org", Phone: "0711000001", Verified: true, Relationship: "mother",
		}))(t)
		get(w.RecordConsent(ctx, mary, identity.NewConsent{
			Learner: amina.ID, Purpose: identity.CloudTutor, Given: true, Method: identity.OnWeb, TextVersion: "2026-1",
		}))(t)

		t.Run("guardians and consents of before come along", func(t *testing.T) {
			get(w.AddLearner(ctx, w.admin, b.ID, identity.NewLearner{Account: amina.ID}))(t)
			w.down(t, boxB)
			view(t, boxB.db, func(tx db.Tx) (bool, error) {
				phones := get(boxB.VerifiedPhones(ctx, tx, amina.ID))(t)
				if !slices.Equal(phones, []string{"254711000001"}) {
					t.Errorf("phones = %v", phones)
				}
				if ok := get(boxB.HasConsent(ctx, tx, amina.ID, identity.CloudTutor))(t); !ok {
					t.Error("no consent at the new school")
				}
				return true, nil
			})
		})
		t.Run("the new school's box gets no verifier made for the old one", func(t *testing.T) {
			_, err := boxB.SignInPIN(ctx, amina.ID, "4711")
			wantErr(t, err, identity.ErrWrongPIN)
		})
		t.Run("a new school gets the cloud's keys and no other school's people", func(t *testing.T) {
			c := w.school(t, "Charlie")
			var names []string
			for _, ch := range w.out.take(string(c.ID)) {
				names = append(names, ch.Spec.Name)
			}
			if !slices.Equal(names, []string{"identity.school", "identity.key"}) {
				t.Errorf("recorded %v", names)
			}
		})
		t.Run("only an admin moves somebody who exists", func(t *testing.T) {
			_, head := w.instructor(t, a.ID, "head@example.org", identity.Head)
			_, err := w.AddLearner(ctx, head, a.ID, identity.NewLearner{Account: amina.ID})
			wantErr(t, err, identity.ErrForbidden)
			_, err = w.AddLearner(ctx, head, b.ID, identity.NewLearner{FullName: "New Child", Grade: "PP1"})
			wantErr(t, err, identity.ErrNoSuchSchool)
			get(w.AddLearner(ctx, head, a.ID, identity.NewLearner{FullName: "New Child", Grade: "PP1"}))(t)
		})
	})
}

func TestGuardians(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		a, b := w.school(t, "Alfa"), w.school(t, "Bravo")
		amina, juma := w.learner(t, a.ID, "Amina Otieno", ""), w.learner(t, b.ID, "Juma Hassan", "")
		mother, mary := w.parent(t, "mary@example.org")
		_, other := w.parent(t, "other@example.org")
		_, bursar := w.instructor(t, a.ID, "bursar@example.org", identity.Bursar)
		_, plain := w.instructor(t, a.ID, "plain@example.org")
		link := func(who identity.Actor, in identity.NewGuardian) error {
			_, err := w.LinkGuardian(ctx, who, a.ID, in)
			return err
		}
		must(t, link(bursar, identity.NewGuardian{Learner: amina.ID, Parent: mother.Account.ID, Phone: "0711000001", Verified: true}))
		must(t, link(bursar, identity.NewGuardian{Learner: amina.ID, Name: "Uncle Ben", Phone: "0711000002"}))

		t.Run("a parent has her children and nobody else's", func(t *testing.T) {
			view(t, w.db, func(tx db.Tx) (bool, error) {
				children := get(w.ChildrenOf(ctx, tx, mother.Account.ID))(t)
				if len(children) != 1 || children[0].ID != amina.ID {
					t.Errorf("children = %+v", children)
				}
				must(t, w.MaySee(ctx, tx, mary, amina.ID))
				must(t, w.MaySee(ctx, tx, plain, amina.ID))
				must(t, w.MaySee(ctx, tx, w.admin, amina.ID))
				must(t, w.MaySee(ctx, tx, identity.Actor{Account: amina.ID, Role: identity.Student}, amina.ID))
				wantErr(t, w.MaySee(ctx, tx, mary, juma.ID), identity.ErrNoSuchAccount)
				wantErr(t, w.MaySee(ctx, tx, other, amina.ID), identity.ErrNoSuchAccount)
				wantErr(t, w.MaySee(ctx, tx, plain, juma.ID), identity.ErrNoSuchAccount)
				wantErr(t, w.MaySee(ctx, tx, identity.Actor{Account: juma.ID, Role: identity.Student}, amina.ID), identity.ErrNoSuchAccount)
				return true, nil
			})
		})
		t.Run("only a verified phone may be asked to pay", func(t *testing.T) {
			phones := view(t, w.db, func(tx db.Tx) ([]string, error) { return w.VerifiedPhones(ctx, tx, amina.ID) })
			if !slices.Equal(phones, []string{"254711000001"}) {
				t.Errorf("phones = %v", phones)
			}
		})
		t.Run("linking again replaces", func(t *testing.T) {
			must(t, link(bursar, identity.NewGuardian{Learner: amina.ID, Name: "Uncle Benjamin", Phone: "+254711000002", Verified: true}))
			list := get(w.GuardiansOf(ctx, bursar, amina.ID))(t)
			if len(list) != 2 || list[1].Name != "Uncle Benjamin" || !list[1].Verified {
				t.Errorf("guardians = %+v", list)
			}
		})
		t.Run("a slip typed again leaves a link that stands as it is", func(t *testing.T) {
			typed := func() (g identity.Guardian) {
				t.Helper()
				must(t, w.db.Update(ctx, func(tx db.Tx) (err error) {
					g, err = w.LinkParent(ctx, tx, mother.Account.ID, amina.ID)
					return err
				}))
				return g
			}
			before := get(w.GuardiansOf(ctx, bursar, amina.ID))(t)
			if g := typed(); g.Phone != "254711000001" || !g.Verified {
				t.Errorf("the slip gave %+v", g)
			}
			if after := get(w.GuardiansOf(ctx, bursar, amina.ID))(t); !slices.Equal(after, before) {
				t.Errorf("guardians = %+v, want %+v", after, before)
			}
			// What the school ended begins anew, and nobody vouches for a phone of then.
			mothers := typed().ID
			must(t, w.db.Update(ctx, func(tx db.Tx) error { return w.Unlink(ctx, tx, amina.ID, mothers) }))
			if g := typed(); g.Ended || g.Phone != "" || g.Verified {
				t.Errorf("after the school ended it, the slip gave %+v", g)
			}
			view(t, w.db, func(tx db.Tx) (bool, error) { return true, w.MaySee(ctx, tx, mary, amina.ID) })
		})
		t.Run("who may not, and what is wrong", func(t *testing.T) {
			wantErr(t, link(plain, identity.NewGuardian{Learner: amina.ID, Name: "X", Phone: "0711000003"}), identity.ErrForbidden)
			wantErr(t, link(mary, identity.NewGuardian{Learner: amina.ID, Name: "X", Phone: "0711000003"}), identity.ErrForbidden)
			wantErr(t, link(bursar, identity.NewGuardian{Learner: juma.ID, Name: "X", Phone: "0711000003"}), identity.ErrNoSuchAccount)
			for _, in := range []identity.NewGuardian{
				{Learner: amina.ID, Name: "X"}, {Learner: amina.ID, Phone: "0711000003"}, {Learner: amina.ID, ParentEmail: "bursar@example.org", Name: "X"},
				{Learner: amina.ID, ParentEmail: "nobody@example.org", Name: "X"},
			} {
				if err := link(bursar, in); fault.KindOf(err) != fault.Invalid {
					t.Errorf("%+v: %v", in, err)
				}
			}
			_, err := w.GuardiansOf(ctx, bursar, juma.ID)
			wantErr(t, err, identity.ErrNoSuchAccount)
		})
	})
}

func TestConsent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		a := w.school(t, "Alfa")
		amina := w.learner(t, a.ID, "Amina Otieno", "")
		mother, mary := w.parent(t, "mary@example.org")
		get(w.LinkGuardian(ctx, w.admin, a.ID, identity.NewGuardian{Learner: amina.ID, Parent: mother.Account.ID}))(t)
		_, teacher := w.instructor(t, a.ID, "tom@example.org")
		box := w.node(t, a.ID)

		paper := identity.NewConsent{
			Learner: amina.ID, Purpose: identity.CloudTutor, Given: true, Method: identity.OnPaper, GuardianName: "Mary Mother", TextVersion: "2026-1",
		}
		web := identity.NewConsent{Learner: amina.ID, Purpose: identity.CloudTutor, Method: identity.OnWeb, TextVersion: "2026-1"}
		has := func(d db.DB) bool {
			return view(t, d, func(tx db.Tx) (bool, error) { return w.HasConsent(ctx, tx, amina.ID, identity.CloudTutor) })
		}

		t.Run("without a fact it is no", func(t *testing.T) {
			if has(w.db) {
				t.Error("consent out of nothing")
			}
		})
		t.Run("given on paper at the school, withdrawn on the web: the latest counts on both sides", func(t *testing.T) {
			get(box.RecordConsent(ctx, teacher, paper))(t)
			if !has(box.db) || has(w.db) {
				t.Error("after recording at the school")
			}
			w.up(t, box)
			if !has(w.db) {
				t.Error("after the exchange")
			}
			w.clock.Advance(time.Minute)
			c := get(w.RecordConsent(ctx, mary, web))(t)
			if c.GuardianName != "Mary Mother" || c.Guardian != mother.Account.ID {
				t.Errorf("consent = %+v", c)
			}
			w.down(t, box)
			if has(w.db) || has(box.db) {
				t.Error("after the withdrawal")
			}
			if list := get(w.ListConsents(ctx, mary, amina.ID))(t); len(list) != 2 || list[0].Given {
				t.Errorf("facts = %+v", list)
			}
		})
		t.Run("of two at one instant the withdrawal counts, in either order", func(t *testing.T) {
			w.clock.Advance(time.Minute)
			get(w.RecordConsent(ctx, mary, web))(t)
			get(w.RecordConsent(ctx, teacher, paper))(t)
			if has(w.db) {
				t.Error("given won")
			}
		})
		t.Run("nobody else, and no other way", func(t *testing.T) {
			_, stranger := w.parent(t, "other@example.org")
			for name, c := range map[string]struct {
				who  identity.Actor
				in   func(*identity.NewConsent)
				kind fault.Kind
			}{
				"the learner":    {identity.Actor{Account: amina.ID, Role: identity.Student, School: a.ID}, nil, fault.Forbidden},
				"another parent": {stranger, nil, fault.NotFound},
				"nobody":         {identity.Actor{}, nil, fault.Unauthenticated},
				"web by teacher": {teacher, func(c *identity.NewConsent) { c.Method = identity.OnWeb }, fault.Invalid},
				"paper by her":   {mary, nil, fault.Invalid},
				"no name":        {teacher, func(c *identity.NewConsent) { c.GuardianName = "" }, fault.Invalid},
				"no text":        {teacher, func(c *identity.NewConsent) { c.TextVersion = "" }, fault.Invalid},
				"other purpose":  {teacher, func(c *identity.NewConsent) { c.Purpose = "everything" }, fault.Invalid},
			} {
				in := paper
				if c.in != nil {
					c.in(&in)
				}
				if _, err := w.RecordConsent(ctx, c.who, in); fault.KindOf(err) != c.kind {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	})
}

func TestDuties(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		a, b := w.school(t, "Alfa"), w.school(t, "Bravo")
		_, head := w.instructor(t, a.ID, "head@example.org", identity.Head)
		tom, plain := w.instructor(t, a.ID, "tom@example.org")
		elsewhere, _ := w.instructor(t, b.ID, "bea@example.org")
		amina := w.learner(t, a.ID, "Amina Otieno", "")
		box := w.node(t, a.ID)

		t.Run("a duty granted by the head shows at the next sign-in; withdrawn, its sessions end", func(t *testing.T) {
			must(t, w.GrantDuty(ctx, head, a.ID, tom.ID, identity.Bursar))
			w.down(t, box)
			tokens := get(box.SignIn(ctx, "tom@example.org", boxWord))(t)
			if who := get(box.Verify(ctx, tokens.Access))(t); !who.Has(identity.Bursar) {
				t.Errorf("actor = %+v", who)
			}
			must(t, w.WithdrawDuty(ctx, head, a.ID, tom.ID, identity.Bursar))
			w.down(t, box)
			again := get(box.Refresh(ctx, tokens.Refresh))(t)
			if who := get(box.Verify(ctx, again.Access))(t); who.Has(identity.Bursar) {
				t.Errorf("actor = %+v", who)
			}
		})
		t.Run("who may not", func(t *testing.T) {
			wantErr(t, w.GrantDuty(ctx, plain, a.ID, tom.ID, identity.Head), identity.ErrForbidden)
			wantErr(t, w.GrantDuty(ctx, head, b.ID, elsewhere.ID, identity.Head), identity.ErrNoSuchSchool)
			wantErr(t, w.GrantDuty(ctx, head, a.ID, elsewhere.ID, identity.Head), identity.ErrNoSuchAccount)
			wantErr(t, w.GrantDuty(ctx, head, a.ID, amina.ID, identity.Head), identity.ErrNoSuchAccount)
			if err := w.GrantDuty(ctx, head, a.ID, tom.ID, "king"); fault.KindOf(err) != fault.Invalid {
				t.Errorf("unknown duty: %v", err)
			}
			wantErr(t, w.SetSchoolPassword(ctx, plain, head.Account, otherWord), identity.ErrForbidden)
			wantErr(t, w.SetPIN(ctx, identity.Actor{Account: elsewhere.ID, Role: identity.Instructor, School: b.ID}, amina.ID, "1234"), identity.ErrNoSuchAccount)
		})
		t.Run("the instructors with their duties are for those who manage the school", func(t *testing.T) {
			must(t, w.GrantDuty(ctx, head, a.ID, tom.ID, identity.SiteAdmin))
			get(w.AddInstructor(ctx, w.admin, a.ID, identity.NewInstructor{Email: "new@example.org", FullName: "Nina New"}))(t)
			want := []string{"head@example.org[head] true", "new@example.org[] false", "tom@example.org[site_admin] true"}
			for _, who := range []identity.Actor{w.admin, head} {
				var got []string
				for _, l := range get(w.ListInstructors(ctx, who, a.ID))(t) {
					got = append(got, fmt.Sprint(l.Account.Email, l.Duties, l.HasPassword))
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("instructors = %q", got)
				}
			}
			_, err := w.ListInstructors(ctx, plain, a.ID)
			wantErr(t, err, identity.ErrForbidden)
			_, err = w.ListInstructors(ctx, head, b.ID)
			wantErr(t, err, identity.ErrNoSuchSchool)
			_, err = w.ListInstructors(ctx, w.admin, "00000000-0000-7000-8000-000000000000")
			wantErr(t, err, identity.ErrNoSuchSchool)
		})
		t.Run("the named adult is one of the school's instructors", func(t *testing.T) {
			_, err := w.SetNamedAdult(ctx, head, a.ID, amina.ID)
			wantErr(t, err, identity.ErrNoSuchAccount)
			get(w.SetNamedAdult(ctx, head, a.ID, tom.ID))(t)
			w.down(t, box)
			got := view(t, box.db, func(tx db.Tx) (identity.AccountID, error) { return box.NamedAdult(ctx, tx, a.ID) })
			if got != tom.ID {
				t.Errorf("named adult = %q", got)
			}
		})
		t.Run("a new PIN replaces the old one", func(t *testing.T) {
			must(t, w.SetPIN(ctx, plain, amina.ID, "1111"))
			must(t, w.SetPIN(ctx, plain, amina.ID, "2222"))
			w.down(t, box)
			_, err := box.SignInPIN(ctx, amina.ID, "1111")
			wantErr(t, err, identity.ErrWrongPIN)
			get(box.SignInPIN(ctx, amina.ID, "2222"))(t)
			for _, bad := range []string{"123", "1234567", "12a4", ""} {
				if err := w.SetPIN(ctx, plain, amina.ID, bad); fault.KindOf(err) != fault.Invalid {
					t.Errorf("PIN %q: %v", bad, err)
				}
			}
			if lines := get(w.Roster(ctx, plain, a.ID, ""))(t); len(lines) != 1 || !lines[0].HasPIN {
				t.Errorf("roster = %+v", lines)
			}
			_, err = w.Roster(ctx, plain, b.ID, "")
			wantErr(t, err, identity.ErrNoSuchSchool)
		})
	})
}
