package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
)

var (
	createWords = `CREATE TABLE words (n INTEGER PRIMARY KEY, word TEXT NOT NULL)`
	addWord     = db.SQL{SQLite: `INSERT INTO words (word) VALUES ($1)`}
	listWords   = db.SQL{SQLite: `SELECT word FROM words ORDER BY n`}
	countWords  = db.SQL{SQLite: `SELECT count(*) FROM words`}
)

func open(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	d, err := sqlite.Open(path)
	must(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, d *sqlite.DB, word string) {
	t.Helper()
	must(t, d.Update(t.Context(), func(tx db.Tx) error { _, err := tx.Exec(t.Context(), addWord, word); return err }))
}

func words(t *testing.T, d *sqlite.DB) (out []string) {
	t.Helper()
	must(t, d.View(t.Context(), func(tx db.Tx) (err error) {
		rows, err := tx.Query(t.Context(), listWords)
		out, err = db.Collect(rows, err, db.Scalar[string])
		return err
	}))
	return out
}

// successor builds a new file that gets all words of the old one, and "new".
func successor(t *testing.T, d *sqlite.DB) sqlite.Generation {
	t.Helper()
	path, err := d.NextPath()
	must(t, err)
	return sqlite.Generation{Path: path, Fill: func(ctx context.Context, old string) error {
		n, err := sqlite.Open(path)
		if err != nil {
			return err
		}
		for _, q := range []string{createWords, "ATTACH DATABASE '" + old + "' AS old", "INSERT INTO main.words SELECT * FROM old.words",
			"DETACH DATABASE old", "INSERT INTO words (word) VALUES ('new')"} {
			if _, err := n.Writer().ExecContext(ctx, q); err != nil {
				return errors.Join(err, n.Close())
			}
		}
		return n.Close()
	}}
}

func start(t *testing.T) (*sqlite.DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "school.db")
	d := open(t, path)
	_, err := d.Writer().ExecContext(t.Context(), createWords)
	must(t, err)
	add(t, d, "first")
	return d, path
}

func TestSwap(t *testing.T) {
	t.Run("a read that has begun ends on the old file, the next sees the new one", func(t *testing.T) {
		d, _ := start(t)
		must(t, d.View(t.Context(), func(tx db.Tx) error {
			rows, err := tx.Query(t.Context(), countWords)
			if n, err := db.One(rows, err, db.Scalar[int64]); err != nil || n != 1 {
				t.Errorf("%d words, %v", n, err)
			}
			must(t, d.Swap(t.Context(), successor(t, d)))
			rows, err = tx.Query(t.Context(), countWords)
			if n, err := db.One(rows, err, db.Scalar[int64]); err != nil || n != 1 {
				t.Errorf("in the same read: %d words, %v", n, err)
			}
			return nil
		}))
		if got := words(t, d); fmt.Sprint(got) != "[first new]" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("no write is lost between the two files, over many swaps", func(t *testing.T) {
		d, path := start(t)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		written := 1
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					add(t, d, "more")
					written++
				}
			}
		})
		for range 5 {
			must(t, d.Swap(t.Context(), successor(t, d)))
		}
		close(stop)
		wg.Wait()
		if got := len(words(t, d)); got != written+5 {
			t.Errorf("%d words, want %d", got, written+5)
		}
		must(t, d.Close())
		if got := len(words(t, open(t, path))); got != written+5 {
			t.Errorf("%d words after a restart", got)
		}
		if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(files) > 4 { // the link, the file, its log and index
			t.Errorf("old files are left: %v", files)
		}
	})
	t.Run("the one who holds the file is told", func(t *testing.T) {
		d, _ := start(t)
		told := 0
		d.OnSwap(func() { told++ })
		must(t, d.Swap(t.Context(), successor(t, d)))
		if told != 1 {
			t.Errorf("told %d times", told)
		}
	})
}

// A crash at each step leaves the old file or the new one, whole, and what it
// leaves beside is cleared at the next start.
func TestACrashInASwapLeavesOneOfTheTwo(t *testing.T) {
	crash := errors.New("crash")
	for _, at := range []string{sqlite.StepLocked, sqlite.StepFilled, sqlite.StepSynced, sqlite.StepLinked} {
		t.Run(at, func(t *testing.T) {
			d, path := start(t)
			must(t, d.Swap(t.Context(), successor(t, d))) // so that the name is a link already
			before := fmt.Sprint(words(t, d))
			g := successor(t, d)
			g.Step = func(name string) error {
				if name == at {
					return crash
				}
				return nil
			}
			if err := d.Swap(t.Context(), g); !errors.Is(err, crash) {
				t.Fatalf("got %v", err)
			}
			want := before
			if at == sqlite.StepLinked {
				want = "[first new new]"
			}
			if got := fmt.Sprint(words(t, d)); got != want {
				t.Errorf("the running process has %v, want %v", got, want)
			}
			must(t, d.Close())
			must(t, sqlite.Tidy(path))
			if got := fmt.Sprint(words(t, open(t, path))); got != want {
				t.Errorf("after a restart %v, want %v", got, want)
			}
		})
	}
}

func TestTidyKeepsTheFileInUseAndStrangers(t *testing.T) {
	d, path := start(t)
	must(t, d.Swap(t.Context(), successor(t, d)))
	must(t, d.Close())
	dir := filepath.Dir(path)
	for _, name := range []string{"school.3.db", "school.3.db-wal", "school.db.next", "school.db-wal", "school.old.db", "other.2.db"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("left"), 0o600))
	}
	must(t, sqlite.Tidy(path))
	for name, stays := range map[string]bool{"school.3.db": false, "school.3.db-wal": false, "school.db.next": false, "school.db-wal": false,
		"school.old.db": true, "other.2.db": true, "school.2.db": true, "school.db": true} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := words(t, open(t, path)); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	must(t, sqlite.Tidy(filepath.Join(t.TempDir(), "school.db"))) // nothing is there yet
}
