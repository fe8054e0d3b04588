package meter_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/edge/internal/meter"
	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) *sqlite.DB {
	t.Helper()
	d, err := sqlite.Open(filepath.Join(t.TempDir(), "school.db"))
	must(t, err)
	t.Cleanup(func() { _ = d.Close() })
	must(t, migrate.Up(t.Context(), d.Writer(), goose.DialectSQLite3, migrations.SQLite()))
	return d
}

func TestDaysAndMonthsAreTheSchoolsOwn(t *testing.T) {
	d := open(t)
	c := clock.NewFake(time.Date(2026, 11, 29, 20, 59, 0, 0, time.UTC)) // 23:59 in Nairobi
	m, err := meter.Open(t.Context(), d, c, logging.Discard())
	must(t, err)
	m.Add(meter.Sync, 10, 20)
	must(t, m.Save(t.Context()))
	m.Add(meter.Packs, 0, 5)
	if got := m.Used(); got != (talk.Use{Day: 35, Month: 35}) {
		t.Errorf("on the 29th: %+v", got)
	}
	c.Advance(2 * time.Minute)
	must(t, m.Save(t.Context()))
	m.Add(meter.Mirror, 1, 1)
	if got := m.Used(); got != (talk.Use{Day: 7, Month: 37}) { // what was not saved counts for the day on which it is
		t.Errorf("on the 30th: %+v", got)
	}
	c.Advance(24 * time.Hour)
	if got := m.Used(); got.Day != 2 || got.Month != 2 {
		t.Errorf("in December, before anything was saved: %+v", got)
	}
	again, err := meter.Open(t.Context(), d, c, logging.Discard())
	must(t, err)
	if got := again.Used(); got != (talk.Use{}) {
		t.Errorf("in December, after a restart: %+v", got)
	}
	var days []meter.Day
	must(t, d.View(t.Context(), func(tx db.Tx) (err error) { days, err = meter.Days(t.Context(), tx, "2026-11-29"); return err }))
	if len(days) != 2 || days[1] != (meter.Day{Day: "2026-11-29", Purpose: meter.Sync, Count: meter.Count{Up: 10, Down: 20}}) {
		t.Errorf("the proof is %+v", days)
	}
}

// away is a database that cannot be written.
type away struct{ db.DB }

var errAway = errors.New("away")

func (away) Update(context.Context, func(db.Tx) error) error { return errAway }

func TestACountThatCannotBeWrittenIsKept(t *testing.T) {
	d := open(t)
	flaky := &struct{ db.DB }{d}
	m, err := meter.Open(t.Context(), flaky, clock.System{}, logging.Discard())
	must(t, err)
	flaky.DB = away{d}
	m.Add(meter.Sync, 3, 4)
	if err := m.Save(t.Context()); !errors.Is(err, errAway) {
		t.Fatal(err)
	}
	m.Add(meter.Sync, 1, 1)
	flaky.DB = d
	must(t, m.Save(t.Context()))
	if got := m.Used(); got.Day != 9 {
		t.Errorf("%+v", got)
	}
}

// seen counts the bytes that reach a listener.
func listen(t *testing.T) (addr string, up func() int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	got := make(chan int64, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n, _ := io.CopyN(c, c, 5000) // an echo of 5,000 bytes, then closed
			_ = c.Close()
			got <- n
		}
	}()
	return l.Addr().String(), func() int64 { return <-got }
}

func TestARelayCountsWhatPasses(t *testing.T) {
	m, err := meter.Open(t.Context(), open(t), clock.System{}, logging.Discard())
	must(t, err)
	addr, up := listen(t)
	r, err := m.Relay(t.Context(), meter.Mirror, addr)
	must(t, err)
	c, err := net.Dial("tcp", r.Address())
	must(t, err)
	go func() { _, _ = c.Write(make([]byte, 5000)) }()
	back, err := io.ReadAll(c)
	must(t, err)
	if n := up(); n != 5000 || len(back) != 5000 {
		t.Errorf("%d went up, %d came back", n, len(back))
	}
	if got := m.Used().Day; got != 10000 {
		t.Errorf("counted %d", got)
	}
	open, err := net.Dial("tcp", r.Address())
	must(t, err)
	must(t, r.Close())
	if _, err := open.Read(make([]byte, 1)); err == nil {
		t.Error("a closed relay still carries")
	}
}

func TestRequestsAreCountedWithTheirHeads(t *testing.T) {
	m, err := meter.Open(t.Context(), open(t), clock.System{}, logging.Discard())
	must(t, err)
	body := make([]byte, 10_000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer s.Close()
	client := &http.Client{Transport: m.Transport(meter.Packs)}
	resp, err := client.Get(s.URL)
	must(t, err)
	_, err = io.ReadAll(resp.Body)
	must(t, errors.Join(err, resp.Body.Close()))
	if got := m.Used().Day; got < 10_100 || got > 11_000 {
		t.Errorf("counted %d for 10,000 bytes and two heads", got)
	}
}

func TestASecondConnectionCostsAFractionOfTheFirst(t *testing.T) {
	m, err := meter.Open(t.Context(), open(t), clock.System{}, logging.Discard())
	must(t, err)
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	transport := m.Transport(meter.Sync)
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	transport.TLSClientConfig.RootCAs.AddCert(s.Certificate())
	client := &http.Client{Transport: transport}
	var used []int64
	for _, again := range []bool{false, true} {
		before := m.Used().Day
		resp, err := client.Get(s.URL)
		must(t, err)
		must(t, resp.Body.Close())
		if resp.TLS.DidResume != again {
			t.Errorf("resumed is %t", resp.TLS.DidResume)
		}
		client.CloseIdleConnections()
		used = append(used, m.Used().Day-before)
	}
	if used[1] >= used[0] {
		t.Errorf("the first cost %d bytes, the second %d", used[0], used[1])
	}
}
