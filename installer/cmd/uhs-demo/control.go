package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// control is the switch of a running demo: an HTTP server on the loopback whose
// address lies in the demo's folder.
type control struct {
	server *http.Server
	file   string
	done   chan struct{}
}

func controlFile(dir string) string { return filepath.Join(dir, "control") }

func serveControl(dir string, w *world.World) (*control, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed by stop
	if err != nil {
		return nil, fmt.Errorf("open the demo's switch: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(out http.ResponseWriter, _ *http.Request) { fmt.Fprintln(out, "uhs-demo") })
	mux.HandleFunc("POST /{verb}", func(out http.ResponseWriter, r *http.Request) {
		text, err := flip(w, r.PathValue("verb"), r.URL.Query().Get("school"))
		if err != nil {
			http.Error(out, err.Error(), http.StatusNotFound)
			return
		}
		fmt.Println(text)
		out.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(out, text) // #nosec G705 -- plain text for a terminal
	})
	c := &control{server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, file: controlFile(dir), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		_ = c.server.Serve(l) // ends when stop closes it
	}()
	return c, os.WriteFile(c.file, []byte("http://"+l.Addr().String()), 0o600)
}

func (c *control) stop() {
	_ = os.Remove(c.file)
	_ = c.server.Close()
	<-c.done
}

func flip(w *world.World, verb, school string) (string, error) {
	s, err := w.School(school)
	if err != nil {
		return "", err
	}
	switch verb {
	case "unplug":
		s.Link.Cut()
		return s.Name + " has no internet now. Work there goes on; it is kept on the school's box.", nil
	case "plug":
		return s.Name + " has internet again. What waited there is on its way.", s.Link.Plug()
	default:
		return "", fmt.Errorf("no such switch: %s", verb)
	}
}

// turn asks the running demo to plug or unplug a school.
func turn(ctx context.Context, dir, verb, school string) error {
	base, err := os.ReadFile(controlFile(dir))
	if err != nil {
		return errors.New("the demo is not running; start it with: make demo")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(base)+"/"+verb+"?school="+url.QueryEscape(school), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the demo does not answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(text)))
	}
	fmt.Print(string(text))
	return nil
}

// running tells whether a demo serves its switch.
func running(ctx context.Context, dir string) bool {
	base, err := os.ReadFile(controlFile(dir))
	if err != nil {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(base)+"/", nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Client{Timeout: 2 * time.Second}).Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return true
}
