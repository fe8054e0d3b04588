// Package simgate plays the M-Pesa gateway on its documented wire, for
// development and tests. Its nouns: a *prompt* is a phone that was asked; a
// *charge* is money that really moved, kept in a *book*; a *scenario* is how the
// payer and the network behave, chosen by a knob or by the phone number.
//
// The rule that surprises: what it tells and what it charges are separate. A
// callback may be lost, doubled or wrong while the charge stands in the book;
// whoever pays into the ledger must agree with the book in the end.
package simgate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

// Options configure a Gate. Empty credentials get those of Defaults.
type Options struct {
	Key, Secret, ShortCode, Passkey string
	// File keeps book and prompts over a restart; empty: in memory.
	File  string
	Knobs Knobs
	Clock clock.Clock
	Log   *slog.Logger
}

// The credentials of a Gate that was given none.
const (
	DefaultKey       = "sim-key"
	DefaultSecret    = "sim-secret"
	DefaultShortCode = "600123"
	DefaultPasskey   = "sim-passkey"
)

// Knobs set how payers and the network behave from now on.
type Knobs struct {
	// Scenario of phones without one of their own; Success when empty.
	Scenario Scenario `json:"scenario"`
	// Phones have scenarios of their own.
	Phones map[string]Scenario `json:"phones,omitempty"`
	// DelayMS is how long a payer takes; LateMS how long a late callback does.
	DelayMS int64 `json:"delay_ms"`
	LateMS  int64 `json:"late_ms"`
	// C2B reports pushes on the C2B channel too.
	C2B bool `json:"c2b"`
	// PullDown makes the list of past money fail.
	PullDown bool `json:"pull_down,omitempty"`
}

// Prompt is a phone that was asked to pay. Code is empty until the payer, or
// time, answered.
type Prompt struct {
	Merchant    string    `json:"merchant_request_id"`
	Checkout    string    `json:"checkout_request_id"`
	Phone       string    `json:"phone"`
	AmountMinor int64     `json:"amount_minor"`
	Reference   string    `json:"reference"`
	CallbackURL string    `json:"callback_url"`
	Scenario    Scenario  `json:"scenario"`
	Code        string    `json:"code"`
	QueryCode   string    `json:"query_code"`
	Receipt     string    `json:"receipt"`
	At          time.Time `json:"at"`
}

// Charge is money that moved to the PayBill.
type Charge struct {
	Receipt     string    `json:"receipt"`
	Phone       string    `json:"phone"`
	AmountMinor int64     `json:"amount_minor"`
	Reference   string    `json:"reference"`
	Kind        string    `json:"kind"` // stk | c2b
	At          time.Time `json:"at"`
}

// State is everything a Gate knows.
type State struct {
	Knobs           Knobs    `json:"knobs"`
	Prompts         []Prompt `json:"prompts"`
	Book            []Charge `json:"book"`
	ConfirmationURL string   `json:"confirmation_url"`
	ValidationURL   string   `json:"validation_url"`
	Serial          int64    `json:"serial"`
}

// Gate is the simulated gateway.
type Gate struct {
	opts   Options
	mux    *http.ServeMux
	client *http.Client
	work   sync.WaitGroup
	ctx    context.Context //nolint:containedctx // of the deliveries, which outlive requests; ended by Close
	cancel context.CancelFunc

	mu    sync.Mutex
	state State
	token string
	// struck counts tokens and spikes that were already played for a phone.
	struck map[string]bool
}

// Open makes a gate and reads its file, if it has one.
func Open(opts Options) (*Gate, error) {
	for _, d := range []struct {
		field *string
		value string
	}{{&opts.Key, DefaultKey}, {&opts.Secret, DefaultSecret}, {&opts.ShortCode, DefaultShortCode}, {&opts.Passkey, DefaultPasskey}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	g := &Gate{
		opts: opts, client: &http.Client{Timeout: 10 * time.Second}, state: State{Knobs: opts.Knobs}, struck: map[string]bool{},
	}
	if opts.File != "" {
		raw, err := os.ReadFile(opts.File)
		if err == nil {
			err = json.Unmarshal(raw, &g.state)
		}
		if err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("read the gateway's book: %w", err)
		}
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.mux = g.routes()
	g.state.Knobs = opts.Knobs
	for _, p := range g.state.Prompts { // asked before the restart
		if p.Code == "" {
			g.play(p)
		}
	}
	return g, nil
}

// ServeHTTP answers the gateway's wire, the admin's and the page.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// Wait returns once every delivery that was started has ended.
func (g *Gate) Wait() { g.work.Wait() }

// Close drops what was not delivered yet and waits.
func (g *Gate) Close() {
	g.cancel()
	g.work.Wait()
}

// Set turns the knobs.
func (g *Gate) Set(k Knobs) {
	g.change(func(s *State) { s.Knobs = k })
}

// Snapshot is a copy of the state.
func (g *Gate) Snapshot() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.state
	s.Prompts, s.Book, s.Knobs.Phones = slices.Clone(s.Prompts), slices.Clone(s.Book), maps.Clone(s.Knobs.Phones)
	return s
}

// Total is the sum of the book in cents: what must stand in gw:mpesa.
func (g *Gate) Total() int64 {
	var sum int64
	for _, c := range g.Snapshot().Book {
		sum += c.AmountMinor
	}
	return sum
}

// change edits the state and writes the file.
func (g *Gate) change(edit func(*State)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	edit(&g.state)
	if g.opts.File == "" {
		return
	}
	if err := save(g.opts.File, g.state); err != nil {
		g.opts.Log.Error("save the gateway's book", logging.Err(err))
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

// serial makes ids that look like the gateway's.
func (s *State) serial() int64 {
	s.Serial++
	return s.Serial
}

// later runs fn after d, unless the gate closes first.
func (g *Gate) later(d time.Duration, fn func()) {
	g.work.Go(func() {
		if d > 0 {
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-g.ctx.Done():
				return
			case <-t.C:
			}
		}
		fn()
	})
}

// deliver posts body once. The gateway promises no retry, so there is none.
func (g *Gate) deliver(url string, body any) {
	if url == "" {
		return
	}
	raw, err := json.Marshal(body)
	if err != nil {
		g.opts.Log.Error("encode a report", logging.Err(err))
		return
	}
	req, err := http.NewRequestWithContext(g.ctx, http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		g.opts.Log.Error("report", logging.Err(err))
		return
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := g.client.Do(req)
	if err != nil {
		g.opts.Log.Warn("report not delivered", logging.Err(err))
		return
	}
	_ = res.Body.Close()
	g.opts.Log.Info("reported", slog.Int("status", res.StatusCode))
}
