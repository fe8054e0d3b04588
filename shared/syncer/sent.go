package syncer

import (
	"sync"

	"urbanhomeschool.org/uhs/syncproto"
)

// Sent remembers, for a carrier that publishes to a stream, which frame went
// out under which sequence of the stream, so that the stream can be freed lane
// by lane: a lane that stands still must not keep the others' messages. It is in
// memory only; a start begins with an empty stream. The zero Sent is ready.
type Sent struct {
	mu    sync.Mutex
	lanes [syncproto.Lanes][]sentFrame
	loose int // hellos and acks since they were last freed
}

type sentFrame struct {
	stream uint64 // sequence in the stream
	end    int64  // last event of the frame; zero when it cannot be read
}

// Add notes a message that the stream took.
func (s *Sent) Add(m syncproto.Message, stream uint64) {
	var end int64
	if m.Kind == syncproto.KindFrame {
		if last, err := syncproto.FrameEnd(m.Data); err == nil {
			end = last
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Kind != syncproto.KindFrame {
		s.loose++
		return
	}
	s.lanes[m.Lane] = append(s.lanes[m.Lane], sentFrame{stream, end})
}

// TakeApplied forgets what is applied and gives, per lane, the last stream
// sequence that may go; zero for none.
func (s *Sent) TakeApplied(applied syncproto.Marks) (upTo [syncproto.Lanes]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for lane, frames := range s.lanes {
		n := 0
		for n < len(frames) && frames[n].end <= applied[lane].Seq {
			upTo[lane] = frames[n].stream
			n++
		}
		s.lanes[lane] = append(frames[:0:0], frames[n:]...)
	}
	return upTo
}

// DropTo forgets everything up to a stream sequence that was freed.
func (s *Sent) DropTo(stream uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for lane, frames := range s.lanes {
		n := 0
		for n < len(frames) && frames[n].stream <= stream {
			n++
		}
		s.lanes[lane] = append(frames[:0:0], frames[n:]...)
	}
}

// TakeLoose tells whether at least n hellos and acks went out since the last yes.
func (s *Sent) TakeLoose(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loose < n {
		return false
	}
	s.loose = 0
	return true
}
