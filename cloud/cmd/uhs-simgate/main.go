// Command uhs-simgate plays what cannot be reached in development and tests: the
// M-Pesa gateway (cloud/internal/simgate) and, below /llm/v1, a hosted model
// (cloud/internal/llm/llmsim). It moves no money and knows nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/llm/llmsim"
	"urbanhomeschool.org/uhs/cloud/internal/simgate"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/config"
	"urbanhomeschool.org/uhs/shared/logging"
)

type settings struct {
	Listen   string        `env:"SIMGATE_LISTEN" default:"127.0.0.1:8099" doc:"address of the gateway and its page"`
	File     string        `env:"SIMGATE_FILE" doc:"file that keeps the book over a restart"`
	Delay    time.Duration `env:"SIMGATE_DELAY" default:"2s" doc:"how long a payer takes to enter the PIN"`
	Late     time.Duration `env:"SIMGATE_LATE" default:"30s" doc:"how long a late report takes"`
	Scenario string        `env:"SIMGATE_SCENARIO" default:"success" doc:"scenario of phones without one of their own"`
	LogLevel string        `env:"LOG_LEVEL" default:"info" doc:"debug, info, warn or error"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "uhs-simgate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var cfg settings
	if err := config.Load(&cfg); err != nil {
		return err
	}
	knobs := simgate.Knobs{Scenario: simgate.Scenario(cfg.Scenario), DelayMS: cfg.Delay.Milliseconds(), LateMS: cfg.Late.Milliseconds()}
	gate, err := simgate.Open(simgate.Options{File: cfg.File, Knobs: knobs, Clock: clock.System{}, Log: logging.New(os.Stderr, cfg.LogLevel)})
	if err != nil {
		return err
	}
	defer gate.Close()
	mux := http.NewServeMux()
	mux.Handle("/llm/v1/", &llmsim.Server{})
	mux.Handle("/", gate)
	server := &http.Server{Addr: cfg.Listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
