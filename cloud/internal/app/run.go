package app

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // goose speaks database/sql
	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/cloud/internal/backup"
	"urbanhomeschool.org/uhs/cloud/internal/jobs"
	money "urbanhomeschool.org/uhs/cloud/internal/payments"
	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/postgres"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

func migrateUp(ctx context.Context, url string) error {
	conn, err := sql.Open("pgx", url)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return errors.Join(migrate.Up(ctx, conn, goose.DialectPostgres, migrations.Postgres()), conn.Close())
}

func migrateOnly(ctx context.Context, c Config) error {
	if err := migrateUp(ctx, c.DatabaseURL); err != nil {
		return err
	}
	pool, err := postgres.Open(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	return jobs.Migrate(ctx, pool.Pool)
}

// serve runs the cloud until ctx ends. The order matters: the hub must know
// every school before it listens, and the fleet must run before the hub hands
// it messages.
func serve(ctx context.Context, c Config, out io.Writer) (err error) {
	k, err := open(ctx, c, out)
	if err != nil {
		return err
	}
	defer k.pool.Close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	keeper, err := k.keep(ctx, stop)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keeper.Close()) }() //nolint:contextcheck // it ends after ctx
	if err := k.addNetwork(); err != nil {
		return err
	}
	group := &service.Group{}
	group.Add("life", keeper)
	group.Add("reconcile", k.reconcile(keeper.Life()))
	group.Add("fleet", k.fleet)
	group.Add("bundles", k.bundles)
	group.Add("jobs", k.jobs)
	group.Add("hub", k.hub)
	group.Add("restore", starter(k.restore))
	if c.MpesaURL != "" {
		group.Add("payments", money.NewExecutor(k.money))
	} else {
		k.log.Warn("no payment gateway is configured: payments wait")
	}
	k.keepOffice(group)
	group.Add("sealing", service.NewLoop(k.sealTheRest))
	group.Add("tutor", k.domains.Tutor.Answerer())
	group.Add("alerts", k.tellOfAlerts())
	group.Add("sessions", service.Every(time.Hour, func(ctx context.Context) {
		if err := k.domains.Identity.Sweep(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("sweep old sessions", logging.Err(err))
		}
	}))
	group.Add("signing key", service.Every(time.Minute, func(ctx context.Context) {
		if err := k.domains.Identity.EnsureKey(ctx); err != nil && ctx.Err() == nil {
			k.log.Error("look after the signing key", logging.Err(err))
		}
	}))
	group.Add("erasures", k.eraseWhenDue())
	group.Add("retention", k.domains.Personal.Nightly())
	group.Add("codes", service.Every(time.Hour, func(ctx context.Context) {
		if err := k.accounts.Sweep(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("sweep old codes and links", logging.Err(err))
		}
	}))
	group.Add("tidy", service.Every(time.Hour, func(ctx context.Context) {
		if _, err := k.fleet.Tidy(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("drop what no box can ask for any more", logging.Err(err))
		}
	}))
	if err := k.scheduleBackups(group); err != nil {
		return err
	}
	group.Add("kept aside", service.Every(10*time.Minute, func(ctx context.Context) {
		if _, err := k.applier.Sweep(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("try again what waits for other records", logging.Err(err))
		}
	}))
	if err := group.Start(ctx); err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		defer cancel()
		err = errors.Join(err, group.Stop(stop))
	}()
	if c.MpesaRegister {
		if err := k.money.Register(ctx); err != nil {
			k.log.Warn("register the C2B addresses", logging.Err(err))
		}
	}
	if err := k.routes().Listen(ctx, k.config.HTTPAddr); err != nil { //nolint:contextcheck // a request brings its own context
		return err
	}
	if cause := context.Cause(ctx); errors.Is(cause, backup.ErrRewound) {
		return cause
	}
	return nil
}

// starter is a service that only does something at start.
type starter func(ctx context.Context) error

func (s starter) Start(ctx context.Context) error { return s(ctx) }
func (starter) Stop(context.Context) error        { return nil }

func (k *core) restore(ctx context.Context) error {
	known, err := k.fleet.Enrolments(ctx)
	if err != nil {
		return err
	}
	return k.hub.Restore(ctx, known)
}

// publish builds and publishes the courses in the named folders.
func publish(ctx context.Context, c Config, dirs []string, out io.Writer) error {
	if len(dirs) == 0 {
		return errors.New("publish: name at least one course folder")
	}
	k, err := open(ctx, c, io.Discard)
	if err != nil {
		return err
	}
	defer k.pool.Close()
	for _, dir := range dirs {
		e, err := k.packs.Publish(ctx, os.DirFS(dir))
		if err != nil {
			return fmt.Errorf("publish %s: %w", dir, err)
		}
		if _, err := fmt.Fprintf(out, "published %s, edition %d, %d bytes\n", e.Title, e.Edition, e.SizeBytes); err != nil {
			return err
		}
	}
	return nil
}

// createAdmin makes the first admin; the password is the first line of in.
func createAdmin(ctx context.Context, c Config, args []string, in io.Reader) error {
	if len(args) != 2 || args[0] != "create" {
		return errors.New("usage: uhs-cloud admin create EMAIL, with the password on standard input")
	}
	k, err := open(ctx, c, io.Discard)
	if err != nil {
		return err
	}
	defer k.pool.Close()
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the password: %w", err)
	}
	_, err = k.domains.Identity.CreateFirstAdmin(ctx, args[1], strings.TrimRight(line, "\r\n"), "Administrator")
	return err
}
