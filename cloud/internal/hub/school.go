package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// school is the hub's side of one account: a connection inside the process, the
// two streams of the epoch and the goroutine that reads one of them.
type school struct {
	hub   *Hub
	name  string
	log   *slog.Logger
	clock clock.Clock

	// out is what Send uses; nil while the school is not open. It is no part of
	// what change guards: a handler may send while an enrolment waits for it.
	out atomic.Pointer[outbox]

	change  sync.Mutex // one change of the enrolment or the streams at a time
	closed  bool
	current Enrolment
	conn    *nats.Conn
	js      jetstream.JetStream
	stop    context.CancelFunc // of the reader
	done    chan struct{}

	handled, published atomic.Uint64
}

func newSchool(h *Hub, name string) *school {
	return &school{hub: h, name: name, clock: h.opts.Clock, log: h.opts.Log.With(logging.School(name))}
}

func (s *school) reading() bool { return s.stop != nil }

// open moves the school to an enrolment. The caller holds change.
func (s *school) open(ctx context.Context, e Enrolment) error { //nolint:contextcheck // the reader lives as long as the hub, not as the call
	s.stopReading()
	s.out.Store(nil)
	if err := s.connect(); err != nil {
		return err
	}
	s.current = e
	if err := s.dropStale(ctx); err != nil {
		return err
	}
	down, err := s.ensure(ctx)
	if err != nil {
		return err
	}
	if err := s.startDown(ctx, down); err != nil {
		return err
	}

	run, stop := context.WithCancel(s.hub.ctx)
	done := make(chan struct{})
	s.stop, s.done = stop, done
	in := inbox{school: s, epoch: e.Epoch, js: s.js}
	go func() { defer close(done); in.run(run) }()
	return nil
}

func (s *school) connect() error {
	if s.conn != nil {
		return nil
	}
	token, user, err := s.hub.insideUser(s.name)
	if err != nil {
		return err
	}
	s.hub.mu.Lock()
	srv := s.hub.server
	s.hub.mu.Unlock()
	if srv == nil {
		return errStopped
	}
	conn, err := inside(srv, nats.UserJWT(func() (string, error) { return token, nil }, user.Sign))
	if err != nil {
		return err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return err
	}
	s.conn, s.js = conn, js
	return nil
}

// inside connects to a server of this process, without a socket.
func inside(srv *server.Server, auth nats.Option) (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(srv), nats.MaxReconnects(-1), nats.Name("hub"), auth)
}

// ensure makes the streams and the consumer of the current epoch, in the order
// origin, consumer, mirror. It gives the DOWN stream.
func (s *school) ensure(ctx context.Context) (jetstream.Stream, error) {
	epoch, size := s.current.Epoch, s.hub.opts.StreamBytes
	down, err := s.js.CreateOrUpdateStream(ctx, downOrigin(epoch, size))
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", downStream(epoch), err)
	}
	if _, err := s.js.CreateOrUpdatePushConsumer(ctx, downStream(epoch), durable(downConsumer, downDelivery(epoch))); err != nil {
		return nil, fmt.Errorf("make the consumer of %s: %w", downStream(epoch), err)
	}
	if err := s.ensureMirror(ctx, upMirror(epoch, s.current.Appliance, size)); err != nil {
		return nil, fmt.Errorf("make %s: %w", upStream(epoch), err)
	}
	return down, nil
}

// ensureMirror makes a new mirror when the old one reads from another box.
func (s *school) ensureMirror(ctx context.Context, cfg jetstream.StreamConfig) error {
	have, err := s.js.Stream(ctx, cfg.Name)
	if err == nil && !sameSource(have.CachedInfo().Config.Mirror, cfg.Mirror) {
		if err := s.js.DeleteStream(ctx, cfg.Name); err != nil {
			return err
		}
	}
	_, err = s.js.CreateOrUpdateStream(ctx, cfg)
	return err
}

func sameSource(a, b *jetstream.StreamSource) bool {
	return a != nil && a.External != nil && a.External.APIPrefix == b.External.APIPrefix && reflect.DeepEqual(a.Consumer, b.Consumer)
}

// startDown empties DOWN and moves its numbers to the microsecond of now. Numbers
// given before (by a life whose last pages, or whose whole directory, were lost)
// would be given again, and the appliance's mirror would silently ignore them.
// What was in it is sent again after the next hello.
func (s *school) startDown(ctx context.Context, down jetstream.Stream) error {
	next := uint64(max(s.clock.Now().UnixMicro(), 1))
	if last := down.CachedInfo().State.LastSeq; last >= next {
		next = last + 1
	}
	if err := down.Purge(ctx, jetstream.WithPurgeSequence(next)); err != nil {
		return fmt.Errorf("empty %s: %w", downStream(s.current.Epoch), err)
	}
	s.out.Store(&outbox{school: s, js: s.js, epoch: s.current.Epoch, sent: &syncer.Sent{}})
	return nil
}

// repair makes the streams of an epoch again when they are gone (a disk wiped
// under us, a hostile appliance). It does nothing while the school is being
// changed: that makes them itself, and may be waiting for our caller.
func (s *school) repair(ctx context.Context, epoch int64) {
	if !s.change.TryLock() {
		return
	}
	defer s.change.Unlock()
	if s.closed || !s.reading() || s.current.Epoch != epoch {
		return
	}
	down, err := s.ensure(ctx)
	if err == nil && down.CachedInfo().State.LastSeq == 0 {
		err = s.startDown(ctx, down)
	}
	if err != nil {
		s.log.Error("the streams cannot be made again", logging.Err(err))
	}
}

// dropStale deletes what other epochs left.
func (s *school) dropStale(ctx context.Context) error {
	var stale []string
	names := s.js.StreamNames(ctx)
	for name := range names.Name() {
		if name != upStream(s.current.Epoch) && name != downStream(s.current.Epoch) {
			stale = append(stale, name)
		}
	}
	if err := names.Err(); err != nil {
		return fmt.Errorf("list streams: %w", err)
	}
	for _, name := range stale {
		if err := s.js.DeleteStream(ctx, name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("delete %s: %w", name, err)
		}
	}
	return nil
}

func (s *school) stopReading() {
	if s.stop == nil {
		return
	}
	s.stop()
	<-s.done
	s.stop, s.done = nil, nil
}

func (s *school) close() {
	s.change.Lock()
	defer s.change.Unlock()
	s.closed = true
	s.stopReading()
	s.out.Store(nil)
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}
