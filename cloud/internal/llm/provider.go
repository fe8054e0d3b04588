package llm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sashabaranov/go-openai"

	"urbanhomeschool.org/uhs/shared/tutor"
)

// Provider is one endpoint as the tutor sees it.
type Provider struct {
	endpoint Endpoint
	client   *http.Client
}

// The limits of one call.
const (
	dialTimeout   = 5 * time.Second
	tlsTimeout    = 5 * time.Second
	longestAnswer = 700 // tokens
	temperature   = 0.3
	// manyComments lets OpenRouter's keep-alive comments through: the library
	// gives up after 300 lines that are not data.
	manyComments = 100_000
	// mostText bounds an answer that does not end.
	mostText = 32 << 10
)

// New makes the provider of e. The client has no Timeout of its own, which would
// cut healthy streams: the context, the first-token and the idle limit do.
func New(e Endpoint) *Provider {
	if e.FirstToken == 0 {
		e.FirstToken = defaultFirstToken
	}
	if e.Idle == 0 {
		e.Idle = defaultIdle
	}
	return &Provider{endpoint: e, client: &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: tlsTimeout, ResponseHeaderTimeout: e.FirstToken, MaxIdleConnsPerHost: parallelCalls,
		IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}}}
}

// Name implements tutor.Provider.
func (p *Provider) Name() string { return p.endpoint.Name }

// errIdle is the cause of a call that was ended for silence.
var errIdle = errors.New("the model fell silent")

// Answer implements tutor.Provider.
func (p *Provider) Answer(ctx context.Context, prompt tutor.Prompt) (tutor.Reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(p.endpoint.FirstToken, func() { cancel(errIdle) })
	defer silence.Stop()

	headers := &listener{client: p.client}
	cfg := openai.DefaultConfig(p.endpoint.Key)
	cfg.BaseURL, cfg.HTTPClient, cfg.EmptyMessagesLimit = p.endpoint.BaseURL, headers, manyComments
	stream, err := openai.NewClientWithConfig(cfg).CreateChatCompletionStream(ctx, p.request(prompt))
	if err != nil {
		return tutor.Reply{}, classify(ctx, err, headers.retryAfter)
	}
	defer func() { _ = stream.Close() }()

	reply, finish, err := collect(stream, func() { silence.Reset(p.endpoint.Idle) })
	switch {
	case finish == openai.FinishReasonContentFilter:
		return tutor.Reply{}, &tutor.Failure{Kind: tutor.Moderated}
	case finish != "": // complete, whatever followed
		if reply.Model == "" {
			reply.Model = p.endpoint.Model
		}
		return reply, nil
	case errors.Is(err, io.EOF): // cut cleanly, or not a stream at all
		return tutor.Reply{}, &tutor.Failure{Kind: tutor.Cut, Err: errors.New("the stream ended without a finish_reason")}
	default:
		return tutor.Reply{}, classify(ctx, err, headers.retryAfter)
	}
}

func (p *Provider) request(prompt tutor.Prompt) openai.ChatCompletionRequest {
	r := openai.ChatCompletionRequest{Model: p.endpoint.Model, Stream: true, StreamOptions: &openai.StreamOptions{IncludeUsage: true},
		Temperature: temperature}
	//lint:ignore SA1019 the successor is OpenAI's own; the others know only this
	r.MaxTokens = longestAnswer //nolint:staticcheck // as above, for the linter that runs it
	for _, m := range prompt.Messages() {
		r.Messages = append(r.Messages, openai.ChatCompletionMessage{Role: m.Role, Content: m.Content})
	}
	return r
}

// collect reads the stream to its end. alive is called for every piece.
func collect(stream *openai.ChatCompletionStream, alive func()) (tutor.Reply, openai.FinishReason, error) {
	var (
		text   strings.Builder
		reply  tutor.Reply
		finish openai.FinishReason
	)
	for {
		chunk, err := stream.Recv()
		if err != nil {
			reply.Text = text.String()
			return reply, finish, err
		}
		alive()
		if chunk.Model != "" {
			reply.Model = chunk.Model
		}
		if chunk.Usage != nil {
			reply.Tokens = chunk.Usage.TotalTokens
		}
		if len(chunk.Choices) == 0 { // the last chunk holds only usage
			continue
		}
		text.WriteString(chunk.Choices[0].Delta.Content)
		if f := chunk.Choices[0].FinishReason; f != "" && f != openai.FinishReasonNull {
			finish = f
		}
		if text.Len() > mostText {
			return reply, "", errors.New("the answer does not end")
		}
	}
}

// classify says what sort of failure err is. A RequestError is looked for first:
// it may wrap an APIError that is empty.
func classify(ctx context.Context, err error, retryAfter time.Duration) *tutor.Failure {
	f := &tutor.Failure{RetryAfter: retryAfter, Err: err}
	var request *openai.RequestError
	var api *openai.APIError
	switch {
	case errors.Is(context.Cause(ctx), errIdle), errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
		f.Kind = tutor.TimedOut
	case errors.As(err, &request):
		f.Kind = kindOf(request.HTTPStatusCode)
		f.Err = errors.New(strconv.Itoa(request.HTTPStatusCode) + ": " + said(request.Body))
	case errors.As(err, &api) && api.HTTPStatusCode != 0:
		f.Kind = kindOf(api.HTTPStatusCode)
	case errors.As(err, &api): // inside a stream: the status was 200
		f.Kind = kindOf(codeOf(api.Code))
	case errors.Is(err, io.ErrUnexpectedEOF):
		f.Kind = tutor.Cut
	default:
		var timeout net.Error
		f.Kind = tutor.Unreachable
		if errors.As(err, &timeout) && timeout.Timeout() {
			f.Kind = tutor.TimedOut
		}
	}
	return f
}

// kindOf maps a status. 403 is also OpenRouter's word for moderation, but more
// often a key's; neither is retried with the same endpoint at once.
func kindOf(status int) tutor.FailureKind {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable, status == 529:
		return tutor.Busy
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden:
		return tutor.Denied
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		return tutor.TimedOut
	case status >= 400 && status < 500:
		return tutor.Rejected
	default:
		return tutor.Unreachable
	}
}

// codeOf reads a code that is a number or a string.
func codeOf(code any) int {
	switch c := code.(type) {
	case float64:
		return int(c)
	case int:
		return c
	case string:
		n, _ := strconv.Atoi(c)
		return n
	default:
		return 0
	}
}

// said finds the message in an error body of any of the known shapes: an object,
// an array of one, a plain string; else the beginning of the body.
func said(body []byte) string {
	var many []json.RawMessage
	if json.Unmarshal(body, &many) == nil && len(many) > 0 {
		body = many[0]
	}
	var shaped struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &shaped) == nil {
		var object struct {
			Message string `json:"message"`
		}
		var plain string
		if json.Unmarshal(shaped.Error, &object) == nil && object.Message != "" {
			return object.Message
		}
		if json.Unmarshal(shaped.Error, &plain) == nil && plain != "" {
			return plain
		}
	}
	return string(body[:min(len(body), 200)])
}

// listener notes Retry-After, which the library's errors do not carry. It serves
// one call.
type listener struct {
	client     *http.Client
	retryAfter time.Duration
}

// Do implements openai.HTTPDoer.
func (l *listener) Do(r *http.Request) (*http.Response, error) {
	resp, err := l.client.Do(r) // #nosec G704 -- the operator sets the address
	if err == nil {
		if s, convErr := strconv.Atoi(resp.Header.Get("Retry-After")); convErr == nil && s > 0 {
			l.retryAfter = time.Duration(s) * time.Second
		}
	}
	return resp, err
}
