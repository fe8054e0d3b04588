package syncproto

import (
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Frame is a run of consecutive events of one lane. The same bytes go through a
// mirror, an HTTPS request and a file.
type Frame struct {
	School string
	Epoch  int64
	Lane   Lane
	First  int64 // sequence number of Events[0]
	Prev   Hash  // chain before the first event
	Last   Hash  // chain after the last event
	// MinSchema and MaxSchema are what the sender speaks.
	MinSchema, MaxSchema uint32
	Events               []Event
}

// End is the sequence number of the last event.
func (f Frame) End() int64 { return f.First + int64(len(f.Events)) - 1 }

// Errors of a decoder. All are permanent: the same bytes never become valid.
var (
	ErrMalformed = errors.New("syncproto: malformed")
	ErrTooLarge  = errors.New("syncproto: over a limit")
	ErrChain     = errors.New("syncproto: the chain does not fit the events")
	ErrSchema    = errors.New("syncproto: a schema this build does not read")
)

// The wire forms. Keys are integers, never reused; times are HLC deltas.
type wireFrame struct {
	Format  uint32      `cbor:"1,keyasint"`
	School  string      `cbor:"2,keyasint"`
	Epoch   int64       `cbor:"3,keyasint"`
	Lane    Lane        `cbor:"4,keyasint"`
	First   int64       `cbor:"5,keyasint"`
	Count   int         `cbor:"6,keyasint"`
	HLCBase uint64      `cbor:"7,keyasint"`
	Prev    []byte      `cbor:"8,keyasint"`
	Last    []byte      `cbor:"9,keyasint"`
	Min     uint32      `cbor:"10,keyasint"`
	Max     uint32      `cbor:"11,keyasint"`
	Events  []wireEvent `cbor:"12,keyasint"`
}

type wireEvent struct {
	Type    string   `cbor:"1,keyasint,omitempty"`
	Version uint32   `cbor:"2,keyasint,omitempty"`
	Entity  string   `cbor:"3,keyasint,omitempty"`
	Delta   uint64   `cbor:"4,keyasint,omitempty"`
	Deps    []string `cbor:"5,keyasint,omitempty"`
	Body    []byte   `cbor:"6,keyasint,omitempty"`
	Erased  []byte   `cbor:"7,keyasint,omitempty"`
}

// EncodeFrame writes f: one codec byte, then CBOR, compressed when that makes it
// smaller. It fills in Last. ErrTooLarge when f breaks a limit; the caller
// then cuts it in two.
func EncodeFrame(f *Frame) ([]byte, error) {
	if len(f.Events) == 0 || len(f.Events) > MaxEvents {
		return nil, fmt.Errorf("%w: %d events in a frame", ErrTooLarge, len(f.Events))
	}
	w := wireFrame{Format: 1, School: f.School, Epoch: f.Epoch, Lane: f.Lane, First: f.First, Count: len(f.Events),
		Prev: f.Prev[:], Min: MinSchema, Max: SchemaVersion, Events: make([]wireEvent, len(f.Events))}
	w.HLCBase = uint64(hlcBase(f.Events))
	chain := f.Prev
	for i, e := range f.Events {
		h := e.Hash()
		chain = Chain(chain, h)
		if e.IsErased() {
			w.Events[i] = wireEvent{Erased: e.Erased[:]}
			continue
		}
		if len(e.Body) > MaxBody {
			return nil, fmt.Errorf("%w: a body of %d bytes", ErrTooLarge, len(e.Body))
		}
		w.Events[i] = wireEvent{Type: e.Type, Version: e.Version, Entity: e.Entity, Delta: uint64(e.HLC) - w.HLCBase, Deps: e.Deps, Body: e.Body}
	}
	f.Last, f.MinSchema, f.MaxSchema = chain, MinSchema, SchemaVersion
	w.Last = chain[:]
	raw, err := marshal(w)
	if err != nil {
		return nil, err
	}
	out := compress(raw)
	if len(out) > MaxFrame {
		return nil, fmt.Errorf("%w: a frame of %d bytes", ErrTooLarge, len(out))
	}
	return out, nil
}

func hlcBase(events []Event) HLC {
	base := HLC(0)
	for i, e := range events {
		if !e.IsErased() && (i == 0 || base == 0 || e.HLC < base) {
			base = e.HLC
		}
	}
	return base
}

// DecodeFrame reads a frame and checks every limit and that the chain fits the
// events. It never panics, whatever the bytes.
func DecodeFrame(b []byte) (Frame, error) {
	raw, err := expand(b, MaxFrame)
	if err != nil {
		return Frame{}, err
	}
	var w wireFrame
	if err := unmarshal(raw, &w); err != nil {
		return Frame{}, err
	}
	if w.Format != 1 || w.Min > SchemaVersion {
		return Frame{}, fmt.Errorf("%w: format %d, schema from %d", ErrSchema, w.Format, w.Min)
	}
	f := Frame{School: w.School, Epoch: w.Epoch, Lane: w.Lane, First: w.First, Prev: HashOf(w.Prev), Last: HashOf(w.Last), MinSchema: w.Min, MaxSchema: w.Max}
	if w.Count != len(w.Events) || len(w.Events) == 0 || w.First < 1 || w.Lane >= Lanes || len(w.Prev) != HashSize || len(w.Last) != HashSize {
		return Frame{}, fmt.Errorf("%w: header", ErrMalformed)
	}
	if len(w.Events) > MaxEvents {
		return Frame{}, fmt.Errorf("%w: %d events", ErrTooLarge, len(w.Events))
	}
	f.Events = make([]Event, len(w.Events))
	chain := f.Prev
	for i, e := range w.Events {
		if len(e.Body) > MaxBody {
			return Frame{}, fmt.Errorf("%w: a body of %d bytes", ErrTooLarge, len(e.Body))
		}
		if len(e.Erased) != 0 && len(e.Erased) != HashSize {
			return Frame{}, fmt.Errorf("%w: erased event", ErrMalformed)
		}
		if e.Type == "" && len(e.Erased) == 0 {
			return Frame{}, fmt.Errorf("%w: event without type", ErrMalformed)
		}
		f.Events[i] = Event{Type: e.Type, Version: e.Version, Entity: e.Entity, HLC: HLC(w.HLCBase + e.Delta), Deps: e.Deps, Body: e.Body, Erased: HashOf(e.Erased)}
		chain = Chain(chain, f.Events[i].Hash())
	}
	if chain != f.Last {
		return Frame{}, ErrChain
	}
	return f, nil
}

// FrameEnd reads the sequence number of the last event of a frame of one's own,
// and checks nothing of the rest.
func FrameEnd(b []byte) (int64, error) {
	raw, err := expand(b, MaxFrame)
	if err != nil {
		return 0, err
	}
	var w struct {
		First int64 `cbor:"5,keyasint"`
		Count int   `cbor:"6,keyasint"`
	}
	if err := tagMode.Unmarshal(raw, &w); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return w.First + int64(w.Count) - 1, nil
}

var (
	tagMode = mustTags()
	encMode = mustEnc()
	decMode = mustDec()
)

func mustEnc() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return m
}

func mustDec() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: maxDepth, MaxArrayElements: 1 << 16, MaxMapPairs: 1 << 16,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}

// mustTags reads what is still packed: see packUUIDs.
func mustTags() cbor.DecMode {
	m, err := cbor.DecOptions{IndefLength: cbor.IndefLengthForbidden, MaxNestedLevels: maxDepth, MaxArrayElements: 1 << 16, MaxMapPairs: 1 << 16}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}

func marshal(v any) ([]byte, error) {
	raw, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("syncproto: encode: %w", err)
	}
	return packUUIDs(raw)
}

func unmarshal(raw []byte, v any) error {
	text, err := unpackUUIDs(raw)
	if err != nil {
		return err
	}
	if err := decMode.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// EncodeBody writes a record: a struct with `cbor:"N,keyasint"` tags. Ids in
// UUID form take 19 bytes instead of 38 (CBOR tag 37, registered by IANA).
func EncodeBody(v any) ([]byte, error) {
	b, err := marshal(v)
	if err == nil && len(b) > MaxBody {
		return nil, fmt.Errorf("%w: a body of %d bytes", ErrTooLarge, len(b))
	}
	return b, err
}

// DecodeBody reads what EncodeBody wrote. Unknown keys are ignored.
func DecodeBody(b []byte, v any) error { return unmarshal(b, v) }
