package pack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Piece is one file of a pack, manifest or blob, as it is carried by hand: its
// name is its hash, so it needs no other description.
type Piece struct {
	SHA256 string
	// Size is 0 for a manifest that is not here.
	Size     int64
	Manifest bool
}

// First orders blobs so that a course can be read early: what it cannot do
// without comes before its pictures. Each blob is given once.
func (m Manifest) First() []Blob {
	seen := map[string]bool{}
	out := make([]Blob, 0, len(m.Blobs))
	for _, b := range m.Blobs {
		if !seen[b.SHA256] {
			seen[b.SHA256] = true
			out = append(out, b)
		}
	}
	slices.SortStableFunc(out, func(a, b Blob) int { return rank(a) - rank(b) })
	return out
}

func rank(b Blob) int {
	if b.Role == RoleMedia {
		return 1
	}
	return 0
}

// Keep stores what r gives when its hash is sha, and forgets it otherwise: then
// the error is ErrCorrupt. limit is the most bytes it may have. What is here
// already is not read.
func (s *Store) Keep(sha string, limit int64, r io.Reader) error {
	if !ValidHash(sha) {
		return fmt.Errorf("keep %q: %w", sha, ErrCorrupt)
	}
	if _, ok := s.Path(sha); ok {
		return nil
	}
	f, err := os.CreateTemp(filepath.Join(s.dir, "part"), putPrefix+"*")
	if err != nil {
		return fmt.Errorf("keep blob: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already after the rename
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(r, limit+1))
	if err != nil {
		return errors.Join(fmt.Errorf("keep blob: %w", err), f.Close())
	}
	if n > limit || hex.EncodeToString(h.Sum(nil)) != sha {
		return errors.Join(fmt.Errorf("keep blob %s: %w", sha, ErrCorrupt), f.Close())
	}
	return s.move(f, sha)
}

// Check reads a blob that is here again: a *BlobError with ErrCorrupt when the
// disk gives other bytes than it was given.
func (s *Store) Check(b Blob) error {
	f, err := os.Open(s.path(b.SHA256))
	if err != nil {
		return fmt.Errorf("check blob: %w", err)
	}
	sum, err := hashFile(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("check blob: %w", err)
	}
	if sum != b.SHA256 {
		return &BlobError{Blob: b, Err: ErrCorrupt}
	}
	return nil
}

// Entry is a file of the store.
type Entry struct {
	SHA256 string
	Size   int64
	At     time.Time
}

// List gives the whole blobs and manifests.
func (s *Store) List() ([]Entry, error) {
	all, err := s.list("[0-9a-f][0-9a-f]")
	return slices.DeleteFunc(all, func(e Entry) bool { return !ValidHash(e.SHA256) }), err
}

// ListParts gives the blobs of which some bytes have come.
func (s *Store) ListParts() ([]Entry, error) {
	all, err := s.list("part")
	return slices.DeleteFunc(all, func(e Entry) bool { return !ValidHash(e.SHA256) }), err
}

func (s *Store) list(folders string) ([]Entry, error) {
	names, err := filepath.Glob(filepath.Join(s.dir, folders, "*"))
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	out := make([]Entry, 0, len(names))
	for _, n := range names {
		info, err := os.Stat(n)
		if errors.Is(err, fs.ErrNotExist) { // moved to its place meanwhile
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list blobs: %w", err)
		}
		out = append(out, Entry{SHA256: filepath.Base(n), Size: info.Size(), At: info.ModTime()})
	}
	return out, nil
}

// RemovePart forgets what has come of a blob.
func (s *Store) RemovePart(sha string) error {
	if !ValidHash(sha) {
		return nil
	}
	if err := os.Remove(s.part(sha)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove part: %w", err)
	}
	return nil
}
