// Command uhs-postgres runs a private PostgreSQL server. With a command after
// --, it runs that with TEST_DATABASE_URL set, on a throwaway server, and ends
// with the command's exit code; without one, it prints the variable and serves
// until Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"urbanhomeschool.org/uhs/installer/internal/postgres"
)

func main() {
	dir := flag.String("dir", "", "where the server's files are kept; empty: thrown away at the end")
	port := flag.Int("port", 0, "wanted port; 0: any free one")
	flag.Parse()
	code, err := run(*dir, *port, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "uhs-postgres:", err)
		code = 1
	}
	os.Exit(code)
}

func run(dir string, port int, command []string) (code int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := postgres.Options{Dir: dir, Port: port, Throwaway: true}
	if dir == "" {
		if o.Dir, err = os.MkdirTemp("/var/tmp", "uhs-postgres-"); err != nil {
			return 1, err
		}
		if err := os.Chmod(o.Dir, 0o755); err != nil { // #nosec G302 -- PostgreSQL's user walks through it to its own 0700 folder
			return 1, err
		}
		defer func() { err = errors.Join(err, postgres.Remove(o.Dir)) }()
	}
	server, err := postgres.Start(ctx, o)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if len(command) > 0 {
		return below(ctx, command, server.URL("postgres"))
	}
	fmt.Printf("export TEST_DATABASE_URL='%s'\n", server.URL("postgres"))
	fmt.Fprintln(os.Stderr, "PostgreSQL is running for tests; Ctrl-C stops it.")
	select {
	case <-ctx.Done():
		return 0, nil
	case <-server.Done():
		return 1, errors.New("the server ended by itself")
	}
}

// below runs the command and waits for it, also after Ctrl-C: the terminal has
// told the command too.
func below(ctx context.Context, command []string, url string) (int, error) {
	// #nosec G204 -- the caller's own command
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // the caller's own command; it gets the terminal's signals itself
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "TEST_DATABASE_URL="+url)
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	ended := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			_ = cmd.Process.Signal(syscall.SIGTERM)
		case <-ended:
		}
	}()
	err := cmd.Wait()
	close(ended)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}
