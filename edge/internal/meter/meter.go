// Package meter counts what goes over the school's line, where the bytes pass:
// at the sockets, encryption and all. Its nouns: a *purpose* is what the bytes
// were for, a *relay* is a local port whose bytes are counted.
//
// The surprising rule: the count is written down about once a minute, so a
// crash may forget a minute of it; the budget is never wrong by more.
package meter

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
)

// Purpose is what bytes were for.
type Purpose string

// The purposes.
const (
	Sync   Purpose = "sync"   // messages and downloads of records by https
	Mirror Purpose = "mirror" // the mirror's line
	Packs  Purpose = "packs"  // courses
)

// Nairobi is the school's time: East Africa Time has no summer time (IANA tz
// database, Africa/Nairobi). A box may lack the time-zone files.
var Nairobi = time.FixedZone("EAT", 3*60*60)

// Count is bytes both ways.
type Count struct{ Up, Down int64 }

// Meter counts.
type Meter struct {
	db    db.DB
	clock clock.Clock
	log   *slog.Logger

	mu    sync.Mutex
	fresh map[Purpose]Count // not written down yet
	saved talk.Use          // of the day below, as written down
	day   string
}

// Open reads what was used before.
func Open(ctx context.Context, d db.DB, c clock.Clock, log *slog.Logger) (*Meter, error) {
	m := &Meter{db: d, clock: c, log: log, fresh: map[Purpose]Count{}}
	return m, m.Save(ctx)
}

// Add counts bytes.
func (m *Meter) Add(p Purpose, up, down int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.fresh[p]
	m.fresh[p] = Count{c.Up + up, c.Down + down}
}

// Used is what was used today and in this month, by the school's calendar.
func (m *Meter) Used() talk.Use {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.saved
	if today := m.today(); today != m.day { // a new day has begun since it was read
		u.Day = 0
		if today[:7] != m.day[:7] {
			u.Month = 0
		}
	}
	for _, c := range m.fresh {
		u.Day += c.Up + c.Down
		u.Month += c.Up + c.Down
	}
	return u
}

func (m *Meter) today() string { return m.clock.Now().In(Nairobi).Format(time.DateOnly) }

// Save writes the count down. What cannot be written now is kept for later.
func (m *Meter) Save(ctx context.Context) error {
	m.mu.Lock()
	day, fresh := m.today(), m.fresh
	m.fresh = map[Purpose]Count{}
	m.mu.Unlock()
	var saved talk.Use
	err := m.db.Update(ctx, func(tx db.Tx) (err error) {
		for p, c := range fresh {
			if err := addUse(ctx, tx, day, p, c); err != nil {
				return err
			}
		}
		saved, err = readUse(ctx, tx, day)
		return err
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		for p, c := range fresh {
			have := m.fresh[p]
			m.fresh[p] = Count{have.Up + c.Up, have.Down + c.Down}
		}
		return err
	}
	m.saved, m.day = saved, day
	return nil
}

// saveEvery is how much of the count a crash may forget.
const saveEvery = time.Minute

// Run saves from time to time until ctx ends, and once more then.
func (m *Meter) Run(ctx context.Context) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if err := m.Save(context.WithoutCancel(ctx)); err != nil {
				m.log.Warn("save the line's count", logging.Err(err))
			}
			return
		case <-tick.C:
			if err := m.Save(ctx); err != nil && ctx.Err() == nil {
				m.log.Warn("save the line's count", logging.Err(err))
			}
		}
	}
}

// Transport is for HTTP requests whose bytes are counted.
func (m *Meter) Transport(p Purpose) *http.Transport {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		base = &http.Transport{}
	}
	t := base.Clone()
	// A connection that is begun again costs a few hundred bytes, a new one thousands.
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: time.Minute}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &counted{c, m, p}, nil
	}
	return t
}

// counted is a connection whose bytes are counted.
type counted struct {
	net.Conn
	meter   *Meter
	purpose Purpose
}

// SetReadBuffer is of the connection below.
func (c *counted) SetReadBuffer(bytes int) error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.SetReadBuffer(bytes)
	}
	return errors.ErrUnsupported
}

// Read implements net.Conn.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.meter.Add(c.purpose, 0, int64(n))
	return n, err
}

// Write implements net.Conn.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.meter.Add(c.purpose, int64(n), 0)
	return n, err
}

// errClosed is for a relay that is closed.
var errClosed = errors.New("meter: the relay is closed")
