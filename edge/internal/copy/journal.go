package copy

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A journal keeps, on the main disk, which contents of pages a chain holds, so
// that a restart compares instead of copying everything. An entry is written
// before its segment is put: after a crash the last one may or may not have
// come to be, and the medium tells which. A journal that is lost or damaged
// costs one full copy.
type journal struct {
	path string
	f    *os.File
	size int64
}

// entry is one segment as the journal knows it; the first of a file is the state
// of the whole chain.
type entry struct {
	Seq    uint64
	Hash   [sha256.Size]byte
	Base   uint64
	Whole  bool
	Pages  []uint32
	Hashes []pageHash
	Length uint32 // pages of the database
	Bytes  int64
}

// maxJournal is when the journal is written anew.
const maxJournal = 2 << 20

// read gives the entries that were written whole.
func (j *journal) read() ([]entry, error) {
	b, err := os.ReadFile(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the copy's journal: %w", err)
	}
	var out []entry
	for len(b) > 12 {
		n := uint64(binary.BigEndian.Uint32(b))
		if uint64(len(b)) < 12+n {
			break
		}
		body := b[12 : 12+n]
		if sum := sha256.Sum256(body); !bytes.Equal(sum[:8], b[4:12]) {
			break
		}
		var e entry
		if err := gob.NewDecoder(bytes.NewReader(body)).Decode(&e); err != nil {
			return out, fmt.Errorf("read the copy's journal: %w", err)
		}
		out = append(out, e)
		b = b[12+n:]
	}
	return out, nil
}

func encodeEntry(e entry) ([]byte, error) {
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(e); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body.Bytes())
	out := binary.BigEndian.AppendUint32(nil, uint32(body.Len()))
	out = append(out, sum[:8]...)
	return append(out, body.Bytes()...), nil
}

// begin replaces the journal by the state of the chain.
func (j *journal) begin(e entry) error {
	j.close()
	b, err := encodeEntry(e)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(j.path), 0o700); err != nil {
		return fmt.Errorf("write the copy's journal: %w", err)
	}
	if err := writeFile(j.path, b); err != nil {
		return fmt.Errorf("write the copy's journal: %w", err)
	}
	if j.f, err = os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return fmt.Errorf("write the copy's journal: %w", err)
	}
	j.size = int64(len(b))
	return nil
}

// add appends an entry, durably.
func (j *journal) add(e entry) error {
	b, err := encodeEntry(e)
	if err != nil {
		return err
	}
	if _, err := j.f.Write(b); err != nil {
		return fmt.Errorf("write the copy's journal: %w", err)
	}
	j.size += int64(len(b))
	if err := j.f.Sync(); err != nil {
		return fmt.Errorf("write the copy's journal: %w", err)
	}
	return nil
}

// remove forgets everything: the next start copies all.
func (j *journal) remove() {
	j.close()
	_ = os.Remove(j.path)
}

func (j *journal) close() {
	if j.f != nil {
		_ = j.f.Close()
		j.f = nil
	}
}
