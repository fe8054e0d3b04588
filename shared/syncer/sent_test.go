package syncer_test

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// frameOf is a message with the events first to last of a lane.
func frameOf(t *testing.T, lane syncproto.Lane, first, last int64) syncproto.Message {
	t.Helper()
	f := &syncproto.Frame{School: id.New(), Epoch: 1, Lane: lane, First: first}
	for range last - first + 1 {
		f.Events = append(f.Events, syncproto.Event{Type: "a.b", Version: 1, Entity: id.New(), HLC: 1, Body: []byte{0xa0}})
	}
	data, err := syncproto.EncodeFrame(f)
	if err != nil {
		t.Fatal(err)
	}
	return syncproto.Message{Kind: syncproto.KindFrame, Lane: lane, Data: data}
}

func TestWhatWasSentIsFreedLaneByLane(t *testing.T) {
	sent := func() *syncer.Sent {
		var s syncer.Sent
		s.Add(frameOf(t, syncproto.LaneLearning, 1, 3), 10)
		s.Add(frameOf(t, syncproto.LaneMoney, 1, 1), 11)
		s.Add(frameOf(t, syncproto.LaneLearning, 4, 5), 12)
		return &s
	}
	marks := func(learning, money int64) syncproto.Marks {
		return syncproto.Marks{syncproto.LaneLearning: {Seq: learning}, syncproto.LaneMoney: {Seq: money}}
	}
	t.Run("a lane that stands still keeps only its own", func(t *testing.T) {
		s := sent()
		if got := s.TakeApplied(marks(4, 0)); got[syncproto.LaneLearning] != 10 || got[syncproto.LaneMoney] != 0 {
			t.Errorf("half of a frame: %v", got)
		}
		if got := s.TakeApplied(marks(5, 1)); got[syncproto.LaneLearning] != 12 || got[syncproto.LaneMoney] != 11 {
			t.Errorf("all of it: %v", got)
		}
		if got := s.TakeApplied(marks(5, 1)); got != [syncproto.Lanes]uint64{} {
			t.Errorf("a second time: %v", got)
		}
	})
	t.Run("what was freed otherwise is forgotten", func(t *testing.T) {
		s := sent()
		s.DropTo(11)
		if got := s.TakeApplied(marks(3, 1)); got != [syncproto.Lanes]uint64{} {
			t.Errorf("got %v", got)
		}
		if got := s.TakeApplied(marks(5, 1)); got[syncproto.LaneLearning] != 12 {
			t.Errorf("got %v", got)
		}
	})
	t.Run("hellos and acks are counted anew after each yes", func(t *testing.T) {
		s := sent()
		s.Add(syncproto.Message{Kind: syncproto.KindHello}, 13)
		if s.TakeLoose(2) || !s.TakeLoose(1) || s.TakeLoose(1) {
			t.Error("miscounted")
		}
	})
}
