package tutor

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

// Route is one way to a model.
type Route struct {
	Provider Provider
	// Hosted: the text leaves the house, so only with consent and without names.
	Hosted bool
	// Parallel calls at a time, 0 means 1; Waiting may queue, 0 means 4.
	Parallel, Waiting int
	// Timeout of one call, waiting included; 0 means 45 s.
	Timeout time.Duration
}

// The defaults of Route and of the breaker.
const (
	defaultParallel = 1
	defaultWaiting  = 4
	defaultTimeout  = 45 * time.Second

	breakAfter = 3
	restFirst  = 30 * time.Second
	restMost   = 5 * time.Minute
)

// route is a Route with its queue and breaker.
type route struct {
	Route
	queue   *queue
	breaker breaker
}

// chain tries routes in order under one deadline. There is no retry inside a
// route: the next route, the lesson passages or a job are the retry.
type chain struct {
	routes   []*route
	deadline time.Duration
	clock    clock.Clock
	log      *slog.Logger
}

func newChain(opts Options) *chain {
	c := &chain{deadline: opts.Deadline, clock: opts.Clock, log: opts.Log}
	for _, r := range opts.Routes {
		if r.Parallel == 0 {
			r.Parallel = defaultParallel
		}
		if r.Waiting == 0 {
			r.Waiting = defaultWaiting
		}
		if r.Timeout == 0 {
			r.Timeout = defaultTimeout
		}
		c.routes = append(c.routes, &route{Route: r, queue: newQueue(r.Parallel, r.Waiting)})
	}
	return c
}

// request is one question on its way through the chain. hosted is nil when the
// question may not leave the house; local is nil when only hosted models count.
type request struct {
	learner       string
	local, hosted *Prompt
}

// promptFor gives the prompt that r may see.
func (q request) promptFor(r *route) *Prompt {
	if r.Hosted {
		return q.hosted
	}
	return q.local
}

// answer gives the first complete reply and its route. Otherwise the failure is
// that of the last route tried, nil when none applied. What a provider refused
// for the child's safety is not offered to another.
func (c *chain) answer(ctx context.Context, q request) (Reply, *route, *Failure) {
	ctx, cancel := context.WithTimeout(ctx, c.deadline)
	defer cancel()

	var last *Failure
	for _, r := range c.routes {
		p := q.promptFor(r)
		if p == nil {
			continue
		}
		reply, failure := c.try(ctx, r, q.learner, *p)
		if failure == nil {
			return reply, r, nil
		}
		last = failure
		c.log.Info("tutor route failed", slog.String("provider", r.Provider.Name()), slog.String("kind", string(failure.Kind)), logging.Err(failure))
		if failure.Kind == Moderated || ctx.Err() != nil {
			break
		}
	}
	return Reply{}, nil, last
}

func (c *chain) try(ctx context.Context, r *route, learner string, p Prompt) (Reply, *Failure) {
	if !r.breaker.allow(c.clock.Now()) {
		return Reply{}, &Failure{Kind: Resting}
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	leave, err := r.queue.enter(ctx, learner)
	if err != nil {
		r.breaker.release()
		return Reply{}, failureOf(err)
	}
	defer leave()

	reply, err := r.Provider.Answer(ctx, p)
	if err == nil && strings.TrimSpace(reply.Text) == "" {
		err = &Failure{Kind: Cut}
	}
	if err != nil {
		f := failureOf(err)
		r.breaker.failed(c.clock.Now(), f)
		return Reply{}, f
	}
	r.breaker.succeeded()
	return reply, nil
}

// serves tells whether a route of this sort exists.
func (c *chain) serves(hosted bool) bool {
	for _, r := range c.routes {
		if r.Hosted == hosted {
			return true
		}
	}
	return false
}

// place is the learner's place in the longest line they stand in.
func (c *chain) place(learner string) (place, length int) {
	for _, r := range c.routes {
		p, l := r.queue.place(learner)
		place, length = max(place, p), max(length, l)
	}
	return place, length
}

// breaker rests a route after repeated failures and then lets one call try. It
// is never bypassed: a learner's question has the lesson passages to fall to, and
// a job is tried again later.
type breaker struct {
	mu      sync.Mutex
	fails   int
	until   time.Time
	rest    time.Duration
	trying  bool
	resting bool
}

// allow tells whether a call may go out now.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.resting {
		return true
	}
	if b.trying || now.Before(b.until) {
		return false
	}
	b.trying = true
	return true
}

// release takes back an allowed call that was not made.
func (b *breaker) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
}

func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fails, b.rest, b.trying, b.resting = 0, 0, false, false
}

// failed counts what another call would meet too; a rejected or moderated
// question says nothing about the next one.
func (b *breaker) failed(now time.Time, f *Failure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	trial := b.trying
	b.trying = false
	if f.Kind == Rejected || f.Kind == Moderated {
		return
	}
	b.fails++
	if b.fails < breakAfter && f.RetryAfter == 0 && !trial {
		return
	}
	b.rest = min(max(2*b.rest, restFirst), restMost)
	b.resting, b.until = true, now.Add(max(b.rest, f.RetryAfter))
}

// HasModel tells whether any model is configured here.
func (s *Service) HasModel() bool { return len(s.chain.routes) > 0 }
