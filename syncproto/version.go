package syncproto

// SchemaVersion is the newest wire schema this build speaks; MinSchema the
// oldest it still reads. One line per version, with its date:
//
//	1 (2026-11-23): the first: frames, hello, ack as in this package.
const (
	SchemaVersion = 1
	MinSchema     = 1
)

// Limits of a decoder. A peer that goes beyond them is refused, not obeyed.
const (
	MaxEvents    = 1000      // events in one frame
	MaxFrame     = 256 << 10 // bytes of an encoded frame
	MaxThinFrame = 16 << 10  // the same on thin links, kept by the sender
	MaxExpanded  = 4 << 20   // bytes after decompression
	MaxBody      = 192 << 10 // bytes of one event's body
	maxDepth     = 16
)
