package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/cloud/internal/backup"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/db/postgres"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

const newest = 1 << 30 // any schema may be restored

var start = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)

// world is a real database with a data directory and a folder for backups.
type world struct {
	*backup.Service

	t        *testing.T
	url, dir string
	options  backup.Options
	db       *postgres.DB
	clock    *clock.Fake
	said     bytes.Buffer
	store    *pack.Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	must(t, err)
	w := &world{t: t, url: dbtest.PostgresURL(t), dir: filepath.Join(t.TempDir(), "backups"), clock: clock.NewFake(start)}
	w.options = backup.Options{DatabaseURL: w.url, DataDir: t.TempDir(), Key: key, MAC: bytes.Repeat([]byte("k"), 32), Clock: w.clock,
		Log: logging.Discard(), Software: "test"}
	w.store, err = pack.OpenStore(filepath.Join(w.options.DataDir, "packs"))
	must(t, err)
	w.open()
	_, err = backup.ReadLife(t.Context(), w.db, w.clock.Now())
	must(t, err)
	return w
}

// open connects to the database, after it was exchanged too.
func (w *world) open() {
	w.t.Helper()
	var err error
	w.Service, err = backup.New(w.options)
	must(w.t, err)
	w.db, err = postgres.Open(w.t.Context(), w.url)
	must(w.t, err)
	w.t.Cleanup(w.db.Close)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// apply moves lane 4 of a school by n records, as an applied frame does: rows,
// watermark and history in one transaction.
func (w *world) apply(school string, n int) {
	w.t.Helper()
	must(w.t, apply(w.t.Context(), w.db, school, n))
}

func apply(ctx context.Context, d *postgres.DB, school string, n int) error {
	return d.Update(ctx, func(tx db.Tx) error {
		marks, err := syncer.ReadMarks(ctx, tx, syncer.Log{School: school, Epoch: 7})
		if err != nil {
			return err
		}
		m := marks[syncproto.LaneLearning]
		for range n {
			m.Seq++
			m.Chain = syncproto.Chain(m.Chain, syncproto.HashOf([]byte(fmt.Sprintf("%016d", m.Seq))))
			if _, err := tx.Exec(ctx, db.SQL{Postgres: `INSERT INTO learning_activities (id, kind, learner_id, school_id, course_id, lesson_id, seconds, at)
				VALUES ($1, 'time_spent', $2, $3, 'course', 'lesson', 60, $4)`}, id.New(), id.New(), school, start); err != nil {
				return err
			}
		}
		for _, q := range []string{
			`INSERT INTO watermarks (school, epoch, lane, seq, chain, applied_at) VALUES ($1, 7, 4, $2, $3, now())
				ON CONFLICT (school, epoch, lane) DO UPDATE SET seq = excluded.seq, chain = excluded.chain`,
			`INSERT INTO frame_history (school, epoch, lane, seq, chain) VALUES ($1, 7, 4, $2, $3)`,
			`INSERT INTO outbox_heads (school, epoch, lane, seq, chain, hlc) VALUES ($1, 1, 4, $2, $3, 0)
				ON CONFLICT (school, epoch, lane) DO UPDATE SET seq = excluded.seq, chain = excluded.chain`,
		} {
			if _, err := tx.Exec(ctx, db.SQL{Postgres: q}, school, m.Seq, m.Chain[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) take() string {
	w.t.Helper()
	w.clock.Advance(time.Second)
	taken, err := w.Take(w.t.Context(), w.dir, &w.said)
	must(w.t, err)
	return taken.Path
}

func (w *world) verify(file string) backup.Verified {
	w.t.Helper()
	v, err := w.Verify(w.t.Context(), file, backup.Opening{}, &w.said)
	must(w.t, err)
	return v
}

// restore puts a backup in the place of the world's database.
func (w *world) restore(file string) backup.Done {
	w.t.Helper()
	w.db.Close()
	done, err := w.Restore(w.t.Context(), file, backup.Restoring{Into: w.url, Replace: true, Newest: newest}, &w.said)
	must(w.t, err)
	w.dropLater(done.Kept)
	w.open()
	return done
}

func (w *world) dropLater(name string) {
	if name == "" {
		return
	}
	w.t.Cleanup(func() { server(w.t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
}

// server runs a statement on the server's own database.
func server(t *testing.T, q string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), on(t, os.Getenv("TEST_DATABASE_URL"), "postgres"))
	must(t, err)
	_, err = conn.Exec(context.Background(), q)
	must(t, err)
	must(t, conn.Close(context.Background()))
}

func on(t *testing.T, address, name string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	u.Path = "/" + name
	return u.String()
}

func (w *world) name() string {
	u, err := url.Parse(w.url)
	must(w.t, err)
	return strings.TrimPrefix(u.Path, "/")
}

func (w *world) count(query string, args ...any) (n int64) {
	w.t.Helper()
	must(w.t, w.db.Pool.QueryRow(w.t.Context(), query, args...).Scan(&n))
	return n
}

func (w *world) text(query string, args ...any) (s string) {
	w.t.Helper()
	must(w.t, w.db.Pool.QueryRow(w.t.Context(), query, args...).Scan(&s))
	return s
}

// b is the B of a school's lane 4.
func (w *world) b(school string) int64 {
	return w.count(`SELECT coalesce(max(seq), 0) FROM backed_marks WHERE school = $1 AND epoch = 7 AND lane = 4`, school)
}

func (w *world) timeline() string {
	return w.text(`SELECT value FROM node_state WHERE key = 'timeline'`)
}

// copyFile copies a backup with a change.
func copyFile(t *testing.T, from string, change func([]byte) []byte) string {
	t.Helper()
	raw, err := os.ReadFile(from)
	must(t, err)
	to := filepath.Join(t.TempDir(), filepath.Base(from))
	must(t, os.WriteFile(to, change(raw), 0o600))
	return to
}
