// Command uhs-simgate plays what cannot be reached in development and tests: the
// M-Pesa gateway (cloud/internal/simgate), a hosted model below /llm/v1
// (cloud/internal/llm/llmsim), the SMS gateway and a mail server whose letters
// are read at /post (cloud/internal/simpost). It moves no money, knows nothing
// and writes to nobody.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/llm/llmsim"
	"urbanhomeschool.org/uhs/cloud/internal/simgate"
	"urbanhomeschool.org/uhs/cloud/internal/simpost"
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
	SMTP     string        `env:"SIMGATE_SMTP_LISTEN" doc:"address of the mail server; empty: none"`
	Post     string        `env:"SIMGATE_POST_FILE" doc:"file that keeps mails and text messages over a restart"`
	SMS      string        `env:"SIMGATE_SMS_CALLBACKS" doc:"the cloud's address for reports of text messages, without the last /d or /i"`
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
	log := logging.New(os.Stderr, cfg.LogLevel)
	knobs := simgate.Knobs{Scenario: simgate.Scenario(cfg.Scenario), DelayMS: cfg.Delay.Milliseconds(), LateMS: cfg.Late.Milliseconds()}
	gate, err := simgate.Open(simgate.Options{File: cfg.File, Knobs: knobs, Clock: clock.System{}, Log: log})
	if err != nil {
		return err
	}
	defer gate.Close()
	options := simpost.Options{File: cfg.Post, Clock: clock.System{}, Log: log}
	if cfg.SMS != "" {
		options.Delivery, options.Incoming = cfg.SMS+"/d", cfg.SMS+"/i"
	}
	post, err := simpost.Open(options)
	if err != nil {
		return err
	}
	defer post.Close()

	mux := http.NewServeMux()
	mux.Handle("/llm/v1/", &llmsim.Server{})
	mux.Handle("/version1/", post)
	mux.Handle("/post", post)
	mux.Handle("/post/", post)
	mux.Handle("/", gate)
	server := &http.Server{Addr: cfg.Listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := serveMail(ctx, cfg.SMTP, post, server); err != nil {
		return err
	}
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serveMail takes mails in the background; when that fails, the program ends.
func serveMail(ctx context.Context, address string, post *simpost.Post, server *http.Server) error {
	if address == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for mail: %w", err)
	}
	go func() {
		if err := post.ServeSMTP(l); err != nil {
			fmt.Fprintln(os.Stderr, "uhs-simgate:", err)
			_ = server.Close()
		}
	}()
	return nil
}
