package syncer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"urbanhomeschool.org/uhs/shared/crash"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/syncproto"
)

// What a Peer says: hellos, acks and frames, cut from this side's database.

// greeting is the hello or its answer, when one is due.
func (p *Peer) greeting(ctx context.Context, tx db.Tx, heads Heads, in syncproto.Marks) ([]syncproto.Message, error) {
	say, reply := p.talk.Greet(p.o.Clock.Now())
	if !say {
		return nil, nil
	}
	m, err := p.hello(ctx, tx, said{heads, in, reply})
	return []syncproto.Message{m}, err
}

// ack says how far the other side's log is applied and backed up here.
func (p *Peer) ack(ctx context.Context, tx db.Tx, in syncproto.Marks) (syncproto.Message, error) {
	a := syncproto.Ack{Epoch: p.o.Epoch, Applied: in, Fork: p.talk.Denied()}
	lanes, err := PausedLanes(ctx, tx, p.o.In.School)
	if err != nil {
		return syncproto.Message{}, err
	}
	for _, l := range lanes {
		a.Paused[l] = true
	}
	if p.o.Backed != nil {
		var err error
		if a.Backed, err = p.o.Backed(ctx, tx); err != nil {
			return syncproto.Message{}, err
		}
	}
	return syncproto.EncodeAck(a)
}

// said is what a hello tells of this side's database.
type said struct {
	heads Heads
	in    syncproto.Marks
	reply bool
}

func (p *Peer) hello(ctx context.Context, tx db.Tx, s said) (syncproto.Message, error) {
	h := syncproto.Hello{School: p.o.Out.School, Appliance: p.o.Appliance, Epoch: p.o.Epoch, Out: s.heads.Out, Acked: p.talk.Marks(),
		In: s.in, Timeline: p.o.Timeline, Sent: p.o.Clock.Now(), Reply: s.reply, Software: p.o.Software}
	if p.o.Report != nil {
		var err error
		if h.Report, err = p.o.Report(ctx, tx); err != nil {
			return syncproto.Message{}, err
		}
	}
	if p.o.Offer != nil && p.talk.Ready() {
		var err error
		if h.Snapshot, err = p.o.Offer(ctx, tx, p.talk.Other().In); err != nil {
			return syncproto.Message{}, err
		}
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
		m, err = p.hello(ctx, tx, said{heads, in, false})
		return err
	})
	return m, err
}

// frames cuts what may be under way: the urgent lanes first, the others by turns.
func (p *Peer) frames(ctx context.Context, tx db.Tx, heads syncproto.Marks, maxFrame int) ([]syncproto.Message, error) {
	var out []syncproto.Message
	for {
		now := p.o.Clock.Now()
		lane, after, size, ok := p.talk.Next(heads, maxFrame, now)
		if !ok {
			return out, nil
		}
		f, data, err := Cut(ctx, tx, p.o.Out, Piece{lane, after, size})
		if errors.Is(err, ErrPruned) || err == nil && f == nil {
			p.talk.Hold(lane, now.Add(lookAgain))
			p.missing(lane, after)
			continue
		}
		if err != nil {
			return nil, err
		}
		p.damaged(f)
		p.talk.Sent(lane, f.End(), len(data), now)
		crash.Here(crash.FrameCut)
		out = append(out, syncproto.Message{Kind: syncproto.KindFrame, Lane: lane, Data: data})
	}
}

// lookAgain is how soon a lane that lacks what the other side needs is looked at
// again.
const lookAgain = time.Minute

// pausedAgain is how soon a lane that the other side has paused is tried again,
// unless its hello asks for it sooner.
const pausedAgain = 5 * time.Minute

// missing tells that the other side needs what is no longer kept.
func (p *Peer) missing(lane syncproto.Lane, after int64) {
	p.o.Log.Error("the other side needs records that are no longer kept", logging.School(p.o.Out.School), logging.Lane(int(lane)), slog.Int64("after", after))
	if p.o.Pruned != nil {
		p.o.Pruned(lane, after)
	}
}

// damaged tells of records whose content the disk has changed, once per frame
// that they would have gone in.
func (p *Peer) damaged(f *syncproto.Frame) {
	for i, e := range f.Events {
		if e.IsErased() {
			p.o.Log.Error("a record is damaged on the disk and is not sent", logging.School(f.School), logging.Lane(int(f.Lane)), slog.Int64("seq", f.First+int64(i)))
		}
	}
}
