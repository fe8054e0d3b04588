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
)

// Store keeps blobs and signed manifests in a folder, by their hash. A file
// under its hash is whole: it is written beside, flushed and renamed.
type Store struct{ dir string }

// OpenStore opens or makes the folder.
func OpenStore(dir string) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "part"), 0o750); err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	// What was being put when the power went is whole nowhere.
	left, err := filepath.Glob(filepath.Join(dir, "part", putPrefix+"*"))
	for _, f := range left {
		err = errors.Join(err, os.Remove(f))
	}
	if err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	return &Store{dir: dir}, nil
}

// putPrefix begins the names of files that are not known to be whole.
const putPrefix = "put-"

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

// Path is where the blob is, and whether it is there. It is false for anything
// that is not a hash.
func (s *Store) Path(sha string) (string, bool) {
	if !ValidHash(sha) {
		return "", false
	}
	p := s.path(sha)
	info, err := os.Stat(p)
	return p, err == nil && info.Mode().IsRegular()
}

func (s *Store) path(sha string) string { return filepath.Join(s.dir, sha[:2], sha) }
func (s *Store) part(sha string) string { return filepath.Join(s.dir, "part", sha) }

// Put keeps data and gives its hash. What is there already is not written again.
func (s *Store) Put(data []byte) (string, error) {
	sha := Hash(data)
	if _, ok := s.Path(sha); ok {
		return sha, nil
	}
	f, err := os.CreateTemp(filepath.Join(s.dir, "part"), putPrefix+"*")
	if err != nil {
		return "", fmt.Errorf("keep blob: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already after the rename
	if _, err := f.Write(data); err != nil {
		return "", errors.Join(fmt.Errorf("keep blob: %w", err), f.Close())
	}
	return sha, s.move(f, sha)
}

// move flushes and closes f and puts it in its place, so that after a power cut
// it is there whole or not at all.
func (s *Store) move(f *os.File, sha string) error {
	err := errors.Join(f.Sync(), f.Close())
	if err == nil {
		err = os.MkdirAll(filepath.Dir(s.path(sha)), 0o750)
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path(sha))
	}
	if err == nil {
		err = syncDir(filepath.Dir(s.path(sha)))
	}
	if err != nil {
		return fmt.Errorf("keep blob %s: %w", sha, err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // a folder of the store
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Read gives a blob; fs.ErrNotExist when it is not there.
func (s *Store) Read(sha string) ([]byte, error) {
	p, ok := s.Path(sha)
	if !ok {
		return nil, fmt.Errorf("read blob %s: %w", sha, fs.ErrNotExist)
	}
	return os.ReadFile(p) //nolint:gosec // Path gives only names that are hashes
}

// Remove forgets a blob, e.g. one that the disk has damaged.
func (s *Store) Remove(sha string) error {
	if !ValidHash(sha) {
		return nil
	}
	if err := os.Remove(s.path(sha)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove blob: %w", err)
	}
	return nil
}

// PartSize is how many bytes of a blob have come so far: where to go on.
func (s *Store) PartSize(sha string) int64 {
	info, err := os.Stat(s.part(sha))
	if err != nil {
		return 0
	}
	return info.Size()
}

// Receive appends r to the part of a blob from offset on and, once size bytes
// are there, checks the hash and keeps the blob. Bytes that came before an error
// stay for the next attempt. ErrCorrupt when the whole does not match: then the
// part is dropped.
func (s *Store) Receive(b Blob, offset int64, r io.Reader) error {
	f, err := os.OpenFile(s.part(b.SHA256), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("receive %s: %w", b.Path, err)
	}
	if err := f.Truncate(offset); err != nil {
		return errors.Join(fmt.Errorf("receive %s: %w", b.Path, err), f.Close())
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return errors.Join(fmt.Errorf("receive %s: %w", b.Path, err), f.Close())
	}
	n, err := io.Copy(f, io.LimitReader(r, b.Size-offset+1))
	if err == nil && offset+n < b.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return errors.Join(fmt.Errorf("receive %s: %w", b.Path, err), f.Close())
	}
	if sum, err := hashFile(f); err != nil || sum != b.SHA256 {
		return errors.Join(&BlobError{Blob: b, Err: errors.Join(ErrCorrupt, err)}, f.Close(), os.Remove(f.Name()))
	}
	return s.move(f, b.SHA256)
}

func hashFile(f *os.File) (string, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
