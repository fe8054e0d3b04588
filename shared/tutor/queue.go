package tutor

import (
	"context"
	"slices"
	"sync"
)

// queue lets a few calls run and a few more wait, in order. Ollama itself never
// refuses: without this the last of thirty learners would wait for minutes.
type queue struct {
	parallel, waiting int

	mu      sync.Mutex
	running int
	line    []*ticket
	// inside counts calls by learner, so that one impatient learner does not
	// take every place. The empty key, used by jobs, is not counted.
	inside map[string]int
}

type ticket struct {
	learner string
	ready   chan struct{}
}

func newQueue(parallel, waiting int) *queue {
	return &queue{parallel: parallel, waiting: waiting, inside: map[string]int{}}
}

// enter waits for a turn. It fails at once with QueueFull when the line is full
// or the learner is already in it.
func (q *queue) enter(ctx context.Context, learner string) (leave func(), err error) {
	q.mu.Lock()
	if learner != "" && q.inside[learner] > 0 {
		q.mu.Unlock()
		return nil, &Failure{Kind: QueueFull}
	}
	if q.running < q.parallel && len(q.line) == 0 {
		q.running++
		q.inside[learner]++
		q.mu.Unlock()
		return func() { q.leave(learner) }, nil
	}
	if len(q.line) >= q.waiting {
		q.mu.Unlock()
		return nil, &Failure{Kind: QueueFull}
	}
	t := &ticket{learner: learner, ready: make(chan struct{})}
	q.line = append(q.line, t)
	q.inside[learner]++
	q.mu.Unlock()

	select {
	case <-t.ready:
		return func() { q.leave(learner) }, nil
	case <-ctx.Done():
		q.abandon(t)
		return nil, &Failure{Kind: TimedOut, Err: ctx.Err()}
	}
}

// leave gives the turn to the next in line.
func (q *queue) leave(learner string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forget(learner)
	q.next()
}

// abandon takes t out of the line; a turn that was given in the same moment goes
// to the next.
func (q *queue) abandon(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forget(t.learner)
	if i := slices.Index(q.line, t); i >= 0 {
		q.line = slices.Delete(q.line, i, i+1)
		return
	}
	q.next()
}

func (q *queue) next() {
	if len(q.line) == 0 {
		q.running--
		return
	}
	close(q.line[0].ready)
	q.line = q.line[1:]
}

func (q *queue) forget(learner string) {
	if q.inside[learner]--; q.inside[learner] <= 0 {
		delete(q.inside, learner)
	}
}

// place is the learner's place in line, counted from 1, and the length of the
// line; place 0: not waiting.
func (q *queue) place(learner string) (place, length int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return 1 + slices.IndexFunc(q.line, func(t *ticket) bool { return t.learner == learner }), len(q.line)
}
