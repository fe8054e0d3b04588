package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"urbanhomeschool.org/uhs/shared/crash"
	"urbanhomeschool.org/uhs/shared/db"
)

// Generation is a new file that takes the place of the present one.
type Generation struct {
	// Path is the new file, made by NextPath and complete but for what Fill adds.
	Path string
	// Fill copies what is newest out of the present file at old, while no writer
	// can change it. It leaves the new file closed.
	Fill func(ctx context.Context, old string) error
	// Step, optional, is told each step by name; its error ends the swap there, as
	// a crash would.
	Step func(name string) error
}

// The steps of a swap, in order.
const (
	StepLocked = "locked" // writers wait
	StepFilled = "filled" // the new file has everything
	StepSynced = "synced" // and is on the disk
	StepLinked = "linked" // the name leads to it
)

// NextPath is where the file that replaces the present one is built. Its number
// is one higher: the file before the present one may still have readers.
func (d *DB) NextPath() (string, error) {
	now, err := target(d.path)
	if err != nil {
		return "", fmt.Errorf("find the database file: %w", err)
	}
	n := 2
	for generation(d.path, n-1) != now && now != d.path && n < maxGeneration {
		n++
	}
	return generation(d.path, n), nil
}

// maxGeneration bounds the search for a name that somebody else chose.
const maxGeneration = 1 << 20

// Present is the file in use, which the database's name leads to.
func (d *DB) Present() (string, error) { return target(d.path) }

// target is the file that the database's name leads to, in the same folder.
func target(path string) (string, error) {
	to, err := os.Readlink(path)
	if err == nil {
		return filepath.Join(filepath.Dir(path), filepath.Base(to)), nil
	}
	_, err = os.Lstat(path)
	return path, err
}

func generation(path string, n int) string {
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s.%d%s", strings.TrimSuffix(path, ext), n, ext)
}

// OnSwap has fn called after each swap, for those who hold the file themselves.
func (d *DB) OnSwap(fn func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.swapped = append(d.swapped, fn)
}

// Swap makes g the file of d: it holds the writer, lets g fill, and puts a
// symbolic link under the database's name in one rename. So a crash leaves the
// old file or the new one, each with a write-ahead log of its own. Reads that
// have begun end on the old file, which is then removed. After an error the old
// file is in use, but for an error that says that the name is not safely on the
// disk.
func (d *DB) Swap(ctx context.Context, g Generation) error {
	if err := d.takeTurn(ctx); err != nil {
		return err
	}
	defer d.endTurn()
	step := g.Step
	if step == nil {
		step = func(string) error { return nil }
	}
	old, err := target(d.path)
	if err != nil {
		return fmt.Errorf("swap: %w", err)
	}
	// The lock of the file itself keeps writers of other processes away.
	lock, err := d.now().w.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("swap: %w", err)
	}
	defer func() { _ = lock.Rollback() }()
	if err := step(StepLocked); err != nil {
		return err
	}
	if err := g.Fill(ctx, old); err != nil {
		return fmt.Errorf("swap: %w", err)
	}
	if err := step(StepFilled); err != nil {
		return err
	}
	fresh, err := ready(g.Path) //nolint:contextcheck // the handles live longer than the call
	if err != nil {
		return fmt.Errorf("swap: %w", err)
	}
	if err = step(StepSynced); err == nil {
		crash.Here(crash.SnapshotBeforeRename)
		err = relink(d.path, g.Path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("swap: %w", err), fresh.close())
	}
	crash.Here(crash.SnapshotAfterRename)
	linked := syncDir(filepath.Dir(d.path))
	_ = lock.Rollback()
	d.use(fresh, old, linked == nil)
	return errors.Join(linked, step(StepLinked))
}

// ready flushes the file and opens it, so that nothing can fail any more once
// the name leads to it.
func ready(path string) (*handles, error) {
	for _, suffix := range []string{"-wal", "-shm"} {
		if info, err := os.Stat(path + suffix); err == nil && info.Size() > 0 && suffix == "-wal" {
			return nil, fmt.Errorf("%s is not complete: its log was not written back", filepath.Base(path))
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // our own database file
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	return openHandles(path)
}

func relink(name, target string) error {
	next := name + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(filepath.Base(target), next); err != nil {
		return err
	}
	return os.Rename(next, name)
}

func syncDir(dir string) error {
	f, err := os.Open(dir) //nolint:gosec // the data directory
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// use lets everybody work on fresh. The old file goes when its last reader has
// ended; it stays when the disk may still hold the old name.
func (d *DB) use(fresh *handles, old string, remove bool) {
	d.mu.Lock()
	before := d.files
	d.files = fresh
	told := append([]func(){}, d.swapped...)
	d.mu.Unlock()
	d.closing.Go(func() {
		before.readers.Wait()
		_ = before.close()
		if remove {
			discard(d.path, old)
		}
	})
	for _, fn := range told {
		fn()
	}
}

// discard removes a file that is out of use. The first generation lay under the
// database's own name, which by now is the link.
func discard(name, old string) {
	if old != name {
		_ = os.Remove(old)
	}
	_ = os.Remove(old + "-wal")
	_ = os.Remove(old + "-shm")
}

// Tidy removes what a crash in a swap has left beside the database at path. Call
// it before Open, in the one process that may swap.
func Tidy(path string) error {
	_ = os.Remove(path + ".next")
	now, err := target(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tidy the data directory: %w", err)
	}
	all, err := filepath.Glob(strings.TrimSuffix(path, filepath.Ext(path)) + ".*" + filepath.Ext(path) + "*")
	if err != nil {
		return fmt.Errorf("tidy the data directory: %w", err)
	}
	for _, p := range all {
		if !strings.HasPrefix(p, now) && isGeneration(path, p) {
			_ = os.Remove(p)
		}
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		_ = os.Remove(path + "-wal")
		_ = os.Remove(path + "-shm")
	}
	return nil
}

// isGeneration tells whether p is a generation of the database at path, or a
// file that SQLite keeps beside one.
func isGeneration(path, p string) bool {
	ext := filepath.Ext(path)
	rest, ok := strings.CutPrefix(p, strings.TrimSuffix(path, ext)+".")
	number, tail, found := strings.Cut(rest, ext)
	return ok && found && number != "" && strings.Trim(number, "0123456789") == "" && (tail == "" || tail == "-wal" || tail == "-shm" || tail == "-journal")
}

var _ db.DB = (*DB)(nil)
