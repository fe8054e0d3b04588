package backup

import (
	"archive/tar"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
	"strings"

	"filippo.io/age"
)

// The file is age around a tar. A part's size is not known before it was read,
// so a part is cut into entries "<part>/000000", "<part>/000001" ...; the
// manifest and its MAC come last. `age -d FILE | tar x` opens it by hand.
const (
	chunkSize    = 4 << 20
	manifestName = "manifest.json"
	macName      = "manifest.mac"
	maxManifest  = 1 << 30
)

// Part is one thing inside a backup.
type Part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// archiveWriter writes a backup to a stream.
type archiveWriter struct {
	enc   io.WriteCloser
	tar   *tar.Writer
	parts []Part
}

func newArchiveWriter(to io.Writer, recipients []age.Recipient) (*archiveWriter, error) {
	enc, err := age.Encrypt(to, recipients...)
	if err != nil {
		return nil, fmt.Errorf("encrypt the backup: %w", err)
	}
	return &archiveWriter{enc: enc, tar: tar.NewWriter(enc)}, nil
}

// add copies a part from r, in bounded memory.
func (w *archiveWriter) add(name string, r io.Reader) error {
	sum := sha256.New()
	p := Part{Name: name}
	buffer := make([]byte, chunkSize)
	for n := 0; ; n++ {
		k, err := io.ReadFull(r, buffer)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		if k > 0 || n == 0 { // an empty part has one empty entry
			if werr := w.entry(fmt.Sprintf("%s/%06d", name, n), buffer[:k]); werr != nil {
				return werr
			}
		}
		sum.Write(buffer[:k])
		p.Size += int64(k)
		if last {
			break
		}
	}
	p.SHA256 = hex.EncodeToString(sum.Sum(nil))
	w.parts = append(w.parts, p)
	return nil
}

func (w *archiveWriter) entry(name string, data []byte) error {
	if err := w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(data)), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := w.tar.Write(data)
	return err
}

// close writes the manifest with the list of parts, and the end. Without it the
// file is no backup.
func (w *archiveWriter) close(m Manifest, macKey []byte) error {
	m.Parts = w.parts
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return errors.Join(w.entry(manifestName, raw), w.entry(macName, macOf(macKey, raw)), w.tar.Close(), w.enc.Close())
}

// macOf proves that the manifest was written by this installation: anybody who
// knows the recipient could encrypt a file to it.
func macOf(key, manifest []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(manifest)
	return []byte(hex.EncodeToString(h.Sum(nil)))
}

// What is wrong with a file.
var (
	// ErrDamaged: the file is cut, changed, or no backup.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrKey: none of the keys opens it.
	ErrKey = errors.New("this key does not open the backup")
	// ErrForeign: it was made with another SECRET_KEY.
	ErrForeign = errors.New("the backup was made with another SECRET_KEY: the keys derived from it would not fit")
)

// readArchive reads a whole backup and checks every hash in it. sink takes the
// bytes of a part as they come; they are proven only when readArchive has
// returned without an error.
func readArchive(from io.Reader, keys []age.Identity, macKey []byte, sink func(part string, data []byte) error) (Manifest, error) {
	var m Manifest
	plain, err := age.Decrypt(from, keys...)
	var wrong *age.NoIdentityMatchError
	switch {
	case errors.As(err, &wrong):
		return m, ErrKey
	case err != nil:
		return m, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	r := &archiveReader{tar: tar.NewReader(plain), sink: sink}
	raw, mac, err := r.parts()
	if err != nil {
		return m, err
	}
	if _, err := io.Copy(io.Discard, plain); err != nil { // the last chunk of age says that nothing is missing
		return m, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if !hmac.Equal(mac, macOf(macKey, raw)) {
		return m, ErrForeign
	}
	if err := json.Unmarshal(raw, &m); err != nil || m.Format != format {
		return m, fmt.Errorf("%w: the manifest cannot be read", ErrDamaged)
	}
	if !slices.Equal(m.Parts, r.found) {
		return m, fmt.Errorf("%w: its parts are not those of the manifest", ErrDamaged)
	}
	return m, nil
}

type archiveReader struct {
	tar   *tar.Reader
	sink  func(part string, data []byte) error
	found []Part

	name string // of the part under way
	next int
	size int64
	sum  hash.Hash
}

// parts reads to the end of the tar and gives the manifest and its MAC.
func (r *archiveReader) parts() (manifest, mac []byte, err error) {
	buffer := make([]byte, chunkSize)
	for {
		h, err := r.tar.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		switch h.Name {
		case manifestName:
			r.finish()
			manifest, err = r.small(h)
		case macName:
			mac, err = r.small(h)
		default:
			err = r.chunk(h, buffer)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if manifest == nil || mac == nil {
		return nil, nil, fmt.Errorf("%w: it has no manifest", ErrDamaged)
	}
	return manifest, mac, nil
}

func (r *archiveReader) small(h *tar.Header) ([]byte, error) {
	var b bytes.Buffer
	if h.Size > maxManifest {
		return nil, fmt.Errorf("%w: the manifest is too large", ErrDamaged)
	}
	if _, err := io.Copy(&b, r.tar); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return b.Bytes(), nil
}

func (r *archiveReader) chunk(h *tar.Header, buffer []byte) error {
	part, number := path.Split(h.Name)
	part = strings.TrimSuffix(part, "/")
	if part != r.name || r.sum == nil {
		r.finish()
		r.name, r.next, r.size, r.sum = part, 0, 0, sha256.New()
	}
	if number != fmt.Sprintf("%06d", r.next) || h.Size > chunkSize || h.Typeflag != tar.TypeReg {
		return fmt.Errorf("%w: the entries of %s are not in order", ErrDamaged, part)
	}
	data := buffer[:h.Size]
	if _, err := io.ReadFull(r.tar, data); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	r.next, r.size = r.next+1, r.size+h.Size
	r.sum.Write(data)
	return r.sink(part, data)
}

func (r *archiveReader) finish() {
	if r.sum != nil {
		r.found = append(r.found, Part{r.name, r.size, hex.EncodeToString(r.sum.Sum(nil))})
	}
	r.sum = nil
}
