package agent

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/leaf"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
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
	// Line counts what goes over the line and says how it may be used; nil: it is
	// held open, uncounted.
	Line Line
	// SnapshotNeeded is called when the log alone does not bring this box to the
	// present; optional.
	SnapshotNeeded func()
	// MaxFrame is smaller on thin lines; zero: the protocol's limit.
	MaxFrame int
	// ProbeEvery and AskEvery are shorter in tests; zero: a minute and an hour.
	ProbeEvery, AskEvery time.Duration
}

// Connection is the conversation with the cloud in the present epoch. When the
// logs have forked it renews the epoch and starts anew.
type Connection struct {
	o         ConnectionOptions
	forks     chan error
	reclaimed chan struct{}
	tried     time.Time // when run last opened the link or asked for an epoch; its alone
	cancel    context.CancelFunc
	wg        sync.WaitGroup

	mu    sync.Mutex
	link  *syncer.Link // nil while none could be started
	https *httpcarrier.Carrier
	relay relay
}

// NewConnection makes a stopped connection.
func NewConnection(o ConnectionOptions) *Connection {
	if o.Line == nil {
		o.Line = heldOpen{}
	}
	if o.ProbeEvery == 0 {
		o.ProbeEvery = probeEvery
	}
	if o.AskEvery == 0 {
		o.AskEvery = askEvery
	}
	return &Connection{o: o, forks: make(chan error, 1), reclaimed: make(chan struct{}, 1)}
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
	restored, err := c.o.Agent.restored(ctx)
	if err != nil {
		return err
	}
	ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	switch {
	case restored: // what it would send in its old epoch could contradict what is applied
		c.forked(errRestored)
	case pending: // the last life asked for an epoch and did not hear, or store, the answer
		c.forked(errInterrupted)
	default:
		c.reopen(ctx)
	}
	c.wg.Go(func() { c.run(ctx) })
	return nil
}

// Why the box asks for an epoch, beside a fork.
var (
	errInterrupted = errors.New("a renewal was interrupted")
	errRestored    = errors.New("the database is older than the box remembers")
	errRewound     = errors.New("the cloud's database began another life")
	errRefused     = errors.New("the cloud does not speak with this box in its epoch")
	errAgain       = errors.New("asking again")
)

// kindOfReason is the word for a reason.
func kindOfReason(reason error) string {
	switch {
	case errors.Is(reason, errRestored):
		return syncproto.RenewedRestored
	case errors.Is(reason, errRewound):
		return syncproto.RenewedRewound
	default:
		return syncproto.RenewedForked
	}
}

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
	var err error
	if l := c.current(); l != nil {
		err = l.Stop(ctx)
	}
	return errors.Join(err, c.relay.close())
}

// pruneEvery is how often applied rows are deleted; openAgain how soon a link
// that could not start is tried again; probeEvery how often a box whose link is
// down asks whether it still has its place; askEvery how often one that lost it
// asks what was decided.
const (
	pruneEvery = 10 * time.Minute
	openAgain  = 15 * time.Second
	probeEvery = time.Minute
	askEvery   = time.Hour
)

func (c *Connection) run(ctx context.Context) {
	tick, probe := time.NewTicker(pruneEvery), time.NewTicker(c.o.ProbeEvery)
	defer tick.Stop()
	defer probe.Stop()
	c.tell(ctx)
	c.prune(ctx) // a box that is switched on for lessons only would never get to it
	for {
		var again, ask <-chan time.Time
		switch since := c.o.Clock.Now().Sub(c.tried); {
		case c.waits():
			ask = time.After(c.o.AskEvery + c.jitter() - since)
		case c.current() == nil:
			again = time.After(openAgain - since)
		}
		select {
		case <-ctx.Done():
			return
		case reason := <-c.forks:
			c.renew(ctx, reason)
		case <-c.reclaimed:
			c.anew(ctx)
		case <-ask:
			c.renew(ctx, errAgain)
		case <-again:
			c.reopen(ctx)
		case <-probe.C:
			c.probe()
		case <-tick.C:
			c.prune(ctx)
			c.tell(ctx)
		}
	}
}

// waits tells whether the box was refused and waits for somebody to decide.
func (c *Connection) waits() bool {
	s := c.o.Agent.Standing()
	return s != Fine && s != Delivering
}

// jitter keeps boxes that lost their cloud together from asking together: up to
// a fifth of the time between two questions, ever the same for one box.
func (c *Connection) jitter() time.Duration {
	s, _ := c.o.Agent.State()
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.ApplianceID))
	return c.o.AskEvery / 5 * time.Duration(h.Sum32()%1000) / 1000
}

// probe asks over HTTPS when the link is down: a box in an epoch that is over
// cannot connect to the hub, and finds out why only so.
func (c *Connection) probe() {
	c.mu.Lock()
	l, https := c.link, c.https
	c.mu.Unlock()
	if l != nil && !l.Up() {
		_ = https.Connected() // a refusal is heard by its callback
	}
}

// tell sends what the last moves did, and writes the witness.
func (c *Connection) tell(ctx context.Context) {
	if err := errors.Join(c.o.Agent.TellMoved(ctx), c.o.Agent.Witness(ctx)); err != nil && ctx.Err() == nil {
		c.o.Log.Info("tell the cloud of a move", logging.Err(err))
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
	c.tried = c.o.Clock.Now()
	if err := c.open(ctx); err != nil && ctx.Err() == nil {
		c.o.Log.Error("open the link to the cloud", logging.Err(err))
	}
}

// renew asks for a new epoch until it gets one or is told that it lost its
// place; then the link rests until the next question.
func (c *Connection) renew(ctx context.Context, reason error) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := c.o.Agent.Renew(ctx, c.o.Outbox, kindOfReason(reason), reason.Error())
		if err == nil {
			break
		}
		c.o.Log.Error("renew the epoch", logging.Err(err))
		if _, refused := standingOf(err); refused {
			c.tried = c.o.Clock.Now()
			c.rest(ctx)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
	c.anew(ctx)
}

// Reclaim claims the box again with a code of its school, keeping all its data,
// and starts the conversation anew. It is for the head and who looks after the
// box.
func (c *Connection) Reclaim(ctx context.Context, who identity.Actor, code string) (State, error) {
	if err := who.Require(identity.Instructor); err != nil {
		return State{}, err
	}
	if !who.Has(identity.Head) && !who.Has(identity.SiteAdmin) {
		return State{}, identity.ErrForbidden
	}
	s, err := c.o.Agent.Reclaim(ctx, c.o.Outbox, code)
	if err == nil {
		select {
		case c.reclaimed <- struct{}{}:
		default:
		}
	}
	return s, err
}

// anew starts the conversation in the box's present state.
func (c *Connection) anew(ctx context.Context) {
	c.rest(ctx)
	c.reopen(ctx)
	c.tell(ctx)
}

// rest stops the link, and forgets what it still complained of.
func (c *Connection) rest(ctx context.Context) {
	if l := c.forget(); l != nil {
		if err := l.Stop(ctx); err != nil {
			c.o.Log.Warn("stop the old link", logging.Err(err))
		}
	}
	select {
	case <-c.forks: //nolint:errcheck // dealt with
	default:
	}
}

// forget takes the link out of use and gives it, to be stopped.
func (c *Connection) forget() *syncer.Link {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.link
	c.link, c.https = nil, nil
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
		Forked: c.forked, SnapshotNeeded: c.o.SnapshotNeeded,
		Heard:    func(h syncproto.Hello) { c.heard(s, h) },
		Progress: func(m syncproto.Marks) { link.Drained(context.WithoutCancel(ctx), m) },
		Carrier:  func() string { return link.Carrier() },
		Report:   c.o.Report,
	})
	https := httpcarrier.New(httpcarrier.Options{BaseURL: s.CloudURL, Epoch: s.Epoch, Client: c.o.Agent.Client(), Clock: c.o.Clock, Log: c.o.Log,
		Active:  func() bool { return link.Carrier() == "https" },
		Way:     func() talk.Way { way, _ := c.o.Line.Way(); return way },
		Refused: func(string) { c.forked(errRefused) }})
	carriers := []syncer.Carrier{https}
	if !s.Side {
		mirror, err := c.openMirror(ctx, s)
		if err != nil {
			return err
		}
		carriers = []syncer.Carrier{mirror, https}
	}
	link = syncer.NewLink(syncer.LinkOptions{
		Peer: peer, Carriers: carriers, Clock: c.o.Clock, Log: c.o.Log, MaxFrame: c.o.MaxFrame,
		Way: c.o.Line.Way,
		Waiting: func(ctx context.Context) (all, urgent int64, err error) {
			err = c.o.DB.View(ctx, func(tx db.Tx) error {
				h, err := syncer.ReadHeads(ctx, tx, s.Log())
				all, urgent = h.Waiting(), h.Urgent()
				return err
			})
			return all, urgent, err
		},
	})
	if err := link.Start(ctx); err != nil {
		return errors.Join(err, link.Stop(ctx))
	}
	c.mu.Lock()
	c.link, c.https = link, https
	c.mu.Unlock()
	return nil
}

func (c *Connection) openMirror(ctx context.Context, s State) (syncer.Carrier, error) {
	hub, err := c.relay.to(ctx, c.o.Line, s.NATS.LeafURL)
	if err != nil {
		return nil, err
	}
	return leaf.Open(leaf.Options{
		Dir: filepath.Join(c.o.Dir, "nats"), School: s.SchoolID, Appliance: s.ApplianceID, Epoch: s.Epoch, Domain: s.NATS.EdgeDomain,
		HubDomain: s.NATS.HubDomain, AccountKey: s.NATS.AccountKey, UserJWT: s.NATS.UserJWT, UserSeed: c.o.Agent.keys.NATSSeed,
		LeafURL: hub, CAPEM: s.NATS.CAPEM, Clock: c.o.Clock, Log: c.o.Log,
	})
}

// heard notices another life of the cloud's database: what was acknowledged and
// what came down count no more, and a new epoch sorts that out.
func (c *Connection) heard(s State, h syncproto.Hello) {
	c.o.Heard()
	if h.Timeline != "" && h.Timeline != s.Timeline && !s.Side {
		c.forked(errRewound)
	}
}
