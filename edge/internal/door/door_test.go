package door_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/door"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	sheets "urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
)

const (
	home    = identity.SchoolID("01a214c6-6d45-77f3-aadb-1d490a2b2618")
	word    = "Box-Secret-2026"
	newWord = "New-Secret-2027"
	pin     = "4711"
)

// sent keeps what would travel.
type sent struct {
	mu  sync.Mutex
	all []syncer.Change
}

func (s *sent) Record(_ context.Context, tx db.Tx, c syncer.Change) error {
	tx.AfterCommit(func() { s.mu.Lock(); defer s.mu.Unlock(); s.all = append(s.all, c) })
	return nil
}

func (s *sent) kinds() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		out = append(out, c.Spec.Name)
	}
	return out
}

// box is a school's box with a class, a head, a site admin and a teacher.
type box struct {
	clock  *clock.Fake
	db     db.DB
	sent   *sent
	heard  time.Time
	people *identity.Service
	*door.Service
	sheets *sheets.Service

	learners                          []identity.AccountID
	head, siteAdmin, teacher, another identity.Actor
	acts                              []audit.Entry
}

// Note implements identity.Auditor.
func (b *box) Note(_ context.Context, _ db.Tx, e audit.Entry) error {
	b.acts = append(b.acts, e)
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("got %v, want %v", err, target)
	}
}

func newBox(t *testing.T) *box {
	t.Helper()
	b := &box{clock: clock.NewFake(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)), sent: &sent{}}
	b.heard = b.clock.Now()
	b.db = syncer.WithJournal(dbtest.SQLite(t), b.sent)
	b.start(t, 0)
	b.fill(t)
	b.sent.all = nil
	return b
}

// start builds the services over the database, as at a start of the box.
func (b *box) start(t *testing.T, workers int) {
	t.Helper()
	pepper := func(identity.SchoolID) ([]byte, error) { return []byte("pepper of the school"), nil }
	b.Service = door.New(door.Options{DB: b.db, Clock: b.clock, School: home, Pepper: pepper,
		Heard: func(context.Context, db.Tx) (time.Time, error) { return b.heard, nil }})
	b.people = identity.New(identity.Options{DB: b.db, Clock: b.clock, Issuer: "box", Audience: "box", School: home, Pepper: pepper, Guard: b.Service, Audit: b,
		Passwords: identity.SchoolPasswords{School: home, Pepper: pepper}, BcryptCost: 4, HashWorkers: workers})
	b.Join(b.people)
	b.sheets = sheets.New(sheets.Options{DB: b.db, Clock: b.clock, People: b.people, Pepper: pepper})
	must(t, b.people.EnsureKey(t.Context()))
}

func (b *box) fill(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	admin := identity.Actor{Account: "admin", Role: identity.Admin}
	now := db.Time{Time: b.clock.Now()}
	must(t, b.db.Update(ctx, func(tx db.Tx) error {
		_, err := identity.Schools.Put(ctx, tx, identity.School{ID: home, Name: "Lodwar Primary", Code: "L-1", Language: "en", CreatedAt: now, UpdatedAt: now})
		return err
	}))
	for _, name := range []string{"Amina Otieno", "Baraka Juma", "Chebet Kiprono"} {
		a, err := b.people.AddLearner(ctx, admin, home, identity.NewLearner{FullName: name, Grade: "Grade 4", ClassName: "4 Blue", PIN: pin})
		must(t, err)
		b.learners = append(b.learners, a.ID)
	}
	for _, p := range []struct {
		who   *identity.Actor
		email string
		duty  []identity.Duty
	}{
		{&b.head, "head@example.org", []identity.Duty{identity.Head}}, {&b.siteAdmin, "box@example.org", []identity.Duty{identity.SiteAdmin}},
		{&b.teacher, "tom@example.org", nil}, {&b.another, "ann@example.org", nil},
	} {
		a, err := b.people.AddInstructor(ctx, admin, home, identity.NewInstructor{Email: p.email, FullName: "Tom Teacher", SchoolPassword: word, Duties: p.duty})
		must(t, err)
		*p.who = identity.Actor{Account: a.ID, Role: identity.Instructor, School: home, Duties: p.duty, Email: p.email}
	}
}

// at is a request from a device.
func at(t *testing.T, device string) context.Context { return door.WithDevice(t.Context(), device) }

func (b *box) pin(ctx context.Context, i int, typed string) error {
	_, err := b.people.SignInPIN(ctx, b.learners[i], typed)
	return err
}

func (b *box) password(ctx context.Context, email, typed string) error {
	_, err := b.people.SignIn(ctx, email, typed)
	return err
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return codeOf(err)
}

func TestAClassmateWhoGuessesLocksNobodyOutAtHerOwnDevice(t *testing.T) {
	b := newBox(t)
	own, other := at(t, "her phone"), at(t, "his phone")
	must(t, b.pin(own, 0, pin))
	for range 30 {
		if err := b.pin(other, 0, "0000"); err == nil {
			t.Fatal("a wrong PIN opened the door")
		}
		b.clock.Advance(2 * time.Minute)
	}
	if got := code(b.pin(other, 0, pin)); got != "door_locked" {
		t.Errorf("after thirty guesses the guesser's device gets %q", got)
	}
	must(t, b.pin(own, 0, pin))
	must(t, b.pin(other, 1, pin)) // he himself, there

	t.Run("a teacher opens it again with one tap, and it is noted", func(t *testing.T) {
		locked, err := b.Locked(t.Context(), b.teacher)
		must(t, err)
		if !slices.Equal(locked, b.learners[:1]) {
			t.Errorf("locked are %v", locked)
		}
		must(t, b.Unlock(t.Context(), b.teacher, b.learners[0]))
		if last := b.acts[len(b.acts)-1]; last.Action != "user.unlock" || last.TargetID != string(b.learners[0]) {
			t.Errorf("noted is %+v", last)
		}
		must(t, b.pin(other, 0, pin))
	})
	t.Run("which a learner cannot", func(t *testing.T) {
		want(t, b.Unlock(t.Context(), identity.Actor{Account: b.learners[1], Role: identity.Student, School: home}, b.learners[0]), identity.ErrForbidden)
		want(t, b.Unlock(t.Context(), identity.Actor{Account: "x", Role: identity.Instructor, School: "other"}, b.learners[0]), identity.ErrNoSuchSchool)
	})
}

func TestGuessingIsSlowed(t *testing.T) {
	t.Run("a child waits a minute after five, and for the teacher after ten", func(t *testing.T) {
		b := newBox(t)
		ctx := at(t, "phone")
		must(t, b.pin(ctx, 0, pin))
		for range 5 {
			want(t, b.pin(ctx, 0, "0000"), identity.ErrWrongPIN)
		}
		if got := code(b.pin(ctx, 0, pin)); got != "door_wait" {
			t.Errorf("the sixth try gets %q", got)
		}
		b.clock.Advance(61 * time.Second)
		for range 5 {
			want(t, b.pin(ctx, 0, "0000"), identity.ErrWrongPIN)
			b.clock.Advance(61 * time.Second)
		}
		if got := code(b.pin(ctx, 0, pin)); got != "door_locked" {
			t.Errorf("the eleventh try gets %q", got)
		}
		t.Run("which a restart does not undo", func(t *testing.T) {
			b.start(t, 0)
			if got := code(b.pin(ctx, 0, pin)); got != "door_locked" {
				t.Errorf("after a restart: %q", got)
			}
		})
		t.Run("and a night does", func(t *testing.T) {
			b.clock.Advance(13 * time.Hour)
			must(t, b.pin(ctx, 0, pin))
		})
	})
	t.Run("an adult waits longer each time, and never for ever", func(t *testing.T) {
		b := newBox(t)
		ctx := at(t, "laptop")
		for range 3 {
			want(t, b.password(ctx, "tom@example.org", "wrong"), identity.ErrWrongPassword)
		}
		for _, wait := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second} {
			b.clock.Advance(wait - time.Second)
			if got := code(b.password(ctx, "tom@example.org", word)); got != "door_wait" {
				t.Errorf("a second before %v: %q", wait, got)
			}
			b.clock.Advance(2 * time.Second)
			want(t, b.password(ctx, "tom@example.org", "wrong"), identity.ErrWrongPassword)
		}
		for range 40 {
			b.clock.Advance(15*time.Minute + time.Second)
			want(t, b.password(ctx, "tom@example.org", "wrong"), identity.ErrWrongPassword)
		}
		b.clock.Advance(15*time.Minute + time.Second)
		must(t, b.password(ctx, "tom@example.org", word))
	})
	t.Run("an address that nobody has is slowed alike", func(t *testing.T) {
		b := newBox(t)
		for _, email := range []string{"tom@example.org", "nobody@example.org"} {
			var got []string
			for range 4 {
				got = append(got, code(b.password(at(t, ""), email, "wrong")))
			}
			if !slices.Equal(got, []string{"wrong_password", "wrong_password", "wrong_password", "door_wait"}) {
				t.Errorf("%s: %v", email, got)
			}
		}
	})
	t.Run("tries that are sent together are counted before they are compared", func(t *testing.T) {
		b := newBox(t)
		var compared atomic.Int64
		var group sync.WaitGroup
		for range 40 {
			group.Go(func() {
				if err := b.pin(at(t, ""), 0, "0000"); errors.Is(err, identity.ErrWrongPIN) {
					compared.Add(1)
				}
			})
		}
		group.Wait()
		if compared.Load() != 5 {
			t.Errorf("%d of 40 guesses were compared, want 5", compared.Load())
		}
	})
	t.Run("a device that tries everybody's is slowed, and a class at one address is not", func(t *testing.T) {
		b := newBox(t)
		for i := range 200 { // a class that shares a tablet mistypes now and then
			if i%3 == 0 {
				_ = b.pin(at(t, "tablet"), i%2, "0000")
			}
			must(t, b.pin(at(t, "tablet"), i%2, pin))
		}
		n := 0
		for n < 200 && code(b.pin(at(t, "guesser"), n%3, "0000")) != "door_wait" {
			n++
			must(t, b.Unlock(t.Context(), b.teacher, b.learners[n%3]))
		}
		if n < 20 || n > 40 {
			t.Errorf("one device had %d guesses", n)
		}
		must(t, b.pin(at(t, "tablet"), 0, pin))
	})
	t.Run("what is kept stays small", func(t *testing.T) {
		b := newBox(t)
		must(t, b.db.Update(t.Context(), func(tx db.Tx) error {
			_, err := tx.Exec(t.Context(), db.SQL{SQLite: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
				INSERT INTO door_misses SELECT 'name:' || i, '', 1, $1 FROM n`}, db.Time{Time: b.clock.Now()})
			if err == nil {
				_, err = tx.Exec(t.Context(), db.SQL{SQLite: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
				INSERT INTO door_known SELECT 'a', 'd' || i, $1 FROM n`}, db.Time{Time: b.clock.Now()})
			}
			return err
		}))
		must(t, b.Sweep(t.Context()))
		if n := b.rows(t, "door_misses"); n > 5_000 {
			t.Errorf("%d rows of misses", n)
		}
		if n := b.rows(t, "door_known"); n > 20_000 {
			t.Errorf("%d rows of devices", n)
		}
	})
}

func (b *box) rows(t *testing.T, table string) (n int64) {
	t.Helper()
	must(t, b.db.View(t.Context(), func(tx db.Tx) error {
		rows, err := tx.Query(t.Context(), db.SQL{SQLite: `SELECT count(*) FROM ` + table})
		n, err = db.One(rows, err, db.Scalar[int64])
		return err
	}))
	return n
}

// drawn gives the first learner the pictures of this test.
func (b *box) drawn(t *testing.T) []string {
	t.Helper()
	cards, err := b.people.MakeCards(t.Context(), b.teacher, identity.PictureSecret, b.learners[:1])
	must(t, err)
	return cards[0].Pictures
}

func TestPicturesWorkWhereATeacherOpenedThem(t *testing.T) {
	b := newBox(t)
	drawn := b.drawn(t)
	try := func(device string) string {
		_, err := b.people.SignInPictures(at(t, device), b.learners[0], drawn)
		return code(err)
	}
	if got := try("tablet"); got != "pictures_not_here" {
		t.Fatalf("on a device that nobody opened: %q", got)
	}
	t.Run("on one device, for a term", func(t *testing.T) {
		_, err := b.Open(at(t, "tablet"), b.teacher, "4 Blue", door.ThisDevice)
		must(t, err)
		if got := try("tablet") + try("other"); got != "pictures_not_here" {
			t.Errorf("here and elsewhere: %q", got)
		}
		if s, err := b.State(at(t, "tablet")); err != nil || !slices.Equal(s.Open, []string{"4 Blue"}) {
			t.Errorf("the page is told %+v, %v", s, err)
		}
		b.heard = b.clock.Now().Add(121 * 24 * time.Hour)
		b.clock.Advance(121 * 24 * time.Hour)
		if got := try("tablet"); got != "pictures_not_here" {
			t.Errorf("after a term: %q", got)
		}
	})
	t.Run("on the school's network, for a day", func(t *testing.T) {
		_, err := b.Open(at(t, "laptop"), b.teacher, "4 Blue", door.TheNetwork)
		must(t, err)
		if got := try("any") + try(""); got != "" {
			t.Errorf("on any device: %q", got)
		}
		b.clock.Advance(9 * time.Hour)
		if got := try("any"); got != "pictures_not_here" {
			t.Errorf("the next day: %q", got)
		}
	})
	t.Run("until she closes it", func(t *testing.T) {
		_, err := b.Open(at(t, "tablet"), b.teacher, "4 Blue", door.ThisDevice)
		must(t, err)
		must(t, b.Close(at(t, "tablet"), b.teacher, "4 Blue"))
		if got := try("tablet"); got != "pictures_not_here" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("opened by teachers of the school, for classes there are", func(t *testing.T) {
		_, err := b.Open(at(t, "tablet"), identity.Actor{Account: b.learners[0], Role: identity.Student, School: home}, "4 Blue", door.ThisDevice)
		want(t, err, identity.ErrForbidden)
		_, err = b.Open(at(t, "tablet"), b.teacher, "9 Gold", door.ThisDevice)
		if code(err) != "no_such_class" {
			t.Errorf("a class that is not there: %v", err)
		}
		_, err = b.Open(at(t, ""), b.teacher, "4 Blue", door.ThisDevice)
		if err == nil {
			t.Error("a browser without a name was opened, and with it all of them")
		}
	})
}
