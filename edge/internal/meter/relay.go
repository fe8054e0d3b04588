package meter

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Relay is a port of this box whose connections go on to one address elsewhere.
// It is for what dials by itself, as the mirror's server does.
type Relay struct {
	meter   *Meter
	purpose Purpose
	target  string
	listen  net.Listener
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // nil when closed
}

// Relay opens a relay to target, host:port.
func (m *Meter) Relay(ctx context.Context, p Purpose, target string) (*Relay, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a relay: %w", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &Relay{meter: m, purpose: p, target: target, listen: l, cancel: cancel, conns: map[net.Conn]bool{}}
	r.wg.Go(func() { r.accept(ctx) })
	return r, nil
}

// Address is host:port of this box.
func (r *Relay) Address() string { return r.listen.Addr().String() }

// Close ends the relay and all its connections.
func (r *Relay) Close() error {
	err := r.listen.Close()
	r.cancel()
	r.mu.Lock()
	for c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.wg.Wait()
	return err
}

func (r *Relay) accept(ctx context.Context) {
	for {
		c, err := r.listen.Accept()
		if err != nil {
			return // closed
		}
		r.wg.Go(func() { r.carry(ctx, c) })
	}
}

// dialTimeout is long: a village line is slow.
const dialTimeout = 15 * time.Second

func (r *Relay) carry(ctx context.Context, near net.Conn) {
	defer func() { _ = near.Close() }()
	if r.keep(near) != nil {
		return
	}
	defer r.drop(near)
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: time.Minute}
	c, err := dialer.DialContext(ctx, "tcp", r.target)
	if err != nil {
		return // the near side sees a closed connection and tries again
	}
	far := &counted{c, r.meter, r.purpose}
	defer func() { _ = far.Close() }()
	if r.keep(far) != nil {
		return
	}
	defer r.drop(far)
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(far, near); _ = far.Close() })
	_, _ = io.Copy(near, far)
	_ = near.Close()
	both.Wait()
}

func (r *Relay) keep(c net.Conn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		return errClosed
	}
	r.conns[c] = true
	return nil
}

func (r *Relay) drop(c net.Conn) { r.mu.Lock(); defer r.mu.Unlock(); delete(r.conns, c) }
