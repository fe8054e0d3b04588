package leaf

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// life is one run of the embedded server.
type life struct {
	server *server.Server
	conn   *nats.Conn
	out    *outbox
	link   atomic.Uint64 // id of the connection to the hub that is known up; zero for none

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// newLife starts the server, makes the streams and begins to read. On an error
// nothing is left running.
func (l *Leaf) newLife(ctx context.Context) (*life, error) {
	if err := os.MkdirAll(l.opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory: %w", err)
	}
	srv, err := server.NewServer(l.serverOptions())
	if err != nil {
		return nil, fmt.Errorf("make the server: %w", err)
	}
	srv.SetLoggerV2(logging.Printf{Log: l.opts.Log}, false, false, false)
	srv.Start()
	v := &life{server: srv, cancel: func() {}}
	if !srv.JetStreamEnabled() || !srv.ReadyForConnections(30*time.Second) {
		v.end()
		return nil, errors.New("the server or its store did not come up")
	}
	if v.conn, err = nats.Connect("", nats.InProcessServer(srv), nats.MaxReconnects(-1), nats.Name("leaf")); err != nil {
		v.end()
		return nil, fmt.Errorf("connect inside: %w", err)
	}
	js, err := jetstream.New(v.conn)
	if err != nil {
		v.end()
		return nil, err
	}
	if err := l.makeStreams(ctx, js); err != nil {
		v.end()
		return nil, err
	}

	v.out = &outbox{js: js, epoch: l.opts.Epoch, log: l.opts.Log, sent: &syncer.Sent{}}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	v.cancel = cancel
	in := inbox{js: js, epoch: l.opts.Epoch, handler: l.handler, log: l.opts.Log}
	v.wg.Go(func() { in.run(run) })
	return v, nil
}

// end stops everything the life started and waits for it.
func (v *life) end() {
	v.cancel()
	v.wg.Wait()
	if v.conn != nil {
		v.conn.Close()
	}
	v.server.Shutdown()
	v.server.WaitForShutdown()
}

// connection is the id of the open connection to the hub; zero for none.
func (v *life) connection() uint64 {
	z, err := v.server.Leafz(nil)
	if err != nil || len(z.Leafs) == 0 {
		return 0
	}
	return z.Leafs[len(z.Leafs)-1].ID
}

func (l *Leaf) serverOptions() *server.Options {
	return &server.Options{
		ServerName: l.opts.Domain, DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, JetStreamDomain: l.opts.Domain, StoreDir: l.storeDir(),
		JetStreamMaxMemory: 16 << 20, JetStreamMaxStore: 8 * l.opts.StreamBytes,
		PingInterval: 20 * time.Second, MaxPingsOut: 2,
		// An offline box tries every second for weeks: one line an hour is enough.
		ReconnectErrorReports: 3600, ConnectErrorReports: 3600,
		FeatureFlags: map[string]bool{"js_ack_fc_v2": true, "js_api_reply_v2": true},
		LeafNode: server.LeafNodeOpts{
			ReconnectInterval: time.Second,
			Remotes: []*server.RemoteLeafOpts{{
				URLs: []*url.URL{l.url},
				TLS:  true, TLSHandshakeFirst: true,
				TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: l.roots, ServerName: tlsName},
				// A village line is slow.
				TLSTimeout: 20, FirstInfoTimeout: 20 * time.Second, DialTimeout: 15 * time.Second,
				SignatureCB: func(nonce []byte) (string, []byte, error) {
					sig, err := l.user.Sign(nonce)
					return l.opts.UserJWT, sig, err
				},
				// Frames are compressed already, and idle lines get longer by it.
				Compression: server.CompressionOpts{Mode: server.CompressionOff},
			}},
		},
	}
}

// makeStreams makes what the epoch needs, in the order origin, consumer, mirror,
// after it has deleted what other epochs left.
func (l *Leaf) makeStreams(ctx context.Context, js jetstream.JetStream) error {
	if err := l.dropStale(ctx, js); err != nil {
		return err
	}
	up, err := js.CreateOrUpdateStream(ctx, upOrigin(l.opts.Epoch, l.opts.StreamBytes))
	if err != nil {
		return fmt.Errorf("make %s: %w", upStream(l.opts.Epoch), err)
	}
	if err := l.skipNumbers(ctx, up); err != nil {
		return err
	}
	if _, err := js.CreateOrUpdatePushConsumer(ctx, upStream(l.opts.Epoch), durable(upConsumer, upDelivery(l.opts.Epoch))); err != nil {
		return fmt.Errorf("make the consumer of %s: %w", upStream(l.opts.Epoch), err)
	}
	if _, err := js.CreateOrUpdateStream(ctx, downMirror(l.opts.Epoch, l.opts.HubDomain, l.opts.StreamBytes)); err != nil {
		return fmt.Errorf("make %s: %w", downStream(l.opts.Epoch), err)
	}
	return nil
}

func (l *Leaf) dropStale(ctx context.Context, js jetstream.JetStream) error {
	var stale []string
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		if name != upStream(l.opts.Epoch) && name != downStream(l.opts.Epoch) {
			stale = append(stale, name)
		}
	}
	if err := names.Err(); err != nil {
		return fmt.Errorf("list streams: %w", err)
	}
	for _, name := range stale {
		if err := js.DeleteStream(ctx, name); err != nil {
			return fmt.Errorf("delete %s: %w", name, err)
		}
	}
	return nil
}

// numberGap is added to the last known number when the clock went back: more
// messages than one life sends.
const numberGap = 1 << 20

// skipNumbers empties the stream and moves its numbers past any that may have
// been given before: to the microsecond of now, or, where the clock went back,
// past the last start, which is kept in a file beside the store.
func (l *Leaf) skipNumbers(ctx context.Context, up jetstream.Stream) error {
	next := uint64(max(l.opts.Clock.Now().UnixMicro(), 1))
	if saved := l.savedNumber(); next <= saved {
		next = saved + numberGap
	}
	if last := up.CachedInfo().State.LastSeq; next <= last {
		next = last + numberGap
	}
	if err := l.saveNumber(next); err != nil {
		return err
	}
	if err := up.Purge(ctx, jetstream.WithPurgeSequence(next)); err != nil {
		return fmt.Errorf("empty %s: %w", upStream(l.opts.Epoch), err)
	}
	return nil
}

func (l *Leaf) numberFile() string { return filepath.Join(l.opts.Dir, "last-start") }

// savedNumber is zero when the file is lost or unreadable: the clock alone is
// then what keeps numbers apart.
func (l *Leaf) savedNumber() uint64 {
	b, err := os.ReadFile(l.numberFile())
	if err != nil {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 53)
	if err != nil {
		return 0
	}
	return n
}

func (l *Leaf) saveNumber(n uint64) error {
	tmp := l.numberFile() + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // below the data directory
	if err != nil {
		return fmt.Errorf("keep the start's number: %w", err)
	}
	_, err = fmt.Fprintln(f, n)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keep the start's number: %w", err)
	}
	return os.Rename(tmp, l.numberFile())
}
