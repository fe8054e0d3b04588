package meter

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// How much of a download may be under way: what the line carries in two seconds,
// as with records. It begins with what a thin line takes. A cheap modem keeps
// many seconds of packets, and whatever else comes down would wait behind them.
const (
	queued     = 2 * time.Second
	leastAhead = 16 << 10
	mostAhead  = 4 << 20
	measured   = time.Second // how long the line is looked at before it is changed
)

// How a download gives way: it is asked so often, looks again after so long, and
// goes on after givesWay although what goes first has not gone, since something
// else may hold that up.
const (
	askedFor = 200 * time.Millisecond
	givesWay = 20 * time.Second
)

// Gentle is Transport for downloads that come after everything else: little of
// them is under way, and nothing more is taken while first tells that something
// waits which goes first.
func (m *Meter) Gentle(p Purpose, first func() bool) *http.Transport {
	t, turns := m.Transport(p), &turn{first: first}
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		g := &gentle{Conn: c, meter: m, turn: turns}
		g.ahead(leastAhead)
		return g, nil
	}
	return t
}

// gentle is a connection that gives way. Its reads are of one goroutine.
type gentle struct {
	net.Conn
	meter *Meter
	turn  *turn

	begun     time.Time // of what is measured now
	came, may int
}

// Read implements net.Conn.
func (g *gentle) Read(b []byte) (int, error) {
	if g.giveWay() {
		g.begun = time.Time{} // what came meanwhile says nothing of the line
	}
	n, err := g.Conn.Read(b)
	now := g.meter.clock.Now()
	if took := now.Sub(g.begun); g.begun.IsZero() || took < 0 {
		g.begun, g.came = now, 0
	} else if g.came += n; took >= measured {
		g.ahead(aheadOf(g.came, took))
		g.begun, g.came = now, 0
	}
	return n, err
}

// giveWay waits while something goes first, and tells whether it has waited.
func (g *gentle) giveWay() (waited bool) {
	for g.turn.waits(g.meter.clock.Now()) {
		waited = true
		time.Sleep(askedFor)
	}
	return waited
}

// turn decides for all connections of one purpose whether they give way, so that a
// new connection does not begin to wait anew.
type turn struct {
	first func() bool

	mu    sync.Mutex
	asked time.Time
	since time.Time // when first began to say yes; zero when it says no
	yes   bool
}

func (t *turn) waits(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	gap := now.Sub(t.asked)
	if gap >= 0 && gap < askedFor {
		return t.yes
	}
	if gap < 0 || gap > givesWay {
		t.since = time.Time{} // nobody has asked for long: another time of waiting
	}
	t.asked = now
	if !t.first() {
		t.since, t.yes = time.Time{}, false
		return false
	}
	if t.since.IsZero() {
		t.since = now
	}
	t.yes = now.Sub(t.since) <= givesWay
	return t.yes
}

// ahead sets how much the other side may send before it is read. The system may
// take less.
func (g *gentle) ahead(bytes int) {
	c, ok := g.Conn.(interface{ SetReadBuffer(bytes int) error })
	if !ok || bytes > g.may*3/4 && bytes < g.may*5/4 {
		return
	}
	if c.SetReadBuffer(bytes) == nil {
		g.may = bytes
	}
}

// aheadOf is what the line carries in two seconds, measured.
func aheadOf(came int, took time.Duration) int {
	return min(mostAhead, max(leastAhead, int(float64(came)*queued.Seconds()/took.Seconds())))
}
