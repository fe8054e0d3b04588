package service_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/service"
)

// part writes down what happens to it.
type part struct {
	name            string
	story           *[]string
	failStart, fail error
}

func (p part) Start(context.Context) error {
	*p.story = append(*p.story, "start "+p.name)
	return p.failStart
}

func (p part) Stop(context.Context) error {
	*p.story = append(*p.story, "stop "+p.name)
	return p.fail
}

func TestAGroupStartsInOrderAndStopsInReverse(t *testing.T) {
	var story []string
	g := &service.Group{}
	for _, n := range []string{"a", "b", "c"} {
		g.Add(n, part{name: n, story: &story})
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Stop(t.Context()), g.Stop(t.Context())); err != nil { // the second does nothing
		t.Fatal(err)
	}
	want := []string{"start a", "start b", "start c", "stop c", "stop b", "stop a"}
	if !slices.Equal(story, want) {
		t.Errorf("got %v, want %v", story, want)
	}
}

func TestAFailedStartStopsWhatRan(t *testing.T) {
	var story []string
	boom := errors.New("boom")
	g := &service.Group{}
	g.Add("a", part{name: "a", story: &story})
	g.Add("b", part{name: "b", story: &story, failStart: boom})
	g.Add("c", part{name: "c", story: &story})
	if err := g.Start(t.Context()); !errors.Is(err, boom) || !strings.Contains(err.Error(), "start b") {
		t.Errorf("got %v", err)
	}
	if want := []string{"start a", "start b", "stop a"}; !slices.Equal(story, want) {
		t.Errorf("got %v, want %v", story, want)
	}
}

func TestAFailedStopDoesNotKeepTheOthersRunning(t *testing.T) {
	var story []string
	first, last := errors.New("first"), errors.New("last")
	g := &service.Group{}
	g.Add("a", part{name: "a", story: &story, fail: first})
	g.Add("b", part{name: "b", story: &story, fail: last})
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := g.Stop(t.Context())
	if !errors.Is(err, first) || !errors.Is(err, last) || len(story) != 4 {
		t.Errorf("%v after %v", err, story)
	}
}

func TestALoopIsWaitedFor(t *testing.T) {
	var ended atomic.Bool
	l := service.NewLoop(func(ctx context.Context) {
		<-ctx.Done()
		time.Sleep(20 * time.Millisecond)
		ended.Store(true)
	})
	if err := l.Stop(t.Context()); err != nil { // not started: nothing to do
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := l.Start(ctx); err != nil {
		t.Fatal(err)
	}
	cancel() // the starter's context ends; the loop belongs to Stop
	time.Sleep(100 * time.Millisecond)
	if ended.Load() {
		t.Error("it ended with its starter")
	}
	if err := l.Stop(t.Context()); err != nil || !ended.Load() {
		t.Errorf("%v, ended: %v", err, ended.Load())
	}
}

func TestEveryRunsAtOnceAndAgain(t *testing.T) {
	runs := make(chan struct{}, 100)
	l := service.Every(time.Millisecond, func(context.Context) {
		select {
		case runs <- struct{}{}:
		default:
		}
	})
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-runs
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for len(runs) > 0 {
		<-runs
	}
	time.Sleep(10 * time.Millisecond)
	if len(runs) > 0 {
		t.Error("it runs after Stop")
	}
}
