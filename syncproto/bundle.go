package syncproto

import (
	"fmt"
	"time"
)

// BundleMagic begins every bundle file.
const BundleMagic = "UHSBNDL1"

// Limits of a bundle. A reader holds one segment in memory at a time.
const (
	MaxBundleHeader = 16 << 10
	MaxSegmentHead  = 512
	MaxSegment      = 4 << 20 // bytes of one segment's ciphertext
	MaxSections     = 8192    // sections in one segment
	MaxSectionHead  = 256
)

// Way is the direction of a bundle.
type Way uint8

// The ways.
const (
	Up   Way = iota + 1 // from a school to the cloud
	Down                // from the cloud to a school
)

// LaneRange is what a bundle carries of one lane of its log.
type LaneRange struct {
	Lane        Lane
	First, Last int64
}

// BundleHeader is the clear front of a bundle: whose it is, and what a person
// may be told of it. It proves nothing but its signer.
type BundleHeader struct {
	ID string
	Way
	// School the bundle is from or for, with its name for display.
	School, SchoolName string
	// From is the appliance that wrote an up bundle; empty for the cloud.
	From string
	// To is the age recipient that can open the body.
	To      string
	Created time.Time
	// Epoch of the appliance's uplink: of the frames in an up bundle, and of the
	// acks in a down bundle.
	Epoch                int64
	Timeline             string
	Lanes                []LaneRange
	Packs                int
	PackBytes            int64
	MinSchema, MaxSchema uint32
}

// Records is how many records the lanes hold.
func (h BundleHeader) Records() (n int64) {
	for _, l := range h.Lanes {
		n += l.Last - l.First + 1
	}
	return n
}

type wireBundle struct {
	Format    uint32      `cbor:"1,keyasint"`
	ID        string      `cbor:"2,keyasint"`
	Way       Way         `cbor:"3,keyasint"`
	School    string      `cbor:"4,keyasint"`
	Name      string      `cbor:"5,keyasint,omitempty"`
	From      string      `cbor:"6,keyasint,omitempty"`
	To        string      `cbor:"7,keyasint"`
	Created   int64       `cbor:"8,keyasint"`
	Epoch     int64       `cbor:"9,keyasint"`
	Timeline  string      `cbor:"10,keyasint,omitempty"`
	Lanes     []wireRange `cbor:"11,keyasint,omitempty"`
	Packs     int         `cbor:"12,keyasint,omitempty"`
	PackBytes int64       `cbor:"13,keyasint,omitempty"`
	Min       uint32      `cbor:"14,keyasint"`
	Max       uint32      `cbor:"15,keyasint"`
}

type wireRange struct {
	Lane  Lane  `cbor:"1,keyasint"`
	First int64 `cbor:"2,keyasint"`
	Last  int64 `cbor:"3,keyasint"`
}

// EncodeBundleHeader writes h; it fills in the schemas.
func EncodeBundleHeader(h BundleHeader) ([]byte, error) {
	w := wireBundle{Format: 1, ID: h.ID, Way: h.Way, School: h.School, Name: h.SchoolName, From: h.From, To: h.To, Created: h.Created.UnixMicro(),
		Epoch: h.Epoch, Timeline: h.Timeline, Packs: h.Packs, PackBytes: h.PackBytes, Min: MinSchema, Max: SchemaVersion}
	for _, l := range h.Lanes {
		w.Lanes = append(w.Lanes, wireRange(l))
	}
	b, err := marshal(w)
	if err == nil && len(b) > MaxBundleHeader {
		return nil, fmt.Errorf("%w: a header of %d bytes", ErrTooLarge, len(b))
	}
	return b, err
}

// DecodeBundleHeader reads a header within its limits. It never panics,
// whatever the bytes.
func DecodeBundleHeader(b []byte) (h BundleHeader, err error) {
	if len(b) > MaxBundleHeader {
		return h, fmt.Errorf("%w: a header of %d bytes", ErrTooLarge, len(b))
	}
	var w wireBundle
	if err := unmarshal(b, &w); err != nil {
		return h, err
	}
	if w.Format != 1 || w.Min > SchemaVersion {
		return h, fmt.Errorf("%w: bundle format %d, schema from %d", ErrSchema, w.Format, w.Min)
	}
	if w.ID == "" || len(w.ID) > 64 || w.School == "" || len(w.School) > 64 || (w.Way != Up && w.Way != Down) || w.Epoch < 0 ||
		len(w.Lanes) > int(Lanes) || w.Packs < 0 || w.PackBytes < 0 {
		return h, fmt.Errorf("%w: bundle header", ErrMalformed)
	}
	h = BundleHeader{ID: w.ID, Way: w.Way, School: w.School, SchoolName: w.Name, From: w.From, To: w.To, Created: time.UnixMicro(w.Created).UTC(),
		Epoch: w.Epoch, Timeline: w.Timeline, Packs: w.Packs, PackBytes: w.PackBytes, MinSchema: w.Min, MaxSchema: w.Max}
	for _, l := range w.Lanes {
		if l.Lane >= Lanes || l.First < 1 || l.Last < l.First || l.Last > 1<<53 {
			return h, fmt.Errorf("%w: bundle lanes", ErrMalformed)
		}
		h.Lanes = append(h.Lanes, LaneRange(l))
	}
	return h, nil
}

// SegmentHead stands in the clear before each segment of a bundle and is signed
// together with the header: a segment can be trusted though the file was cut
// after it.
type SegmentHead struct {
	Number int64  `cbor:"1,keyasint"` // from 0
	Last   bool   `cbor:"2,keyasint,omitempty"`
	Size   int64  `cbor:"3,keyasint"` // of the ciphertext
	SHA256 []byte `cbor:"4,keyasint"` // of the ciphertext
}

// EncodeSegmentHead writes s.
func EncodeSegmentHead(s SegmentHead) ([]byte, error) { return marshal(s) }

// DecodeSegmentHead reads a segment's head within its limits.
func DecodeSegmentHead(b []byte) (s SegmentHead, err error) {
	if len(b) > MaxSegmentHead {
		return s, fmt.Errorf("%w: a segment's head of %d bytes", ErrTooLarge, len(b))
	}
	if err := unmarshal(b, &s); err != nil {
		return s, err
	}
	if s.Size < 1 || s.Size > MaxSegment {
		return s, fmt.Errorf("%w: a segment of %d bytes", ErrTooLarge, s.Size)
	}
	if s.Number < 0 || len(s.SHA256) != 32 {
		return s, fmt.Errorf("%w: segment", ErrMalformed)
	}
	return s, nil
}

// SectionKind tells what a section holds. Numbers are never reused; a reader
// skips kinds it does not know.
type SectionKind uint8

// The kinds of section.
const (
	SectionHello    SectionKind = iota + 1 // a hello message
	SectionAck                             // an ack message
	SectionFrame                           // a frame, as on every carrier
	SectionBlob                            // a part of a file of a course pack
	SectionReceipt                         // the cloud's receipt of a bundle that came from the reader, as text
	SectionSnapshot                        // a SnapshotAnswer to the bundle's id, as JSON; its parts follow as blobs
)

// SectionHead stands before each section, inside the encrypted body.
type SectionHead struct {
	Kind   SectionKind `cbor:"1,keyasint"`
	Size   int64       `cbor:"2,keyasint"`
	SHA256 []byte      `cbor:"3,keyasint"`
	// Blob is the SHA-256 of the whole blob in hex, Offset where this part begins
	// and Total the blob's size.
	Blob   string `cbor:"4,keyasint,omitempty"`
	Offset int64  `cbor:"5,keyasint,omitempty"`
	Total  int64  `cbor:"6,keyasint,omitempty"`
}

// EncodeSectionHead writes s.
func EncodeSectionHead(s SectionHead) ([]byte, error) { return marshal(s) }

// DecodeSectionHead reads a section's head within its limits.
func DecodeSectionHead(b []byte) (s SectionHead, err error) {
	if len(b) > MaxSectionHead {
		return s, fmt.Errorf("%w: a section's head of %d bytes", ErrTooLarge, len(b))
	}
	if err := unmarshal(b, &s); err != nil {
		return s, err
	}
	if s.Size < 0 || s.Size > MaxSegment || len(s.SHA256) != 32 || s.Offset < 0 || s.Total < 0 {
		return s, fmt.Errorf("%w: section", ErrMalformed)
	}
	return s, nil
}
