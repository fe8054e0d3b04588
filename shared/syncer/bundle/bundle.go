// Package bundle is the carrier that is a file: on a stick, or on a teacher's
// phone. A *bundle* holds the same frames, acks and course packs as the other
// carriers, in *segments* of about a megabyte. Each segment is encrypted to the
// recipient (age) and signed by the writer (Ed25519) for itself, so that a torn
// stick still delivers the segments that are whole.
//
// The rule that surprises: a bundle proves nothing that a frame would not.
// Chain, audience and position are checked as on every carrier, so a bundle may
// come late, twice, in any order, or never.
//
// Layout, all lengths 4 bytes big endian:
//
//	magic | length | header | signature | segment...
//	segment: length | head | signature | ciphertext
//	inside the ciphertext: ( length | section head | section )...
//
// The header's signature covers "uhs-bundle-1\n" and the header; a segment's
// covers "uhs-segment-1\n", the SHA-256 of the header, and the segment's head,
// which names the SHA-256 of the ciphertext. So nobody can take a segment out of
// its place, or put it into another bundle.
package bundle

import (
	"crypto/sha256"
	"errors"

	"urbanhomeschool.org/uhs/syncproto"
)

// Errors of a reader. What was read before one of them stands.
var (
	// ErrNotABundle: the file is something else.
	ErrNotABundle = errors.New("bundle: this file is not a bundle")
	// ErrTorn: the file ends too early, or a copy damaged it.
	ErrTorn = errors.New("bundle: the file is torn")
	// ErrSigner: the signature is not the one that was expected.
	ErrSigner = errors.New("bundle: signed by somebody else")
	// ErrRecipient: the body was encrypted to somebody else.
	ErrRecipient = errors.New("bundle: encrypted to somebody else")
)

// Section is one part of a bundle's body.
type Section struct {
	syncproto.SectionHead
	Data []byte
}

const (
	lengthSize = 4
	// segmentSize is where a segment is closed: small enough that a torn stick
	// loses little, large enough that signatures and keys do not count.
	segmentSize = 1 << 20
	// BlobPart is the largest part of a blob in one section.
	BlobPart = 512 << 10
)

func headerMessage(header []byte) []byte { return append([]byte("uhs-bundle-1\n"), header...) }

func segmentMessage(header [sha256.Size]byte, head []byte) []byte {
	return append(append([]byte("uhs-segment-1\n"), header[:]...), head...)
}
