package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// stopTime is how long running requests may take after the end was asked for.
const stopTime = 10 * time.Second

// Listen serves HTTP on address until ctx ends and the running requests have
// their answers.
func (a *API) Listen(ctx context.Context, address string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	a.opts.Log.Info("serving", slog.String("addr", l.Addr().String()), slog.String("version", a.opts.Version))
	done := make(chan error, 1)
	go func() { done <- a.App.Listener(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		err := a.App.ShutdownWithTimeout(stopTime)
		_ = l.Close() // a server that has not begun yet does not know its listener
		return errors.Join(err, <-done)
	}
}
