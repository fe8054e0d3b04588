package syncproto

// Event is one change to one entity. Its position (school, epoch, lane, seq)
// is given by the frame it travels in.
type Event struct {
	Type    string
	Version uint32
	Entity  string
	HLC     HLC
	// Deps are ids of entities this one refers to; the receiver may hold the
	// event back until they have arrived.
	Deps []string
	// Body is the record, as EncodeBody wrote it. The chain covers these bytes:
	// they are stored and forwarded as they are, never re-encoded.
	Body []byte
	// Erased is set instead of all other fields when the content was erased: the
	// event then travels as its hash alone.
	Erased Hash
}

// IsErased tells whether only the hash is left.
func (e Event) IsErased() bool { return e.Erased != Hash{} }

// Hash is EventHash, or the kept hash of an erased event.
func (e Event) Hash() Hash {
	if e.IsErased() {
		return e.Erased
	}
	return EventHash(e)
}

// Position names one event.
type Position struct {
	School string
	Epoch  int64
	Lane   Lane
	Seq    int64
}

// Mark is how far one lane is: the last sequence number and the chain there.
type Mark struct {
	Seq   int64
	Chain Hash
}

// Marks is one Mark per lane.
type Marks [Lanes]Mark
