package agent

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/meter"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
)

// Line is the school's line: it counts what goes over it and says how it may be
// used now, and how often without need.
type Line interface {
	Way() (way talk.Way, every time.Duration)
	// Relay gives an address of this box whose bytes to target are counted; nil: go
	// straight.
	Relay(ctx context.Context, target string) (*meter.Relay, error)
}

// heldOpen is a line without a plan, uncounted.
type heldOpen struct{}

// Way implements Line.
func (heldOpen) Way() (talk.Way, time.Duration) { return talk.Open, 0 }

// Relay implements Line.
func (heldOpen) Relay(context.Context, string) (*meter.Relay, error) { return nil, nil } //nolint:nilnil // no relay is needed

// relay is the counted way to the hub; the hub's address may change with the
// epoch.
type relay struct {
	mu     sync.Mutex
	target string
	open   *meter.Relay
}

// to gives the hub's address through the relay.
func (r *relay) to(ctx context.Context, line Line, hub string) (string, error) {
	u, err := url.Parse(hub)
	if err != nil || u.Host == "" {
		return hub, nil // the leaf says what is wrong with it
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil || r.target != u.Host {
		if r.open != nil {
			_ = r.open.Close() // its connections end with the old link
		}
		r.open = nil
		fresh, err := line.Relay(ctx, u.Host)
		if err != nil {
			return "", fmt.Errorf("count the line to the hub: %w", err)
		}
		r.open, r.target = fresh, u.Host
	}
	if r.open == nil {
		return hub, nil
	}
	u.Host = r.open.Address()
	return u.String(), nil
}

func (r *relay) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}

// Over makes the box's own requests go over t from now on.
func (a *Agent) Over(t http.RoundTripper) { a.mu.Lock(); defer a.mu.Unlock(); a.transport = t }

// ClientOver is Client over a transport of the caller's.
func (a *Agent) ClientOver(t http.RoundTripper) *http.Client {
	s, _ := a.State()
	return &http.Client{Transport: httpcarrier.Signer{Appliance: s.ApplianceID, Key: a.keys.Node, Next: t}}
}
