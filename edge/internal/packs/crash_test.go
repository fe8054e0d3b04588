package packs_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/edge/internal/packs"
	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
)

// victim tells the child process what to run and when to die.
type victim struct {
	Dir, URL, Key string
	// The process kills itself when it is at the point DieAt for the Nth time; 0 never.
	DieAt string
	Nth   int64
	// Size is the licence's: the child ends when so much is here.
	Size, Edition int64
}

const victimEnv = "UHS_TEST_PACKS_VICTIM"

func TestMain(m *testing.M) {
	if text := os.Getenv(victimEnv); text != "" {
		var v victim
		if err := errors.Join(json.Unmarshal([]byte(text), &v), v.run()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// mortal is a database that dies just before a commit.
type mortal struct {
	db.DB
	step func(string)
}

func (m mortal) Update(ctx context.Context, fn func(db.Tx) error) error {
	return m.DB.Update(ctx, func(tx db.Tx) error {
		err := fn(tx)
		m.step("commit")
		return err
	})
}

// run brings the course up to date, and prints the name of each step.
func (v victim) run() error {
	data, err := sqlite.Open(filepath.Join(v.Dir, "school.db"))
	if err != nil {
		return err
	}
	store, err := pack.OpenStore(filepath.Join(v.Dir, "packs"))
	if err != nil {
		return err
	}
	key, err := age.ParseX25519Identity(v.Key)
	if err != nil {
		return err
	}
	var steps atomic.Int64
	step := func(point string) {
		fmt.Println(point)
		if point == v.DieAt && steps.Add(1) == v.Nth {
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			select {} // nothing runs after it
		}
	}
	s := packs.New(packs.Options{DB: mortal{data, step}, Store: store, Client: http.DefaultClient, BaseURL: v.URL,
		Signer: signer(1).Public().(ed25519.PublicKey), Identity: key, School: school, Clock: clock.System{},
		Log: slog.New(slog.DiscardHandler), RetryMin: 20 * time.Millisecond, KeepFree: 1, Step: step})
	ctx := context.Background()
	if err := s.Start(ctx); err != nil {
		return err
	}
	for range 1_000 {
		all, err := s.Status(ctx)
		if err != nil {
			return err
		}
		if len(all) == 1 && all[0].InstalledEdition == v.Edition && all[0].BytesDone == v.Size {
			return errors.Join(s.Stop(ctx), data.Close())
		}
		time.Sleep(5 * time.Millisecond)
	}
	return errors.New("the course never came")
}

// spawn runs the child; killed tells whether it died of its own SIGKILL.
func (v victim) spawn(t *testing.T) (steps []string, killed bool) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+string(text))
	out, err := cmd.Output()
	steps = strings.Fields(string(out))
	if err == nil {
		return steps, false
	}
	dead, ok := errors.AsType[*exec.ExitError](err)
	if !ok || dead.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%v %s", err, string(dead.Stderr))
	}
	return steps, true
}

// look opens what a killed box left, as its learners would see it.
func look(t *testing.T, b *box, dir string) (edition int64) {
	t.Helper()
	data, err := sqlite.Open(filepath.Join(dir, "school.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = data.Close() }()
	store, err := pack.OpenStore(filepath.Join(dir, "packs"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if bytes, err := store.Read(f.SHA256); err != nil || pack.Hash(bytes) != f.SHA256 {
			t.Errorf("%s lies under its name with other bytes: %d, %v", f.SHA256, len(bytes), err)
		}
	}
	was := b.db
	defer func() { b.db = was }()
	b.db = data
	return b.seen()
}

// A box with edition 1 gets edition 2 and is killed at each
// chunk, blob and commit, and around the swap. Learners see a whole edition
// each time, and no blob that was whole is asked for again.
func TestKilledAtEveryStep(t *testing.T) {
	b := newBox(t)
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	common := random(t, 50_000)
	first, _ := b.course("beans", 1, signer(1), common)
	second, _ := b.course("beans", 2, signer(1), common, random(t, 150_000))
	base := t.TempDir()
	data, err := sqlite.Open(filepath.Join(base, "school.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate.Up(t.Context(), data.Writer(), goose.DialectSQLite3, migrations.SQLite()); err != nil {
		t.Fatal(err)
	}
	b.db = data
	b.arrive(first)
	v := victim{Dir: base, URL: b.server.URL, Key: b.key.String(), Size: first.SizeBytes, Edition: 1}
	if err := data.Close(); err != nil {
		t.Fatal(err)
	}
	v.spawn(t)
	if data, err = sqlite.Open(filepath.Join(base, "school.db")); err != nil {
		t.Fatal(err)
	}
	b.db = data
	b.arrive(second)
	if err := data.Close(); err != nil {
		t.Fatal(err)
	}
	v.Size, v.Edition = second.SizeBytes, 2

	for _, point := range []string{"manifest", "chunk", "blob", "commit", "install", "installed", "evicted"} {
		n := int64(0)
		for killed := true; killed; n++ {
			v.Dir, v.DieAt, v.Nth = t.TempDir(), point, n+1
			if err := os.CopyFS(v.Dir, os.DirFS(base)); err != nil {
				t.Fatal(err)
			}
			killed = killOnce(t, b, v)
		}
		t.Logf("killed at %s: %d times", point, n-1)
		if n < 2 {
			t.Errorf("never killed at %s", point)
		}
	}
	if strings.Count(strings.Join(b.server.requests(), "\n"), pack.Hash(common)) != 1 {
		t.Error("the picture of both editions was fetched more than once")
	}
}

// killOnce kills the child, looks at what it left and lets it go on.
func killOnce(t *testing.T, b *box, v victim) bool {
	t.Helper()
	steps, killed := v.spawn(t)
	if !killed {
		return false
	}
	store, err := pack.OpenStore(filepath.Join(v.Dir, "packs"))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	want := int64(1)
	if slices.Contains(steps, "installed") {
		want = 2
	}
	if seen := look(t, b, v.Dir); seen != want {
		t.Errorf("killed at %s %d: sees edition %d", v.DieAt, v.Nth, seen)
	}
	before := len(b.server.requests())
	at, nth := v.DieAt, v.Nth
	v.DieAt = ""
	v.spawn(t)
	if seen := look(t, b, v.Dir); seen != 2 {
		t.Errorf("after %s %d: sees edition %d", at, nth, seen)
	}
	asked := strings.Join(b.server.requests()[before:], "\n")
	for _, f := range whole {
		if strings.Contains(asked, f.SHA256) {
			t.Errorf("killed at %s %d: %s was whole and is asked for again", at, nth, f.SHA256)
		}
	}
	return true
}

// Learners read without a pause while editions are swapped under them.
func TestALearnerReadsDuringTheSwap(t *testing.T) {
	b := newBox(t)
	l, _ := b.edition(1, signer(1))
	b.arrive(l)
	b.until("installed", isInstalled(1))
	var readers sync.WaitGroup
	var stop atomic.Bool
	var reads atomic.Int64
	for range 4 {
		readers.Go(func() {
			for last := int64(1); !stop.Load(); reads.Add(1) {
				n := b.seen() // fails when lesson and answers are of two editions
				if n < last {
					t.Errorf("edition %d after %d", n, last)
					return
				}
				last = n
			}
		})
	}
	for n := int64(2); n <= 6; n++ {
		l, _ := b.edition(n, signer(1))
		b.arrive(l)
		b.until("swapped", isInstalled(n))
	}
	stop.Store(true)
	readers.Wait()
	if reads.Load() < 10 {
		t.Errorf("only %d reads", reads.Load())
	}
}
