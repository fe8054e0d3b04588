// Package simpost plays the two post offices of development and tests: a real
// SMTP server that keeps every mail instead of delivering it (the *mailbox*),
// and Africa's Talking's SMS gateway on its documented wire (the *phones*). Both
// can be looked at in the browser, and a person can answer from a phone.
//
// The rule that surprises: a number's last digits play the gateway's failures,
// see Failures.
package simpost

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

// The account at the gateway of a Post that was given none.
const (
	DefaultUsername  = "sandbox"
	DefaultKey       = "sim-key"
	DefaultShortCode = "22384"
)

// Options configure a Post.
type Options struct {
	// Username and Key are the gateway's account, ShortCode our number there.
	Username, Key, ShortCode string
	// Delivery and Incoming are where reports and answers go; empty: nowhere.
	Delivery, Incoming string
	// Delay is how long a message takes to a phone.
	Delay time.Duration
	// File keeps mails and messages over a restart; empty: in memory.
	File  string
	Clock clock.Clock
	Log   *slog.Logger
}

// Mail is one mail that arrived.
type Mail struct {
	From    string    `json:"from"`
	To      []string  `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	At      time.Time `json:"at"`
}

// Message is one text message, to a phone or from one.
type Message struct {
	ID     string    `json:"id"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Text   string    `json:"text"`
	Status string    `json:"status"` // the last report, or Received
	At     time.Time `json:"at"`
}

// State is everything a Post keeps, oldest first.
type State struct {
	Mails    []Mail    `json:"mails"`
	Messages []Message `json:"messages"`
}

// Post is both post offices.
type Post struct {
	opts   Options
	mux    *http.ServeMux
	smtp   *smtp.Server
	client *http.Client
	work   sync.WaitGroup
	ctx    context.Context //nolint:containedctx // of the reports, which outlive requests; ended by Close
	cancel context.CancelFunc

	mu    sync.Mutex
	state State
}

// Open makes a Post and reads its file, if it has one.
func Open(o Options) (*Post, error) {
	for _, d := range []struct {
		field *string
		value string
	}{{&o.Username, DefaultUsername}, {&o.Key, DefaultKey}, {&o.ShortCode, DefaultShortCode}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	const patience = 10 * time.Second
	p := &Post{opts: o, client: &http.Client{Timeout: patience}}
	if o.File != "" {
		raw, err := os.ReadFile(o.File)
		if err == nil {
			err = json.Unmarshal(raw, &p.state)
		}
		if err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("read the post: %w", err)
		}
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.smtp = p.newSMTP()
	p.mux = p.routes()
	return p, nil
}

// ServeHTTP answers the gateway's wire and the page.
func (p *Post) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// ServeSMTP takes mails at l until Close.
func (p *Post) ServeSMTP(l net.Listener) error {
	if err := p.smtp.Serve(l); err != nil && p.ctx.Err() == nil {
		return fmt.Errorf("serve mail: %w", err)
	}
	return nil
}

// Wait returns once every report that was begun has ended.
func (p *Post) Wait() { p.work.Wait() }

// Close drops what was not reported yet and waits.
func (p *Post) Close() {
	p.cancel()
	_ = p.smtp.Close() // it is closed or was never opened
	p.work.Wait()
}

// Snapshot is a copy of what arrived.
func (p *Post) Snapshot() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return State{Mails: slices.Clone(p.state.Mails), Messages: slices.Clone(p.state.Messages)}
}

// keep is how many mails and messages are remembered.
const keep = 500

func (p *Post) change(edit func(*State)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	edit(&p.state)
	p.state.Mails = p.state.Mails[max(0, len(p.state.Mails)-keep):]
	p.state.Messages = p.state.Messages[max(0, len(p.state.Messages)-keep):]
	if p.opts.File == "" {
		return
	}
	if err := save(p.opts.File, p.state); err != nil {
		p.opts.Log.Error("save the post", logging.Err(err))
	}
}

func save(file string, s State) error {
	raw, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	next := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".new")
	if err := os.WriteFile(next, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(next, file)
}
