package copy

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Shelf keeps the copies of neighbours' boxes on this one. It cannot read them.
// Whoever knows the token may put and fetch; what was put is never written over.
type Shelf struct {
	dir      *Dir
	token    [sha256.Size]byte
	quota    int64
	keepFree int64

	mu sync.Mutex // of what is measured and then written
}

// OpenShelf opens the shelf in a directory. All copies together stay below quota
// bytes, and so much of the disk is left free.
func OpenShelf(path, token string, quota, keepFree int64) (*Shelf, error) {
	if len(token) < 16 {
		return nil, errors.New("the token of neighbours' copies is shorter than 16 characters")
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("open the shelf of copies: %w", err)
	}
	return &Shelf{dir: NewDir(path, path), token: sha256.Sum256([]byte(token)), quota: quota, keepFree: keepFree}, nil
}

// Admits tells whether token is the shelf's.
func (s *Shelf) Admits(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], s.token[:]) == 1
}

// Errors of a shelf.
var (
	ErrThere   = errThere
	ErrNoRoom  = errors.New("copy: the shelf is full")
	ErrTooLong = errors.New("copy: the segment is too long")
	ErrAbsent  = errors.New("copy: there is no such segment")
)

// Chains lists the copies here.
func (s *Shelf) Chains(ctx context.Context) ([]string, error) { return s.dir.Chains(ctx) }

// Segments lists a copy's segments.
func (s *Shelf) Segments(ctx context.Context, chain string) ([]uint64, error) {
	if !ValidChain(chain) {
		return nil, ErrAbsent
	}
	return s.dir.Segments(ctx, chain)
}

// Get gives a segment.
func (s *Shelf) Get(ctx context.Context, chain string, seq uint64) ([]byte, error) {
	if !ValidChain(chain) {
		return nil, ErrAbsent
	}
	b, err := s.dir.Get(ctx, chain, seq)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrAbsent
	}
	return b, err
}

// Put stores a segment that its box signed.
func (s *Shelf) Put(ctx context.Context, chain string, seq uint64, data []byte) error {
	if len(data) > maxSegment {
		return ErrTooLong
	}
	l, err := readLink(data)
	if err != nil || fmt.Sprintf("%x", l.chain) != chain || l.seq != seq {
		return errDamaged
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(int64(len(data))); err != nil {
		return err
	}
	return s.dir.Put(ctx, chain, seq, data)
}

// room tells whether n more bytes may be stored.
func (s *Shelf) room(n int64) error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(s.dir.path, &disk); err != nil {
		return fmt.Errorf("measure the shelf: %w", err)
	}
	if int64(disk.Bavail)*disk.Bsize-n < s.keepFree {
		return ErrNoRoom
	}
	var used int64
	err := filepath.WalkDir(s.dir.path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		i, err := e.Info()
		if err != nil {
			return err
		}
		used += i.Size()
		return nil
	})
	if err != nil {
		return fmt.Errorf("measure the shelf: %w", err)
	}
	if used+n > s.quota {
		return ErrNoRoom
	}
	return nil
}

// Drop removes a copy's segments below a number.
func (s *Shelf) Drop(ctx context.Context, chain string, below uint64) error {
	if !ValidChain(chain) {
		return ErrAbsent
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dir.Drop(ctx, chain, below)
}

// IsDamaged tells whether a segment was refused because it is none.
func IsDamaged(err error) bool { return errors.Is(err, errDamaged) }
