package talk

import (
	"errors"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/syncproto"
)

var start = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func heads(seq ...int64) (m syncproto.Marks) {
	for l, s := range seq {
		m[l] = syncproto.Mark{Seq: s}
	}
	return m
}

// greeted is a talk whose other side has answered.
func greeted(rtt time.Duration) (*Talk, time.Time) {
	t := New()
	if say, reply := t.Greet(start); !say || reply {
		panic("a new talk does not begin with hello")
	}
	now := start.Add(rtt)
	t.Hello(syncproto.Hello{Reply: true, Sent: start}, now)
	return t, now
}

func TestATalkBeginsWithHelloAndRepeatsItUntilItIsAnswered(t *testing.T) {
	x := New()
	if _, _, _, ok := x.Next(heads(0, 0, 0, 0, 9), 1000, start); ok {
		t.Error("a frame was sent before the other side was heard")
	}
	x.Greet(start)
	if say, _ := x.Greet(start.Add(helloAgain)); say {
		t.Error("said again too soon")
	}
	if say, _ := x.Greet(start.Add(helloAgain + time.Second)); !say {
		t.Error("an unanswered hello is not repeated")
	}
	x.Hello(syncproto.Hello{}, start)
	if say, reply := x.Greet(start); !say || !reply {
		t.Error("a hello is not answered")
	}
	if say, _ := x.Greet(start.Add(time.Hour)); say {
		t.Error("an answered talk says hello by itself")
	}
}

func TestControlAndMoneyGoFirstAndTheRestSharesByBytes(t *testing.T) {
	x, now := greeted(10 * time.Millisecond)
	x.pace.window = maxWindow
	all := heads(1, 1, 100, 100, 100)
	var order []syncproto.Lane
	bytes := map[syncproto.Lane]int{}
	for range 40 {
		lane, after, size, ok := x.Next(all, 1<<10, now)
		if !ok {
			break
		}
		if after+1 > all[lane].Seq || size > 1<<10 {
			t.Fatalf("lane %d after %d, %d bytes", lane, after, size)
		}
		order = append(order, lane)
		n := map[syncproto.Lane]int{2: 100, 3: 1000, 4: 300}[lane] // frames of unlike sizes
		bytes[lane] += n
		x.Sent(lane, after+1, n, now)
	}
	if order[0] != syncproto.LaneControl || order[1] != syncproto.LaneMoney {
		t.Errorf("the order is %v", order)
	}
	for _, l := range []syncproto.Lane{2, 3, 4} {
		if bytes[l] < 1500 || bytes[l] > 3500 {
			t.Errorf("lane %d got %d bytes of %v", l, bytes[l], bytes)
		}
	}
}

func TestAMoneyRecordNeverWaitsBehindAFullWindow(t *testing.T) {
	x, now := greeted(time.Second)
	for {
		lane, after, _, ok := x.Next(heads(0, 0, 0, 0, 1000), syncproto.MaxFrame, now)
		if !ok {
			break
		}
		x.Sent(lane, after+1, 4000, now)
	}
	if x.pace.inFlight > minWindow {
		t.Errorf("%d bytes are under way on a line nobody has measured", x.pace.inFlight)
	}
	if lane, _, _, ok := x.Next(heads(0, 3, 0, 0, 1000), syncproto.MaxFrame, now); !ok || lane != syncproto.LaneMoney {
		t.Errorf("lane %d, %v", lane, ok)
	}
}

func TestALaneThatWasQuietHasNoClaimOnThePast(t *testing.T) {
	x, now := greeted(time.Millisecond)
	x.pace.window = maxWindow
	for i := range int64(50) {
		x.Sent(syncproto.LaneLearning, i+1, 1000, now)
	}
	got := map[syncproto.Lane]int{}
	for range 20 {
		lane, after, _, ok := x.Next(heads(0, 0, 1000, 0, 1000), 1<<10, now)
		if !ok {
			t.Fatal("nothing to send")
		}
		got[lane]++
		x.Sent(lane, after+1, 1000, now)
	}
	if got[syncproto.LaneLearning] < 8 || got[syncproto.LaneRoster] < 8 {
		t.Errorf("shared as %v", got)
	}
}

// line is a line of bytes per second behind a queue without end.
func line(t *testing.T, x *Talk, now time.Time, perSecond int, rtt, span time.Duration) (longest time.Duration, carried int) {
	t.Helper()
	type item struct {
		end  int64
		at   time.Time
		done time.Time
		n    int
	}
	var q []item
	free, end := now, now.Add(span)
	for ; now.Before(end); now = now.Add(10 * time.Millisecond) {
		for {
			lane, after, size, ok := x.Next(heads(0, 0, 0, 0, 1<<40), syncproto.MaxFrame, now)
			if !ok {
				break
			}
			x.Sent(lane, after+1, size, now)
			if free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(float64(size) / float64(perSecond) * float64(time.Second)))
			q = append(q, item{after + 1, now, free.Add(rtt), size})
		}
		for len(q) > 0 && !q[0].done.After(now) {
			x.Acked(heads(0, 0, 0, 0, q[0].end), now)
			carried += q[0].n
			if now.Sub(start) > time.Minute { // the line is known by then
				longest = max(longest, now.Sub(q[0].at))
			}
			q = q[1:]
		}
	}
	return longest, carried
}

func TestAboutTwoSecondsOfTheLineAreUnderWay(t *testing.T) {
	for name, c := range map[string]struct {
		perSecond int
		rtt       time.Duration
	}{
		"64 kbit/s":            {8 << 10, 600 * time.Millisecond},
		"128 kbit/s":           {16 << 10, 100 * time.Millisecond},
		"1 Mbit/s":             {128 << 10, 80 * time.Millisecond},
		"a far satellite":      {256 << 10, 2 * time.Second},
		"the school's own LAN": {10 << 20, 2 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			x, now := greeted(c.rtt)
			longest, carried := line(t, x, now, c.perSecond, c.rtt, 2*time.Minute)
			if longest > c.rtt+queue+time.Second {
				t.Errorf("a frame took %v", longest)
			}
			if share := float64(carried) / (120 * float64(c.perSecond)); share < 0.7 {
				t.Errorf("only %.0f %% of the line was used", 100*share)
			}
		})
	}
}

func TestABurstDoesNotFoolThePace(t *testing.T) {
	x, now := greeted(10 * time.Millisecond)
	line(t, x, now, 100<<20, time.Millisecond, time.Second) // a buffer took it all at once
	now = now.Add(time.Second)
	longest, _ := line(t, x, now, 8<<10, 10*time.Millisecond, 20*time.Minute)
	if x.pace.Window() > 32<<10 {
		t.Errorf("the window of a line of 8 kB/s is %d; the longest frame took %v", x.pace.Window(), longest)
	}
}

func TestWhatIsLostIsSentAgainAndTheLaneWaitsLongerEachTime(t *testing.T) {
	x, now := greeted(time.Millisecond)
	all := heads(0, 0, 0, 0, 5)
	var waits []time.Duration
	for range 4 {
		lane, after, _, ok := x.Next(all, 1000, now)
		if !ok || lane != 4 || after != 0 {
			t.Fatalf("lane %d after %d: %v", lane, after, ok)
		}
		x.Sent(4, 5, 500, now)
		from := now
		for len(x.Overdue(now)) == 0 {
			if now = now.Add(time.Second); now.Sub(from) > time.Hour {
				t.Fatal("never")
			}
		}
		waits = append(waits, now.Sub(from))
	}
	for i := 1; i < len(waits); i++ {
		if waits[i] <= waits[i-1] {
			t.Errorf("it waits %v", waits)
		}
	}
}

func TestALowerMarkInAHelloIsBelieved(t *testing.T) {
	x, now := greeted(time.Millisecond)
	x.Sent(4, 50, 500, now)
	x.Acked(heads(0, 0, 0, 0, 50), now)
	x.Acked(heads(0, 0, 0, 0, 20), now)
	if x.Marks()[4].Seq != 50 {
		t.Error("an old ack moved the mark back")
	}
	x.Hello(syncproto.Hello{In: heads(0, 0, 0, 0, 20)}, now)
	if lane, after, _, ok := x.Next(heads(0, 0, 0, 0, 50), 1000, now); !ok || lane != 4 || after != 20 {
		t.Errorf("it goes on after %d of lane %d: %v", after, lane, ok)
	}
}

func TestAHeldLaneLeavesTheLineToTheOthers(t *testing.T) {
	x, now := greeted(time.Millisecond)
	x.Hold(1, now.Add(time.Minute))
	all := heads(0, 5, 0, 0, 5)
	if lane, _, _, ok := x.Next(all, 1000, now); !ok || lane != 4 {
		t.Errorf("lane %d, %v", lane, ok)
	}
	if lane, _, _, ok := x.Next(all, 1000, now.Add(time.Minute)); !ok || lane != 1 {
		t.Errorf("after a minute: lane %d, %v", lane, ok)
	}
	x.Hold(1, now.Add(time.Hour))
	x.Hello(syncproto.Hello{}, now)
	if lane, _, _, ok := x.Next(all, 1000, now); !ok || lane != 1 {
		t.Errorf("after a hello: lane %d, %v", lane, ok)
	}
}

func TestALineToBeSparedCarriesOnlyWhatIsUrgent(t *testing.T) {
	x, now := greeted(time.Millisecond)
	x.Spare(true)
	if lane, _, _, ok := x.Next(heads(0, 1, 1, 1, 1), 1000, now); !ok || lane != syncproto.LaneMoney {
		t.Errorf("lane %d, %v", lane, ok)
	}
	if _, _, _, ok := x.Next(heads(0, 0, 1, 1, 1), 1000, now); ok {
		t.Error("a line to be spared carried what can wait")
	}
	x.Spare(false)
	if _, _, _, ok := x.Next(heads(0, 0, 1, 1, 1), 1000, now); !ok {
		t.Error("the tail is not sent afterwards")
	}
}

func TestAForkStopsTheFramesAndIsToldOnce(t *testing.T) {
	x, now := greeted(time.Millisecond)
	if !x.Fork() || x.Fork() {
		t.Error("a fork is news once")
	}
	if _, _, _, ok := x.Next(heads(1, 1, 1, 1, 1), 1000, now); ok {
		t.Error("a forked log was sent")
	}
	if x.Mend(); !x.Fork() {
		t.Error("a fork after a mended one is no news")
	}
	x.TakeAck()
	if !x.Deny() || x.Deny() || !x.Denied() || !x.TakeAck() {
		t.Error("a denial is news once, and said in an ack")
	}
}

func TestPlaceFindsWhereAFrameMeetsTheWatermark(t *testing.T) {
	events := []syncproto.Event{{Type: "a", Entity: "1"}, {Type: "a", Entity: "2"}, {Type: "a", Entity: "3"}}
	at := []syncproto.Hash{{1}}
	for _, e := range events {
		at = append(at, syncproto.Chain(at[len(at)-1], e.Hash()))
	}
	f := syncproto.Frame{First: 11, Prev: at[0], Last: at[3], Events: events}
	for name, c := range map[string]struct {
		w    syncproto.Mark
		skip int
		err  error
	}{
		"next":                       {syncproto.Mark{Seq: 10, Chain: at[0]}, 0, nil},
		"half known":                 {syncproto.Mark{Seq: 12, Chain: at[2]}, 2, nil},
		"known":                      {syncproto.Mark{Seq: 13, Chain: at[3]}, 3, nil},
		"known long ago":             {syncproto.Mark{Seq: 99, Chain: syncproto.Hash{9}}, 3, nil},
		"a gap":                      {syncproto.Mark{Seq: 9, Chain: at[0]}, 0, ErrGap},
		"another past":               {syncproto.Mark{Seq: 10, Chain: syncproto.Hash{9}}, 0, ErrFork},
		"another past in the middle": {syncproto.Mark{Seq: 12, Chain: syncproto.Hash{9}}, 0, ErrFork},
		"another end":                {syncproto.Mark{Seq: 13, Chain: syncproto.Hash{9}}, 0, ErrFork},
	} {
		if skip, err := Place(c.w, f); skip != c.skip || !errors.Is(err, c.err) {
			t.Errorf("%s: %d, %v", name, skip, err)
		}
	}
}

func TestWhatMayBePruned(t *testing.T) {
	for _, c := range []struct {
		lane Lane
		old  int64
		want int64
	}{
		{Lane{Acked: 50, Backed: 0}, 0, 0},
		{Lane{Acked: 50, Backed: 30}, 0, 30},
		{Lane{Acked: 50, Backed: 30}, 40, 40}, // applied for 30 days
		{Lane{Acked: 20, Backed: 30}, 40, 20}, // the other side was rewound: what it lacks stays
	} {
		if got := c.lane.PruneBelow(c.old); got != c.want {
			t.Errorf("%+v, old %d: below %d, want %d", c.lane, c.old, got, c.want)
		}
	}
	l := Lane{Head: syncproto.Mark{Seq: 60}, Acked: 50, Backed: 30}
	if l.BackUp(99, 55) != 55 || l.BackUp(10, 55) != 30 {
		t.Error("a backup counts beyond what is applied, or backwards")
	}
	if _, err := l.Credit(4, syncproto.Mark{Seq: 61}); !errors.Is(err, ErrFork) {
		t.Errorf("more was applied than there is: %v", err)
	}
	if due, err := l.Credit(4, syncproto.Mark{Seq: 50}); due || err != nil {
		t.Errorf("old news: %v, %v", due, err)
	}
}

func TestTheWatchChangesTheCarrierWhenNothingMovesAndComesBack(t *testing.T) {
	w := NewWatch(2)
	if _, ok := w.Stalled(start.Add(stalled-time.Second), start); ok {
		t.Error("too soon")
	}
	next, ok := w.Stalled(start.Add(stalled), start)
	if !ok || next != 1 {
		t.Fatalf("%d, %v", next, ok)
	}
	w.Use(next)
	if w.LinkUp(0) {
		t.Error("a better carrier that connects is tried first")
	}
	up := func(int) bool { return true }
	if try := w.Knock(start, up); len(try) != 1 || try[0] != 0 {
		t.Errorf("tries %v", try)
	}
	if try := w.Knock(start.Add(time.Second), up); len(try) != 0 {
		t.Errorf("tries %v a second later", try)
	}
	w.LinkUp(0)
	if try := w.Knock(start.Add(2*time.Second), up); len(try) != 1 {
		t.Errorf("tries %v when it has just connected", try)
	}
	if try := w.Knock(start.Add(2*stalled), up); len(try) != 1 {
		t.Errorf("tries %v after two minutes", try)
	}
	if w.Delivered(1) || !w.Delivered(0) || w.Current() != 0 {
		t.Error("a better carrier that delivers takes over, once")
	}
	if _, ok := NewWatch(1).Stalled(start.Add(time.Hour), start); ok {
		t.Error("there is no other carrier")
	}
}
