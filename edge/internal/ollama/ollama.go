// Package ollama is the tutor's local model: a tutor.Provider over a server that
// runs on the school's own box or network. Its one noun is the *provider*.
//
// The rule that surprises: the client library swallows failures and gives nil
// for a stream that was cut, for an empty 500 and for a deadline. Only a chunk
// with Done makes an answer.
package ollama

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ollama/ollama/api"
	"github.com/ollama/ollama/types/model"

	"urbanhomeschool.org/uhs/shared/service"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// Config says which model is asked and how.
type Config struct {
	// URL of the server, e.g. http://127.0.0.1:11434.
	URL   string
	Model string
	// Threads the model may use; 0: all processors but one, because the same box
	// serves the school.
	Threads int
	// ContextLength in tokens, 0 means 2048; MostTokens of an answer, 0 means 300.
	ContextLength, MostTokens int
	// KeepAlive is how long the model stays in memory after a question; 0 means 30
	// minutes.
	KeepAlive time.Duration
	// FirstToken and Idle bound the wait for the first and for each next piece of
	// an answer; 0 means 40 s and 15 s.
	FirstToken, Idle time.Duration
}

// The defaults of Config.
const (
	defaultContext    = 2048
	defaultTokens     = 300
	defaultKeepAlive  = 30 * time.Minute
	defaultFirstToken = 40 * time.Second
	defaultIdle       = 15 * time.Second

	// reachable is how long a look whether the server is there may take: on the
	// box or its network an answer comes within milliseconds or not at all.
	reachable   = 700 * time.Millisecond
	warmEvery   = 30 * time.Second
	temperature = 0.3
)

// Provider asks one model of one server.
type Provider struct {
	cfg    Config
	client *api.Client

	mu sync.Mutex
	// known and thinks are what the server said about the model.
	known, thinks bool
}

// New makes the provider; it does not look whether the server is there.
func New(cfg Config) (*Provider, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("the address of Ollama is not a URL such as http://127.0.0.1:11434")
	}
	if cfg.Model == "" {
		return nil, errors.New("no model is set for Ollama")
	}
	// Ollama forwards such a model's questions to the internet.
	if strings.HasSuffix(cfg.Model, ":cloud") || strings.HasSuffix(cfg.Model, "-cloud") {
		return nil, errors.New("a cloud model of Ollama is not local: it would take questions out of the school")
	}
	cfg.Threads = orElse(cfg.Threads, max(1, runtime.NumCPU()-1))
	cfg.ContextLength = orElse(cfg.ContextLength, defaultContext)
	cfg.MostTokens = orElse(cfg.MostTokens, defaultTokens)
	cfg.KeepAlive = orElse(cfg.KeepAlive, defaultKeepAlive)
	cfg.FirstToken = orElse(cfg.FirstToken, defaultFirstToken)
	cfg.Idle = orElse(cfg.Idle, defaultIdle)
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: reachable}).DialContext, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}
	return &Provider{cfg: cfg, client: api.NewClient(u, &http.Client{Transport: transport})}, nil
}

func orElse[T int | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Name implements tutor.Provider.
func (*Provider) Name() string { return "ollama" }

// errIdle is the cause of a call that was ended for silence.
var errIdle = errors.New("the model fell silent")

// Answer implements tutor.Provider. A server that is not there is noticed within
// a second, so that the lesson passages answer at once.
func (p *Provider) Answer(ctx context.Context, prompt tutor.Prompt) (tutor.Reply, error) {
	if err := p.meet(ctx); err != nil {
		return tutor.Reply{}, err
	}
	return p.chat(ctx, messages(prompt), p.cfg.MostTokens)
}

// Warm loads the model and lets it read the constant part of every prompt.
func (p *Provider) Warm(ctx context.Context) error {
	if err := p.meet(ctx); err != nil {
		return err
	}
	_, err := p.chat(ctx, messages(tutor.Prompt{System: tutor.SystemPrompt, Question: "Hello"}), 1)
	return err
}

// Warmer is the service that warms the model once after a start, as soon as the
// server is there.
func (p *Provider) Warmer() service.Service {
	return service.NewLoop(func(ctx context.Context) {
		tick := time.NewTicker(warmEvery)
		defer tick.Stop()
		for p.Warm(ctx) != nil {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// Models lists what the server has, for the operator. It fails within a second
// when the server is not there.
func (p *Provider) Models(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, reachable)
	defer cancel()
	list, err := p.client.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	var out []string
	for _, m := range list.Models {
		out = append(out, m.Name)
	}
	return out, nil
}

// meet looks whether the server is there and, once, what the model can do.
func (p *Provider) meet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reachable)
	defer cancel()
	if err := p.client.Heartbeat(ctx); err != nil {
		return &tutor.Failure{Kind: tutor.Unreachable, Err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known {
		return nil
	}
	show, err := p.client.Show(ctx, &api.ShowRequest{Model: p.cfg.Model})
	if err != nil {
		return classify(ctx, err)
	}
	p.known, p.thinks = true, slices.Contains(show.Capabilities, model.CapabilityThinking)
	return nil
}

func messages(prompt tutor.Prompt) []api.Message {
	var out []api.Message
	for _, m := range prompt.Messages() {
		out = append(out, api.Message{Role: m.Role, Content: m.Content})
	}
	return out
}

func (p *Provider) request(messages []api.Message, tokens int) *api.ChatRequest {
	r := &api.ChatRequest{
		Model: p.cfg.Model, Messages: messages, KeepAlive: &api.Duration{Duration: p.cfg.KeepAlive},
		Options: map[string]any{"num_thread": p.cfg.Threads, "num_ctx": p.cfg.ContextLength, "num_predict": tokens, "temperature": temperature},
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.thinks { // a child waits: no hidden pages of thought
		r.Think = &api.ThinkValue{Value: false}
	}
	return r
}

// chat streams one answer.
func (p *Provider) chat(ctx context.Context, messages []api.Message, tokens int) (tutor.Reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(p.cfg.FirstToken, func() { cancel(errIdle) })
	defer silence.Stop()

	var text strings.Builder
	var last api.ChatResponse
	err := p.client.Chat(ctx, p.request(messages, tokens), func(r api.ChatResponse) error {
		silence.Reset(p.cfg.Idle)
		text.WriteString(r.Message.Content)
		last = r
		return nil
	})
	switch {
	case last.Done && (last.DoneReason == "stop" || last.DoneReason == "length"):
		return tutor.Reply{Text: text.String(), Model: p.cfg.Model, Tokens: last.PromptEvalCount + last.EvalCount}, nil
	case err == nil && ctx.Err() == nil:
		err = errors.New("the stream ended without a Done chunk")
		return tutor.Reply{}, &tutor.Failure{Kind: tutor.Cut, Err: err}
	default:
		return tutor.Reply{}, p.failed(ctx, err)
	}
}

// failed classifies err and forgets what is known about a model that is gone.
func (p *Provider) failed(ctx context.Context, err error) *tutor.Failure {
	f := classify(ctx, err)
	if f.Kind == tutor.Rejected {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.known = false
	}
	return f
}

// classify says what sort of failure err is; err is nil when the library
// swallowed the end of the context.
func classify(ctx context.Context, err error) *tutor.Failure {
	var status api.StatusError
	var denied api.AuthorizationError
	var connection *url.Error
	switch {
	case ctx.Err() != nil:
		return &tutor.Failure{Kind: tutor.TimedOut, Err: context.Cause(ctx)}
	case errors.As(err, &denied):
		return &tutor.Failure{Kind: tutor.Denied, Err: err}
	case errors.As(err, &status) && status.StatusCode == http.StatusServiceUnavailable:
		return &tutor.Failure{Kind: tutor.Busy, Err: err}
	case errors.As(err, &status) && status.StatusCode < http.StatusInternalServerError:
		return &tutor.Failure{Kind: tutor.Rejected, Err: err}
	case errors.As(err, &status), errors.As(err, &connection):
		return &tutor.Failure{Kind: tutor.Unreachable, Err: err}
	default: // an error line inside the stream has no status
		return &tutor.Failure{Kind: tutor.Cut, Err: err}
	}
}
