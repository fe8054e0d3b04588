package leaf

import (
	"sync"

	"urbanhomeschool.org/uhs/syncproto"
)

// sent remembers which frame went out under which stream sequence, so that the
// origin can be freed lane by lane: a lane that stands still must not keep the
// others' messages. It is in memory only; a start begins with an empty stream.
type sent struct {
	mu    sync.Mutex
	lanes [syncproto.Lanes][]place
	loose int // hellos and acks since they were last freed
}

type place struct {
	stream uint64 // sequence in the stream
	end    int64  // last event of the frame; zero when it cannot be read
}

// add notes a message that the stream took.
func (s *sent) add(m syncproto.Message, stream uint64) {
	var end int64
	if m.Kind == syncproto.KindFrame {
		if f, err := syncproto.DecodeFrame(m.Data); err == nil {
			end = f.End()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Kind != syncproto.KindFrame {
		s.loose++
		return
	}
	s.lanes[m.Lane] = append(s.lanes[m.Lane], place{stream, end})
}

// takeApplied forgets what is applied and gives, per lane, the last stream
// sequence that may go; zero for none.
func (s *sent) takeApplied(applied syncproto.Marks) (upTo [syncproto.Lanes]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for lane, places := range s.lanes {
		n := 0
		for n < len(places) && places[n].end <= applied[lane].Seq {
			upTo[lane] = places[n].stream
			n++
		}
		s.lanes[lane] = append(places[:0:0], places[n:]...)
	}
	return upTo
}

// dropTo forgets everything up to a stream sequence that was freed.
func (s *sent) dropTo(stream uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for lane, places := range s.lanes {
		n := 0
		for n < len(places) && places[n].stream <= stream {
			n++
		}
		s.lanes[lane] = append(places[:0:0], places[n:]...)
	}
}

// takeLoose tells whether at least n hellos and acks went out since the last yes.
func (s *sent) takeLoose(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loose < n {
		return false
	}
	s.loose = 0
	return true
}
