package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
)

// box is what exists before and after the claim.
type box struct {
	config Config
	log    *slog.Logger
	clock  clock.Clock
	db     *sqlite.DB
	agent  *agent.Agent
}

func openBox(ctx context.Context, c Config, logTo io.Writer) (*box, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	d, err := sqlite.Open(databasePath(c))
	if err != nil {
		return nil, err
	}
	if err := migrate.Up(ctx, d.Writer(), goose.DialectSQLite3, migrations.SQLite()); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	a, err := agent.Open(ctx, d, c.DataDir, Version)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return boxOf(c, logTo, parts{d, a})
}

// lookAtBox opens what lies in the data directory to read it, beside a running
// service: it migrates nothing and takes no part in the box's memory of itself.
func lookAtBox(ctx context.Context, c Config) (*box, error) {
	d, err := sqlite.Open(databasePath(c))
	if err != nil {
		return nil, err
	}
	a, err := agent.Look(ctx, d, c.DataDir, Version)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return boxOf(c, io.Discard, parts{d, a})
}

// parts are what a box is opened with.
type parts struct {
	db    *sqlite.DB
	agent *agent.Agent
}

func boxOf(c Config, logTo io.Writer, p parts) (*box, error) {
	b := &box{config: c, log: logging.New(logTo, c.LogLevel), clock: clock.System{}, db: p.db, agent: p.agent}
	b.agent.Override(c.CloudURL, c.LeafURL)
	if _, claimed := b.agent.State(); claimed {
		if err := b.seal(); err != nil {
			return nil, errors.Join(err, b.db.Close())
		}
	}
	return b, nil
}

// databasePath is the name of the school's database; after a snapshot it is a
// link to the file in use.
func databasePath(c Config) string { return filepath.Join(c.DataDir, databaseName) }

// serve runs the box until ctx ends: first, while it belongs to no school, the
// page that claims it; then the school's service.
func serve(ctx context.Context, c Config, out io.Writer) (err error) {
	if err := sqlite.Tidy(databasePath(c)); err != nil {
		return err
	}
	b, err := openBox(ctx, c, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.db.Close()) }()

	if _, claimed := b.agent.State(); !claimed {
		if err := b.awaitClaim(ctx); err != nil || ctx.Err() != nil {
			return err
		}
	}
	s, err := b.assemble(ctx)
	if err != nil {
		return err
	}
	if err := s.group.Start(ctx); err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		defer cancel()
		err = errors.Join(err, s.group.Stop(stop))
	}()
	return s.api.Listen(ctx, b.config.HTTPAddr)
}

// awaitClaim serves the claim page until somebody claims the box, or claims it
// with the configured code as soon as the cloud answers.
func (b *box) awaitClaim(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outer := context.WithoutCancel(ctx)
	claimed := make(chan struct{}, 1)
	a := b.setupAPI(func() { claimed <- struct{}{} })
	served := make(chan error, 1)
	go func() { served <- a.Listen(ctx, b.config.HTTPAddr) }()
	retry := time.NewTicker(2 * time.Second)
	defer retry.Stop()
	for {
		if b.config.ClaimCode != "" {
			if _, err := b.agent.Claim(outer, b.config.CloudURL, b.config.ClaimCode); err == nil || errors.Is(err, agent.ErrClaimed) {
				cancel()
				return <-served
			} else if k := fault.KindOf(err); k == fault.NotFound || k == fault.Gone || k == fault.Invalid {
				cancel()
				return errors.Join(fmt.Errorf("claim the box: %w", err), <-served)
			} else {
				b.log.Warn("claim the box", logging.Err(err))
			}
		}
		select {
		case err := <-served:
			return err
		case <-claimed:
			time.Sleep(200 * time.Millisecond) // the answer is still on its way to the browser
			cancel()
			return <-served
		case <-retry.C:
		}
	}
}
