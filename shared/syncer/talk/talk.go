// Package talk is the conversation between a school and the cloud as state
// machines: what to say next, what to believe, when to send again, which
// carrier to use. Its nouns: a *Talk* is one side of a conversation, a *Pace*
// is how much of it may be under way, a *Watch* chooses the carrier.
//
// The rule that surprises: nothing in here has a clock, a goroutine, a lock or
// a database. The time comes in with every call and what has to be done goes
// out as a value, so that the simulator drives the same code as the product.
// The shells around it are syncer.Peer, syncer.Link and syncer.Applier.
package talk

import (
	"time"

	"urbanhomeschool.org/uhs/syncproto"
)

// How long to wait before saying a thing again.
const (
	// resendAfter without progress of a lane, what is unacknowledged is sent again;
	// each time it waits longer, up to resendAtMost.
	resendAfter  = 10 * time.Second
	resendAtMost = 5 * time.Minute
	// helloAgain is how soon a hello that nobody answered is repeated.
	helloAgain = 5 * time.Second
)

// Since is the time from then to now. After the wall clock was put back it is
// for ever: what waits for time to pass must not wait until the clock has caught
// up, which may be years.
func Since(now, then time.Time) time.Duration {
	if d := now.Sub(then); d >= 0 {
		return d
	}
	return 1<<63 - 1
}

// Talk is one side of a conversation. It keeps nothing that may not be lost: a
// new one begins with hello. It is not safe for use by several goroutines.
type Talk struct {
	ready    bool // the other side's hello was heard
	forked   bool // our own log contradicts what the other side has
	denied   bool // the other side's log contradicts what we have applied
	caughtUp bool // the other side's last hello was covered and noted
	idle     bool // nothing waited at the last look
	spare    bool // the line may carry only what is urgent

	helloDue, replyDue, ackDue bool
	helloAt                    time.Time

	acked    syncproto.Marks
	sent     [syncproto.Lanes]int64
	held     [syncproto.Lanes]time.Time // not to be sent before
	flights  [syncproto.Lanes][]flight
	moved    [syncproto.Lanes]time.Time
	patience [syncproto.Lanes]time.Duration // how long to wait before a lane is sent again
	served   [syncproto.Lanes]int64         // bytes sent, for the fair share
	pace     Pace
	progress time.Time // when anything moved, the link came up, or waiting began
	other    syncproto.Hello
}

// New begins a conversation.
func New() *Talk { return &Talk{helloDue: true} }

// LinkUp begins again with hello: the carrier has connected. What was sent
// before is still on its way.
func (t *Talk) LinkUp(now time.Time) { t.helloDue, t.progress = true, now }

// Takeover begins again on another carrier: what was sent and not applied is
// sent again.
func (t *Talk) Takeover(now time.Time) {
	t.LinkUp(now)
	t.pace.forget()
	t.rewind()
}

// SayHello makes the next greeting a hello: the other side learns our head.
func (t *Talk) SayHello() { t.helloDue = true }

// Greet tells whether a hello, or the answer to one, is to be sent now, and
// counts it as said.
func (t *Talk) Greet(now time.Time) (say, reply bool) {
	if !t.helloDue && !t.replyDue && (t.ready || Since(now, t.helloAt) <= helloAgain) {
		return false, false
	}
	reply = t.replyDue && !t.helloDue
	t.helloDue, t.replyDue, t.helloAt = false, false, now
	return true, reply
}

// Hello takes the other side's hello. Its marks are believed also where they are
// lower than what was acknowledged before: the other side was restored, or is
// another box, and needs those records again.
func (t *Talk) Hello(h syncproto.Hello, now time.Time) {
	if h.Reply && !t.helloAt.IsZero() {
		t.pace.roundTrip(now.Sub(t.helloAt))
	}
	for l, m := range h.In {
		t.held[l] = time.Time{}
		if m.Seq < t.acked[l].Seq {
			t.acked[l] = m
			t.rewindLane(syncproto.Lane(l))
		}
	}
	t.ready, t.other, t.caughtUp = true, h, false
	t.replyDue = t.replyDue || !h.Reply
	t.ackDue = true
}

// Frame notes that a frame of the other side was looked at: an ack is due.
func (t *Talk) Frame() { t.ackDue = true }

// TakeAck tells whether an ack is due and counts it as said. Take it before the
// marks are read: what is applied after that is due again.
func (t *Talk) TakeAck() bool {
	due := t.ackDue
	t.ackDue = false
	return due
}

// Acked takes how far the other side has applied our log, and tells whether any
// lane moved.
func (t *Talk) Acked(applied syncproto.Marks, now time.Time) (moved bool) {
	for l, m := range applied {
		if m.Seq > t.acked[l].Seq {
			t.acked[l], t.moved[l], moved = m, now, true
		}
		t.sent[l] = max(t.sent[l], t.acked[l].Seq)
		t.landed(syncproto.Lane(l), now)
	}
	if moved {
		t.progress = now
	}
	return moved
}

// Progress counts as progress what happened outside the marks.
func (t *Talk) Progress(now time.Time) { t.progress = now }

// landed takes the frames that were applied out of the window.
func (t *Talk) landed(lane syncproto.Lane, now time.Time) {
	fl := t.flights[lane]
	for len(fl) > 0 && fl[0].end <= t.acked[lane].Seq {
		t.patience[lane] = min(max(resendAfter, 2*now.Sub(fl[0].at)), resendAtMost)
		t.pace.landed(fl[0], now)
		fl = fl[1:]
	}
	t.flights[lane] = fl
}

// Waiting notes whether records wait for the other side. The first one after
// quiet starts the watchdog's time: silence before that is no stall.
func (t *Talk) Waiting(waits bool, now time.Time) {
	if waits && t.idle {
		t.progress = now
	}
	t.idle = !waits
}

// Next is the lane to cut a frame from, after which position, and how large the
// frame may be; ok is false when nothing may be sent now. heads are the ends of
// our log. Urgent lanes go first and alone; the others share by bytes.
func (t *Talk) Next(heads syncproto.Marks, maxFrame int, now time.Time) (lane syncproto.Lane, after int64, size int, ok bool) {
	if !t.ready || t.forked {
		return 0, 0, 0, false
	}
	size = t.pace.Frame(maxFrame)
	for l := range syncproto.Lanes {
		if l.Urgent() && t.pending(l, heads, now) && t.pace.inFlight < maxWindow {
			return l, t.sent[l], size, true
		}
	}
	if t.spare || !t.pace.room(size) {
		return 0, 0, 0, false
	}
	for l := range syncproto.Lanes {
		if !l.Urgent() && t.pending(l, heads, now) && (!ok || t.served[l] < t.served[lane]) {
			lane, ok = l, true
		}
	}
	return lane, t.sent[lane], size, ok
}

func (t *Talk) pending(l syncproto.Lane, heads syncproto.Marks, now time.Time) bool {
	return t.sent[l] < heads[l].Seq && !now.Before(t.held[l])
}

// Sent counts a frame of lane that ends at end as under way.
func (t *Talk) Sent(lane syncproto.Lane, end int64, bytes int, now time.Time) {
	t.share(lane)
	t.served[lane] += int64(bytes)
	t.flights[lane] = append(t.flights[lane], t.pace.take(end, bytes, now))
	t.sent[lane] = end
}

// share lets a lane that was quiet begin level with the others: it has no claim
// on what it did not use.
func (t *Talk) share(lane syncproto.Lane) {
	if lane.Urgent() || len(t.flights[lane]) > 0 {
		return
	}
	least, found := int64(0), false
	for l := range syncproto.Lanes {
		if l != lane && !l.Urgent() && len(t.flights[l]) > 0 && (!found || t.served[l] < least) {
			least, found = t.served[l], true
		}
	}
	if found {
		t.served[lane] = max(t.served[lane], least)
	}
}

// Hold keeps a lane back until then, or until the next hello: the other side
// takes nothing of it, or what it needs is no longer kept.
func (t *Talk) Hold(lane syncproto.Lane, until time.Time) {
	t.rewindLane(lane)
	t.held[lane] = until
}

// Overdue lists the lanes of which nothing has moved for a while; they are sent
// again from the acknowledged mark.
func (t *Talk) Overdue(now time.Time) (lanes []syncproto.Lane) {
	for l, fl := range t.flights {
		wait := max(resendAfter, t.patience[l])
		if len(fl) == 0 || Since(now, fl[0].at) <= wait || Since(now, t.moved[l]) <= wait {
			continue
		}
		t.patience[l] = min(2*wait, resendAtMost)
		t.pace.slower()
		t.rewindLane(syncproto.Lane(l))
		lanes = append(lanes, syncproto.Lane(l))
	}
	return lanes
}

// Unsent takes back everything that was counted as sent: the carrier refused it.
func (t *Talk) Unsent() {
	t.helloDue, t.ackDue = true, true
	t.pace.slower()
	t.rewind()
}

// Uncut takes back what was counted in a turn that failed before it was sent.
func (t *Talk) Uncut(ack bool) {
	t.ackDue = t.ackDue || ack
	t.rewind()
}

func (t *Talk) rewind() {
	for l := range syncproto.Lanes {
		t.rewindLane(l)
	}
}

func (t *Talk) rewindLane(l syncproto.Lane) {
	for _, f := range t.flights[l] {
		t.pace.inFlight -= f.bytes
	}
	t.sent[l], t.flights[l] = t.acked[l].Seq, nil
}

// Fork stops sending: our log contradicts what the other side has, and its
// owner has to mend it. It tells whether that is news.
func (t *Talk) Fork() (news bool) {
	news = !t.forked
	t.forked = true
	return news
}

// Mend ends a fork: the other side's hello fits our log again.
func (t *Talk) Mend() { t.forked = false }

// Spare lets only control and money be sent while it is on.
func (t *Talk) Spare(on bool) { t.spare = on }

// Deny makes every ack from now on say that the other side's log contradicts
// what was applied. It tells whether that is news.
func (t *Talk) Deny() (news bool) {
	news = !t.denied
	t.denied, t.ackDue = true, true
	return news
}

// Denied tells whether acks say that the other side's log contradicts ours.
func (t *Talk) Denied() bool { return t.denied }

// CaughtUp counts the other side's last hello as covered by what is applied.
func (t *Talk) CaughtUp() { t.caughtUp = true }

// ToCover is the other side's last hello while it is not known to be covered by
// what is applied here.
func (t *Talk) ToCover() (h syncproto.Hello, open bool) {
	return t.other, !t.caughtUp && !t.other.Sent.IsZero()
}

// Other is the other side's last hello.
func (t *Talk) Other() syncproto.Hello { return t.other }

// Marks are how far the other side has applied our log.
func (t *Talk) Marks() syncproto.Marks { return t.acked }

// Ready tells whether the other side was heard.
func (t *Talk) Ready() bool { return t.ready }

// LastProgress is when anything moved, the link came up, or waiting began.
func (t *Talk) LastProgress() time.Time { return t.progress }

// Busy tells whether something is under way or due, so that it is worth to look
// again soon.
func (t *Talk) Busy() bool { return t.pace.inFlight > 0 || t.ackDue || t.replyDue }
