package copy

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// A segment is a file:
//
//	magic | chain | seq | previous segment's SHA-256 | box's node key
//	age( zstd( time | base | whole | page size | pages | count | count × (number, content) ) )
//	signature of the node key over the SHA-256 of all before it
//
// The first line is in the clear: it tells nothing but the order. The signature
// covers the whole file, and the previous segment's hash all before it.
const (
	segmentMagic = "UHSCOPY1"
	clearSize    = len(segmentMagic) + 16 + 8 + sha256.Size + ed25519.PublicKeySize
	metaSize     = 8 + 8 + 1 + 4 + 4 + 4
	// maxSegment bounds a file, and with it what a reader must hold.
	maxSegment = 8 << 20
	// segmentPages is how many pages of 4 KiB a segment holds at most.
	segmentPages = 1024
)

// link is a segment's place in its chain.
type link struct {
	chain [16]byte
	seq   uint64
	prev  [sha256.Size]byte
	key   ed25519.PublicKey
}

// meta says what the database is after the segment.
type meta struct {
	at time.Time
	// base is the first segment of those that hold every page at least once; zero
	// while no base is complete.
	base uint64
	// whole tells that after this segment the pages are those of one commit.
	whole    bool
	pageSize int
	pages    uint32
}

// page is one page's content.
type page struct {
	number  uint32
	content []byte
}

// encodeSegment writes a segment that the recipients can open.
func encodeSegment(l link, m meta, pages []page, sign ed25519.PrivateKey, to []age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(segmentMagic)
	out.Write(l.chain[:])
	out.Write(binary.BigEndian.AppendUint64(nil, l.seq))
	out.Write(l.prev[:])
	out.Write(l.key)
	sealed, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, fmt.Errorf("encrypt the segment: %w", err)
	}
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, err
	}
	head := binary.BigEndian.AppendUint64(make([]byte, 0, metaSize), uint64(m.at.UnixMicro()))
	head = binary.BigEndian.AppendUint64(head, m.base)
	whole := byte(0)
	if m.whole {
		whole = 1
	}
	head = append(head, whole)
	head = binary.BigEndian.AppendUint32(head, uint32(m.pageSize))
	head = binary.BigEndian.AppendUint32(head, m.pages)
	head = binary.BigEndian.AppendUint32(head, uint32(len(pages)))
	if _, err := packed.Write(head); err != nil {
		return nil, fmt.Errorf("encrypt the segment: %w", err)
	}
	for _, p := range pages {
		if _, err := packed.Write(binary.BigEndian.AppendUint32(nil, p.number)); err != nil {
			return nil, fmt.Errorf("encrypt the segment: %w", err)
		}
		if _, err := packed.Write(p.content); err != nil {
			return nil, fmt.Errorf("encrypt the segment: %w", err)
		}
	}
	if err := errors.Join(packed.Close(), sealed.Close()); err != nil {
		return nil, fmt.Errorf("encrypt the segment: %w", err)
	}
	sum := sha256.Sum256(out.Bytes())
	out.Write(ed25519.Sign(sign, sum[:]))
	return out.Bytes(), nil
}

// errDamaged is given for a segment that is not what its box wrote.
var errDamaged = errors.New("copy: the segment is damaged")

// readLink reads the clear part and checks the signature.
func readLink(b []byte) (l link, err error) {
	if len(b) < clearSize+ed25519.SignatureSize || string(b[:len(segmentMagic)]) != segmentMagic {
		return l, errDamaged
	}
	rest := b[len(segmentMagic):]
	l.chain = [16]byte(rest[:16])
	l.seq = binary.BigEndian.Uint64(rest[16:])
	l.prev = [sha256.Size]byte(rest[24:])
	l.key = ed25519.PublicKey(bytes.Clone(rest[24+sha256.Size : 24+sha256.Size+ed25519.PublicKeySize]))
	end := len(b) - ed25519.SignatureSize
	sum := sha256.Sum256(b[:end])
	if !ed25519.Verify(l.key, sum[:], b[end:]) {
		return l, errDamaged
	}
	return l, nil
}

// openSegment decrypts a segment whose link was read. each may be nil.
func openSegment(b []byte, identities []age.Identity, each func(m meta, p page) error) (m meta, err error) {
	plain, err := age.Decrypt(bytes.NewReader(b[clearSize:len(b)-ed25519.SignatureSize]), identities...)
	if _, no := errors.AsType[*age.NoIdentityMatchError](err); no {
		return m, ErrWrongKey
	}
	if err != nil {
		return m, fmt.Errorf("%w: %w", errDamaged, err)
	}
	r, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(16<<20), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return m, err
	}
	defer r.Close()
	var head [metaSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return m, fmt.Errorf("%w: %w", errDamaged, err)
	}
	m = meta{at: time.UnixMicro(int64(binary.BigEndian.Uint64(head[:]))).UTC(), base: binary.BigEndian.Uint64(head[8:]), whole: head[16] == 1,
		pageSize: int(binary.BigEndian.Uint32(head[17:])), pages: binary.BigEndian.Uint32(head[21:])}
	if !validPageSize(m.pageSize) {
		return m, errDamaged
	}
	if each == nil {
		return m, nil
	}
	buf := make([]byte, 4+m.pageSize)
	for range binary.BigEndian.Uint32(head[25:]) {
		if _, err := io.ReadFull(r, buf); err != nil {
			return m, fmt.Errorf("%w: %w", errDamaged, err)
		}
		number := binary.BigEndian.Uint32(buf)
		if number == 0 || number > m.pages {
			return m, errDamaged
		}
		if err := each(m, page{number, buf[4:]}); err != nil {
			return m, err
		}
	}
	return m, nil
}
