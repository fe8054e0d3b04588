package syncproto

import (
	"fmt"
	"time"
)

// Kind tells the three sorts of message apart. Frames are sequenced; hello and
// ack are not: the latest wins and any may be lost.
type Kind uint8

// The kinds.
const (
	KindHello Kind = iota + 1
	KindFrame
	KindAck
)

// Message is what a carrier moves: opaque bytes and what it needs for routing.
type Message struct {
	Kind Kind
	Lane Lane // of a frame; zero otherwise
	Data []byte
}

// Subject is the token of the kind in a NATS subject, e.g. "frame.4".
func (m Message) Subject() string {
	switch m.Kind {
	case KindHello:
		return "hello"
	case KindAck:
		return "ack"
	default:
		return fmt.Sprintf("frame.%d", m.Lane)
	}
}

// ParseSubject undoes Subject for the tail of a NATS subject.
func ParseSubject(tail string, data []byte) (Message, error) {
	switch tail {
	case "hello":
		return Message{Kind: KindHello, Data: data}, nil
	case "ack":
		return Message{Kind: KindAck, Data: data}, nil
	}
	var lane uint8
	if n, err := fmt.Sscanf(tail, "frame.%d", &lane); n != 1 || err != nil || Lane(lane) >= Lanes {
		return Message{}, fmt.Errorf("%w: subject", ErrMalformed)
	}
	return Message{Kind: KindFrame, Lane: Lane(lane), Data: data}, nil
}

// Hello opens a conversation, on every connect and in both directions.
type Hello struct {
	School    string
	Appliance string
	// Epoch of the appliance's uplink as the sender knows it.
	Epoch int64
	// Out is the sender's own log: its head per lane, and Acked how far it knows
	// the other side has applied it.
	Out, Acked Marks
	// In is how far the sender has applied the other side's log.
	In Marks
	// MinSchema and MaxSchema are what the sender reads.
	MinSchema, MaxSchema uint32
	// Timeline is the life of the cloud's database, as far as the sender knows.
	Timeline string
	// Sent is the sender's wall clock: a sample, nothing depends on it.
	Sent time.Time
	// Reply is set on the answer, so that two hellos do not chase each other.
	Reply bool
	// Software is the version of the sender, for the operator's pages.
	Software string
	// Report is what an appliance says of itself, for the same pages.
	Report Report
	// Snapshot is set by the cloud when its log cannot bring the appliance to the
	// present: it has to take a snapshot.
	Snapshot bool
}

// Ack says how far the sender has applied the other side's log. Backed is how
// much of that is covered by a verified backup or a synchronous replica.
type Ack struct {
	Epoch   int64
	Applied Marks
	Backed  [Lanes]int64
	// Fork is set when the other side's log contradicts what was applied.
	Fork bool
	// Paused are the lanes that take nothing more until a person has looked: they
	// are not to be sent again soon.
	Paused [Lanes]bool
}

type wireMark struct {
	Seq   int64  `cbor:"1,keyasint,omitempty"`
	Chain []byte `cbor:"2,keyasint,omitempty"`
}

type wireHello struct {
	Format    uint32      `cbor:"1,keyasint"`
	School    string      `cbor:"2,keyasint"`
	Appliance string      `cbor:"3,keyasint,omitempty"`
	Epoch     int64       `cbor:"4,keyasint"`
	Out       []wireMark  `cbor:"5,keyasint"`
	Acked     []wireMark  `cbor:"6,keyasint"`
	In        []wireMark  `cbor:"7,keyasint"`
	Min       uint32      `cbor:"8,keyasint"`
	Max       uint32      `cbor:"9,keyasint"`
	Timeline  string      `cbor:"10,keyasint,omitempty"`
	Sent      int64       `cbor:"11,keyasint"`
	Reply     bool        `cbor:"12,keyasint,omitempty"`
	Software  string      `cbor:"13,keyasint,omitempty"`
	Report    *wireReport `cbor:"14,keyasint,omitempty"`
	Snapshot  bool        `cbor:"15,keyasint,omitempty"`
}

type wireAck struct {
	Format  uint32     `cbor:"1,keyasint"`
	Epoch   int64      `cbor:"2,keyasint"`
	Applied []wireMark `cbor:"3,keyasint"`
	Backed  []int64    `cbor:"4,keyasint"`
	Fork    bool       `cbor:"5,keyasint,omitempty"`
	Paused  uint64     `cbor:"6,keyasint,omitempty"` // one bit a lane
}

const maxSmall = 16 << 10

// EncodeHello writes h.
func EncodeHello(h Hello) (Message, error) {
	raw, err := marshal(wireHello{Format: 1, School: h.School, Appliance: h.Appliance, Epoch: h.Epoch, Out: toWire(h.Out), Acked: toWire(h.Acked),
		In: toWire(h.In), Min: MinSchema, Max: SchemaVersion, Timeline: h.Timeline, Sent: h.Sent.UnixMicro(), Reply: h.Reply, Software: h.Software, Report: h.Report.wire(),
		Snapshot: h.Snapshot})
	return Message{Kind: KindHello, Data: append([]byte{codecRaw}, raw...)}, err
}

// DecodeHello reads a hello.
func DecodeHello(b []byte) (h Hello, err error) {
	raw, err := expand(b, maxSmall)
	if err != nil {
		return h, err
	}
	var w wireHello
	if err := unmarshal(raw, &w); err != nil {
		return h, err
	}
	if w.Format != 1 || w.Min > SchemaVersion {
		return h, ErrSchema
	}
	h = Hello{School: w.School, Appliance: w.Appliance, Epoch: w.Epoch, MinSchema: w.Min, MaxSchema: w.Max, Timeline: w.Timeline,
		Sent: time.UnixMicro(w.Sent).UTC(), Reply: w.Reply, Software: w.Software, Report: w.Report.report(), Snapshot: w.Snapshot}
	for _, p := range []struct {
		to   *Marks
		from []wireMark
	}{{&h.Out, w.Out}, {&h.Acked, w.Acked}, {&h.In, w.In}} {
		if *p.to, err = fromWire(p.from); err != nil {
			return h, err
		}
	}
	return h, nil
}

// EncodeAck writes a.
func EncodeAck(a Ack) (Message, error) {
	w := wireAck{Format: 1, Epoch: a.Epoch, Applied: toWire(a.Applied), Backed: a.Backed[:], Fork: a.Fork}
	for l, paused := range a.Paused {
		if paused {
			w.Paused |= 1 << l
		}
	}
	raw, err := marshal(w)
	return Message{Kind: KindAck, Data: append([]byte{codecRaw}, raw...)}, err
}

// DecodeAck reads an ack.
func DecodeAck(b []byte) (a Ack, err error) {
	raw, err := expand(b, maxSmall)
	if err != nil {
		return a, err
	}
	var w wireAck
	if err := unmarshal(raw, &w); err != nil {
		return a, err
	}
	if w.Format != 1 {
		return a, ErrSchema
	}
	a.Epoch, a.Fork = w.Epoch, w.Fork
	for l := range a.Paused {
		a.Paused[l] = w.Paused&(1<<l) != 0
	}
	if len(w.Backed) > int(Lanes) {
		return a, fmt.Errorf("%w: lanes", ErrMalformed)
	}
	copy(a.Backed[:], w.Backed)
	a.Applied, err = fromWire(w.Applied)
	return a, err
}

func toWire(m Marks) []wireMark {
	out := make([]wireMark, len(m))
	for i, k := range m {
		if k.Seq > 0 {
			out[i] = wireMark{k.Seq, k.Chain[:]}
		}
	}
	return out
}

// fromWire accepts fewer lanes than this build has: an older sender.
func fromWire(in []wireMark) (m Marks, err error) {
	if len(in) > int(Lanes) {
		return m, fmt.Errorf("%w: lanes", ErrMalformed)
	}
	for i, w := range in {
		if w.Seq < 0 || (w.Seq > 0 && len(w.Chain) != HashSize) {
			return m, fmt.Errorf("%w: mark", ErrMalformed)
		}
		m[i] = Mark{w.Seq, HashOf(w.Chain)}
	}
	return m, nil
}
