package ollamatest

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
)

// Front stands before a server and can kill it in the middle of an answer: the
// tiny model is too fast for anybody else to hit that moment.
type Front struct {
	server *Server
	proxy  *httputil.ReverseProxy
	armed  atomic.Bool
}

// NewFront makes the front of s; serve it over HTTP.
func NewFront(s *Server) (*Front, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	f := &Front{server: s, proxy: httputil.NewSingleHostReverseProxy(u)}
	f.proxy.FlushInterval = -1
	f.proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // a cut answer is what it is for
	f.proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	f.proxy.ModifyResponse = func(r *http.Response) error {
		if strings.HasSuffix(r.Request.URL.Path, "/api/chat") && f.armed.CompareAndSwap(true, false) {
			r.Body = &cut{ReadCloser: r.Body, kill: s.Kill}
		}
		return nil
	}
	return f, nil
}

// Arm makes the next chat's first piece the server's last.
func (f *Front) Arm() { f.armed.Store(true) }

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.proxy.ServeHTTP(w, r) }

// cut lets one piece through, kills the server and gives what a killed peer
// gives.
type cut struct {
	io.ReadCloser
	kill func()
	done bool
}

// Read implements io.Reader.
func (c *cut) Read(b []byte) (int, error) {
	if c.done {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.ReadCloser.Read(b)
	c.done = true
	c.kill()
	return n, err
}
