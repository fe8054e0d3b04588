// Package hub is the cloud's end of the mirrors: an embedded NATS server with
// one account per school. An appliance connects as a leaf; its stream UP_<epoch>
// is mirrored into the school's account, and the account's DOWN_<epoch> to it.
//
// The surprising rules: who sent a message is the account it came in on, never
// its subject, headers or content. And nothing here may be relied on: the
// directory may be wiped at any moment, a start drops what an earlier life left
// to send, and the senders' own logs send again. The hub decides nothing about
// the protocol; it hands bytes to a Handler.
package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
	"urbanhomeschool.org/uhs/syncproto"
)

// Errors a caller tells apart.
var (
	// ErrNotEnrolled: this hub knows no such school, or it is at another epoch.
	ErrNotEnrolled = errors.New("hub: the school is not enrolled at this epoch")
	// ErrStaleEpoch: a newer epoch of the school is already enrolled.
	ErrStaleEpoch = errors.New("hub: a newer epoch is enrolled")
)

// Options of a Hub. Dir and Secret are needed.
type Options struct {
	// Dir is where the server keeps its streams. Losing it costs a re-send.
	Dir string
	// LeafHost and LeafPort are where appliances connect; all interfaces and a
	// free port when empty.
	LeafHost string
	LeafPort int
	// PublicURL is what appliances are told, e.g. "tls://hub.example.org:7422";
	// by default made of host and port.
	PublicURL string
	// Secret is what all keys are derived from. Another secret makes all
	// appliances enrol again.
	Secret []byte
	// Domain of the hub's JetStream, "hub" by default; with several hubs each
	// has its own.
	Domain string
	// StreamBytes is the size of a DOWN stream; 16 MiB by default. A mirror has a
	// quarter more.
	StreamBytes int64
	Clock       clock.Clock
	Log         *slog.Logger
}

// Handler takes one message of a school. An error makes the hub deliver it
// again later, before any other of that school; nil consumes it. It is called
// for one message of a school at a time.
type Handler func(ctx context.Context, school string, epoch int64, m syncproto.Message) error

// Hub is the embedded server and the schools on it. It is a service.Service.
type Hub struct {
	opts    Options
	keys    keyring
	handler Handler

	mu       sync.Mutex
	schools  map[string]*school
	server   *server.Server
	resolver *server.MemAccResolver
	ctx      context.Context //nolint:containedctx // the life of the readers: ends with Stop
	cancel   context.CancelFunc
}

// Open checks the options; Start runs the server.
func Open(opts Options) (*Hub, error) {
	if opts.Dir == "" || opts.Clock == nil || opts.Log == nil {
		return nil, errors.New("hub: directory, clock and log are needed")
	}
	if opts.Domain == "" {
		opts.Domain = "hub"
	}
	if !token.MatchString(opts.Domain) {
		return nil, fmt.Errorf("hub: domain %q", opts.Domain)
	}
	if opts.LeafHost == "" {
		opts.LeafHost = "0.0.0.0"
	}
	if opts.StreamBytes <= 0 {
		opts.StreamBytes = 16 << 20
	}
	keys, err := newKeyring(opts.Secret)
	if err != nil {
		return nil, err
	}
	return &Hub{opts: opts, keys: keys, schools: map[string]*school{}}, nil
}

// OnMessage sets who takes the messages of all schools. Call it before Start.
func (h *Hub) OnMessage(handler Handler) { h.handler = handler }

// Start runs the server. No appliance gets in before Restore or Enrol.
func (h *Hub) Start(ctx context.Context) error {
	if h.handler == nil {
		return errors.New("hub: start without a handler")
	}
	opts, resolver, err := h.serverOptions()
	if err != nil {
		return err
	}
	if err := h.freshAfterAKill(); err != nil {
		return err
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("hub: make the server: %w", err)
	}
	srv.SetLoggerV2(logging.Printf{Log: h.opts.Log.With(slog.String("part", "nats"))}, false, false, false)

	srv.Start()
	if !srv.JetStreamEnabled() || !srv.ReadyForConnections(30*time.Second) {
		srv.Shutdown()
		srv.WaitForShutdown()
		return fmt.Errorf("hub: the server does not come up on %s with its store in %s (the store may be deleted)",
			net.JoinHostPort(opts.LeafNode.Host, strconv.Itoa(opts.LeafNode.Port)), opts.StoreDir)
	}

	h.mu.Lock()
	defer h.mu.Unlock()
	h.server, h.resolver = srv, resolver
	h.opts.LeafPort = opts.LeafNode.Port // stays the same over a Stop and Start
	h.ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return nil
}

func (h *Hub) serverOptions() (*server.Options, *server.MemAccResolver, error) {
	operator, err := h.keys.operatorClaims()
	if err != nil {
		return nil, nil, err
	}
	system, err := publicKey(h.keys.system())
	if err != nil {
		return nil, nil, err
	}
	claims := jwt.NewAccountClaims(system)
	claims.Name = "system"
	systemJWT, _, err := h.keys.signAccount(claims)
	if err != nil {
		return nil, nil, err
	}
	resolver := &server.MemAccResolver{}
	if err := resolver.Store(system, systemJWT); err != nil {
		return nil, nil, fmt.Errorf("hub: store the system account: %w", err)
	}
	listener, err := h.keys.listener()
	if err != nil {
		return nil, nil, err
	}
	port := h.opts.LeafPort
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return &server.Options{
		ServerName: h.opts.Domain, DontListen: true, NoSigs: true, NoLog: true,
		TrustedOperators: []*jwt.OperatorClaims{operator}, SystemAccount: system, AccountResolver: resolver,
		JetStream: true, JetStreamDomain: h.opts.Domain, StoreDir: h.opts.Dir,
		// The store's size is a sum of reservations, not of bytes in use: streams
		// are limited one by one and emptied as they are applied.
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 44,
		PingInterval: 20 * time.Second, MaxPingsOut: 2,
		// The permission lists are written for the subjects these flags give.
		FeatureFlags: map[string]bool{"js_ack_fc_v2": true, "js_api_reply_v2": true},
		LeafNode: server.LeafNodeOpts{
			Host: h.opts.LeafHost, Port: port, NoAdvertise: true,
			TLSConfig: listener, TLSHandshakeFirst: true,
			TLSTimeout: 20, AuthTimeout: 20, // a village line is slow
			IsolateLeafnodeInterest: true,
			// Frames are compressed already, and idle lines get longer by it.
			Compression: server.CompressionOpts{Mode: server.CompressionOff},
		},
	}, resolver, nil
}

// Stop ends the deliveries, then the server.
func (h *Hub) Stop(context.Context) error {
	h.mu.Lock()
	srv, cancel, schools := h.server, h.cancel, h.schools
	h.server, h.cancel, h.schools = nil, nil, map[string]*school{}
	h.mu.Unlock()
	if srv == nil {
		return nil
	}

	cancel()
	for _, s := range schools {
		s.close()
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	return service.Ended(h.opts.Dir)
}

// freshAfterAKill deletes the streams when the last run was killed. They hold
// nothing that is not in a database, and to recover them is what can fail: over a
// gap in the numbers of a damaged stream nats-server 2.15 counts one by one, and
// the numbers of a box that was off for two weeks have a gap of 10^12.
func (h *Hub) freshAfterAKill() error {
	stopped, err := service.Began(h.opts.Dir)
	if err != nil || stopped {
		return err
	}
	h.opts.Log.Info("the streams are made anew: the last run was killed")
	if err := os.RemoveAll(filepath.Join(h.opts.Dir, server.JetStreamStoreDir)); err != nil {
		return fmt.Errorf("hub: delete the streams: %w", err)
	}
	return nil
}

// LeafURL is where appliances connect. It is known after Start.
func (h *Hub) LeafURL() string {
	if h.opts.PublicURL != "" {
		return h.opts.PublicURL
	}
	host := h.opts.LeafHost
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return "tls://" + net.JoinHostPort(host, strconv.Itoa(h.opts.LeafPort))
}

// Connected tells whether an appliance of the school has its leaf open now. A
// dead line is noticed after 40 to 60 s.
func (h *Hub) Connected(school string) bool {
	h.mu.Lock()
	srv, known := h.server, h.schools[school] != nil
	h.mu.Unlock()
	if srv == nil || !known {
		return false
	}
	account, err := publicKey(h.keys.account(school))
	if err != nil {
		return false
	}
	acc, err := srv.LookupAccount(account)
	return err == nil && acc.NumLeafNodes() > 0
}
