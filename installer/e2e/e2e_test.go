// Package e2e runs the built binaries as a school and the cloud run them, and
// asserts the main job from outside: over HTTP, in PostgreSQL, in the gateway's
// book. Links are cut and processes are killed; nothing inside is touched.
package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// fresh is how old a payment intent may be at the cloud and still be pushed, in
// the tests' world. In production it is ten minutes.
const fresh = 20 * time.Second

// shared is the world that all tests use that harm nobody.
var shared struct { //nolint:gochecknoglobals // one world for the whole run; starting one per test would take minutes
	once  sync.Once
	world *world.World
	dir   string
	err   error
}

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests that run side by side wait for lines, not for processors.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if shared.world != nil {
		if err := leave(shared.world, shared.dir, code != 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// leave stops a world and deletes it, unless its logs are wanted.
func leave(w *world.World, dir string, failed bool) error {
	err := w.Stop()
	if failed || os.Getenv("UHS_KEEP") != "" {
		fmt.Fprintf(os.Stderr, "the world's logs are kept in %s\n", filepath.Join(dir, "logs"))
		return err
	}
	return errors.Join(err, world.Remove(dir))
}

func binaries() string {
	if dir := os.Getenv("UHS_BIN"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "bin")
}

// courses are the starter courses and the tests' paid course of the platform.
func courses() []string {
	found, _ := filepath.Glob(filepath.Join("..", "content", "*", "course.yaml"))
	found = append(found, filepath.Join("testdata", "saving-money", "course.yaml"))
	for i, f := range found {
		found[i], _ = filepath.Abs(filepath.Dir(f))
	}
	return found
}

func startWorld(ctx context.Context) (*world.World, string, error) {
	return startWorldWith(ctx, world.Options{})
}

// startWorldWith starts a world with further settings.
func startWorldWith(ctx context.Context, o world.Options) (*world.World, string, error) {
	dir, err := os.MkdirTemp("/var/tmp", "uhs-e2e-")
	if err != nil {
		return nil, "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL's user walks through it
		return nil, dir, err
	}
	o.Dir, o.Bin, o.Throwaway = dir, binaries(), true
	o.Cloud = append([]string{"BCRYPT_COST=4", "PAYMENT_ANY_HOUR=true", "PAYMENT_FRESH=" + fresh.String()}, o.Cloud...)
	o.Edge = append([]string{"BCRYPT_COST=4"}, o.Edge...)
	o.Simgate = []string{"SIMGATE_DELAY=200ms", "SIMGATE_LATE=1s"}
	w, err := world.Start(ctx, o)
	if err == nil {
		err = w.Populate(ctx, world.Schools(), courses())
	}
	return w, dir, err
}

// theWorld is the shared world, started by the first test that asks.
func theWorld(t *testing.T) *world.World {
	t.Helper()
	shared.once.Do(func() {
		shared.world, shared.dir, shared.err = startWorld(context.Background())
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.world
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await waits for ok and fails the test when it does not come true.
func await(t *testing.T, what string, ok func(ctx context.Context) (bool, error)) {
	t.Helper()
	must(t, world.Await(t.Context(), 90*time.Second, what, ok))
}

// problem is the problem document of an error, nil when it is none.
func problem(err error) *world.Problem {
	p, _ := errors.AsType[*world.Problem](err)
	return p
}
