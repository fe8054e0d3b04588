package api_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
)

// A box serves its packs to neighbours with ranges, and never more at a time
// than it was told; a reader that goes away gives its slot back.
func TestNeighboursTransfersAreCounted(t *testing.T) {
	store, err := pack.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	// More than the sockets of both sides hold, so that a transfer nobody reads stays open.
	film := bytes.Repeat([]byte("0123456789abcdef"), 2<<20)
	sha, err := store.Put(film)
	if err != nil {
		t.Fatal(err)
	}
	small, err := store.Put([]byte("small"))
	if err != nil {
		t.Fatal(err)
	}
	a := api.New(api.Options{Name: "UHS", Version: "1", Environment: "test", Log: slog.New(slog.DiscardHandler),
		Healthy: func(context.Context) error { return nil }})
	api.MountPacks(a, store, api.Slots(2))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = a.App.Listener(l) }()
	t.Cleanup(func() { _ = a.App.ShutdownWithTimeout(time.Second) })
	get := func(path, ranges string) (int, []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if ranges != "" {
			req.Header.Set("Range", ranges)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, body
	}
	// hang begins a transfer and reads no more than its first line.
	hang := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(c, "GET /packs/blob/%s HTTP/1.1\r\nHost: box\r\n\r\n", sha); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "HTTP/1.1 200 OK\r\n" {
			t.Fatalf("%q, %v", line, err)
		}
		return c
	}

	if code, body := get("/packs/blob/"+sha, "bytes=16-31"); code != http.StatusPartialContent || string(body) != "0123456789abcdef" {
		t.Errorf("a range: %d, %q", code, body)
	}
	for range 5 { // whole answers, and those without a file, give their slots back
		if code, body := get("/packs/manifest/"+small, ""); code != http.StatusOK || string(body) != "small" {
			t.Errorf("%d, %q", code, body)
		}
		if code, _ := get("/packs/blob/"+pack.Hash([]byte("not here")), ""); code != http.StatusNotFound {
			t.Errorf("not here: %d", code)
		}
	}
	first, second := hang(), hang()
	if code, _ := get("/packs/blob/"+small, ""); code != http.StatusServiceUnavailable {
		t.Errorf("a third transfer: %d", code)
	}
	_ = first.Close()
	for i := 0; ; i++ {
		if code, _ := get("/packs/blob/"+small, ""); code == http.StatusOK {
			break
		}
		if i == 200 {
			t.Fatal("the slot of a reader that went away is not given back")
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = second.Close()
}
