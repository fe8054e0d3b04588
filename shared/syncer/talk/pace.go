package talk

import (
	"time"

	"urbanhomeschool.org/uhs/syncproto"
)

// Limits of what is under way: about two seconds of the line beyond its own
// round trip, so that a payment never waits long behind a backlog.
const (
	minWindow = syncproto.MaxThinFrame
	maxWindow = 4 << 20
	minFrame  = 4 << 10
	queue     = 2 * time.Second
)

// Pace is how much may be under way on the line. It begins with what a thin line
// takes and doubles once a round while frames are applied promptly. It falls at
// once to what was delivered when one took longer than the queue is meant to
// be, and from then on grows by an eighth. With a queue between half of that and
// all of it, it stays.
type Pace struct {
	rtt       time.Duration // least time between a hello and its answer
	window    int           // zero: minWindow
	measured  bool          // a frame has shown how much the line takes
	inFlight  int
	delivered int64
	round     int64 // frames sent before so much was delivered do not change the window again
}

// flight is one frame under way.
type flight struct {
	end       int64 // last sequence number in it
	bytes     int
	at        time.Time
	delivered int64 // of the pace, when it was sent
	filled    bool  // the window was in use then: what it shows is the line, not our want of data
}

// Window is how many bytes may be under way.
func (p *Pace) Window() int { return max(minWindow, p.window) }

// Frame is how large a frame may be: a quarter of the window.
func (p *Pace) Frame(most int) int { return min(most, max(minFrame, p.Window()/4)) }

// room tells whether a frame of that size fits into the window. A lone frame
// always does.
func (p *Pace) room(size int) bool {
	return p.inFlight == 0 || p.inFlight+size <= p.Window()
}

func (p *Pace) take(end int64, bytes int, now time.Time) flight {
	p.inFlight += bytes
	return flight{end, bytes, now, p.delivered, 2*p.inFlight >= p.Window()}
}

func (p *Pace) landed(f flight, now time.Time) {
	p.inFlight -= f.bytes
	p.delivered += int64(f.bytes)
	if f.delivered < p.round {
		return
	}
	aim := p.rtt + queue
	switch took := now.Sub(f.at); {
	case took > aim:
		p.measured = true
		perSecond := float64(p.delivered-f.delivered) / took.Seconds()
		p.resize(min(p.Window(), int(perSecond*aim.Seconds())))
	case f.filled && took <= p.rtt+queue/2 && p.measured:
		p.resize(p.Window() + p.Window()/8)
	case f.filled && took <= p.rtt+queue/2:
		p.resize(2 * p.Window())
	}
}

func (p *Pace) resize(window int) {
	p.window, p.round = min(maxWindow, max(minWindow, window)), p.delivered
}

func (p *Pace) roundTrip(d time.Duration) {
	if d > 0 && (p.rtt == 0 || d < p.rtt) {
		p.rtt = min(d, resendAfter)
	}
}

// slower is for a line that lost something or refused it.
func (p *Pace) slower() { p.resize(p.Window() / 2) }

// forget is for another carrier, whose line is another.
func (p *Pace) forget() { p.rtt, p.window, p.measured = 0, 0, false }
