package roster_test

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
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// side is the cloud or a school's box, with what it recorded for whom.
type side struct {
	db     db.DB
	people *identity.Service
	*roster.Service

	mu  sync.Mutex
	out map[string][]syncer.Change
	// route gives the readers of a record.
	route func(context.Context, db.Tx, syncproto.Audience) ([]string, error)
}

// Record is the journal of a side.
func (s *side) Record(ctx context.Context, tx db.Tx, c syncer.Change) error {
	readers, err := s.route(ctx, tx, c.Audience)
	if err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, r := range readers {
			s.out[r] = append(s.out[r], c)
		}
	})
	return nil
}

func (s *side) take(reader string) []syncer.Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.out[reader]
	delete(s.out, reader)
	return out
}

// world is a cloud with an admin.
type world struct {
	t     *testing.T
	clock *clock.Fake
	cloud *side
	admin identity.Actor
	told  []string // whose past went where
}

// box is a school with its head.
type box struct {
	*side
	school identity.SchoolID
	head   identity.Actor
}

func pepper(identity.SchoolID) ([]byte, error) { return make([]byte, 32), nil }

func newWorld(t *testing.T, d db.DB) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC))}
	w.cloud = &side{out: map[string][]syncer.Change{}}
	w.cloud.db = syncer.WithJournal(d, w.cloud)
	w.cloud.people = identity.New(identity.Options{DB: w.cloud.db, Clock: w.clock, Issuer: "cloud", Audience: identity.CloudAudience, Pepper: pepper,
		Passwords: identity.CloudPasswords{}, BcryptCost: 4})
	w.cloud.route = w.cloud.people.Schools
	w.cloud.Service = roster.New(roster.Options{DB: w.cloud.db, Clock: w.clock, People: w.cloud.people, Clerk: roster.Authority{},
		History: func(_ context.Context, _ db.Tx, learner identity.AccountID, school identity.SchoolID) error {
			w.told = append(w.told, string(learner)+" "+string(school))
			return nil
		}})
	check(t, w.cloud.people.EnsureKey(t.Context()))
	p, err := w.cloud.people.CreateFirstAdmin(t.Context(), "admin@uhs.example", "Sunny-Day-2026", "An Admin")
	check(t, err)
	w.admin = identity.Actor{Account: p.Account.ID, Role: identity.Admin}
	return w
}

func (w *world) box(name string) *box {
	w.t.Helper()
	school, err := w.cloud.people.CreateSchool(w.t.Context(), w.admin, identity.NewSchool{Name: name})
	check(w.t, err)
	head, err := w.cloud.people.AddInstructor(w.t.Context(), w.admin, school.ID,
		identity.NewInstructor{Email: "head-" + string(school.ID) + "@uhs.example", FullName: "A Head", Duties: []identity.Duty{identity.Head}})
	check(w.t, err)
	d := dbtest.SQLite(w.t)
	b := &box{side: &side{out: map[string][]syncer.Change{}}, school: school.ID,
		head: identity.Actor{Account: head.ID, Role: identity.Instructor, School: school.ID, Duties: []identity.Duty{identity.Head}}}
	b.route = func(context.Context, db.Tx, syncproto.Audience) ([]string, error) { return []string{"cloud"}, nil }
	b.db = syncer.WithJournal(d, b.side)
	b.people = identity.New(identity.Options{DB: b.db, Clock: w.clock, Issuer: "box", Audience: "box", School: school.ID, Pepper: pepper,
		Passwords: identity.SchoolPasswords{School: school.ID, Pepper: pepper}, BcryptCost: 4})
	b.Service = roster.New(roster.Options{DB: b.db, Clock: w.clock, People: b.people, Clerk: roster.Provisional{}})
	w.down(b)
	return b
}

// up brings to the cloud what the box recorded, as the applier does: asked
// whether the school may, stored, and acted on when it is new.
func (w *world) up(b *box) {
	w.t.Helper()
	for _, c := range b.take("cloud") {
		check(w.t, w.cloud.db.Update(w.t.Context(), func(tx db.Tx) error { return w.arrive(tx, b, c) }))
	}
}

func (w *world) arrive(tx db.Tx, b *box, c syncer.Change) error {
	ctx := w.t.Context()
	if err := w.cloud.people.Admits(ctx, tx, string(b.school), c.Audience); err != nil {
		return err
	}
	switch c.Spec.Name {
	case roster.Changes.Name:
		return put(ctx, tx, roster.Changes, c, func(v roster.Change) error { return w.cloud.OnChanges(ctx, tx, []roster.Change{v}) })
	case roster.Codes.Name:
		return put(ctx, tx, roster.Codes, c, nil)
	case roster.Classes.Name:
		return put(ctx, tx, roster.Classes, c, nil)
	default:
		return errors.New("nobody sends " + c.Spec.Name + " up")
	}
}

// down brings to the box what the cloud recorded for it.
func (w *world) down(b *box) {
	w.t.Helper()
	ctx := w.t.Context()
	for _, c := range w.cloud.take(string(b.school)) {
		check(w.t, b.db.Update(ctx, func(tx db.Tx) error {
			switch c.Spec.Name {
			case identity.Schools.Name:
				return put(ctx, tx, identity.Schools, c, nil)
			case identity.Accounts.Name:
				return put(ctx, tx, identity.Accounts, c, func(v identity.Account) error { return b.OnAccounts(ctx, tx, []identity.Account{v}) })
			case identity.Guardians.Name:
				return put(ctx, tx, identity.Guardians, c, nil)
			case roster.Changes.Name:
				return put(ctx, tx, roster.Changes, c, nil)
			case roster.Verdicts.Name:
				return put(ctx, tx, roster.Verdicts, c, func(v roster.Verdict) error { return b.OnVerdicts(ctx, tx, []roster.Verdict{v}) })
			case roster.Codes.Name:
				return put(ctx, tx, roster.Codes, c, nil)
			case roster.Uses.Name:
				return put(ctx, tx, roster.Uses, c, nil)
			default:
				return nil
			}
		}))
	}
}

func (w *world) exchange(boxes ...*box) {
	w.t.Helper()
	for _, b := range boxes {
		w.up(b)
	}
	for _, b := range boxes {
		w.down(b)
	}
}

func put[T any](ctx context.Context, tx db.Tx, e syncer.Entity[T], c syncer.Change, react func(T) error) error {
	var v T
	if err := syncproto.DecodeBody(c.Body, &v); err != nil {
		return err
	}
	fresh, err := e.Put(ctx, tx, v)
	if err != nil || !fresh || react == nil {
		return err
	}
	return react(v)
}

func (s *side) account(t *testing.T, id identity.AccountID) identity.Account {
	t.Helper()
	var a identity.Account
	check(t, s.db.View(t.Context(), func(tx db.Tx) (err error) { a, err = s.people.Account(t.Context(), tx, id); return err }))
	return a
}

func (b *box) add(t *testing.T, name, class string) identity.Account {
	t.Helper()
	a, err := b.Add(t.Context(), b.head, b.school, "", roster.Patch{FullName: &name, Grade: new("Grade 4"), ClassName: &class})
	check(t, err)
	return a
}

func (b *box) todos(t *testing.T) []string {
	t.Helper()
	list, err := b.ListTodos(t.Context(), b.head, b.school)
	check(t, err)
	var out []string
	for _, todo := range list {
		out = append(out, todo.Code)
	}
	return out
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}
