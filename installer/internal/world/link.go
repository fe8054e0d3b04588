package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Link is a school's line to the cloud: every byte between them goes through
// it, HTTPS and NATS alike.
type Link struct {
	mu      sync.Mutex
	proxies []*toxiproxy.Proxy
	cut     bool
}

type route struct{ listen, upstream int }

// switchboard owns all links of a world.
type switchboard struct {
	server *toxiproxy.ApiServer
	links  []*Link
}

func newSwitchboard() *switchboard {
	return &switchboard{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())}
}

func (b *switchboard) connect(name string, routes ...route) (*Link, error) {
	l := &Link{}
	for i, r := range routes {
		p := toxiproxy.NewProxy(b.server, fmt.Sprintf("%s-%d", name, i), fmt.Sprintf("127.0.0.1:%d", r.listen), fmt.Sprintf("127.0.0.1:%d", r.upstream))
		if err := p.Start(); err != nil {
			return nil, fmt.Errorf("lay the line of %s: %w", name, err)
		}
		l.proxies = append(l.proxies, p)
	}
	b.links = append(b.links, l)
	return l, nil
}

func (b *switchboard) stop() {
	for _, l := range b.links {
		l.Cut()
	}
}

// Cut breaks all connections and refuses new ones: the cable is out.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.proxies {
		p.Stop()
	}
	l.cut = true
}

// Plug puts the cable back.
func (l *Link) Plug() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.cut {
		return nil
	}
	for _, p := range l.proxies {
		if err := p.Start(); err != nil {
			return fmt.Errorf("plug the line: %w", err)
		}
	}
	l.cut = false
	return nil
}

// IsCut tells whether the cable is out.
func (l *Link) IsCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

// Trouble is what a line does to the bytes on it.
type Trouble struct {
	// Type is a toxic of toxiproxy: latency, bandwidth, timeout, reset_peer.
	Type string `json:"type"`
	// Stream is upstream (from the school) or downstream.
	Stream string `json:"stream"`
	// Toxicity is the share of the connections that have it.
	Toxicity   float32        `json:"toxicity"`
	Attributes map[string]int `json:"attributes"`
}

// Spoil puts troubles on the line, also on connections that are open.
func (l *Link) Spoil(troubles ...Trouble) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, p := range l.proxies {
		for _, x := range troubles {
			b, err := json.Marshal(x)
			if err == nil {
				_, err = p.Toxics.AddToxicJson(bytes.NewReader(b))
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Heal takes all troubles away.
func (l *Link) Heal(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.proxies {
		p.Toxics.ResetToxics(ctx)
	}
}

// Divert lets both routes end at addr instead of the cloud, as a captive portal
// does; it gives what puts them back.
func (l *Link) Divert(addr string) (back func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var before []string
	for _, p := range l.proxies {
		before = append(before, p.Upstream)
		err = errors.Join(err, restart(p, addr))
	}
	return func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		var errs []error
		for i, p := range l.proxies {
			errs = append(errs, restart(p, before[i]))
		}
		return errors.Join(errs...)
	}, err
}

func restart(p *toxiproxy.Proxy, upstream string) error {
	p.Stop()
	p.Upstream = upstream
	return p.Start()
}
