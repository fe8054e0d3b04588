package copy

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/logging"
)

// box is a database with a copy.
type box struct {
	t     testing.TB
	dir   string
	path  string
	db    *sqlite.DB
	key   ed25519.PrivateKey
	id    *age.X25519Identity
	chain [16]byte
	next  int
}

func newBox(t testing.TB) *box {
	t.Helper()
	b := &box{t: t, dir: t.TempDir(), chain: [16]byte{1, 2, 3}}
	b.path = filepath.Join(b.dir, "school.db")
	var err error
	_, b.key, err = ed25519.GenerateKey(nil)
	must(t, err)
	b.id, err = age.GenerateX25519Identity()
	must(t, err)
	b.open()
	for _, q := range []string{`CREATE TABLE node_state (key TEXT PRIMARY KEY, value TEXT NOT NULL)`,
		`CREATE TABLE facts (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, note TEXT NOT NULL)`,
		`CREATE TABLE pairs (id INTEGER PRIMARY KEY, fact INTEGER NOT NULL)`, `CREATE INDEX facts_note ON facts (note)`} {
		b.exec(q)
	}
	return b
}

func (b *box) open() {
	b.t.Helper()
	var err error
	b.db, err = sqlite.Open(b.path)
	must(b.t, err)
	d := b.db
	b.t.Cleanup(func() { _ = d.Close() })
}

func (b *box) exec(q string, args ...any) {
	b.t.Helper()
	_, err := b.db.Writer().Exec(q, args...)
	must(b.t, err)
}

// write commits one fact and its pair in one transaction.
func (b *box) write() int {
	b.t.Helper()
	b.next++
	n := b.next
	must(b.t, b.db.Update(context.Background(), func(tx db.Tx) error {
		note := fmt.Sprintf("fact %d %x", n, rand.Uint64())
		if _, err := tx.Exec(context.Background(), db.SQL{Both: `INSERT INTO facts VALUES ($1, $2, $3)`}, n, time.Now().UnixMicro(), note); err != nil {
			return err
		}
		_, err := tx.Exec(context.Background(), db.SQL{Both: `INSERT INTO pairs VALUES ($1, $2)`}, n, n)
		return err
	}))
	return n
}

func (b *box) service(media ...Medium) *Service {
	return New(Options{DB: b.db, Path: b.path, Dir: filepath.Join(b.dir, "copy"), Media: media, Chain: b.chain, Key: b.key, Clock: clock.System{},
		Log: logging.Discard(), Every: 20 * time.Millisecond, Look: 5 * time.Millisecond,
		Recipients: func(context.Context) ([]age.Recipient, error) { return []age.Recipient{b.id.Recipient()}, nil }})
}

func stick(t testing.TB) *Dir {
	t.Helper()
	return stickAt(t, t.TempDir())
}

func stickAt(t testing.TB, dir string) *Dir {
	t.Helper()
	d := NewDir(dir, dir)
	must(t, d.Prepare())
	return d
}

const allNotes = `SELECT coalesce(group_concat(note), '') FROM (SELECT note FROM facts ORDER BY id)`

// restored is what a restore gives.
type restored struct {
	Restored
	facts, pairs, last int
	notes              string
}

func (b *box) restore(m Medium) (r restored, err error) {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), "restored.db")
	if r.Restored, err = Restore(context.Background(), m, path, []age.Identity{b.id}, nil); err != nil {
		return r, err
	}
	d, err := sqlite.Open(path)
	must(b.t, err)
	defer func() { must(b.t, d.Close()) }()
	must(b.t, d.Writer().QueryRow(`SELECT count(*), coalesce(max(id), 0), (SELECT count(*) FROM pairs) FROM facts`).Scan(&r.facts, &r.last, &r.pairs))
	must(b.t, d.Writer().QueryRow(allNotes).Scan(&r.notes))
	if r.facts != r.last || r.facts != r.pairs {
		b.t.Errorf("the copy is torn: %d facts up to %d, %d pairs", r.facts, r.last, r.pairs)
	}
	return r, nil
}

func (b *box) mustRestore(m Medium) restored {
	b.t.Helper()
	r, err := b.restore(m)
	must(b.t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func copyFiles(t testing.TB, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	must(t, err)
	must(t, os.MkdirAll(to, 0o700))
	for _, e := range entries {
		if e.IsDir() {
			copyFiles(t, filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
			continue
		}
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		if errors.Is(err, fs.ErrNotExist) { // the name of an unfinished file, or one that was pruned
			continue
		}
		must(t, err)
		must(t, os.WriteFile(filepath.Join(to, e.Name()), b, 0o600))
	}
}

// follow starts the copy; the returned function stops it.
func follow(t testing.TB, s *Service) (stop func()) {
	t.Helper()
	must(t, s.Start(context.Background()))
	var once sync.Once
	stop = func() { once.Do(func() { must(t, s.Stop(context.Background())) }) }
	t.Cleanup(stop)
	return stop
}

func caughtUp(s *Service, at time.Time) func() bool {
	return func() bool { return s.Status()[0].At.After(at) && s.Status()[0].State != Starting }
}

func TestEverythingSavedLongerAgoThanTheIntervalIsInTheCopy(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			b, m := newBox(t), stick(t)
			s := b.service(m)
			follow(t, s)
			eventually(t, "the first copy", caughtUp(s, time.Time{}))

			type mark struct {
				at   time.Time
				last int
			}
			var marks []mark
			end := time.Now().Add(time.Duration(500+random.IntN(1500)) * time.Millisecond)
			for time.Now().Before(end) {
				n := b.write()
				marks = append(marks, mark{time.Now(), n})
				if random.IntN(300) == 0 { // a log that is reset by a stranger
					b.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
				}
				if random.IntN(40) == 0 {
					time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
				}
			}
			// The main disk dies: what counts is what the stick holds now.
			pulled := time.Now()
			said := s.Status()[0].At
			dead := filepath.Join(t.TempDir(), "stick")
			copyFiles(t, m.path, dead)

			r := b.mustRestore(stickAt(t, dead))
			for _, k := range marks {
				if k.at.Before(said) && k.last > r.last {
					t.Fatalf("fact %d of %s is missing; the copy said it is of %s and holds %d", k.last, k.at, said, r.last)
				}
			}
			// 20 ms between two rounds; the bound of a busy test machine is far above.
			if behind := pulled.Sub(said); behind > 3*time.Second {
				t.Errorf("the copy was %s old", behind)
			}
			t.Logf("%d written, %d in the copy, age %s, %d segments", b.next, r.last, pulled.Sub(said), r.Segments)
		})
	}
}
