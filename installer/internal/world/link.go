package world

import (
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
