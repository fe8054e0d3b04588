package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/crash"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
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
	// Pruned is called when the other side needs records of lane after a position
	// that are no longer kept; nil: it is only logged.
	Pruned func(lane syncproto.Lane, after int64)
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

// Peer is one conversation between a school and the cloud; the same code on
// both sides. It is the shell around a talk.Talk: it brings the clock, the
// database and the lock. It keeps nothing that may not be lost: after a restart
// it begins again with hello.
type Peer struct {
	o PeerOptions

	mu   sync.Mutex
	talk *talk.Talk
	life int // counts how often Anew began
}

// NewPeer starts a conversation.
func NewPeer(o PeerOptions) *Peer { return &Peer{o: o, talk: talk.New()} }

// LinkUp begins the conversation again: the carrier has connected. What was
// sent before is still on its way.
func (p *Peer) LinkUp() { p.mu.Lock(); defer p.mu.Unlock(); p.talk.LinkUp(p.o.Clock.Now()) }

// Takeover begins the conversation on another carrier: what was sent and not
// applied is sent again.
func (p *Peer) Takeover() { p.mu.Lock(); defer p.mu.Unlock(); p.talk.Takeover(p.o.Clock.Now()) }

// Anew forgets the conversation and begins it again: the database behind it is
// another one, with other marks. The carrier need not notice.
func (p *Peer) Anew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.talk, p.life = talk.New(), p.life+1
	p.talk.LinkUp(p.o.Clock.Now())
}

// errAnew tells that the conversation began again while marks were being read.
var errAnew = errors.New("syncer: the conversation began anew meanwhile")

// Other is the other side's last hello.
func (p *Peer) Other() syncproto.Hello { p.mu.Lock(); defer p.mu.Unlock(); return p.talk.Other() }

// Ready tells whether the other side answered since the link came up.
func (p *Peer) Ready() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.talk.Ready() }

// LastProgress is when the other side's marks last moved, or the link came up.
func (p *Peer) LastProgress() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.talk.LastProgress()
}

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
	news := p.talk.Deny()
	p.mu.Unlock()
	if news {
		p.o.Log.Error("the other side's log contradicts what was applied", logging.School(p.o.In.School), logging.Err(err))
	}
	if p.o.SnapshotNeeded != nil {
		p.o.SnapshotNeeded()
	}
}

// fork stops sending: the owner of this log has to mend it.
func (p *Peer) fork(err error) {
	p.mu.Lock()
	news := p.talk.Fork()
	p.mu.Unlock()
	if news {
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
	p.talk.Frame()
	heard, open := p.talk.ToCover()
	p.mu.Unlock()
	if err == nil && open {
		return p.noteCaughtUp(ctx, heard)
	}
	if errors.Is(err, ErrGap) { // the ack says from where to send again
		p.o.Log.Info("a gap; asking for a re-send", logging.School(p.o.In.School), logging.Err(err))
		return nil
	}
	if errors.Is(err, ErrPaused) { // the ack says so; the sender keeps it
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
	if !off {
		if err := p.believe(ctx, h.In); err != nil {
			return err
		}
	}
	p.mu.Lock()
	if off { // it hears in the answer that it needs a snapshot, and gets no frames
		p.talk.Fork()
	} else if p.o.Offer != nil {
		p.talk.Mend()
	}
	p.talk.Hello(h, p.o.Clock.Now())
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
	if err := p.acknowledge(ctx, a.Applied, a.Backed); err != nil || a.Paused == [syncproto.Lanes]bool{} {
		return err
	}
	now := p.o.Clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for l, paused := range a.Paused {
		if paused {
			p.talk.Hold(syncproto.Lane(l), now.Add(pausedAgain))
		}
	}
	p.talk.Progress(now) // the line works: it is a person who is waited for
	return nil
}

// acknowledge notes what the other side has applied, in the database and in the
// window.
func (p *Peer) acknowledge(ctx context.Context, applied syncproto.Marks, backed [syncproto.Lanes]int64) error {
	var moved bool
	if err := p.o.DB.Update(ctx, func(tx db.Tx) (err error) {
		moved, err = p.o.Outbox.Acknowledge(ctx, tx, p.o.Out, applied, backed)
		if moved {
			crash.Here(crash.AckBeforeCommit)
		}
		return err
	}); err != nil {
		return err
	}
	if moved {
		crash.Here(crash.AckAfterCommit)
	}
	p.mu.Lock()
	if p.talk.Acked(applied, p.o.Clock.Now()) {
		moved = true
	} else if moved {
		p.talk.Progress(p.o.Clock.Now())
	}
	marks := p.talk.Marks()
	p.mu.Unlock()
	if moved && p.o.Progress != nil {
		p.o.Progress(marks)
	}
	return nil
}

// believe writes down the marks of a hello that are lower than what was
// acknowledged: the other side was restored, or is another box. What it needs
// counts as waiting again.
func (p *Peer) believe(ctx context.Context, in syncproto.Marks) error {
	return p.o.DB.Update(ctx, func(tx db.Tx) error { return p.o.Outbox.Believe(ctx, tx, p.o.Out, in) })
}

// Outgoing gives what should be sent now over a working carrier: hello and ack
// when they are due, then frames as far as the window allows, urgent lanes
// first. It counts them as sent; Unsent takes that back.
func (p *Peer) Outgoing(ctx context.Context, maxFrame int) ([]syncproto.Message, error) {
	out, err := p.outgoing(ctx, maxFrame)
	if errors.Is(err, errAnew) { // what was read is of the old database
		out, err = p.outgoing(ctx, maxFrame)
	}
	return out, err
}

func (p *Peer) outgoing(ctx context.Context, maxFrame int) ([]syncproto.Message, error) {
	var out []syncproto.Message
	p.mu.Lock()
	ack, life := p.talk.TakeAck(), p.life
	p.mu.Unlock()
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
		if p.life != life {
			return errAnew
		}
		p.talk.Waiting(heads.Waiting() > 0, p.o.Clock.Now())
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
		for _, lane := range p.talk.Overdue(p.o.Clock.Now()) {
			p.o.Log.Info("no progress; sending again", logging.School(p.o.Out.School), logging.Lane(int(lane)))
		}
		frames, err := p.frames(ctx, tx, heads.Out, maxFrame)
		out = append(out, frames...)
		return err
	})
	if err != nil {
		p.mu.Lock()
		p.talk.Uncut(ack)
		p.mu.Unlock()
		return nil, err
	}
	return out, nil
}

// Unsent takes back what Outgoing counted as sent: the carrier refused it.
func (p *Peer) Unsent() { p.mu.Lock(); defer p.mu.Unlock(); p.talk.Unsent() }

// Busy tells whether something is under way or due, so that it is worth to look
// again soon.
func (p *Peer) Busy() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.talk.Busy() }

// Spare lets only control and money be sent while it is on.
func (p *Peer) Spare(on bool) { p.mu.Lock(); defer p.mu.Unlock(); p.talk.Spare(on) }

// SayHello makes the next Outgoing begin with a hello: the other side learns
// our head, and the clock sample.
func (p *Peer) SayHello() { p.mu.Lock(); defer p.mu.Unlock(); p.talk.SayHello() }

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
