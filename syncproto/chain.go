package syncproto

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// HashSize is the length of a hash and of a chain value: SHA-256 cut to 16 bytes.
const HashSize = 16

// Hash is the hash of one event or a link of the chain. The zero Hash is the
// chain before the first event.
type Hash [HashSize]byte

// String is the hash in hex, for logs.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// HashOf reads a stored hash; a wrong length gives the zero Hash.
func HashOf(b []byte) (h Hash) {
	if len(b) == HashSize {
		copy(h[:], b)
	}
	return h
}

// Chain is H(previous ‖ hash): the value after one more event.
func Chain(previous, hash Hash) Hash {
	return cut(append(previous[:], hash[:]...))
}

// EventHash is H(type ‖ version ‖ entity ‖ hlc ‖ body). Each text and the body is
// preceded by its length (8 bytes, big endian), so that no two events share
// their input.
func EventHash(e Event) Hash {
	var short [1 << 10]byte // nearly every event fits and needs no memory of its own
	b := prefixed(short[:0], e.Type)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Version))
	b = prefixed(b, e.Entity)
	b = binary.BigEndian.AppendUint64(b, uint64(e.HLC))
	b = prefixed(b, e.Body)
	return cut(b)
}

func prefixed[T string | []byte](b []byte, part T) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(part))), part...)
}

func cut(b []byte) (h Hash) {
	sum := sha256.Sum256(b)
	copy(h[:], sum[:])
	return h
}
