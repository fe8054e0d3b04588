package syncer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"urbanhomeschool.org/uhs/shared/crash"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
)

func (l *Link) way() talk.Way {
	if l.o.Way == nil {
		return talk.Open
	}
	way, _ := l.o.Way()
	return way
}

// sparingly is a step while the line is not held open, or the step in which it
// is opened again.
func (l *Link) sparingly(ctx context.Context, way talk.Way) error {
	last := len(l.o.Carriers) - 1
	if way == talk.Open {
		return l.hold(ctx, last)
	}
	if !l.dropped {
		l.drop(ctx, last)
	}
	l.o.Peer.Spare(way == talk.Sparing)
	all, urgent, err := l.o.Waiting(ctx)
	if err != nil {
		return err
	}
	now := l.o.Clock.Now()
	_, every := l.o.Way()
	if !l.demand.Due(now, all > 0 && way == talk.OnDemand, urgent > 0, every) {
		return nil
	}
	c := l.o.Carriers[last]
	if !c.Connected() {
		return nil
	}
	l.greetEvery(every)
	err = l.exchange(ctx, c)
	if r, ok := c.(Rester); ok {
		r.Rest() // once for all that was said: each new connection costs thousands of bytes
	}
	return err
}

// drop stops the carriers that hold the line open.
func (l *Link) drop(ctx context.Context, last int) {
	l.o.Log.Info("the line is not held open from now on")
	l.mu.Lock()
	l.dropped = true
	l.watch.Use(last)
	l.mu.Unlock()
	for _, c := range l.o.Carriers[:last] {
		if err := c.Stop(ctx); err != nil {
			l.o.Log.Warn("stop a carrier", slog.String("carrier", c.Name()), logging.Err(err))
		}
	}
	l.o.Peer.Takeover()
}

// hold starts the preferred carriers again. Until one delivers, the last is
// used.
func (l *Link) hold(ctx context.Context, last int) error {
	l.o.Log.Info("the line is held open again")
	l.mu.Lock()
	l.dropped = false
	l.mu.Unlock()
	l.o.Peer.Spare(false)
	var errs []error
	for i := range last {
		errs = append(errs, l.startCarrier(ctx, i))
	}
	return errors.Join(errs...)
}

// exchange sends until nothing is left to say: answers come with each request.
func (l *Link) exchange(ctx context.Context, c Carrier) error {
	for range 64 { // bounded, so that a stop and a changed plan are noticed
		msgs, err := l.o.Peer.Outgoing(ctx, l.o.MaxFrame)
		if err != nil || len(msgs) == 0 {
			return err
		}
		if err := c.Send(ctx, msgs); err != nil {
			l.o.Peer.Unsent()
			return err
		}
		crash.Here(crash.FrameSent)
	}
	return nil
}

func (l *Link) greetEvery(every time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.o.Clock.Now(); now.Sub(l.helloAt) >= every || now.Before(l.helloAt) {
		l.helloAt = now
		l.o.Peer.SayHello()
	}
}
