package audit

import (
	"context"
	"sync/atomic"
)

// Request is what the request of a context tells about its sender.
type Request struct {
	ID, IP, UserAgent string
	// Actor and Role are empty when nobody is signed in.
	Actor, Role, School string
}

type requestKey struct{}

type requestState struct {
	Request

	noted atomic.Bool
}

// WithRequest gives a context whose notes carry r.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, &requestState{Request: r})
}

func request(ctx context.Context) *requestState {
	s, _ := ctx.Value(requestKey{}).(*requestState)
	return s
}

// RequestOf is the request of ctx; the zero Request when there is none.
func RequestOf(ctx context.Context) Request {
	if s := request(ctx); s != nil {
		return s.Request
	}
	return Request{}
}

// Noted tells whether a use-case has noted something under the request of ctx,
// so that the request itself need not be noted a second time.
func Noted(ctx context.Context) bool {
	s := request(ctx)
	return s != nil && s.noted.Load()
}
