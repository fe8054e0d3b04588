package talk

import (
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/syncproto"
)

// What a side concludes from the other's frames and acks.
var (
	// ErrGap: the frame starts beyond the watermark; ask for what is missing.
	ErrGap = errors.New("syncer: a gap before this frame")
	// ErrForeign: the frame is not of the log it came by.
	ErrForeign = errors.New("syncer: a frame of another school or epoch")
	// ErrFork: the other side's word contradicts our own log: one of the two was
	// restored, cloned or damaged.
	ErrFork = errors.New("syncer: the logs have forked")
)

// Place is how many events at the front of f were applied before, given the
// watermark w of its lane; len(f.Events) when all were. It checks the chain
// where the two meet: ErrFork when they differ, ErrGap when they do not meet.
func Place(w syncproto.Mark, f syncproto.Frame) (skip int, err error) {
	if f.First > w.Seq+1 {
		return 0, fmt.Errorf("%w: lane %d has %d, the frame starts at %d", ErrGap, f.Lane, w.Seq, f.First)
	}
	chain := f.Prev
	for i, e := range f.Events {
		if f.First+int64(i) == w.Seq+1 {
			if chain != w.Chain {
				return 0, fmt.Errorf("%w: lane %d differs at %d", ErrFork, f.Lane, w.Seq)
			}
			return i, nil
		}
		chain = syncproto.Chain(chain, e.Hash())
	}
	if f.End() == w.Seq && chain != w.Chain {
		return 0, fmt.Errorf("%w: lane %d differs at %d", ErrFork, f.Lane, w.Seq)
	}
	return len(f.Events), nil
}

// Lane is what a side knows of one lane of its own log.
type Lane struct {
	Head   syncproto.Mark
	Acked  int64 // applied by the other side
	Backed int64 // and covered by a backup there
}

// Credit tells whether a claim that the other side has applied up to m is to be
// written down: old news is not, and a position beyond our head is a fork. The
// caller then compares own, our chain at m (see Agrees).
func (l Lane) Credit(lane int, m syncproto.Mark) (due bool, err error) {
	switch {
	case m.Seq <= l.Acked && m.Seq < l.Head.Seq:
		return false, nil
	case m.Seq > l.Head.Seq:
		return false, fmt.Errorf("%w: lane %d ends at %d here, %d was applied", ErrFork, lane, l.Head.Seq, m.Seq)
	default:
		return true, nil
	}
}

// Agrees compares the other side's mark with our own chain at its position.
func Agrees(lane int, m syncproto.Mark, own syncproto.Hash) error {
	if m.Seq > 0 && own != m.Chain {
		return fmt.Errorf("%w: lane %d differs at %d", ErrFork, lane, m.Seq)
	}
	return nil
}

// BackUp is how far the lane counts as backed up after the other side said b,
// having applied up to applied: never back, and never beyond what is applied.
func (l Lane) BackUp(b, applied int64) int64 { return max(l.Backed, min(b, applied)) }

// PruneBelow is the first sequence number that has to be kept: what is applied
// and backed up may go, and so may what was applied long ago (old). The row at
// the boundary stays: the next frame needs its chain.
func (l Lane) PruneBelow(old int64) int64 {
	return max(min(old, l.Acked), min(l.Backed, l.Acked))
}
