package syncer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
	"urbanhomeschool.org/uhs/syncproto"
)

// Times of the appliance's link.
const (
	linkTick   = time.Second
	helloEvery = 30 * time.Second
)

// LinkOptions are the parts of an appliance's link to the cloud.
type LinkOptions struct {
	Peer *Peer
	// Carriers in order of preference: the mirror, then HTTPS.
	Carriers []Carrier
	// Waiting is how many records the cloud has not applied, and how many of them
	// are control and money.
	Waiting func(ctx context.Context) (all, urgent int64, err error)
	// Way tells how the line may be used now and how often without need; nil: it is
	// held open. While it is not, only the last carrier is used.
	Way   func() (way talk.Way, every time.Duration)
	Clock clock.Clock
	Log   *slog.Logger
	// MaxFrame is the largest frame to send: MaxFrame, or MaxThinFrame on a slow
	// line.
	MaxFrame int
}

// Link runs the appliance's conversation over its carriers: it sends when there
// is something to send, and its watchdog changes the carrier when one takes
// messages and nothing arrives.
type Link struct {
	o    LinkOptions
	wake chan struct{}

	mu      sync.Mutex
	watch   *talk.Watch
	helloAt time.Time
	dropped bool // the line is not held open: the preferred carriers are stopped
	demand  talk.Demand
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

// NewLink makes a stopped link.
func NewLink(o LinkOptions) *Link {
	if o.MaxFrame == 0 {
		o.MaxFrame = syncproto.MaxFrame
	}
	return &Link{o: o, wake: make(chan struct{}, 1), watch: talk.NewWatch(len(o.Carriers))}
}

// Wake makes the link look for something to send now. It never blocks.
func (l *Link) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Carrier is the name of the carrier in use.
func (l *Link) Carrier() string {
	return l.carrier().Name()
}

func (l *Link) carrier() Carrier {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.o.Carriers[l.watch.Current()]
}

// Up tells whether the cloud can be reached now, as far as the carrier knows.
func (l *Link) Up() bool {
	return l.carrier().Connected()
}

// Start implements service.Service.
func (l *Link) Start(ctx context.Context) error {
	ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	from := 0
	if l.way() != talk.Open {
		from = len(l.o.Carriers) - 1
		l.dropped = true
		l.watch.Use(from)
	}
	for i := from; i < len(l.o.Carriers); i++ {
		if err := l.startCarrier(ctx, i); err != nil {
			l.cancel()
			return err
		}
	}
	l.wg.Go(func() { l.run(ctx) })
	return nil
}

func (l *Link) startCarrier(ctx context.Context, i int) error {
	h := func(ctx context.Context, m syncproto.Message) error { return l.deliver(ctx, i, m) }
	return l.o.Carriers[i].Start(ctx, h, func() { l.linkUp(i) })
}

// Stop implements service.Service.
func (l *Link) Stop(ctx context.Context) error {
	if l.cancel == nil {
		return nil
	}
	l.cancel()
	l.wg.Wait()
	var errs []error
	for _, c := range l.o.Carriers {
		errs = append(errs, c.Stop(ctx))
	}
	return errors.Join(errs...)
}

func (l *Link) deliver(ctx context.Context, i int, m syncproto.Message) error {
	err := l.o.Peer.Handle(ctx, m)
	if errors.Is(err, ErrRefused) {
		err = nil // logged; the same bytes would only be refused again
	}
	l.mu.Lock()
	back := l.watch.Delivered(i)
	l.mu.Unlock()
	if back { // the preferred carrier delivers again
		l.o.Log.Info("the preferred carrier delivers again", "carrier", l.o.Carriers[i].Name())
		l.o.Peer.Takeover()
	}
	l.Wake()
	return err
}

func (l *Link) linkUp(i int) {
	l.mu.Lock()
	mine := l.watch.LinkUp(i)
	l.mu.Unlock()
	if mine {
		l.o.Peer.LinkUp()
	}
	l.Wake()
}

// knock sends a hello over preferred carriers that have connected again: the
// answer, if it comes that way, makes them the current one.
func (l *Link) knock(ctx context.Context) error {
	l.mu.Lock()
	try := l.watch.Knock(l.o.Clock.Now(), func(i int) bool { return l.o.Carriers[i].Connected() })
	l.mu.Unlock()
	for _, i := range try {
		m, err := l.o.Peer.HelloNow(ctx)
		if err != nil {
			return err
		}
		if err := l.o.Carriers[i].Send(ctx, []syncproto.Message{m}); err != nil {
			return err
		}
	}
	return nil
}

func (l *Link) run(ctx context.Context) {
	tick := time.NewTicker(linkTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		case <-tick.C:
		}
		if err := l.step(ctx); err != nil && ctx.Err() == nil {
			l.o.Log.Warn("sync", logging.Err(err))
		}
	}
}

// step sends what is due over the current carrier and lets the watchdog look.
func (l *Link) step(ctx context.Context) error {
	if way := l.way(); way != talk.Open || l.dropped {
		return l.sparingly(ctx, way)
	}
	if err := l.knock(ctx); err != nil {
		l.o.Log.Info("a carrier that connected again takes nothing", logging.Err(err))
	}
	c := l.carrier()
	if !c.Connected() {
		return l.look(ctx)
	}
	// The cloud learns our head, which makes its "as of" true, and our clock.
	l.greetEvery(helloEvery)
	return errors.Join(l.exchange(ctx, c), l.look(ctx))
}

// look changes to the next carrier when records wait and nothing has moved.
func (l *Link) look(ctx context.Context) error {
	l.mu.Lock()
	next, ok := l.watch.Stalled(l.o.Clock.Now(), l.o.Peer.LastProgress())
	l.mu.Unlock()
	if !ok {
		return nil
	}
	waiting, _, err := l.o.Waiting(ctx)
	if err != nil || waiting == 0 {
		return err
	}
	// No line at all: nothing is stuck, it only waits.
	line, deaf := l.o.Carriers[next].Connected(), !l.carrier().Connected()
	l.mu.Lock()
	settled := l.watch.Settled(l.o.Clock.Now(), line)
	if move := line && (settled || !deaf); !move {
		l.mu.Unlock()
		return nil
	}
	l.watch.Use(next)
	l.mu.Unlock()
	l.o.Log.Warn("nothing has moved; changing the carrier", "waiting", waiting, "to", l.o.Carriers[next].Name())
	l.o.Peer.Takeover()
	return nil
}

// Anew begins the conversation again, on the carrier that is in use: the box's
// database was replaced by a newer one of the same epoch. Carriers go on: a
// mirror that is stopped with frames on their way needs up to half a minute
// before it moves again.
func (l *Link) Anew() {
	l.mu.Lock()
	l.helloAt = l.o.Clock.Now()
	l.mu.Unlock()
	l.o.Peer.Anew()
	l.Wake()
}

// Drained purges the carriers' own copies up to what was applied; call it when
// the marks moved.
func (l *Link) Drained(ctx context.Context, applied syncproto.Marks) {
	for _, c := range l.o.Carriers {
		c.Purge(ctx, applied)
	}
	l.mu.Lock()
	// Say hello soon, but not for every ack: the cloud's "as of" follows it.
	if !l.dropped {
		l.helloAt = l.o.Clock.Now().Add(time.Second - helloEvery)
	}
	l.mu.Unlock()
	l.Wake()
}
