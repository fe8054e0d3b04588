// Package service starts and stops the long-running parts of a binary in order.
// Every goroutine belongs to a Service that waits for it on Stop.
package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Service is a part that runs until it is stopped. Start returns once it runs;
// Stop returns once everything it started has ended. Stop after a failed or
// missing Start does nothing.
type Service interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// Group starts its services in order and stops them in reverse.
type Group struct {
	names    []string
	services []Service
	started  int
}

// Add appends a service under a name used in errors.
func (g *Group) Add(name string, s Service) {
	g.names = append(g.names, name)
	g.services = append(g.services, s)
}

// Start starts all; on a failure it stops those already started.
func (g *Group) Start(ctx context.Context) error {
	for i, s := range g.services {
		if err := s.Start(ctx); err != nil {
			return errors.Join(fmt.Errorf("start %s: %w", g.names[i], err), g.Stop(ctx))
		}
		g.started = i + 1
	}
	return nil
}

// Stop stops what was started, last first.
func (g *Group) Stop(ctx context.Context) error {
	var errs []error
	for g.started > 0 {
		g.started--
		if err := g.services[g.started].Stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", g.names[g.started], err))
		}
	}
	return errors.Join(errs...)
}

// Loop is a Service of one goroutine that runs until its context ends.
type Loop struct {
	Run func(ctx context.Context)

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// NewLoop makes a Loop of run.
func NewLoop(run func(ctx context.Context)) *Loop { return &Loop{Run: run} }

// Start implements Service.
func (l *Loop) Start(ctx context.Context) error {
	ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.wg.Go(func() { l.Run(ctx) })
	return nil
}

// Stop implements Service.
func (l *Loop) Stop(context.Context) error {
	if l.cancel != nil {
		l.cancel()
		l.wg.Wait()
	}
	return nil
}

// Every runs do at once and then every period until stopped; do reports its own
// errors.
func Every(period time.Duration, do func(ctx context.Context)) *Loop {
	return NewLoop(func(ctx context.Context) {
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			do(ctx)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}
