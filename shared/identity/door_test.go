package identity_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

func TestAChildSignsInWithThreePictures(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w, ctx := newWorld(t, d), t.Context()
		a := w.school(t, "Lodwar Primary")
		amina := w.learner(t, a.ID, "Amina Otieno", "4711")
		_, teacher := w.instructor(t, a.ID, "tom@example.org")
		box := w.node(t, a.ID)

		card := get(box.MakeCards(ctx, teacher, identity.PictureSecret, []identity.AccountID{amina.ID}))(t)[0]
		if len(card.Pictures) != 3 || card.PIN != "" || card.Learner.ID != amina.ID {
			t.Fatalf("the card is %+v", card)
		}
		t.Run("in their order, at the school where they were made without a line", func(t *testing.T) {
			who := get(box.Verify(ctx, get(box.SignInPictures(ctx, amina.ID, card.Pictures))(t).Access))(t)
			if who.Account != amina.ID || !who.OnlyPictures {
				t.Errorf("signed in as %+v", who)
			}
		})
		t.Run("and the mark that it was pictures outlives a refresh", func(t *testing.T) {
			session := get(box.SignInPictures(ctx, amina.ID, card.Pictures))(t)
			if who := get(box.Verify(ctx, get(box.Refresh(ctx, session.Refresh))(t).Access))(t); !who.OnlyPictures {
				t.Error("a refresh made a strong sign-in of it")
			}
		})
		t.Run("in no other order", func(t *testing.T) {
			turned := []string{card.Pictures[1], card.Pictures[0], card.Pictures[2]}
			_, err := box.SignInPictures(ctx, amina.ID, turned)
			wantErr(t, err, identity.ErrWrongPictures)
		})
		t.Run("three different ones of the twelve", func(t *testing.T) {
			for _, p := range [][]string{{"sun", "sun", "tree"}, {"sun", "tree"}, {"sun", "tree", "moon"}, nil} {
				if _, err := box.SignInPictures(ctx, amina.ID, p); err == nil || errors.Is(err, identity.ErrWrongPictures) {
					t.Errorf("%v: %v", p, err)
				}
			}
		})
		t.Run("and the PIN she had is gone", func(t *testing.T) {
			_, err := box.SignInPIN(ctx, amina.ID, "4711")
			wantErr(t, err, identity.ErrWrongPIN)
		})
		t.Run("an adult has none", func(t *testing.T) {
			_, err := box.SignInPictures(ctx, teacher.Account, card.Pictures)
			wantErr(t, err, identity.ErrWrongPictures)
			_, err = box.MakeCards(ctx, teacher, identity.PictureSecret, []identity.AccountID{teacher.Account})
			wantErr(t, err, identity.ErrNoSuchAccount)
		})
		t.Run("the cloud hears of them, and a spare box of the school knows them", func(t *testing.T) {
			w.up(t, box)
			if lines := get(w.Roster(ctx, w.admin, a.ID, ""))(t); !lines[0].HasPictures || lines[0].HasPIN {
				t.Errorf("the cloud has %+v", lines[0])
			}
			stored := view(t, w.db, func(tx db.Tx) (n int64, err error) {
				rows, err := tx.Query(ctx, db.SQL{Both: `SELECT count(*) FROM school_credentials WHERE verifier LIKE '%sun%' OR verifier LIKE '%tree%'`})
				return db.One(rows, err, db.Scalar[int64])
			})
			if stored != 0 {
				t.Error("the pictures are stored as such")
			}
		})
	})
}

func TestCardsAreForTheTeachersOfTheSchool(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w, ctx := newWorld(t, d), t.Context()
		a, b := w.school(t, "Lodwar Primary"), w.school(t, "Kawalase")
		amina, baraka := w.learner(t, a.ID, "Amina Otieno", "4711"), w.learner(t, b.ID, "Baraka Juma", "4711")
		_, teacher := w.instructor(t, a.ID, "tom@example.org")
		mary, parent := w.parent(t, "mary@example.org")

		for name, c := range map[string]struct {
			who  identity.Actor
			kind identity.CredentialKind
			whom []identity.AccountID
			want error
		}{
			"a parent":                     {parent, identity.PIN, []identity.AccountID{amina.ID}, identity.ErrForbidden},
			"the child herself":            {identity.Actor{Account: amina.ID, Role: identity.Student, School: a.ID}, identity.PIN, []identity.AccountID{amina.ID}, identity.ErrForbidden},
			"a child of another school":    {teacher, identity.PIN, []identity.AccountID{baraka.ID}, identity.ErrNoSuchAccount},
			"one of another school among":  {teacher, identity.PIN, []identity.AccountID{amina.ID, baraka.ID}, identity.ErrNoSuchAccount},
			"a person without a school":    {w.admin, identity.PIN, []identity.AccountID{mary.Account.ID}, identity.ErrNoSuchAccount},
			"a password is nobody's card":  {teacher, identity.SchoolPassword, []identity.AccountID{amina.ID}, nil},
			"nobody is no class to print":  {teacher, identity.PIN, nil, nil},
			"nobody is signed in, nothing": {identity.Actor{}, identity.PIN, []identity.AccountID{amina.ID}, identity.ErrNobody},
		} {
			_, err := w.MakeCards(ctx, c.who, c.kind, c.whom)
			if c.want == nil && err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		box := w.node(t, a.ID)
		get(box.SignInPIN(ctx, amina.ID, "4711"))(t) // none of them changed anything

		seen := map[string]bool{}
		for range 12 {
			pin := get(box.MakeCards(ctx, teacher, identity.PIN, []identity.AccountID{amina.ID}))(t)[0].PIN
			if len(pin) != 4 || strings.Trim(pin, pin[:1]) == "" || pin == "1234" {
				t.Errorf("PIN %q", pin)
			}
			seen[pin] = true
		}
		if len(seen) < 10 {
			t.Errorf("only %d different PINs of 12", len(seen))
		}
	})
}

// The merge of credentials: the later one counts; and a school writes its own.
func TestASchoolWritesCredentialsOfItsOwnPresentMembersOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w, ctx := newWorld(t, d), t.Context()
		a, b := w.school(t, "Lodwar Primary"), w.school(t, "Kawalase")
		amina, baraka := w.learner(t, a.ID, "Amina Otieno", "4711"), w.learner(t, b.ID, "Baraka Juma", "4711")
		gone := w.learner(t, a.ID, "Chebet Kiprono", "4711")
		get(w.AddLearner(ctx, w.admin, b.ID, identity.NewLearner{Account: gone.ID}))(t)
		tom, _ := w.instructor(t, a.ID, "tom@example.org")
		mary, _ := w.parent(t, "mary@example.org")
		verifier := view(t, w.db, func(tx db.Tx) (string, error) {
			rows, err := tx.Query(ctx, db.SQL{Both: `SELECT verifier FROM school_credentials WHERE account_id = $1`}, amina.ID)
			return db.One(rows, err, db.Scalar[string])
		})

		for _, c := range []struct {
			name    string
			account identity.AccountID
			kind    identity.CredentialKind
			change  func(*identity.Credential)
			ok      bool
		}{
			{"the PIN of a learner", amina.ID, identity.PIN, nil, true},
			{"the pictures of a learner", amina.ID, identity.PictureSecret, nil, true},
			{"the password of an instructor", tom.ID, identity.SchoolPassword, nil, true},
			{"one that is taken away", amina.ID, identity.PIN, func(v *identity.Credential) { v.Verifier = "" }, true},
			{"a learner of another school", baraka.ID, identity.PIN, nil, false},
			{"a learner who has left", gone.ID, identity.PIN, nil, false},
			{"a parent", mary.Account.ID, identity.PIN, nil, false},
			{"an admin", w.admin.Account, identity.SchoolPassword, nil, false},
			{"nobody", identity.AccountID(id.New()), identity.PIN, nil, false},
			{"a learner with a password", amina.ID, identity.SchoolPassword, nil, false},
			{"an instructor with pictures", tom.ID, identity.PictureSecret, nil, false},
			{"an unknown kind", amina.ID, "iris", nil, false},
			{"an id that is another's", amina.ID, identity.PIN, func(v *identity.Credential) { v.ID = id.New() }, false},
			{"a verifier that would take a minute", amina.ID, identity.PIN, func(v *identity.Credential) { v.Verifier = strings.Replace(v.Verifier, "$04$", "$31$", 1) }, false},
			{"something that is no verifier", amina.ID, identity.PIN, func(v *identity.Credential) { v.Verifier = "open" }, false},
		} {
			v := identity.Credential{School: a.ID, Account: c.account, Kind: c.kind, Verifier: verifier, UpdatedAt: db.Time{Time: w.clock.Now()}}
			v.ID = id.Derived("identity.credential", string(v.School), string(v.Account), string(v.Kind))
			if c.change != nil {
				c.change(&v)
			}
			err := w.db.Update(ctx, func(tx db.Tx) error { _, err := identity.Credentials.Put(ctx, tx, v); return err })
			if (err == nil) != c.ok {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if identity.Credentials.School(identity.Credential{School: b.ID}) != string(b.ID) {
			t.Error("the record does not say which school it names, so that another one could send it")
		}
	})
}

func TestWhoIsBarredIsOutBeforeTheAccountArrives(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w, ctx := newWorld(t, d), t.Context()
		a, b := w.school(t, "Lodwar Primary"), w.school(t, "Kawalase")
		amina := w.learner(t, a.ID, "Amina Otieno", "4711")
		tom, _ := w.instructor(t, a.ID, "tom@example.org")
		box := w.node(t, a.ID)
		learner, teacher := get(box.SignInPIN(ctx, amina.ID, "4711"))(t), get(box.SignIn(ctx, "tom@example.org", boxWord))(t)

		// Only the urgent lane arrives.
		urgent := func() {
			all := w.out.take(string(a.ID))
			fast := slices.DeleteFunc(slices.Clone(all), func(c changeOf) bool { return c.Spec.Lane != 0 })
			apply(t, box.db, fast)
			must(t, box.db.Update(ctx, func(tx db.Tx) error {
				for _, c := range fast {
					if c.Spec.Name == identity.Barrings.Name {
						v := decodeBarring(t, c.Body)
						if err := box.OnBarrings(ctx, tx, []identity.Barring{v}); err != nil {
							return err
						}
					}
				}
				return nil
			}))
			w.out.give(string(a.ID), slices.DeleteFunc(all, func(c changeOf) bool { return c.Spec.Lane == 0 }))
		}
		w.clock.Advance(time.Hour)
		get(w.SetStatus(ctx, w.admin, tom.ID, identity.Suspended))(t)
		get(w.AddLearner(ctx, w.admin, b.ID, identity.NewLearner{Account: amina.ID}))(t)
		get(box.Refresh(ctx, learner.Refresh))(t)
		urgent()

		_, err := box.Verify(ctx, teacher.Access)
		wantErr(t, err, identity.ErrTokenExpired) // an hour went by
		_, err = box.Refresh(ctx, teacher.Refresh)
		wantErr(t, err, identity.ErrTokenRevoked)
		_, err = box.SignIn(ctx, "tom@example.org", boxWord)
		wantErr(t, err, identity.ErrSuspended)
		_, err = box.SignInPIN(ctx, amina.ID, "4711")
		wantErr(t, err, identity.ErrSuspended)

		w.down(t, box) // the accounts follow
		w.clock.Advance(time.Hour)
		get(w.SetStatus(ctx, w.admin, tom.ID, identity.Active))(t)
		w.down(t, box)
		get(box.SignIn(ctx, "tom@example.org", boxWord))(t)
	})
}

// The walk over every table of a box: whoever is not of its school is in none of
// them, and nothing that opens the cloud.
func TestABoxHoldsNobodyFromOutsideItsSchool(t *testing.T) {
	w, ctx := newWorld(t, dbtest.SQLite(t)), t.Context()
	a, b := w.school(t, "Lodwar Primary"), w.school(t, "Kawalase")
	outside := map[string]string{"the first admin": string(w.admin.Account), "her address": "admin@uhs.example"}
	for _, role := range []identity.Role{identity.Admin, identity.Staff, identity.Partner, identity.Parent, identity.Student, identity.Instructor} {
		email := string(role) + "@office.example"
		p := get(w.CreateAccount(ctx, w.admin, identity.Registration{Email: email, Password: goodWord, Role: role, FullName: "Outside " + string(role)}))(t)
		outside["a "+string(role)], outside["the address of a "+string(role)], outside["the name of a "+string(role)] = string(p.Account.ID), email, "Outside "+string(role)
	}
	outside["a child of the other school"] = string(w.learner(t, b.ID, "Baraka Juma", "4711").ID)
	other, _ := w.instructor(t, b.ID, "ann@example.org", identity.Head)
	outside["a teacher of the other school"] = string(other.ID)
	amina := w.learner(t, a.ID, "Amina Otieno", "4711")
	tom := get(w.CreateAccount(ctx, w.admin, identity.Registration{Email: "tom@example.org", Password: goodWord, Role: identity.Instructor, FullName: "Tom Teacher"}))(t)
	get(w.AddInstructor(ctx, w.admin, a.ID, identity.NewInstructor{Account: tom.Account.ID, SchoolPassword: boxWord}))(t)
	_, parent := w.parent(t, "mary@example.org")
	get(w.SignIn(ctx, "tom@example.org", goodWord))(t)
	get(w.LinkGuardian(ctx, w.admin, a.ID, identity.NewGuardian{Learner: amina.ID, Parent: parent.Account, Name: "Mary Mother", Phone: "0711000001"}))(t)
	for i, hash := range texts(t, w.db, `SELECT password_hash FROM logins WHERE password_hash <> ''`) {
		outside["cloud hash "+string(rune('A'+i))] = hash
	}
	for i, token := range texts(t, w.db, `SELECT hash FROM refresh_tokens UNION SELECT id FROM signing_secrets`) {
		outside["cloud session "+string(rune('A'+i))] = token
	}

	box := w.node(t, a.ID)
	w.down(t, box)
	columns := texts(t, box.db, `SELECT m.name || '.' || c.name FROM pragma_table_list m JOIN pragma_table_info(m.name) c
		WHERE m.schema = 'main' AND m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`)
	if len(columns) < 100 {
		t.Fatalf("only %d columns were walked", len(columns))
	}
	for _, column := range columns {
		table, name, _ := strings.Cut(column, ".")
		if table == "signing_keys" { // the public half bears the secret's id
			continue
		}
		for what, value := range outside {
			found := texts(t, box.db, `SELECT CAST(count(*) AS TEXT) FROM "`+table+`" WHERE instr(CAST("`+name+`" AS TEXT), '`+value+`') > 0`)
			if found[0] != "0" {
				t.Errorf("%s is in %s", what, column)
			}
		}
	}
	if people := texts(t, box.db, `SELECT role || ' ' || full_name FROM accounts ORDER BY 1`); !slices.Equal(people, []string{"instructor Tom Teacher", "student Amina Otieno"}) {
		t.Errorf("the box knows %v", people)
	}
	if logins := texts(t, box.db, `SELECT email FROM logins`); len(logins) != 0 {
		t.Errorf("sign-ins of the cloud: %v", logins)
	}
}

func texts(t *testing.T, d db.DB, query string) []string {
	t.Helper()
	return view(t, d, func(tx db.Tx) ([]string, error) {
		rows, err := tx.Query(t.Context(), db.SQL{SQLite: query})
		return db.Collect(rows, err, db.Scalar[string])
	})
}

// Sixty children at eight o'clock: secrets are compared a few at a time, the others
// stand in line and can leave it, and a lesson opens meanwhile.
func TestAClassThatSignsInLeavesTimeForOthers(t *testing.T) {
	w, ctx := newWorld(t, dbtest.SQLite(t)), t.Context()
	a := w.school(t, "Lodwar Primary")
	box := w.node(t, a.ID)
	line := &queue{inside: make(chan struct{}, 100)}
	s := identity.New(identity.Options{
		DB: box.db, Clock: w.clock, Issuer: "box", Audience: "box", School: a.ID, BcryptCost: 4, HashWorkers: 1, Pepper: peppers,
		Passwords: identity.SchoolPasswords{School: a.ID, Pepper: peppers}, Guard: line,
	})
	must(t, s.EnsureKey(ctx))
	slow := get(s.AddLearner(ctx, w.admin, a.ID, identity.NewLearner{FullName: "Amina Otieno", Grade: "Grade 4", PIN: "4711"}))(t)
	quick := get(s.AddLearner(ctx, w.admin, a.ID, identity.NewLearner{FullName: "Baraka Juma", Grade: "Grade 4", PIN: "4711"}))(t)
	token := get(s.SignInPIN(ctx, quick.ID, "4711"))(t).Access
	<-line.inside
	verifier := get(bcrypt.GenerateFromPassword([]byte("another"), 12))(t)
	must(t, box.db.Update(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, db.SQL{SQLite: `UPDATE school_credentials SET verifier = $2 WHERE account_id = $1`}, slow.ID, string(verifier))
		return err
	}))

	done := make(chan error, 1)
	go func() { _, err := s.SignInPIN(ctx, slow.ID, "4711"); done <- err }()
	<-line.inside
	for { // until a whole class stood in line while the one secret was compared
		line.compared.Store(0)
		for range 60 {
			leaves, leave := context.WithCancel(ctx)
			_, err := s.SignInPIN(context.WithValue(leaves, leaving{}, leave), quick.ID, "4711")
			wantErr(t, err, context.Canceled)
		}
		get(s.Verify(ctx, token))(t)
		select {
		case err := <-done:
			wantErr(t, err, identity.ErrWrongPIN)
			t.Fatal("secrets were compared side by side")
		default:
			if line.compared.Load() == 0 {
				wantErr(t, <-done, identity.ErrWrongPIN)
				return
			}
		}
	}
}

// queue is a guard that says who is next to be compared, lets those who want to
// leave at that point, and counts whose secret was compared after all.
type queue struct {
	inside   chan struct{}
	compared atomic.Int64
}

type leaving struct{}

func (q *queue) Enter(ctx context.Context, _ identity.Attempt) error {
	if leave, ok := ctx.Value(leaving{}).(context.CancelFunc); ok {
		leave()
		return nil
	}
	q.inside <- struct{}{}
	return nil
}

func (q *queue) Tell(context.Context, identity.Attempt, bool) error {
	q.compared.Add(1)
	return nil
}
