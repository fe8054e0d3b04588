package tutor

import (
	"context"
	"errors"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

// held is a provider that answers when it is let go.
type held struct {
	entered chan string
	release chan error
}

func (*held) Name() string { return "held" }

func (h *held) Answer(_ context.Context, p Prompt) (Reply, error) {
	h.entered <- p.Question
	err := <-h.release
	return Reply{Text: "done"}, err
}

func newHeld() *held { return &held{entered: make(chan string, 99), release: make(chan error, 9)} }

func ask(c *chain, learner string) (*route, *Failure) {
	_, r, f := c.answer(context.Background(), request{learner: learner, local: &Prompt{Question: learner}})
	return r, f
}

func TestQueue(t *testing.T) {
	chainOf := func(p Provider, waiting int) *chain {
		return newChain(Options{Deadline: time.Minute, Clock: clock.NewFake(time.Unix(0, 0)), Log: logging.Discard(),
			Routes: []Route{{Provider: p, Waiting: waiting}}})
	}
	inLine := func(c *chain, n int) {
		for _, l := c.place(""); l < n; _, l = c.place("") {
			time.Sleep(time.Millisecond)
		}
	}
	t.Run("one runs, some wait in order and see their place, the next is refused at once", func(t *testing.T) {
		h := newHeld()
		c, done := chainOf(h, 2), make(chan *Failure, 3)
		go func() { _, f := ask(c, "first"); done <- f }()
		<-h.entered
		go func() { _, f := ask(c, "second"); done <- f }()
		inLine(c, 1)
		go func() { _, f := ask(c, "third"); done <- f }()
		inLine(c, 2)

		if p, l := c.place("third"); p != 2 || l != 2 {
			t.Errorf("place %d of %d", p, l)
		}
		if _, f := ask(c, "fourth"); f == nil || f.Kind != QueueFull {
			t.Errorf("fourth: %v", f)
		}
		if _, f := ask(c, "second"); f == nil || f.Kind != QueueFull {
			t.Errorf("the same learner twice: %v", f)
		}
		h.release <- nil
		if next := <-h.entered; next != "second" {
			t.Errorf("%s went before second", next)
		}
		h.release <- nil
		h.release <- nil
		for range 3 {
			if f := <-done; f != nil {
				t.Error(f)
			}
		}
		if r, f := func() (*route, *Failure) { h.release <- nil; return ask(c, "second") }(); r == nil {
			t.Errorf("afterwards: %v", f)
		}
	})
	t.Run("who gives up waiting leaves the line", func(t *testing.T) {
		h := newHeld()
		c := chainOf(h, 2)
		go func() { _, _ = ask(c, "first") }()
		<-h.entered
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan *Failure)
		go func() {
			_, _, f := c.answer(ctx, request{learner: "second", local: &Prompt{}})
			done <- f
		}()
		inLine(c, 1)
		cancel()
		if f := <-done; f == nil {
			t.Error("answered")
		}
		if p, l := c.place("second"); p != 0 || l != 0 {
			t.Errorf("still at %d of %d", p, l)
		}
		h.release <- nil
	})
}

func TestBreaker(t *testing.T) {
	at := clock.NewFake(time.Unix(0, 0))
	h := newHeld()
	c := newChain(Options{Deadline: time.Minute, Clock: at, Log: logging.Discard(), Routes: []Route{{Provider: h}}})
	try := func(err error) FailureKind {
		h.release = make(chan error, 1)
		h.release <- err
		_, f := ask(c, "x")
		if f == nil {
			return ""
		}
		return f.Kind
	}
	expect := func(what string, got, want FailureKind) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	down := errors.New("refused")
	for range breakAfter {
		expect("failing", try(down), Unreachable)
	}
	expect("after repeated failures", try(nil), Resting)
	at.Advance(restFirst)
	expect("the trial", try(down), Unreachable)
	at.Advance(restFirst)
	expect("a failed trial rests twice as long", try(nil), Resting)
	at.Advance(restFirst)
	expect("the second trial", try(nil), "")
	expect("works again", try(nil), "")
	expect("asked to wait", try(&Failure{Kind: Busy, RetryAfter: 10 * time.Minute}), Busy)
	at.Advance(9 * time.Minute)
	expect("before Retry-After", try(nil), Resting)
	at.Advance(time.Minute)
	expect("after Retry-After", try(nil), "")
	for range breakAfter + 1 {
		expect("a rejected question", try(&Failure{Kind: Rejected}), Rejected)
	}
	expect("says nothing about the next", try(nil), "")
}
