package syncproto

import (
	"crypto/sha256"
	"encoding/binary"
)

// DigestPath is where an appliance compares its records with the cloud's; the
// request is signed by the appliance.
const DigestPath = "/sync/v1/digest"

// Buckets are how many parts the records of one kind are compared in.
const Buckets = 256

// BucketOf is the bucket of a record: its id's hash, so that they fill evenly.
func BucketOf(id string) int {
	sum := sha256.Sum256([]byte(id))
	return int(sum[0])
}

// RecordDigest is the first 8 bytes of SHA-256(id ‖ version ‖ body), the body in
// its canonical form. A bucket's digest is the sum of its records'.
func RecordDigest(id string, version uint32, body []byte) uint64 {
	b := make([]byte, 0, len(id)+len(body)+20)
	b = prefixed(b, []byte(id))
	b = binary.BigEndian.AppendUint32(b, version)
	b = prefixed(b, body)
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:8])
}

// DigestRequest asks how the records of the appliance compare. First with Kinds
// alone; then with Items, the records of the buckets that differ.
type DigestRequest struct {
	// Down is how far the appliance has applied the downlink, and Up the head of its
	// uplink in Epoch, each as an encoded Ack. Only at the same point can two sides
	// be compared.
	Down  []byte        `json:"down"`
	Up    []byte        `json:"up"`
	Epoch int64         `json:"epoch"`
	Kinds []KindDigest  `json:"kinds"`
	Items []DigestItems `json:"items,omitempty"`
}

// KindDigest is one kind of record: its count and the digest of each bucket.
type KindDigest struct {
	Name    string   `json:"name"`
	Version uint32   `json:"version"`
	Count   int64    `json:"count"`
	Root    uint64   `json:"root"`
	Buckets []uint64 `json:"buckets,omitempty"`
}

// DigestItems are the records of some buckets of one kind.
type DigestItems struct {
	Name    string            `json:"name"`
	Buckets []int             `json:"buckets"`
	Records map[string]uint64 `json:"records"` // digest by id
}

// DigestAnswer is how they compare.
type DigestAnswer struct {
	// Moved: the two sides are not at the same point now.
	Moved bool `json:"moved,omitempty"`
	// Differ are the kinds that differ, with the cloud's buckets.
	Differ []KindDigest `json:"differ,omitempty"`
	// Sent is how many records the cloud sends again, Extra those that it does not
	// have, by kind. Both answer Items.
	Sent  int                 `json:"sent,omitempty"`
	Extra map[string][]string `json:"extra,omitempty"`
}
