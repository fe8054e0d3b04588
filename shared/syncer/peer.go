package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/syncproto"
)

// PeerOptions are the parts of one conversation.
type PeerOptions struct {
	DB      db.DB
	Outbox  *Outbox
	Applier *Applier
	Clock   clock.Clock
	Log     *slog.Logger
	// Out is the log written here, In the log written by the other side.
	Out, In Log
	// Epoch of the appliance's uplink, for hello and ack; Appliance is its id.
	Epoch     int64
	Appliance string
	Software  string
	// Timeline is the life of the cloud's database as this side knows it.
	Timeline string
	// Backed is how much of the In log a verified backup covers; nil: nothing.
	Backed func(ctx context.Context, tx db.Tx) ([syncproto.Lanes]int64, error)
	// Forked is called (once until the next hello) when the logs contradict each
	// other. The appliance then asks for a new epoch.
	Forked func(reason error)
	// Progress is called after the other side's marks moved.
	Progress func(applied syncproto.Marks)
	// Heard is called with the other side's hello.
	Heard func(h syncproto.Hello)
	// Carrier names the carrier in use, for the operator.
	Carrier func() string
	// Report is what this side says of itself in its hello; nil: nothing.
	Report func(ctx context.Context, tx db.Tx) (syncproto.Report, error)
	// Offer decides, on the cloud, whether an appliance that has applied this much
	// needs a snapshot; nil: never.
	Offer func(ctx context.Context, tx db.Tx, in syncproto.Marks) (bool, error)
	// SnapshotNeeded is called, on the appliance, when the cloud's hello says so or
	// the cloud's log contradicts what is applied here. It must not block.
	SnapshotNeeded func()
}

// Limits of what is sent and not yet applied: about two seconds of a link. It
// starts small and follows what the link delivers.
const (
	minWindow   = 64 << 10
	firstWindow = 256 << 10
	maxWindow   = 4 << 20
	// resendAfter without any progress, everything unacknowledged is sent again.
	resendAfter = 10 * time.Second
	helloAgain  = 5 * time.Second
)

// Peer is one conversation between a school and the cloud; the same code on
// both sides. It keeps nothing that may not be lost: after a restart it begins
// again with hello.
type Peer struct {
	o PeerOptions

	mu        sync.Mutex
	ready     bool // the other side's hello was heard
	forked    bool // our own log contradicts what the other side has
	denied    bool // the other side's log contradicts what we have applied
	caughtUp  bool // the other side's last hello was covered and noted
	helloDue  bool
	replyDue  bool
	ackDue    bool
	helloAt   time.Time
	sent      [syncproto.Lanes]int64
	acked     syncproto.Marks
	flight    [syncproto.Lanes][]flight
	inFlight  int
	window    int
	moved     time.Time // when anything moved, the link came up, or waiting began
	laneMoved [syncproto.Lanes]time.Time
	patience  [syncproto.Lanes]time.Duration // how long to wait before a lane is sent again
	idle      bool                           // nothing waited at the last look
	turn      syncproto.Lane
	other     syncproto.Hello
	offered   bool // the last hello said that the appliance needs a snapshot
}

type flight struct {
	end   int64
	bytes int
	at    time.Time
}

// NewPeer starts a conversation.
func NewPeer(o PeerOptions) *Peer {
	return &Peer{o: o, helloDue: true, window: firstWindow}
}

// LinkUp begins the conversation again: the carrier has connected. What was
// sent before is still on its way.
func (p *Peer) LinkUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.helloDue, p.moved = true, p.o.Clock.Now()
}

// Takeover begins the conversation on another carrier: what was sent and not
// applied is sent again.
func (p *Peer) Takeover() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.helloDue, p.moved = true, p.o.Clock.Now()
	p.rewind()
}

// rewind forgets what is under way, so that it is sent again.
func (p *Peer) rewind() {
	for l := range syncproto.Lanes {
		p.rewindLane(l)
	}
}

func (p *Peer) rewindLane(l syncproto.Lane) {
	for _, f := range p.flight[l] {
		p.inFlight -= f.bytes
	}
	p.sent[l], p.flight[l] = p.acked[l].Seq, nil
}

// Other is the other side's last hello.
func (p *Peer) Other() syncproto.Hello { p.mu.Lock(); defer p.mu.Unlock(); return p.other }

// Ready tells whether the other side answered since the link came up.
func (p *Peer) Ready() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.ready }

// LastProgress is when the other side's marks last moved, or the link came up.
func (p *Peer) LastProgress() time.Time { p.mu.Lock(); defer p.mu.Unlock(); return p.moved }

// Handle takes one message of the other side. A permanent fault in it is logged
// and swallowed; a transient one is returned, and the message has to come again.
func (p *Peer) Handle(ctx context.Context, m syncproto.Message) error {
	var err error
	switch m.Kind {
	case syncproto.KindHello:
		err = p.handleHello(ctx, m.Data)
	case syncproto.KindAck:
		err = p.handleAck(ctx, m.Data)
	case syncproto.KindFrame:
		err = p.handleFrame(ctx, m.Data)
	}
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(err, ErrFork) && m.Kind == syncproto.KindFrame:
		p.deny(err)
		return nil
	case errors.Is(err, ErrFork):
		p.fork(err)
		return nil
	case errors.Is(err, syncproto.ErrMalformed), errors.Is(err, syncproto.ErrTooLarge), errors.Is(err, syncproto.ErrChain),
		errors.Is(err, syncproto.ErrSchema), errors.Is(err, ErrForeign),
		m.Kind != syncproto.KindFrame && p.o.DB.Permanent(err):
		p.o.Log.Warn("a message was refused", logging.School(p.o.Out.School), slog.Any("kind", m.Kind), logging.Err(err))
		return fmt.Errorf("%w: %w", ErrRefused, err)
	default:
		return err
	}
}

// ErrRefused wraps the permanent faults of a message: it must not come again.
var ErrRefused = errors.New("syncer: message refused")

// deny tells the other side that its log contradicts what was applied.
func (p *Peer) deny(err error) {
	p.mu.Lock()
	known := p.denied
	p.denied, p.ackDue = true, true
	p.mu.Unlock()
	if !known {
		p.o.Log.Error("the other side's log contradicts what was applied", logging.School(p.o.In.School), logging.Err(err))
	}
	if p.o.SnapshotNeeded != nil {
		p.o.SnapshotNeeded()
	}
}

// fork stops sending: the owner of this log has to mend it.
func (p *Peer) fork(err error) {
	p.mu.Lock()
	known := p.forked
	p.forked = true
	p.mu.Unlock()
	if !known {
		p.o.Log.Error("the two logs contradict each other", logging.School(p.o.Out.School), logging.Err(err))
		if p.o.Forked != nil {
			p.o.Forked(err)
		}
	}
}

func (p *Peer) handleFrame(ctx context.Context, data []byte) error {
	f, err := syncproto.DecodeFrame(data)
	if err != nil {
		return err
	}
	_, err = p.o.Applier.Apply(ctx, p.o.In, f)
	p.mu.Lock()
	p.ackDue = true
	heard, noted := p.other, p.caughtUp
	p.mu.Unlock()
	if err == nil && !noted && !heard.Sent.IsZero() {
		return p.noteCaughtUp(ctx, heard)
	}
	if errors.Is(err, ErrGap) { // the ack says from where to send again
		p.o.Log.Info("a gap; asking for a re-send", logging.School(p.o.In.School), logging.Err(err))
		return nil
	}
	return err
}

func (p *Peer) handleHello(ctx context.Context, data []byte) error {
	h, err := syncproto.DecodeHello(data)
	if err != nil {
		return err
	}
	if h.School != p.o.Out.School || h.Epoch != p.o.Epoch {
		return fmt.Errorf("%w: hello", ErrForeign)
	}
	if p.o.Heard != nil {
		p.o.Heard(h)
	}
	if h.Snapshot && p.o.SnapshotNeeded != nil {
		p.o.SnapshotNeeded()
	}
	err = p.acknowledge(ctx, h.In, [syncproto.Lanes]int64{})
	off := p.o.Offer != nil && (errors.Is(err, ErrFork) || errors.Is(err, ErrPruned))
	if err != nil && !off {
		return err
	}
	p.mu.Lock()
	if off { // it hears in the answer that it needs a snapshot, and gets no frames
		p.forked = true
	} else {
		p.believe(h.In)
		p.forked = p.forked && p.o.Offer == nil
	}
	p.ready, p.other, p.caughtUp = true, h, false
	p.replyDue = p.replyDue || !h.Reply
	p.ackDue = true
	p.mu.Unlock()
	if err := p.notePeer(ctx, h); err != nil {
		return err
	}
	return p.noteCaughtUp(ctx, h)
}

func (p *Peer) handleAck(ctx context.Context, data []byte) error {
	a, err := syncproto.DecodeAck(data)
	if err != nil {
		return err
	}
	if a.Epoch != p.o.Epoch {
		return nil // of a conversation that is over
	}
	if a.Fork {
		return fmt.Errorf("%w: the other side says so", ErrFork)
	}
	return p.acknowledge(ctx, a.Applied, a.Backed)
}

// acknowledge notes what the other side has applied, in the database and in the
// window.
func (p *Peer) acknowledge(ctx context.Context, applied syncproto.Marks, backed [syncproto.Lanes]int64) error {
	var moved bool
	if err := p.o.DB.Update(ctx, func(tx db.Tx) (err error) {
		moved, err = p.o.Outbox.Acknowledge(ctx, tx, p.o.Out, applied, backed)
		return err
	}); err != nil {
		return err
	}
	now := p.o.Clock.Now()
	p.mu.Lock()
	for l, m := range applied {
		if m.Seq > p.acked[l].Seq {
			p.acked[l], p.laneMoved[l], moved = m, now, true
		}
		p.sent[l] = max(p.sent[l], p.acked[l].Seq)
		p.landed(syncproto.Lane(l), now)
	}
	if moved {
		p.moved = now
	}
	marks := p.acked
	p.mu.Unlock()
	if moved && p.o.Progress != nil {
		p.o.Progress(marks)
	}
	return nil
}

// believe takes the marks of a hello also where they are lower than what was
// acknowledged before: the other side was restored, or is another box, and
// needs those records again.
func (p *Peer) believe(in syncproto.Marks) {
	for l, m := range in {
		if m.Seq < p.acked[l].Seq {
			p.acked[l] = m
			p.rewindLane(syncproto.Lane(l))
		}
	}
}

// slow is when a frame took longer from sending to applied than the window
// is meant to hold.
const slow = 2 * time.Second

// landed takes the frames that were applied out of the window, and lets the
// window follow the link: twice as much after a prompt delivery of all, half
// after a slow one.
func (p *Peer) landed(lane syncproto.Lane, now time.Time) {
	fl := p.flight[lane]
	for len(fl) > 0 && fl[0].end <= p.acked[lane].Seq {
		p.inFlight -= fl[0].bytes
		p.patience[lane] = max(resendAfter, 2*now.Sub(fl[0].at))
		if now.Sub(fl[0].at) > slow {
			p.window = max(minWindow, p.window/2)
		} else if p.inFlight == 0 {
			p.window = min(maxWindow, p.window*2)
		}
		fl = fl[1:]
	}
	p.flight[lane] = fl
}

// Outgoing gives what should be sent now over a working carrier: hello and ack
// when they are due, then frames as far as the window allows, urgent lanes
// first. It counts them as sent; Unsent takes that back.
func (p *Peer) Outgoing(ctx context.Context, maxFrame int) ([]syncproto.Message, error) {
	var out []syncproto.Message
	ack := p.takeAck()
	err := p.o.DB.View(ctx, func(tx db.Tx) error {
		heads, err := ReadHeads(ctx, tx, p.o.Out)
		if err != nil {
			return err
		}
		in, err := ReadMarks(ctx, tx, p.o.In)
		if err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.noteWaiting(heads)
		if out, err = p.greeting(ctx, tx, heads, in); err != nil {
			return err
		}
		if ack {
			m, err := p.ack(ctx, tx, in)
			if err != nil {
				return err
			}
			out = append(out, m)
		}
		if !p.ready || p.forked {
			return nil
		}
		p.maybeResend()
		frames, err := p.frames(ctx, tx, heads, min(maxFrame, max(syncproto.MaxThinFrame, p.window/4)))
		out = append(out, frames...)
		return err
	})
	if err != nil { // what was cut so far is not sent
		p.mu.Lock()
		p.ackDue = p.ackDue || ack
		p.rewind()
		p.mu.Unlock()
		return nil, err
	}
	return out, nil
}

// takeAck tells whether an ack is due and counts it as said. It is taken before
// the marks are read: what is applied after that is due again.
func (p *Peer) takeAck() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := p.ackDue
	p.ackDue = false
	return due
}

// noteWaiting starts the watchdog's time when the first record waits after
// quiet: silence before that is no stall.
func (p *Peer) noteWaiting(heads Heads) {
	waits := heads.Waiting() > 0
	if waits && p.idle {
		p.moved = p.o.Clock.Now()
	}
	p.idle = !waits
}

// greeting is the hello or its answer, when one is due.
func (p *Peer) greeting(ctx context.Context, tx db.Tx, heads Heads, in syncproto.Marks) ([]syncproto.Message, error) {
	now := p.o.Clock.Now()
	if !p.helloDue && !p.replyDue && (p.ready || now.Sub(p.helloAt) <= helloAgain) {
		return nil, nil
	}
	m, err := p.hello(ctx, tx, heads, in)
	if err != nil {
		return nil, err
	}
	p.helloDue, p.replyDue, p.helloAt = false, false, now
	return []syncproto.Message{m}, nil
}

// ack says how far the other side's log is applied and backed up here.
func (p *Peer) ack(ctx context.Context, tx db.Tx, in syncproto.Marks) (syncproto.Message, error) {
	a := syncproto.Ack{Epoch: p.o.Epoch, Applied: in, Fork: p.denied}
	if p.o.Backed != nil {
		var err error
		if a.Backed, err = p.o.Backed(ctx, tx); err != nil {
			return syncproto.Message{}, err
		}
	}
	return syncproto.EncodeAck(a)
}

func (p *Peer) hello(ctx context.Context, tx db.Tx, heads Heads, in syncproto.Marks) (syncproto.Message, error) {
	h := syncproto.Hello{School: p.o.Out.School, Appliance: p.o.Appliance, Epoch: p.o.Epoch, Out: heads.Out, Acked: p.acked,
		In: in, Timeline: p.o.Timeline, Sent: p.o.Clock.Now(), Reply: p.replyDue && !p.helloDue, Software: p.o.Software}
	if p.o.Report != nil {
		var err error
		if h.Report, err = p.o.Report(ctx, tx); err != nil {
			return syncproto.Message{}, err
		}
	}
	if p.o.Offer != nil && p.ready {
		var err error
		if h.Snapshot, err = p.o.Offer(ctx, tx, p.other.In); err != nil {
			return syncproto.Message{}, err
		}
		p.offered = h.Snapshot
	}
	return syncproto.EncodeHello(h)
}

// HelloNow makes a hello outside the turn, to try a carrier with.
func (p *Peer) HelloNow(ctx context.Context) (m syncproto.Message, err error) {
	err = p.o.DB.View(ctx, func(tx db.Tx) error {
		heads, err := ReadHeads(ctx, tx, p.o.Out)
		if err != nil {
			return err
		}
		in, err := ReadMarks(ctx, tx, p.o.In)
		if err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		m, err = p.hello(ctx, tx, heads, in)
		return err
	})
	return m, err
}

// maybeResend starts again from the acknowledged marks when nothing has moved
// for a while.
func (p *Peer) maybeResend() {
	now := p.o.Clock.Now()
	for l, fl := range p.flight {
		wait := max(resendAfter, p.patience[l])
		if len(fl) == 0 || now.Sub(fl[0].at) <= wait || now.Sub(p.laneMoved[l]) <= wait {
			continue
		}
		p.o.Log.Info("no progress; sending again", logging.School(p.o.Out.School), logging.Lane(l))
		p.patience[l] = min(2*wait, 5*time.Minute)
		p.window = max(minWindow, p.window/2)
		p.rewindLane(syncproto.Lane(l))
	}
}

// frames cuts what the window allows: the urgent lanes whole, the others in turn.
func (p *Peer) frames(ctx context.Context, tx db.Tx, heads Heads, maxFrame int) ([]syncproto.Message, error) {
	var out []syncproto.Message
	next := func(lane syncproto.Lane) (bool, error) {
		if p.sent[lane] >= heads.Out[lane].Seq {
			return false, nil
		}
		f, data, err := Cut(ctx, tx, p.o.Out, lane, p.sent[lane], maxFrame)
		if errors.Is(err, ErrPruned) {
			p.o.Log.Error("the other side needs records that are no longer kept", logging.School(p.o.Out.School), logging.Lane(int(lane)), slog.Int64("after", p.sent[lane]))
			return false, nil
		}
		if err != nil || f == nil {
			return false, err
		}
		out = append(out, syncproto.Message{Kind: syncproto.KindFrame, Lane: lane, Data: data})
		p.sent[lane] = f.End()
		p.flight[lane] = append(p.flight[lane], flight{f.End(), len(data), p.o.Clock.Now()})
		p.inFlight += len(data)
		return true, nil
	}
	for lane := range syncproto.Lanes {
		for lane.Urgent() && p.inFlight < maxWindow {
			if more, err := next(lane); err != nil || !more {
				if err != nil {
					return nil, err
				}
				break
			}
		}
	}
	// A snapshot brings what is in the other lanes: only what is urgent goes beside it.
	for idle := 0; !p.offered && idle < int(syncproto.Lanes) && p.inFlight < p.window; {
		p.turn = (p.turn + 1) % syncproto.Lanes
		more, err := next(p.turn)
		if err != nil {
			return nil, err
		}
		if more {
			idle = 0
		} else {
			idle++
		}
	}
	return out, nil
}

// Unsent takes back what Outgoing counted as sent: the carrier refused it.
func (p *Peer) Unsent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.helloDue, p.ackDue = true, true
	p.window = max(minWindow, p.window/2)
	p.rewind()
}

// Busy tells whether something is under way or due, so that it is worth to look
// again soon.
func (p *Peer) Busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inFlight > 0 || p.ackDue || p.replyDue
}

// SayHello makes the next Outgoing begin with a hello: the other side learns
// our head, and the clock sample.
func (p *Peer) SayHello() { p.mu.Lock(); defer p.mu.Unlock(); p.helloDue = true }

// ReadMarks is how far a log has been applied here.
func ReadMarks(ctx context.Context, tx db.Tx, log Log) (m syncproto.Marks, err error) {
	rows, err := tx.Query(ctx, listWatermarks, log.School, log.Epoch)
	if err != nil {
		return m, err
	}
	defer rows.Close()
	for rows.Next() {
		var lane, seq int64
		var chain []byte
		if err := rows.Scan(&lane, &seq, &chain); err != nil {
			return m, err
		}
		if lane >= 0 && lane < int64(syncproto.Lanes) {
			m[lane] = syncproto.Mark{Seq: seq, Chain: syncproto.HashOf(chain)}
		}
	}
	return m, rows.Err()
}
