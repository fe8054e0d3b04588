package backup_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/backup"
	"urbanhomeschool.org/uhs/shared/db/postgres"
)

// keep starts and ends a cloud on the world's database, as far as lives are
// concerned, and gives the life it served in.
func (w *world) keep() backup.Life {
	w.t.Helper()
	k, err := w.Keep(w.t.Context(), w.db, func(error) {})
	must(w.t, err)
	must(w.t, k.Close())
	return k.Life()
}

// rawDump is what somebody makes who does not know of our command.
func (w *world) rawDump() string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "raw.dump")
	out, err := exec.CommandContext(w.t.Context(), "/usr/lib/postgresql/15/bin/pg_dump", "--format=custom", "--file="+file, w.url).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// rawRestore puts a raw dump back in the place of the database.
func (w *world) rawRestore(file string) {
	w.t.Helper()
	w.db.Close()
	server(w.t, "DROP DATABASE "+w.name()+" WITH (FORCE)")
	server(w.t, "CREATE DATABASE "+w.name()+" TEMPLATE template0")
	out, err := exec.CommandContext(w.t.Context(), "/usr/lib/postgresql/15/bin/pg_restore", "--exit-on-error", "--dbname="+w.url, file).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	w.open()
}

func TestADatabaseThatWasPutBackIsFoundAtStart(t *testing.T) {
	w := newWorld(t)
	first := w.keep()
	if again := w.keep(); again.Timeline != first.Timeline || again.Reason != backup.First || again.Beat != first.Beat+1 {
		t.Errorf("a restart changed the life: %+v, was %+v", again, first)
	}
	dump := w.rawDump()
	cut := w.clock.Now()
	w.clock.Advance(time.Hour)
	w.keep() // one beat more than the dump has

	w.rawRestore(dump)
	w.clock.Advance(time.Hour)
	second := w.keep()
	if second.Timeline == first.Timeline || second.Reason != backup.Rewound || !second.CutAt.Equal(cut) || w.timeline() != second.Timeline {
		t.Errorf("the rewind was not seen: %+v, was %+v", second, first)
	}
	if n := w.count(`SELECT count(*) FROM incidents WHERE kind = 'database_rewound'`); n != 1 {
		t.Errorf("%d incidents", n)
	}
	if again := w.keep(); again.Timeline != second.Timeline {
		t.Error("the next start begins one more life")
	}

	w.rawRestore(dump) // once more the same: a life the database never heard of was lost
	third := w.keep()
	if third.Timeline == first.Timeline || third.Timeline == second.Timeline {
		t.Errorf("the second rewind was not seen: %+v", third)
	}
}

func TestADeclaredRestoreIsNoRewindOnAnotherMachine(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	w.keep()
	file := w.take()
	w.keep()
	// The restore runs where the data directory of the cloud is not.
	serving := w.options
	w.options.DataDir = t.TempDir()
	w.Service, _ = backup.New(w.options)
	done := w.restore(file)
	w.options = serving
	w.Service, _ = backup.New(w.options)
	if life := w.keep(); life.Timeline != done.Life.Timeline || life.Reason != backup.Restored {
		t.Errorf("got %+v, want the life of the restore %+v", life, done.Life)
	}
	if n := w.count(`SELECT count(*) FROM incidents WHERE kind = 'database_rewound'`); n != 0 {
		t.Errorf("%d incidents of a rewind", n)
	}
}

func TestARewindUnderARunningCloudStopsIt(t *testing.T) {
	w := newWorld(t)
	heard := make(chan error, 1)
	k, err := w.Keep(t.Context(), w.db, func(err error) { heard <- err })
	must(t, err)
	backup.BeatEvery(k, 20*time.Millisecond)
	must(t, k.Start(t.Context()))
	defer func() { _ = k.Stop(context.Background()); _ = k.Close() }()
	for w.count(`SELECT beat FROM cloud_lives`) < 4 {
		time.Sleep(5 * time.Millisecond)
	}
	_, err = w.db.Pool.Exec(t.Context(), `UPDATE cloud_lives SET beat = 0`)
	must(t, err)
	select {
	case err := <-heard:
		if !errors.Is(err, backup.ErrRewound) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing was said")
	}
}

func TestTheLockComesBackAfterABrokenConnection(t *testing.T) {
	w := newWorld(t)
	w.apply("lodwar", 5)
	file := w.take()
	k, err := w.Keep(t.Context(), w.db, func(error) {})
	must(t, err)
	backup.BeatEvery(k, 20*time.Millisecond)
	must(t, k.Start(t.Context()))
	defer func() { _ = k.Stop(context.Background()); _ = k.Close() }()
	other, err := postgres.Open(t.Context(), w.url)
	must(t, err)
	t.Cleanup(other.Close)
	if n := w.count(`SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS x`); n != 1 {
		t.Fatalf("%d locks, want 1", n)
	}
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, err := w.Restore(t.Context(), file, backup.Restoring{Into: w.url, Replace: true, Newest: newest}, &w.said)
		if errors.Is(err, backup.ErrServing) {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestALifeFileThatCannotBeReadStopsTheStart(t *testing.T) {
	w := newWorld(t)
	w.keep()
	must(t, os.WriteFile(filepath.Join(w.options.DataDir, "life.json"), []byte("{"), 0o600))
	if _, err := w.Keep(t.Context(), w.db, func(error) {}); err == nil {
		t.Error("started without knowing")
	}
	must(t, os.WriteFile(filepath.Join(w.options.DataDir, "life.json"), []byte(`{"timeline":"unknown","beat":0}`), 0o600))
	if life := w.keep(); life.Reason != backup.Rewound {
		t.Errorf("got %+v", life)
	}
}
