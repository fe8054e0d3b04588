// Package leaf is the appliance's end of the mirrors: an embedded NATS server
// that connects to the hub as a leaf. What is sent lies in its stream
// UP_<epoch>, which the hub mirrors; what arrives comes from DOWN_<epoch>, a
// mirror of the hub's stream. It is a syncer.Carrier.
//
// The surprising rule: nothing here may be relied on. Each start drops what an
// earlier life left to send and moves the stream's numbers forward, because
// after a power cut, or on a wiped disk, old numbers would be given again and
// the hub's mirror would silently ignore them. The outbox sends again.
package leaf

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Options of a Leaf: where it keeps its streams and what the enrolment gave.
type Options struct {
	// Dir may be wiped between two runs; the cost is a re-send.
	Dir               string
	School, Appliance string
	Epoch             int64
	// Domain is this box's JetStream domain, HubDomain the hub's; both as the
	// enrolment says, since the permissions name them.
	Domain, HubDomain string
	// AccountKey is the school's; UserJWT must be of this account.
	AccountKey string
	UserJWT    string
	// UserSeed is the nkey seed ("SU...") made on this box.
	UserSeed []byte
	LeafURL  string // tls://host:port
	// CAPEM is the only authority trusted for LeafURL.
	CAPEM string
	// StreamBytes is the size of the UP stream; 16 MiB by default. The mirror has
	// a quarter more.
	StreamBytes int64
	Clock       clock.Clock
	Log         *slog.Logger
}

// Leaf is the embedded server with its two streams.
type Leaf struct {
	opts  Options
	user  nkeys.KeyPair
	url   *url.URL
	roots *x509.CertPool

	mu      sync.Mutex
	life    *life // of the running server; nil when stopped
	handler syncer.Handler
	linkUp  func()
	cancel  context.CancelFunc
	watch   sync.WaitGroup
}

var _ syncer.Carrier = (*Leaf)(nil)

// Open checks the options; Start runs the server.
func Open(opts Options) (*Leaf, error) {
	if opts.Dir == "" || opts.Epoch < 1 || opts.Clock == nil || opts.Log == nil {
		return nil, errors.New("leaf: directory, epoch, clock and log are needed")
	}
	for _, id := range []string{opts.School, opts.Appliance, opts.Domain, opts.HubDomain} {
		if !token.MatchString(id) {
			return nil, fmt.Errorf("leaf: %q is not a token", id)
		}
	}
	if opts.StreamBytes <= 0 {
		opts.StreamBytes = 16 << 20
	}
	user, err := nkeys.FromSeed(opts.UserSeed)
	if err != nil {
		return nil, fmt.Errorf("leaf: read the user's seed: %w", err)
	}
	if err := checkUser(opts, user); err != nil {
		return nil, err
	}
	u, err := url.Parse(opts.LeafURL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("leaf: the hub's address %q: %w", opts.LeafURL, errors.Join(err, errors.New("want tls://host:port")))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(opts.CAPEM)) {
		return nil, errors.New("leaf: no certificate in the pinned authority")
	}
	return &Leaf{opts: opts, user: user, url: u, roots: roots}, nil
}

// checkUser finds credentials that do not belong together before the hub says
// no more than "authorization violation".
func checkUser(opts Options, user nkeys.KeyPair) error {
	pub, err := user.PublicKey()
	if err != nil {
		return fmt.Errorf("leaf: read the user's key: %w", err)
	}
	claims, err := jwt.DecodeUserClaims(opts.UserJWT)
	if err != nil {
		return fmt.Errorf("leaf: read the user's token: %w", err)
	}
	if claims.Subject != pub {
		return fmt.Errorf("leaf: the token is for user %s, the key is of %s", claims.Subject, pub)
	}
	if claims.IssuerAccount != opts.AccountKey {
		return fmt.Errorf("leaf: the token is of account %s, want %s", claims.IssuerAccount, opts.AccountKey)
	}
	return nil
}

// Name implements syncer.Carrier.
func (l *Leaf) Name() string { return "mirror" }

// Start implements syncer.Carrier. It succeeds without a line to the hub. When
// the stored streams cannot be opened, or the last run was killed, they are wiped:
// they hold nothing that is not in a database, and nats-server counts one by one
// over a gap in the numbers of a damaged stream.
func (l *Leaf) Start(ctx context.Context, h syncer.Handler, linkUp func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.life != nil {
		return errors.New("leaf: started twice")
	}
	l.handler, l.linkUp = h, linkUp
	stopped, err := service.Began(l.opts.Dir)
	if err == nil && !stopped {
		err = os.RemoveAll(l.storeDir())
	}
	if err != nil {
		return fmt.Errorf("leaf: start: %w", err)
	}
	if err := l.begin(ctx); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	l.watch.Go(func() { l.watchLink(run) })
	return nil
}

// begin starts a life of the embedded server. Lock held.
func (l *Leaf) begin(ctx context.Context) error {
	life, err := l.newLife(ctx)
	if err != nil {
		l.opts.Log.Warn("the mirror's store is wiped and made anew", logging.Err(err))
		if err := os.RemoveAll(l.storeDir()); err != nil {
			return fmt.Errorf("leaf: wipe the store: %w", err)
		}
		if life, err = l.newLife(ctx); err != nil {
			return fmt.Errorf("leaf: start: %w", err)
		}
	}
	l.life = life
	return nil
}

func (l *Leaf) storeDir() string { return filepath.Join(l.opts.Dir, "store") }

// Stop implements syncer.Carrier. The Leaf may be started again.
func (l *Leaf) Stop(context.Context) error {
	l.mu.Lock()
	cancel := l.cancel
	l.cancel = nil
	l.mu.Unlock()
	if cancel == nil {
		return nil
	}
	cancel()
	l.watch.Wait()

	l.mu.Lock()
	life := l.life
	l.life = nil
	l.mu.Unlock()
	if life == nil {
		return nil
	}
	life.end()
	return service.Ended(l.opts.Dir)
}

func (l *Leaf) current() *life {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.life
}

// Connected implements syncer.Carrier. A dead line is noticed after 40 to 60 s.
func (l *Leaf) Connected() bool {
	life := l.current()
	return life != nil && life.link.Load() != 0
}

// The link is looked at so often; it counts as up when the same connection is
// seen twice, since one that the hub refuses lives for a moment too.
const watchEvery = 250 * time.Millisecond

// watchLink calls linkUp for each new connection, and begins a new life when
// the server gave its store up, as it does on a full disk.
func (l *Leaf) watchLink(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var seen uint64
	broken := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		life := l.current()
		if life == nil || !life.server.JetStreamEnabled() {
			if broken++; broken%brokenTicks == 1 {
				l.revive(ctx)
				seen = 0
			}
			continue
		}
		broken = 0
		now := life.connection()
		if now != 0 && now == seen && life.link.Swap(now) != now {
			l.linkUp()
		}
		if now == 0 || now != seen {
			life.link.Store(0)
		}
		seen = now
	}
}

const brokenTicks = 40 // try again every 10 s

// revive replaces a life that lost its store.
func (l *Leaf) revive(ctx context.Context) {
	l.mu.Lock()
	old := l.life
	l.life = nil
	l.mu.Unlock()
	l.opts.Log.Error("the mirror's server has given its store up; it is started again")
	if old != nil {
		old.end() // without the lock: its reader may be sending
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	if err := l.begin(ctx); err != nil {
		l.opts.Log.Error("the mirror cannot be started again", logging.Err(err))
	}
}

var errStopped = errors.New("leaf: not running")

// Send implements syncer.Carrier: nil means that the messages are in the UP
// stream. After an error some of them may be.
func (l *Leaf) Send(ctx context.Context, msgs []syncproto.Message) error {
	life := l.current()
	if life == nil {
		return errStopped
	}
	return life.out.sendAll(ctx, msgs)
}

// Purge implements syncer.Carrier.
func (l *Leaf) Purge(ctx context.Context, applied syncproto.Marks) {
	if life := l.current(); life != nil {
		life.out.freeApplied(ctx, applied)
	}
}
