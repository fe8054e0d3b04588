// Command uhs-demo starts a whole Urban Home School on one computer: a cloud
// and two schools whose internet can be unplugged. It is what `make demo` runs.
//
//	uhs-demo [start]            start, or go on where it was
//	uhs-demo unplug SCHOOL      take a school's internet away
//	uhs-demo plug SCHOOL        give it back
//	uhs-demo reset              delete the demo's data
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

func main() {
	dir := flag.String("dir", ".demo", "where the demo's data are kept")
	bin := flag.String("bin", "bin", "where the built binaries are")
	content := flag.String("content", "installer/content", "where the course folders are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *dir, *bin, *content, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "uhs-demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, bin, content string, args []string) error {
	command := "start"
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case "start":
		return start(ctx, dir, bin, content)
	case "plug", "unplug":
		if len(args) != 2 || args[1] == "" {
			return fmt.Errorf("say which school: make demo-%s SCHOOL=lodwar", command)
		}
		return turn(ctx, dir, command, args[1])
	case "reset":
		if running(ctx, dir) {
			return errors.New("the demo is running; stop it first with Ctrl-C")
		}
		if err := world.Remove(dir); err != nil {
			return err
		}
		fmt.Println("The demo's data are deleted; `make demo` starts afresh.")
		return nil
	default:
		return fmt.Errorf("no such command: %s", command)
	}
}

func start(ctx context.Context, dir, bin, content string) (err error) {
	if running(ctx, dir) {
		return errors.New("the demo is running already")
	}
	courses, err := filepath.Glob(filepath.Join(content, "*", "course.yaml"))
	if err != nil || len(courses) == 0 {
		return fmt.Errorf("no courses in %s", content)
	}
	for i, c := range courses {
		if courses[i], err = filepath.Abs(filepath.Dir(c)); err != nil {
			return err
		}
	}
	began := time.Now()
	w, err := world.Start(ctx, world.Options{Dir: dir, Bin: bin, Progress: func(format string, args ...any) {
		fmt.Printf("%6.1f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}})
	defer func() {
		fmt.Println("stopping")
		err = errors.Join(err, w.Stop())
	}()
	if err == nil {
		err = w.Populate(ctx, world.Schools(), courses)
	}
	if err == nil {
		err = attend(ctx, dir, w)
	}
	if ctx.Err() != nil { // Ctrl-C while starting is no failure
		return nil
	}
	return err
}

// attend serves the switch until Ctrl-C or until a program ends by itself.
func attend(ctx context.Context, dir string, w *world.World) error {
	control, err := serveControl(dir, w)
	if err != nil {
		return err
	}
	defer control.stop()
	describe(os.Stdout, w)
	ended := make(chan string, len(w.Schools)+3)
	watch := func(name, log string, done <-chan struct{}) {
		go func() { <-done; ended <- fmt.Sprintf("%s ended by itself; see %s", name, log) }()
	}
	watch("PostgreSQL", filepath.Join(dir, "postgres", "postgres.log"), w.Postgres.Done())
	watch("the gateway simulator", w.Simgate.Log(), w.Simgate.Done())
	watch("the cloud", w.Cloud.Log(), w.Cloud.Done())
	for _, s := range w.Schools {
		watch("the box of "+s.Name, s.Edge.Log(), s.Edge.Done())
	}
	select {
	case <-ctx.Done():
		return nil
	case why := <-ended:
		return errors.New(why)
	}
}
