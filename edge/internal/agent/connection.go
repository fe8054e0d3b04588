package agent

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/leaf"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/syncproto"
)

// ConnectionOptions are the parts of a Connection.
type ConnectionOptions struct {
	Agent   *Agent
	DB      db.DB
	Outbox  *syncer.Outbox
	Applier *syncer.Applier
	// Dir is for the carriers' own files; it may be wiped between two starts.
	Dir   string
	Clock clock.Clock
	Log   *slog.Logger
	// Heard is called when the cloud has answered: the link is up.
	Heard func()
	// Report is what the box says of itself in its hello; nil: nothing.
	Report func(ctx context.Context, tx db.Tx) (syncproto.Report, error)
	// MaxFrame is smaller on thin lines; zero: the protocol's limit.
	MaxFrame int
}

// Connection is the conversation with the cloud in the present epoch. When the
// logs have forked it renews the epoch and starts anew.
type Connection struct {
	o      ConnectionOptions
	forks  chan error
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	link *syncer.Link // nil while none could be started
}

// NewConnection makes a stopped connection.
func NewConnection(o ConnectionOptions) *Connection {
	return &Connection{o: o, forks: make(chan error, 1)}
}

// Wake lets the link look for something to send.
func (c *Connection) Wake() {
	if l := c.current(); l != nil {
		l.Wake()
	}
}

func (c *Connection) current() *syncer.Link { c.mu.Lock(); defer c.mu.Unlock(); return c.link }

// Up tells whether the cloud can be reached, as far as known, and by which
// carrier.
func (c *Connection) Up() (up bool, carrier string) {
	l := c.current()
	if l == nil {
		return false, ""
	}
	return l.Up(), l.Carrier()
}

// Start implements service.Service. A carrier that cannot start (a full disk, an
// address that cannot be read) does not keep the school from working: it is
// tried again.
func (c *Connection) Start(ctx context.Context) error {
	pending, err := c.o.Agent.renewalPending(ctx)
	if err != nil {
		return err
	}
	if pending { // the last life asked for an epoch and did not hear, or store, the answer
		c.forked(errInterrupted)
	}
	ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.reopen(ctx)
	c.wg.Go(func() { c.run(ctx) })
	return nil
}

var errInterrupted = errors.New("a renewal was interrupted")

func (c *Connection) forked(reason error) {
	select {
	case c.forks <- reason:
	default: // one is being dealt with
	}
}

// Stop implements service.Service.
func (c *Connection) Stop(ctx context.Context) error {
	if c.cancel != nil {
		c.cancel()
		c.wg.Wait()
	}
	if l := c.current(); l != nil {
		return l.Stop(ctx)
	}
	return nil
}

// pruneEvery is how often applied rows are deleted; openAgain how soon a link
// that could not start is tried again.
const (
	pruneEvery = 10 * time.Minute
	openAgain  = 15 * time.Second
)

func (c *Connection) run(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		var again <-chan time.Time
		if c.current() == nil {
			again = time.After(openAgain)
		}
		select {
		case <-ctx.Done():
			return
		case reason := <-c.forks:
			c.renew(ctx, reason)
		case <-again:
			c.reopen(ctx)
		case <-tick.C:
			c.prune(ctx)
		}
	}
}

func (c *Connection) prune(ctx context.Context) {
	err := c.o.DB.Update(ctx, func(tx db.Tx) error {
		_, err := c.o.Outbox.Prune(ctx, tx, c.o.Agent.Log().School)
		return err
	})
	if err != nil && ctx.Err() == nil {
		c.o.Log.Warn("prune the outbox", logging.Err(err))
	}
}

// reopen starts the link; when it cannot, run tries again.
func (c *Connection) reopen(ctx context.Context) {
	if err := c.open(ctx); err != nil && ctx.Err() == nil {
		c.o.Log.Error("open the link to the cloud", logging.Err(err))
	}
}

// renew asks for a new epoch until it gets one or is told that another box won.
func (c *Connection) renew(ctx context.Context, reason error) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := c.o.Agent.Renew(ctx, c.o.Outbox, reason.Error())
		if err == nil {
			break
		}
		c.o.Log.Error("renew the epoch", logging.Err(err))
		if k := fault.KindOf(err); k == fault.Conflict || k == fault.Unauthenticated {
			return // another box of this school is the active one; an admin decides
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
	if l := c.forget(); l != nil {
		if err := l.Stop(ctx); err != nil {
			c.o.Log.Warn("stop the old link", logging.Err(err))
		}
	}
	c.reopen(ctx)
}

// forget takes the link out of use and gives it, to be stopped.
func (c *Connection) forget() *syncer.Link {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.link
	c.link = nil
	return l
}

// open builds peer, carriers and link for the present epoch and starts them.
func (c *Connection) open(ctx context.Context) error {
	s, _ := c.o.Agent.State()
	var link *syncer.Link
	peer := syncer.NewPeer(syncer.PeerOptions{
		DB: c.o.DB, Outbox: c.o.Outbox, Applier: c.o.Applier, Clock: c.o.Clock, Log: c.o.Log,
		Out: s.Log(), In: syncer.Log{School: s.SchoolID, Epoch: syncer.DownEpoch},
		Epoch: s.Epoch, Appliance: s.ApplianceID, Software: c.o.Agent.software, Timeline: s.Timeline,
		Forked:   c.forked,
		Heard:    func(syncproto.Hello) { c.o.Heard() },
		Progress: func(m syncproto.Marks) { link.Drained(context.WithoutCancel(ctx), m) },
		Carrier:  func() string { return link.Carrier() },
		Report:   c.o.Report,
	})
	mirror, err := leaf.Open(leaf.Options{
		Dir: filepath.Join(c.o.Dir, "nats"), School: s.SchoolID, Appliance: s.ApplianceID, Epoch: s.Epoch, Domain: s.NATS.EdgeDomain,
		HubDomain: s.NATS.HubDomain, AccountKey: s.NATS.AccountKey, UserJWT: s.NATS.UserJWT, UserSeed: c.o.Agent.keys.NATSSeed,
		LeafURL: s.NATS.LeafURL, CAPEM: s.NATS.CAPEM, Clock: c.o.Clock, Log: c.o.Log,
	})
	if err != nil {
		return err
	}
	https := httpcarrier.New(httpcarrier.Options{BaseURL: s.CloudURL, Epoch: s.Epoch, Client: c.o.Agent.Client(), Clock: c.o.Clock, Log: c.o.Log,
		Active: func() bool { return link.Carrier() == "https" }})
	link = syncer.NewLink(syncer.LinkOptions{
		Peer: peer, Carriers: []syncer.Carrier{mirror, https}, Clock: c.o.Clock, Log: c.o.Log, MaxFrame: c.o.MaxFrame,
		Waiting: func(ctx context.Context) (n int64, err error) {
			err = c.o.DB.View(ctx, func(tx db.Tx) error {
				b, err := syncer.ReadBacklog(ctx, tx, s.Log())
				n = b.Waiting
				return err
			})
			return n, err
		},
	})
	if err := link.Start(ctx); err != nil {
		return errors.Join(err, link.Stop(ctx))
	}
	c.mu.Lock()
	c.link = link
	c.mu.Unlock()
	return nil
}
