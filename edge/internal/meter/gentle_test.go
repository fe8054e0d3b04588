package meter_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/meter"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

func TestADownloadWaitsForWhatGoesFirst(t *testing.T) {
	m, err := meter.Open(t.Context(), open(t), clock.System{}, logging.Discard())
	must(t, err)
	const size, chunk = 8 << 20, 64 << 10
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		for range size / chunk {
			_, _ = w.Write(make([]byte, chunk))
			time.Sleep(10 * time.Millisecond) // the whole takes more than a second
		}
	}))
	defer s.Close()
	var waits atomic.Bool
	client := &http.Client{Transport: m.Gentle(meter.Packs, waits.Load)}
	resp, err := client.Get(s.URL)
	must(t, err)
	var came atomic.Int64
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, io.TeeReader(resp.Body, counting{&came, &waits}))
		done <- err
	}()
	for came.Load() < size/4 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond) // the last question was asked less than that ago
	before := came.Load()
	time.Sleep(time.Second)
	if now := came.Load(); now != before || now > size/2 {
		t.Errorf("%d bytes came while something went first, %d altogether", now-before, now)
	}
	waits.Store(false)
	must(t, <-done)
	if came.Load() != size {
		t.Errorf("%d bytes came", came.Load())
	}
}

// counting counts, and lets something go first from a quarter on.
type counting struct {
	came  *atomic.Int64
	waits *atomic.Bool
}

func (c counting) Write(p []byte) (int, error) {
	if n := c.came.Add(int64(len(p))); n >= 2<<20 && n-int64(len(p)) < 2<<20 {
		c.waits.Store(true)
	}
	return len(p), nil
}
