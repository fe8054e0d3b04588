// Command serve runs a real Ollama with a tiny model for the end-to-end tests.
// It prints one line of JSON, {"url", "model", "pid"}, once the model answers,
// and runs until its standard input is closed. A line "cut" on standard input
// kills Ollama in the middle of the next answer. With -build it only fills the
// cache.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/ollama/ollamatest"
)

func main() {
	only := flag.Bool("build", false, "build Ollama into the cache and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only bool) error {
	binary, err := ollamatest.Build(ctx)
	if err != nil || only {
		return err
	}
	dir, err := os.MkdirTemp("", "uhs-ollama-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := ollamatest.Start(ctx, binary, dir)
	if err != nil {
		return err
	}
	defer s.Kill()
	if err := s.Create(ctx); err != nil {
		return err
	}
	front, err := ollamatest.NewFront(s)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: front, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = web.Serve(l) }() // ends with Close
	defer func() { _ = web.Close() }()

	about := map[string]any{"url": "http://" + l.Addr().String(), "model": ollamatest.ModelName, "pid": s.PID}
	if err := json.NewEncoder(os.Stdout).Encode(about); err != nil {
		return err
	}
	listen(ctx, front)
	return nil
}

// listen obeys standard input until it is closed or the process is told to end.
func listen(ctx context.Context, front *ollamatest.Front) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			if in.Text() == "cut" {
				front.Arm()
				fmt.Println(`{"armed":true}`)
			}
		}
	}()
	select {
	case <-ctx.Done():
	case <-closed:
	}
}
