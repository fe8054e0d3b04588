package app

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/api/apitest"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

const (
	schoolWord = "Sunny-Day-2026"
	pin        = "2580"
)

func need[V any](v V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// office is the cloud's side of these tests: the people of two schools, what is
// recorded for each school's box, and the door at which a box is claimed. The rest
// of the cloud is not needed here; the tests of package agent run the whole program.
type office struct {
	testing.TB
	*identity.Service

	admin   identity.Actor
	url     string
	peppers map[identity.SchoolID][]byte
	changes map[string][]syncer.Change
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{TB: t, peppers: map[identity.SchoolID][]byte{}, changes: map[string][]syncer.Change{}}
	o.Service = identity.New(identity.Options{
		DB: syncer.WithJournal(dbtest.SQLite(t), o), Clock: clock.System{}, Issuer: "https://uhs.example", Audience: identity.CloudAudience, BcryptCost: 4,
		Pepper: func(s identity.SchoolID) ([]byte, error) { return o.peppers[s], nil }, Passwords: identity.CloudPasswords{}, AnnounceKey: identity.Keys.Save, Text: consent.Known,
	})
	if err := o.EnsureKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := need(o.CreateFirstAdmin(t.Context(), "admin@uhs.example", schoolWord, "Admin"))(t)
	o.admin = identity.Actor{Account: p.Account.ID, Role: identity.Admin}
	desk := httptest.NewServer(http.HandlerFunc(o.claim))
	t.Cleanup(desk.Close)
	o.url = desk.URL
	return o
}

// Record implements syncer.Journal.
func (o *office) Record(ctx context.Context, tx db.Tx, c syncer.Change) error {
	schools, err := o.Schools(ctx, tx, c.Audience)
	for _, s := range schools {
		o.changes[s] = append(o.changes[s], c)
	}
	return err
}

// claim makes a box that of the school which its code names.
func (o *office) claim(w http.ResponseWriter, r *http.Request) {
	var in syncproto.ClaimRequest
	err := json.NewDecoder(r.Body).Decode(&in)
	if err != nil || r.URL.Path != syncproto.ClaimPath {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	var sealed bytes.Buffer
	to := need(age.ParseX25519Recipient(in.Recipient))(o)
	into := need(age.Encrypt(&sealed, to))(o)
	_ = json.NewEncoder(into).Encode(syncproto.SealedSecrets{Pepper: o.peppers[identity.SchoolID(in.Code)]})
	_ = into.Close()
	public, _, _ := ed25519.GenerateKey(nil)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(syncproto.ClaimAnswer{SchoolID: in.Code, SchoolName: "School", ApplianceID: id.New(), Epoch: 1, Timeline: id.New(), CloudKey: public, Sealed: sealed.Bytes()})
}

// place is a school with its box: people of every kind that exists there.
type place struct {
	*office
	*school

	box     *box
	home    identity.School
	learner identity.AccountID
	leaver  identity.AccountID // who may leave the school on the walk
	walkers []apitest.Walker
}

func (o *office) place(t testing.TB, name string) *place {
	t.Helper()
	ctx := t.Context()
	p := &place{office: o, home: need(o.CreateSchool(ctx, o.admin, identity.NewSchool{Name: name, County: "Kisumu"}))(t)}
	o.peppers[p.home.ID] = []byte("a pepper of thirty-two bytes for " + p.home.ID)
	p.learner = p.child("student")
	p.leaver = p.child("leaver")
	classmate := p.child("classmate")
	guardian := need(o.CreateAccount(ctx, o.admin, identity.Registration{Email: id.New() + "@uhs.example", Password: schoolWord, Role: identity.Parent, FullName: "Parent"}))(t)
	need(o.LinkGuardian(ctx, o.admin, p.home.ID, identity.NewGuardian{Learner: p.learner, Parent: guardian.Account.ID, Relationship: "mother"}))(t)
	teachers := map[string]identity.AccountID{}
	for _, duty := range []identity.Duty{"", identity.Head, identity.Bursar, identity.SiteAdmin} {
		in := identity.NewInstructor{Email: id.New() + "@uhs.example", FullName: "Teacher", SchoolPassword: schoolWord}
		if duty != "" {
			in.Duties = []identity.Duty{duty}
		}
		teachers[in.Email] = need(o.AddInstructor(ctx, o.admin, p.home.ID, in))(t).ID
		p.walkers = append(p.walkers, apitest.Walker{Name: "instructor " + string(duty), Who: identity.Actor{Role: identity.Instructor, School: p.home.ID, Duties: in.Duties},
			Token: p.signedIn(func() (identity.Tokens, error) { return p.domains.Identity.SignIn(t.Context(), in.Email, schoolWord) })})
		p.walkers[len(p.walkers)-1].Who.Account = teachers[in.Email]
		if duty == identity.Head {
			need(o.SetNamedAdult(ctx, o.admin, p.home.ID, teachers[in.Email]))(t)
		}
	}
	for name, child := range map[string]identity.AccountID{"student": p.learner, "classmate": classmate} {
		p.walkers = append(p.walkers, apitest.Walker{Name: name, Who: identity.Actor{Account: child, Role: identity.Student, School: p.home.ID}, Classmate: name == "classmate",
			Token: p.signedIn(func() (identity.Tokens, error) { return p.domains.Identity.SignInPIN(t.Context(), child, pin) })})
	}
	p.open(t)
	return p
}

func (p *place) child(name string) identity.AccountID {
	p.Helper()
	return need(p.AddLearner(p.Context(), p.admin, p.home.ID, identity.NewLearner{FullName: name, Grade: "Grade 4", ClassName: "4 Blue", PIN: pin}))(p.TB).ID
}

// signedIn signs in again whenever the walk has ended the session.
func (p *place) signedIn(open func() (identity.Tokens, error)) func() string {
	access := ""
	return func() string {
		p.Helper()
		if access != "" {
			if _, err := p.domains.Identity.Verify(p.Context(), access); err == nil {
				return access
			}
		}
		access = need(open())(p.TB).Access
		return access
	}
}

// open claims the school's box and gives it what the cloud recorded.
func (p *place) open(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	p.box = need(openBox(ctx, Config{DataDir: t.TempDir(), Environment: "development", LogLevel: "error", BcryptCost: 4, HTTPAddr: "127.0.0.1:0"}, io.Discard))(t)
	t.Cleanup(func() { _ = p.box.db.Close() })
	need(p.box.agent.Claim(ctx, p.url, string(p.home.ID)))(t)
	p.school = need(p.box.assemble(ctx))(t)
	if err := p.box.db.Update(ctx, func(tx db.Tx) error {
		for _, c := range p.changes[string(p.home.ID)] {
			if err := arrive(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// arrive stores a record as it comes from the cloud.
func arrive(ctx context.Context, tx db.Tx, c syncer.Change) error {
	switch c.Spec.Name {
	case identity.Schools.Name:
		return put(ctx, tx, identity.Schools, c)
	case identity.Accounts.Name:
		return put(ctx, tx, identity.Accounts, c)
	case identity.Credentials.Name:
		return put(ctx, tx, identity.Credentials, c)
	case identity.DutyGrants.Name:
		return put(ctx, tx, identity.DutyGrants, c)
	case identity.Guardians.Name:
		return put(ctx, tx, identity.Guardians, c)
	case identity.Keys.Name:
		return put(ctx, tx, identity.Keys, c)
	}
	return nil
}

func put[T any](ctx context.Context, tx db.Tx, e syncer.Entity[T], c syncer.Change) error {
	var v T
	if err := syncproto.DecodeBody(c.Body, &v); err != nil {
		return err
	}
	_, err := e.Put(ctx, tx, v)
	return err
}

// nowhere is an id that nothing has.
const nowhere = "00000000-0000-7000-8000-00000000dead"

// object puts this school and its learner into a path.
func (p *place) object(path string) (string, bool) {
	named := maps.Clone(parameters)
	named["learner"] = string(p.learner)
	if strings.HasSuffix(path, "/leave") {
		named["learner"] = string(p.leaver)
	}
	return apitest.Path(path, map[string]string{"/api/v1/schools/": string(p.home.ID), "/api/v1/learners/": string(p.learner), "/api/v1/people/": string(p.learner),
		"/api/v1/parent/children/": string(p.learner)}, named)
}

// parameters stand for objects that are nobody's.
var parameters = map[string]string{
	"id": nowhere, "code": "x", "assessment_id": nowhere, "course_id": nowhere, "lesson_id": nowhere, "enrollment_id": nowhere, "transaction_ref": "X",
	"guardian": nowhere, "change": nowhere, "merge": nowhere, "photo": "x", "class": "x",
}

func TestEveryRouteOfABoxLetsInWhomTheTableLetsIn(t *testing.T) {
	o := newOffice(t)
	home, other := o.place(t, "Home School"), o.place(t, "Other School")

	t.Run("at her own school", func(t *testing.T) { apitest.Walk(t, home.api, home.walkers, home.object) })
	t.Run("at the objects of another school", func(t *testing.T) {
		strangers := append([]apitest.Walker(nil), home.walkers...)
		for i := range strangers {
			strangers[i].Stranger = true
		}
		apitest.Walk(t, home.api, strangers, other.object)
	})
	t.Run("with a token of elsewhere", func(t *testing.T) {
		foreign := map[string]string{"an admin of the cloud": need(o.SignIn(t.Context(), "admin@uhs.example", schoolWord))(t).Access}
		for _, w := range other.walkers {
			foreign[w.Name+" of another school"] = w.Token()
		}
		apitest.Shut(t, home.api, foreign, home.object)
	})
	t.Run("before the box belongs to a school", func(t *testing.T) {
		b := need(openBox(t.Context(), Config{DataDir: t.TempDir(), Environment: "development", LogLevel: "error"}, io.Discard))(t)
		t.Cleanup(func() { _ = b.db.Close() })
		apitest.Walk(t, b.setupAPI(func() { t.Error("somebody claimed the box with nothing") }), nil, home.object)
	})
}

// Every operation of a whole box, as everybody, with input that nobody should
// send: no failure of ours, and no refusal that repeats what was sent.
func TestABoxRefusesJunkAndDoesNotRepeatIt(t *testing.T) {
	home := newOffice(t).place(t, "Home School")
	if sent := apitest.Junk(t, home.api, home.walkers, 3); sent < 1500 {
		t.Errorf("only %d requests were sent", sent)
	}
	b := need(openBox(t.Context(), Config{DataDir: t.TempDir(), Environment: "development", LogLevel: "error"}, io.Discard))(t)
	t.Cleanup(func() { _ = b.db.Close() })
	fresh := b.setupAPI(func() { t.Error("junk claimed the box") })
	if sent := apitest.Junk(t, fresh, nil, 20); sent < 40 {
		t.Errorf("only %d requests were sent to a box of no school", sent)
	}
}
