package identity_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

const (
	cheap     = 4 // bcrypt's lowest cost
	goodWord  = "Sunny-Day-2026"
	otherWord = "Rainy-Night-77"
	boxWord   = "Box-Secret-2026"
)

// journal keeps what was recorded, routed to schools as the cloud's does.
type journal struct {
	mu      sync.Mutex
	route   func(context.Context, db.Tx, syncproto.Audience) ([]string, error)
	changes map[string][]syncer.Change
}

func (j *journal) Record(ctx context.Context, tx db.Tx, c syncer.Change) error {
	schools, err := j.route(ctx, tx, c.Audience)
	if err != nil {
		return err
	}
	tx.AfterCommit(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		for _, s := range schools {
			j.changes[s] = append(j.changes[s], c)
		}
	})
	return nil
}

func (j *journal) take(school string) []syncer.Change {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := j.changes[school]
	delete(j.changes, school)
	return out
}

type changeOf = syncer.Change

func (j *journal) give(school string, c []syncer.Change) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.changes[school] = append(c, j.changes[school]...)
}

func decodeBarring(t *testing.T, body []byte) (v identity.Barring) {
	t.Helper()
	must(t, syncproto.DecodeBody(body, &v))
	return v
}

func peppers(school identity.SchoolID) ([]byte, error) {
	if school == "" {
		return nil, errors.New("no school")
	}
	return []byte("pepper of " + school), nil
}

// world is a cloud with an admin.
type world struct {
	clock *clock.Fake
	db    db.DB
	out   *journal
	*identity.Service
	admin identity.Actor
}

// node is a school's box.
type node struct {
	id  identity.SchoolID
	db  db.DB
	out *journal
	*identity.Service
}

func newWorld(t *testing.T, d db.DB) *world {
	t.Helper()
	w := &world{clock: clock.NewFake(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)), out: &journal{changes: map[string][]syncer.Change{}}}
	w.db = syncer.WithJournal(d, w.out)
	reg := get(registry.All())(t)
	w.Service = identity.New(identity.Options{
		DB: w.db, Clock: w.clock, Issuer: "https://uhs.example", Audience: identity.CloudAudience, Pepper: peppers,
		Passwords: identity.CloudPasswords{}, AnnounceKey: identity.Keys.Save, BcryptCost: cheap,
		Welcome: func(ctx context.Context, tx db.Tx, s identity.SchoolID) error { return reg.Welcome(ctx, tx, string(s)) },
	})
	w.out.route = w.Schools
	must(t, w.EnsureKey(t.Context()))
	p := get(w.CreateFirstAdmin(t.Context(), "admin@uhs.example", goodWord, "Ada Admin"))(t)
	w.admin = identity.Actor{Account: p.Account.ID, Role: identity.Admin}
	return w
}

// fresh is another database of the same kind.
func fresh(t *testing.T, like db.DB) db.DB {
	t.Helper()
	if like.Dialect() == db.Postgres {
		return dbtest.Postgres(t)
	}
	return dbtest.SQLite(t)
}

func (w *world) school(t *testing.T, name string) identity.School {
	t.Helper()
	return get(w.CreateSchool(t.Context(), w.admin, identity.NewSchool{Name: name, County: "Kisumu"}))(t)
}

func (w *world) learner(t *testing.T, school identity.SchoolID, name, pin string) identity.Account {
	t.Helper()
	in := identity.NewLearner{FullName: name, Grade: "Grade 4", ClassName: "4 Blue", PIN: pin}
	return get(w.AddLearner(t.Context(), w.admin, school, in))(t)
}

func (w *world) instructor(t *testing.T, school identity.SchoolID, email string, duties ...identity.Duty) (identity.Account, identity.Actor) {
	t.Helper()
	in := identity.NewInstructor{Email: email, FullName: "Tom Teacher", SchoolPassword: boxWord, Duties: duties}
	a := get(w.AddInstructor(t.Context(), w.admin, school, in))(t)
	return a, identity.Actor{Account: a.ID, Role: identity.Instructor, School: school, Duties: duties, Email: email}
}

func (w *world) parent(t *testing.T, email string) (identity.Person, identity.Actor) {
	t.Helper()
	in := identity.Registration{Email: email, Password: goodWord, Role: identity.Parent, FullName: "Mary Mother"}
	p := get(w.Register(t.Context(), in))(t)
	return p, identity.Actor{Account: p.Account.ID, Role: identity.Parent, Email: email}
}

func (w *world) node(t *testing.T, school identity.SchoolID) *node {
	t.Helper()
	n := &node{id: school, out: &journal{changes: map[string][]syncer.Change{}}}
	n.out.route = func(context.Context, db.Tx, syncproto.Audience) ([]string, error) { return []string{"cloud"}, nil }
	n.db = syncer.WithJournal(fresh(t, w.db), n.out)
	n.Service = identity.New(identity.Options{
		DB: n.db, Clock: w.clock, Issuer: "box:" + string(school), Audience: "box-" + string(school), School: school, Pepper: peppers,
		Passwords: identity.SchoolPasswords{School: school, Pepper: peppers}, BcryptCost: cheap,
	})
	must(t, n.EnsureKey(t.Context()))
	w.down(t, n)
	return n
}

// down applies at the box what the cloud recorded for it.
func (w *world) down(t *testing.T, n *node) {
	t.Helper()
	apply(t, n.db, w.out.take(string(n.id)))
}

// up applies at the cloud what the box recorded.
func (w *world) up(t *testing.T, n *node) {
	t.Helper()
	apply(t, w.db, n.out.take("cloud"))
}

func apply(t *testing.T, d db.DB, changes []syncer.Change) {
	t.Helper()
	must(t, d.Update(t.Context(), func(tx db.Tx) error {
		for _, c := range changes {
			if err := applyOne(t.Context(), tx, c); err != nil {
				return err
			}
		}
		return nil
	}))
}

func applyOne(ctx context.Context, tx db.Tx, c syncer.Change) error {
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
	case identity.Consents.Name:
		return put(ctx, tx, identity.Consents, c)
	case identity.Keys.Name:
		return put(ctx, tx, identity.Keys, c)
	case identity.Revocations.Name:
		return put(ctx, tx, identity.Revocations, c)
	case identity.Barrings.Name:
		return put(ctx, tx, identity.Barrings, c)
	}
	return errors.New("unknown entity " + c.Spec.Name)
}

func put[T any](ctx context.Context, tx db.Tx, e syncer.Entity[T], c syncer.Change) error {
	var v T
	if err := syncproto.DecodeBody(c.Body, &v); err != nil {
		return err
	}
	_, err := e.Put(ctx, tx, v)
	return err
}

func view[T any](t *testing.T, d db.DB, fn func(tx db.Tx) (T, error)) T {
	t.Helper()
	var out T
	must(t, d.View(t.Context(), func(tx db.Tx) error {
		var err error
		out, err = fn(tx)
		return err
	}))
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// get fails the test on an error: get(f())(t).
func get[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		must(t, err)
		return v
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v; want %v", err, want)
	}
}
