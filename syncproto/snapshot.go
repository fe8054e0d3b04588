package syncproto

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// SnapshotEpoch is the epoch in the frames of a snapshot. No log has it: a
// snapshot's frame can never be taken for one of a log.
const SnapshotEpoch = 2

// Where an appliance asks for a snapshot and fetches its parts; both requests
// are signed by the appliance.
const (
	SnapshotPath     = "/sync/v1/snapshot"
	SnapshotPartPath = "/sync/v1/snapshot/part/" // and the hex SHA-256
)

// Limits of a snapshot.
const (
	MaxSnapshotPart  = 4 << 20
	maxSnapshot      = 4 << 20 // bytes of a manifest
	maxSnapshotParts = 16384
)

// SnapshotRequest asks for the present state of the appliance's school.
type SnapshotRequest struct {
	// Nonce is new in every request: the answer's signature covers it, so that an
	// old answer cannot be played back.
	Nonce string `json:"nonce"`
	// Have is how far the appliance has applied the downlink, as an encoded Ack; a
	// snapshot from before that is of no use while the timeline is the same.
	Have   []byte `json:"have,omitempty"`
	Reason string `json:"reason"`
}

// ReasonDigest is the Reason when the records differ and sending them again did
// not help.
const ReasonDigest = "digest"

// SnapshotAnswer is a manifest, or the news that it is being built.
type SnapshotAnswer struct {
	Building  bool   `json:"building,omitempty"`
	Manifest  []byte `json:"manifest,omitempty"`
	Signature []byte `json:"signature,omitempty"` // see SignSnapshot
}

// Snapshot is the manifest: everything of one school at one moment.
type Snapshot struct {
	School   string
	Timeline string
	MadeAt   time.Time
	// Down is the end of the school's downlink at that moment: the tail begins
	// there. Up is how far each epoch of its uplink was applied.
	Down Marks
	Up   []EpochMarks
	// Ends are the marks of the snapshot's own log after its last frame.
	Ends   Marks
	Parts  []SnapshotPart
	Counts []KindCount
}

// EpochMarks are the marks of one epoch of an uplink.
type EpochMarks struct {
	Epoch int64
	Marks Marks
}

// SnapshotPart is one file of frames, each behind its length.
type SnapshotPart struct {
	SHA256 []byte
	Size   int64
}

// KindCount is how many records of a kind there are.
type KindCount struct {
	Name string
	N    int64
}

// Bytes is the size of all parts.
func (s Snapshot) Bytes() (n int64) {
	for _, p := range s.Parts {
		n += p.Size
	}
	return n
}

// Applied is how far an epoch of the uplink is in the snapshot.
func (s Snapshot) Applied(epoch int64) Marks {
	for _, e := range s.Up {
		if e.Epoch == epoch {
			return e.Marks
		}
	}
	return Marks{}
}

type wireSnapshot struct {
	Format   uint32           `cbor:"1,keyasint"`
	School   string           `cbor:"2,keyasint"`
	Timeline string           `cbor:"3,keyasint"`
	MadeAt   int64            `cbor:"4,keyasint"`
	Down     []wireMark       `cbor:"5,keyasint"`
	Up       []wireEpochMarks `cbor:"6,keyasint"`
	Ends     []wireMark       `cbor:"7,keyasint"`
	Parts    []wirePart       `cbor:"8,keyasint"`
	Counts   []wireCount      `cbor:"9,keyasint"`
	Min      uint32           `cbor:"10,keyasint"`
	Max      uint32           `cbor:"11,keyasint"`
}

type wireEpochMarks struct {
	Epoch int64      `cbor:"1,keyasint"`
	Marks []wireMark `cbor:"2,keyasint"`
}

type wirePart struct {
	SHA256 []byte `cbor:"1,keyasint"`
	Size   int64  `cbor:"2,keyasint"`
}

type wireCount struct {
	Name string `cbor:"1,keyasint"`
	N    int64  `cbor:"2,keyasint"`
}

// EncodeSnapshot writes s.
func EncodeSnapshot(s Snapshot) ([]byte, error) {
	w := wireSnapshot{Format: 1, School: s.School, Timeline: s.Timeline, MadeAt: s.MadeAt.UnixMicro(), Down: toWire(s.Down), Ends: toWire(s.Ends),
		Min: MinSchema, Max: SchemaVersion}
	for _, u := range s.Up {
		w.Up = append(w.Up, wireEpochMarks{u.Epoch, toWire(u.Marks)})
	}
	for _, p := range s.Parts {
		w.Parts = append(w.Parts, wirePart(p))
	}
	for _, c := range s.Counts {
		w.Counts = append(w.Counts, wireCount(c))
	}
	raw, err := marshal(w)
	if err != nil {
		return nil, err
	}
	if len(w.Parts) > maxSnapshotParts || len(raw) > maxSnapshot {
		return nil, fmt.Errorf("%w: a snapshot of %d parts", ErrTooLarge, len(w.Parts))
	}
	return compress(raw), nil
}

// DecodeSnapshot reads what EncodeSnapshot wrote. It trusts nothing: check the
// signature first.
func DecodeSnapshot(b []byte) (s Snapshot, err error) {
	raw, err := expand(b, maxSnapshot)
	if err != nil {
		return s, err
	}
	var w wireSnapshot
	if err := unmarshal(raw, &w); err != nil {
		return s, err
	}
	if w.Format != 1 || w.Min > SchemaVersion {
		return s, ErrSchema
	}
	s = Snapshot{School: w.School, Timeline: w.Timeline, MadeAt: time.UnixMicro(w.MadeAt).UTC()}
	if s.Down, err = fromWire(w.Down); err != nil {
		return s, err
	}
	if s.Ends, err = fromWire(w.Ends); err != nil {
		return s, err
	}
	for _, u := range w.Up {
		m, err := fromWire(u.Marks)
		if err != nil {
			return s, err
		}
		s.Up = append(s.Up, EpochMarks{u.Epoch, m})
	}
	if len(w.Parts) > maxSnapshotParts {
		return s, fmt.Errorf("%w: %d parts", ErrTooLarge, len(w.Parts))
	}
	for _, p := range w.Parts {
		if len(p.SHA256) != sha256.Size || p.Size <= 0 || p.Size > MaxSnapshotPart {
			return s, fmt.Errorf("%w: a part", ErrMalformed)
		}
		s.Parts = append(s.Parts, SnapshotPart(p))
	}
	for _, c := range w.Counts {
		s.Counts = append(s.Counts, KindCount(c))
	}
	return s, nil
}

// ErrSnapshotSignature says that the manifest is not the cloud's answer to this request.
var ErrSnapshotSignature = errors.New("syncproto: the snapshot is not signed for this request")

func snapshotStatement(appliance, nonce string, manifest []byte) []byte {
	sum := sha256.Sum256(manifest)
	return fmt.Appendf(nil, "uhs-snapshot-1\n%s\n%s\n%x", appliance, nonce, sum)
}

// SignSnapshot signs a manifest as the answer to one request of one appliance.
func SignSnapshot(key ed25519.PrivateKey, appliance, nonce string, manifest []byte) []byte {
	return ed25519.Sign(key, snapshotStatement(appliance, nonce, manifest))
}

// VerifySnapshot checks that a manifest is the answer to that request, by the
// cloud's pinned key.
func VerifySnapshot(key ed25519.PublicKey, appliance, nonce string, a SnapshotAnswer) error {
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, snapshotStatement(appliance, nonce, a.Manifest), a.Signature) {
		return ErrSnapshotSignature
	}
	return nil
}

// AppendPart adds a frame to a part.
func AppendPart(part, frame []byte) []byte {
	return append(binary.AppendUvarint(part, uint64(len(frame))), frame...)
}

// ReadPart gives the frames of a part, one after the other, without holding the
// part in memory. io.EOF ends it.
type ReadPart struct{ r *bufio.Reader }

// NewReadPart reads from r.
func NewReadPart(r io.Reader) ReadPart { return ReadPart{bufio.NewReader(r)} }

// Next is the next frame.
func (p ReadPart) Next() ([]byte, error) {
	n, err := binary.ReadUvarint(p.r)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("%w: a part: %w", ErrMalformed, err)
	}
	if n == 0 || n > MaxFrame {
		return nil, fmt.Errorf("%w: a frame of %d bytes in a part", ErrTooLarge, n)
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(p.r, frame); err != nil {
		return nil, fmt.Errorf("%w: a part: %w", ErrMalformed, err)
	}
	return frame, nil
}
