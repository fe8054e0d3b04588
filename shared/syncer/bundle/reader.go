package bundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/syncproto"
)

// Reader reads a bundle as a stream. It holds one segment in memory and never
// panics, whatever the bytes.
type Reader struct {
	// Header is what the front says; not to be believed before Trust.
	Header syncproto.BundleHeader

	r         io.Reader
	raw       []byte
	signature []byte
	sum       [sha256.Size]byte
	key       ed25519.PublicKey
	identity  age.Identity
	number    int64
	last      bool
	body      []byte
	sections  int
	read      int64
}

// FrontSize is how many bytes hold every bundle's front.
const FrontSize = len(syncproto.BundleMagic) + lengthSize + syncproto.MaxBundleHeader + ed25519.SignatureSize

// Open reads the front of a bundle.
func Open(r io.Reader) (*Reader, error) {
	b := &Reader{r: r}
	magic := make([]byte, len(syncproto.BundleMagic))
	if n, err := io.ReadFull(r, magic); err != nil || string(magic) != syncproto.BundleMagic {
		if n > 0 && string(magic[:n]) == syncproto.BundleMagic[:n] {
			return nil, ErrTorn
		}
		return nil, ErrNotABundle
	}
	b.read = int64(len(magic))
	var err error
	if b.raw, err = b.prefixed(syncproto.MaxBundleHeader); err != nil {
		return nil, err
	}
	if b.signature, err = b.take(ed25519.SignatureSize); err != nil {
		return nil, err
	}
	b.sum = sha256.Sum256(b.raw)
	b.Header, err = syncproto.DecodeBundleHeader(b.raw)
	return b, err
}

// Read is how many bytes of the file were read so far.
func (b *Reader) Read() int64 { return b.read }

// Signed tells whether the front was signed by key.
func (b *Reader) Signed(key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, headerMessage(b.raw), b.signature)
}

// Trust checks the front against the signer's key and takes what opens the body.
// Next gives nothing before.
func (b *Reader) Trust(key ed25519.PublicKey, identity age.Identity) error {
	if !b.Signed(key) {
		return ErrSigner
	}
	b.key, b.identity = key, identity
	return nil
}

// take reads n bytes; a file that ends before is torn.
func (b *Reader) take(n int64) ([]byte, error) {
	p := make([]byte, n)
	got, err := io.ReadFull(b.r, p)
	b.read += int64(got)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, ErrTorn
	}
	return p, err
}

// prefixed reads a length and so many bytes.
func (b *Reader) prefixed(limit int) ([]byte, error) {
	n, err := b.take(lengthSize)
	if err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(n)
	if int64(size) > int64(limit) {
		return nil, fmt.Errorf("%w: a length of %d", syncproto.ErrTooLarge, size)
	}
	return b.take(int64(size))
}

// Next gives the next section of a segment that was verified as a whole. io.EOF
// after the last section of a whole bundle.
func (b *Reader) Next() (Section, error) {
	for len(b.body) == 0 {
		if b.last {
			return Section{}, io.EOF
		}
		if err := b.segment(); err != nil {
			return Section{}, err
		}
	}
	if b.sections++; b.sections > syncproto.MaxSections {
		return Section{}, fmt.Errorf("%w: sections", syncproto.ErrTooLarge)
	}
	raw, rest, ok := split(b.body, syncproto.MaxSectionHead)
	if !ok {
		return Section{}, fmt.Errorf("%w: section", syncproto.ErrMalformed)
	}
	head, err := syncproto.DecodeSectionHead(raw)
	if err != nil {
		return Section{}, err
	}
	if head.Size > int64(len(rest)) {
		return Section{}, fmt.Errorf("%w: section", syncproto.ErrMalformed)
	}
	s := Section{SectionHead: head, Data: rest[:head.Size]}
	b.body = rest[head.Size:]
	if sum := sha256.Sum256(s.Data); !bytes.Equal(sum[:], head.SHA256) {
		return Section{}, fmt.Errorf("%w: section", syncproto.ErrMalformed)
	}
	return s, nil
}

func split(b []byte, limit int) (head, rest []byte, ok bool) {
	if len(b) < lengthSize {
		return nil, nil, false
	}
	n := int64(binary.BigEndian.Uint32(b))
	b = b[lengthSize:]
	if n > int64(limit) || n > int64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// segment reads, verifies and opens the next segment.
func (b *Reader) segment() error {
	if b.key == nil {
		return ErrSigner
	}
	raw, err := b.prefixed(syncproto.MaxSegmentHead)
	if err != nil {
		return err
	}
	signature, err := b.take(ed25519.SignatureSize)
	if err != nil {
		return err
	}
	if !ed25519.Verify(b.key, segmentMessage(b.sum, raw), signature) {
		return ErrTorn // the front's signature was good: a damaged copy, or a forger, who gets no further
	}
	head, err := syncproto.DecodeSegmentHead(raw)
	if err != nil {
		return err
	}
	if head.Number != b.number {
		return fmt.Errorf("%w: segment %d in place of %d", syncproto.ErrMalformed, head.Number, b.number)
	}
	sealed, err := b.take(head.Size)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(sealed); !bytes.Equal(sum[:], head.SHA256) {
		return ErrTorn
	}
	b.body, err = b.open(sealed)
	b.number, b.last, b.sections = b.number+1, head.Last, 0
	return err
}

func (b *Reader) open(sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), b.identity)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return nil, ErrRecipient
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", syncproto.ErrMalformed, err)
	}
	body, err := io.ReadAll(io.LimitReader(r, syncproto.MaxSegment)) // no larger than what was sealed
	if err != nil {
		return nil, fmt.Errorf("%w: %w", syncproto.ErrMalformed, err)
	}
	return body, nil
}
