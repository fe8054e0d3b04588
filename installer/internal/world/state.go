package world

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"urbanhomeschool.org/uhs/installer/internal/process"
)

// state is what a world remembers between starts.
type state struct {
	SecretKey     string         `json:"secret_key"`
	AdminPassword string         `json:"admin_password,omitempty"`
	Ports         map[string]int `json:"ports"`
	Schools       []schoolState  `json:"schools"`
	People        *People        `json:"people,omitempty"`
}

type schoolState struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	ID   string `json:"id"`
}

func (w *World) path(parts ...string) string {
	return filepath.Join(append([]string{w.opts.Dir}, parts...)...)
}

func (w *World) readState() error {
	b, err := os.ReadFile(w.path("world.json"))
	if errors.Is(err, fs.ErrNotExist) {
		// The prefix makes the cloud refuse the key in production.
		w.state = state{SecretKey: "demo-" + rand.Text() + rand.Text(), Ports: map[string]int{}}
		return w.writeState()
	}
	if err != nil {
		return fmt.Errorf("read the world: %w", err)
	}
	if err := json.Unmarshal(b, &w.state); err != nil {
		return fmt.Errorf("read the world: %w; `make demo-reset` starts afresh", err)
	}
	return nil
}

// unfinished tells that a first start was interrupted half-way.
func (s state) unfinished() bool { return s.People == nil && len(s.Ports) > 0 }

func (w *World) startAfresh() error {
	if err := errors.Join(Remove(w.opts.Dir), os.MkdirAll(w.opts.Dir, 0o755)); err != nil { // #nosec G301 -- PostgreSQL's user walks through it to its own 0700 folder
		return fmt.Errorf("clear the world: %w", err)
	}
	return w.readState()
}

func (w *World) writeState() error {
	b, err := json.MarshalIndent(w.state, "", "\t")
	if err != nil {
		return fmt.Errorf("remember the world: %w", err)
	}
	next := w.path(".world.json.new")
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return fmt.Errorf("remember the world: %w", err)
	}
	return os.Rename(next, w.path("world.json"))
}

// port is the port of one of the world's parts: the one of the last start, else
// the usual one, else any that is free.
func (w *World) port(ctx context.Context, name string, usual int) (int, error) {
	if last, ok := w.state.Ports[name]; ok {
		usual = last
	}
	p, err := process.FreePort(ctx, usual)
	if err != nil {
		return 0, fmt.Errorf("find a port for %s: %w", name, err)
	}
	w.state.Ports[name] = p
	return p, w.writeState()
}
