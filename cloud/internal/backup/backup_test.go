package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/cloud/internal/backup"
	"urbanhomeschool.org/uhs/shared/id"
)

func TestABackupBringsEverythingBack(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	w.apply("kisumu", 3)
	blob, err := w.store.Put(bytes.Repeat([]byte("a picture "), 600_000)) // more than one chunk
	must(t, err)
	before := w.timeline()
	file := w.take()
	if v := w.verify(file); v.Why != "" || v.Moved != 2 || w.b("lodwar") != 5 || w.b("kisumu") != 3 {
		t.Errorf("B is %d and %d: %+v", w.b("lodwar"), w.b("kisumu"), v.Why)
	}

	w.apply("lodwar", 4)
	must(t, w.store.Remove(blob))
	done := w.restore(file)
	if n := w.count(`SELECT count(*) FROM learning_activities`); n != 8 {
		t.Errorf("%d activities, want 8", n)
	}
	if n := w.count(`SELECT seq FROM watermarks WHERE school = 'lodwar'`); n != 5 {
		t.Errorf("the watermark is %d, want 5", n)
	}
	if _, ok := w.store.Path(blob); !ok {
		t.Error("the course's file is not back")
	}
	if now := w.timeline(); now == before || now != done.Life.Timeline {
		t.Errorf("the timeline is %s, was %s", now, before)
	}
	if w.b("lodwar") != 5 || w.b("kisumu") != 3 {
		t.Errorf("B after the restore is %d and %d", w.b("lodwar"), w.b("kisumu"))
	}
	if n := w.count(`SELECT count(*) FROM incidents WHERE kind = 'cloud_restored'`); n != 1 {
		t.Errorf("%d incidents", n)
	}
	if n := w.countIn(done.Kept, `SELECT count(*) FROM learning_activities`); n != 12 {
		t.Errorf("the database that was there has %d activities, want 12", n)
	}
	if !strings.Contains(w.said.String(), "2 lanes of schools") || !strings.Contains(w.said.String(), "courses: 1 files") {
		t.Errorf("progress: %s", w.said.String())
	}
}

func (w *world) countIn(database, query string) (n int64) {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), on(w.t, w.url, database))
	must(w.t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	must(w.t, conn.QueryRow(w.t.Context(), query).Scan(&n))
	return n
}

func TestABackupDuringWritesIsOfOneMoment(t *testing.T) {
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for k := range 3 {
		writers.Go(func() {
			for ctx.Err() == nil {
				if err := apply(ctx, w.db, fmt.Sprintf("school-%d", k), 7); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	defer writers.Wait()
	defer stop()
	for w.count(`SELECT count(*) FROM learning_activities`) < 500 {
		time.Sleep(10 * time.Millisecond)
	}
	file := w.take()
	taken := w.count(`SELECT count(*) FROM learning_activities`)
	v := w.verify(file) // the restored copy holds what was read in the snapshot
	stop()
	writers.Wait()

	var applied int64
	for _, m := range v.Manifest.Contents.Watermarks {
		applied += m.Seq
		if b := w.b(m.School); b != m.Seq {
			t.Errorf("B of %s is %d, the backup has %d", m.School, b, m.Seq)
		}
	}
	rows := v.Manifest.Contents.Rows["learning_activities"]
	if applied != rows || rows < 500 || rows > taken || rows == w.count(`SELECT count(*) FROM learning_activities`) {
		t.Errorf("the backup has %d rows and watermarks that sum to %d; the database had at most %d", rows, applied, taken)
	}
}

func TestBGoesOnlyAsFarAsTheBackup(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	first := w.take()
	w.apply("lodwar", 5)
	second := w.take()
	w.apply("lodwar", 5)
	w.verify(second)
	if b := w.b("lodwar"); b != 10 {
		t.Errorf("B is %d, want 10", b)
	}
	w.verify(first)
	if b := w.b("lodwar"); b != 10 {
		t.Errorf("an older backup moved B back to %d", b)
	}
	if n := w.count(`SELECT count(*) FROM backups`); n != 2 {
		t.Errorf("%d verified backups", n)
	}
}

func TestBStaysBelowWhatIsAppliedHere(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	w.apply("kisumu", 5)
	file := w.take()
	// The marks that are applied now are not those of the backup: one is lower, one
	// is of another chain.
	_, err := w.db.Pool.Exec(t.Context(), `UPDATE watermarks SET seq = 3 WHERE school = 'lodwar'`)
	must(t, err)
	_, err = w.db.Pool.Exec(t.Context(), `UPDATE watermarks SET chain = decode('00112233445566778899aabbccddeeff', 'hex') WHERE school = 'kisumu'`)
	must(t, err)
	if v := w.verify(file); v.Moved != 0 || w.b("lodwar") != 0 || w.b("kisumu") != 0 {
		t.Errorf("B moved to %d and %d", w.b("lodwar"), w.b("kisumu"))
	}
	w.apply("lodwar", 9) // past the mark, with another chain at it
	_, err = w.db.Pool.Exec(t.Context(), `UPDATE frame_history SET chain = decode('00112233445566778899aabbccddeeff', 'hex') WHERE school = 'lodwar' AND seq = 5`)
	must(t, err)
	if w.verify(file); w.b("lodwar") != 0 {
		t.Errorf("B moved to %d over another chain", w.b("lodwar"))
	}
}

func TestABackupOfAnotherLifeMovesNothing(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	old := w.take()
	w.apply("lodwar", 5)
	young := w.take()
	w.restore(old)
	w.apply("lodwar", 20)
	if v := w.verify(young); v.Why == "" || w.b("lodwar") != 5 {
		t.Errorf("B is %d after a backup of the lost life: %q", w.b("lodwar"), v.Why)
	}
	again := w.take()
	if v := w.verify(again); v.Why != "" || w.b("lodwar") != 25 {
		t.Errorf("B is %d in the new life: %q", w.b("lodwar"), v.Why)
	}
}

func TestADamagedFileIsRefused(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 200)
	_, err := w.store.Put([]byte("a picture"))
	must(t, err)
	good := w.take()
	before := w.timeline()
	refuse := func(name, file string, want error) {
		t.Helper()
		if _, err := w.Verify(t.Context(), file, backup.Opening{}, &w.said); !errors.Is(err, want) {
			t.Errorf("%s: verify says %v", name, err)
		}
	}
	raw, err := os.ReadFile(good)
	must(t, err)
	for _, cut := range []int{0, 200, len(raw) / 2, len(raw) - 1} {
		refuse(fmt.Sprintf("cut at %d", cut), copyFile(t, good, func(b []byte) []byte { return b[:cut] }), backup.ErrDamaged)
	}
	for _, at := range []int{300, len(raw) / 2, len(raw) - 20} {
		refuse(fmt.Sprintf("a bit at %d", at), copyFile(t, good, func(b []byte) []byte { b[at] ^= 4; return b }), backup.ErrDamaged)
	}
	refuse("more bytes", copyFile(t, good, func(b []byte) []byte { return append(b, "more"...) }), backup.ErrDamaged)

	cut := copyFile(t, good, func(b []byte) []byte { return b[:len(b)-1] })
	if _, err := w.Restore(t.Context(), cut, backup.Restoring{Into: w.url, Replace: true, Newest: newest}, &w.said); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("restore of a cut file says %v", err)
	}
	other := w.options
	other.Key, err = age.GenerateX25519Identity()
	must(t, err)
	w.Service, err = backup.New(other)
	must(t, err)
	refuse("another key", good, backup.ErrKey)
	other.Key, other.MAC = w.options.Key, bytes.Repeat([]byte("x"), 32)
	w.Service, err = backup.New(other)
	must(t, err)
	refuse("another SECRET_KEY", good, backup.ErrForeign)

	if w.b("lodwar") != 0 || w.timeline() != before || w.count(`SELECT count(*) FROM learning_activities`) != 200 {
		t.Error("a refused backup changed the database")
	}
}

func TestTheOtherRecipientOpensItToo(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	offline, err := age.GenerateX25519Identity()
	must(t, err)
	w.options.Recipient = offline.Recipient().String()
	w.Service, err = backup.New(w.options)
	must(t, err)
	file := w.take()
	identity := filepath.Join(t.TempDir(), "key.txt")
	must(t, os.WriteFile(identity, []byte(offline.String()+"\n"), 0o600))
	other := w.options
	other.Key, err = age.GenerateX25519Identity()
	must(t, err)
	s, err := backup.New(other)
	must(t, err)
	if _, err := s.Verify(t.Context(), file, backup.Opening{}, &w.said); !errors.Is(err, backup.ErrKey) {
		t.Errorf("got %v", err)
	}
	if v, err := s.Verify(t.Context(), file, backup.Opening{Identity: identity}, &w.said); err != nil || v.Moved != 1 {
		t.Errorf("got %d, %v", v.Moved, err)
	}
}

func TestAnUnfinishedBackupIsNone(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	// The part file of a killed one is there, and the next one is cut short.
	must(t, os.MkdirAll(w.dir, 0o700))
	left := filepath.Join(w.dir, "uhs-20260101T000000.000000Z"+backup.Suffix+".part")
	must(t, os.WriteFile(left, []byte("half"), 0o600))
	ctx, stop := context.WithCancel(t.Context())
	if _, err := w.Take(ctx, w.dir, writerFunc(func(p []byte) (int, error) { stop(); return len(p), nil })); err == nil {
		t.Error("a backup that was stopped counts as taken")
	}
	entries, err := os.ReadDir(w.dir)
	must(t, err)
	if len(entries) != 0 {
		t.Errorf("left over: %v", entries)
	}
	w.take()
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestOneBackupAtATime(t *testing.T) {
	w := newWorld(t)
	var inner error
	_, err := w.Take(t.Context(), w.dir, writerFunc(func(p []byte) (int, error) {
		if inner == nil {
			_, inner = w.Take(t.Context(), w.dir, &w.said)
		}
		return len(p), nil
	}))
	if err != nil || !errors.Is(inner, backup.ErrBusy) {
		t.Errorf("got %v and %v", err, inner)
	}
}

func TestAFullDiskIsSaid(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("this test mounts a small disk: run it as root")
	}
	w := newWorld(t)
	w.apply("lodwar", 10)
	noise := make([]byte, 3<<20)
	copy(noise, id.New())
	_, err := w.store.Put(noise)
	must(t, err)
	must(t, os.MkdirAll(w.dir, 0o700))
	mountSmall(t, w.dir, "1m")
	_, err = w.Take(t.Context(), w.dir, &w.said)
	if err == nil || !strings.Contains(err.Error(), "the disk of "+w.dir+" is full") {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(w.dir); err != nil || len(entries) != 0 {
		t.Errorf("left over: %v, %v", entries, err)
	}
}

func TestRetention(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	var files []string
	for range 4 {
		files = append(files, w.take())
	}
	w.verify(files[0])
	must(t, w.Retain(t.Context(), w.dir, 0, &w.said))
	must(t, w.Retain(t.Context(), w.dir, 2, &w.said))
	for i, want := range []bool{true, false, true, true} { // the first is the last verified one
		if _, err := os.Stat(files[i]); (err == nil) != want {
			t.Errorf("file %d: %v", i, err)
		}
	}
	w.verify(files[3])
	must(t, w.Retain(t.Context(), w.dir, 2, &w.said))
	if _, err := os.Stat(files[0]); err == nil {
		t.Error("an older verified backup is kept for ever")
	}
}

func TestRestoreRefuses(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	file := w.take()
	restore := func(o backup.Restoring) error {
		o.Newest = max(o.Newest, 1)
		_, err := w.Restore(t.Context(), file, o, &w.said)
		return err
	}
	if err := restore(backup.Restoring{Into: w.url, Newest: newest}); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("a database that is not empty: %v", err)
	}
	keeper, err := w.Keep(t.Context(), w.db, func(error) {})
	must(t, err)
	if err := restore(backup.Restoring{Into: w.url, Replace: true, Newest: newest}); !errors.Is(err, backup.ErrServing) {
		t.Errorf("while a cloud serves: %v", err)
	}
	must(t, keeper.Close())
	if err := restore(backup.Restoring{Into: w.url, Replace: true}); err == nil || !strings.Contains(err.Error(), "newer software") {
		t.Errorf("a schema of the future: %v", err)
	}
	if err := restore(backup.Restoring{Into: w.url, Replace: true, Newest: newest}); err == nil || !strings.Contains(err.Error(), "is somebody connected") {
		t.Errorf("while somebody is connected: %v", err)
	}
	if n := w.count(`SELECT count(*) FROM learning_activities`); n != 5 {
		t.Errorf("%d activities after refusals", n)
	}

	empty := w.name() + "_new"
	w.dropLater(empty)
	if err := restore(backup.Restoring{Into: on(t, w.url, empty), Newest: newest}); err != nil {
		t.Fatalf("into a database that is not there: %v", err)
	}
	if n := w.countIn(empty, `SELECT count(*) FROM learning_activities`); n != 5 {
		t.Errorf("%d activities in the new one", n)
	}
}

func TestAgeOfTheLastVerifiedBackup(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	file := w.take()
	if _, ok, err := backup.Age(t.Context(), w.db, w.clock.Now()); ok || err != nil {
		t.Errorf("one that was only taken counts: %v", err)
	}
	w.verify(file)
	w.clock.Advance(3 * time.Hour)
	if age, ok, err := backup.Age(t.Context(), w.db, w.clock.Now()); !ok || err != nil || age != 3*time.Hour {
		t.Errorf("got %s, %v, %v", age, ok, err)
	}
}
