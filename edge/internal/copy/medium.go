package copy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Medium is where a copy goes: a disk, a stick, or a neighbour's box. It holds
// chains of segments by number. What was put once is never written over.
type Medium interface {
	// Check tells whether the medium is there and fit; it writes nothing but the
	// marker of a fresh one.
	Check(ctx context.Context) error
	// Segments lists the numbers of a chain's whole segments, ascending.
	Segments(ctx context.Context, chain string) ([]uint64, error)
	Get(ctx context.Context, chain string, seq uint64) ([]byte, error)
	Put(ctx context.Context, chain string, seq uint64, data []byte) error
	// Drop removes a chain's segments below a number.
	Drop(ctx context.Context, chain string, below uint64) error
	// Chains lists the chains.
	Chains(ctx context.Context) ([]string, error)
	String() string
}

// Trouble is what is wrong with a medium. Its code is what the box reports.
type Trouble struct {
	Code  string
	Cause error
}

// Error implements error.
func (t *Trouble) Error() string {
	if t.Cause != nil {
		return "the second medium: " + t.Code + ": " + t.Cause.Error()
	}
	return "the second medium: " + t.Code
}

// Unwrap gives the cause.
func (t *Trouble) Unwrap() error { return t.Cause }

// The states of a copy; OK and SameDisk are those in which it is made.
const (
	OK          = "ok"
	Starting    = "starting"    // the first copy is not complete
	SameDisk    = "same_disk"   // the directory lies on the main disk: it would die with it
	Missing     = "missing"     // the stick is not there
	Full        = "full"        // no room is left
	ReadOnly    = "read_only"   // it cannot be written
	Failing     = "failing"     // it gives errors
	Unreachable = "unreachable" // the neighbour does not answer
	Refused     = "refused"     // the neighbour does not let us
	NoKey       = "no_key"      // the cloud has not told yet who can open the copy
)

// trouble names what an operation of the file system met.
func trouble(err error) error {
	var t *Trouble
	switch {
	case err == nil || errors.As(err, &t):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return &Trouble{Full, err}
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return &Trouble{ReadOnly, err}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENOTDIR):
		return &Trouble{Missing, err}
	}
	return &Trouble{Failing, err}
}

// markerName is the file by which a prepared medium is known. A directory
// without it is a mount point whose stick is not there.
const markerName = "uhs-copy.json"

type marker struct {
	Format int `json:"format"`
}

// Dir is a medium in a directory.
type Dir struct {
	path, main string
	// Same tells, after Check, that the directory is on the main disk.
	same bool
}

// NewDir is the medium at path; main is a directory on the main disk.
func NewDir(path, main string) *Dir { return &Dir{path: path, main: main} }

// String implements Medium.
func (d *Dir) String() string { return d.path }

// Check implements Medium. A fresh disk is marked; a directory on the main disk
// is not, unless Prepare did: it is most likely where a stick should be.
func (d *Dir) Check(context.Context) error {
	same, err := sameDevice(d.path, d.main)
	if err != nil {
		return trouble(err)
	}
	d.same = same
	b, err := os.ReadFile(filepath.Join(d.path, markerName))
	switch {
	case errors.Is(err, fs.ErrNotExist) && same:
		return &Trouble{Missing, nil}
	case errors.Is(err, fs.ErrNotExist):
		return d.Prepare()
	case err != nil:
		return trouble(err)
	}
	var m marker
	if json.Unmarshal(b, &m) != nil || m.Format != 1 {
		return &Trouble{Failing, errors.New("the marker " + markerName + " is not ours")}
	}
	return nil
}

// Prepare marks the directory as a medium, wherever it lies.
func (d *Dir) Prepare() error {
	b, err := json.Marshal(marker{1})
	if err != nil {
		return err
	}
	return trouble(writeFile(filepath.Join(d.path, markerName), b))
}

func sameDevice(a, b string) (bool, error) {
	var x, y syscall.Stat_t
	if err := syscall.Stat(a, &x); err != nil {
		return false, &fs.PathError{Op: "stat", Path: a, Err: err}
	}
	if err := syscall.Stat(b, &y); err != nil {
		return false, &fs.PathError{Op: "stat", Path: b, Err: err}
	}
	return x.Dev == y.Dev, nil
}

const (
	chainPrefix   = "copy-"
	segmentSuffix = ".seg"
)

func segmentName(seq uint64) string { return fmt.Sprintf("%012d%s", seq, segmentSuffix) }

func segmentOf(name string) (uint64, bool) {
	n, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(n) != 12 {
		return 0, false
	}
	seq, err := strconv.ParseUint(n, 10, 64)
	return seq, err == nil && seq > 0
}

func (d *Dir) dir(chain string) string { return filepath.Join(d.path, chainPrefix+chain) }

// Segments implements Medium.
func (d *Dir) Segments(_ context.Context, chain string) ([]uint64, error) {
	entries, err := os.ReadDir(d.dir(chain))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, trouble(err)
	}
	var out []uint64
	for _, e := range entries {
		if seq, ok := segmentOf(e.Name()); ok {
			out = append(out, seq)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Chains implements Medium.
func (d *Dir) Chains(context.Context) ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, trouble(err)
	}
	var out []string
	for _, e := range entries {
		if chain, ok := strings.CutPrefix(e.Name(), chainPrefix); ok && ValidChain(chain) && e.IsDir() {
			out = append(out, chain)
		}
	}
	return out, nil
}

// ValidChain tells whether s can be a chain's name: 32 hexadecimal digits.
func ValidChain(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// Get implements Medium.
func (d *Dir) Get(_ context.Context, chain string, seq uint64) ([]byte, error) {
	f, err := os.Open(filepath.Join(d.dir(chain), segmentName(seq)))
	if err != nil {
		return nil, trouble(err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxSegment+1))
	if err != nil {
		return nil, trouble(err)
	}
	if len(b) > maxSegment {
		return nil, errDamaged
	}
	return b, nil
}

// errThere is given for a segment that was put before.
var errThere = errors.New("copy: the segment is there already")

// Put implements Medium: the file appears whole or not at all.
func (d *Dir) Put(_ context.Context, chain string, seq uint64, data []byte) error {
	if err := os.MkdirAll(d.dir(chain), 0o700); err != nil {
		return trouble(err)
	}
	path := filepath.Join(d.dir(chain), segmentName(seq))
	if _, err := os.Lstat(path); err == nil {
		return errThere
	}
	return trouble(writeFile(path, data))
}

// writeFile makes path appear whole, and durable, or not at all.
func writeFile(path string, data []byte) error {
	tmp := path + ".part"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // configured by whoever runs the box
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path) //nolint:gosec // configured by whoever runs the box
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) { // some file systems of sticks cannot
		err = nil
	}
	return errors.Join(err, d.Close())
}

// Drop implements Medium.
func (d *Dir) Drop(ctx context.Context, chain string, below uint64) error {
	all, err := d.Segments(ctx, chain)
	if err != nil {
		return err
	}
	for _, seq := range all {
		if seq >= below {
			return nil
		}
		if err := os.Remove(filepath.Join(d.dir(chain), segmentName(seq))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return trouble(err)
		}
	}
	return nil
}
