// Package jobs runs the cloud's background work that may run more than once:
// a *job* is stored in the transaction that wants it done, and a *worker* does
// it soon after the commit, again and again until it succeeds or gives up.
// River keeps the queue in our Postgres.
//
// The rule that surprises: work that may run at most once (a push to a phone)
// is no job; it has a table of its own (docs/decisions/0004).
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/postgres"
)

// Args is what a job is about: a struct that is stored as JSON, with a Kind that
// names the work and never changes. It holds ids and no secrets: rows of done
// jobs stay for a day.
type Args = river.JobArgs

// Options wires a Queue.
type Options struct {
	Pool *pgxpool.Pool
	Log  *slog.Logger
	// Retry is how long to wait after the nth failure; by default from a second to
	// hours.
	Retry func(failures int) time.Duration
	// Attempts is how often a job is tried; by default 16, within about two days.
	Attempts int
}

// Queue takes jobs and, once started, does them. It is a service.Service.
type Queue struct {
	opts    Options
	workers *river.Workers
	client  *river.Client[pgx.Tx]
}

// New makes a Queue without work. Add workers with Work, then call Open.
func New(o Options) *Queue {
	if o.Retry == nil {
		o.Retry = func(failures int) time.Duration {
			const longest = 6 * time.Hour
			wait := time.Second << min(2*failures, 20)
			return min(wait, longest)
		}
	}
	if o.Attempts == 0 {
		o.Attempts = 16
	}
	return &Queue{opts: o, workers: river.NewWorkers()}
}

type worker[T Args] struct {
	river.WorkerDefaults[T]
	do func(ctx context.Context, args T) error
}

// Work implements river.Worker.
func (w *worker[T]) Work(ctx context.Context, job *river.Job[T]) error {
	err := w.do(ctx, job.Args)
	if final := (*givenUp)(nil); errors.As(err, &final) {
		return river.JobCancel(final.error)
	}
	return err
}

// Work says who does jobs of T's kind. It is called before Open.
func Work[T Args](q *Queue, do func(ctx context.Context, args T) error) {
	river.AddWorker(q.workers, &worker[T]{do: do})
}

type givenUp struct{ error }

func (g *givenUp) Unwrap() error { return g.error }

// GiveUp wraps the error of a job that no further try can mend.
func GiveUp(err error) error { return &givenUp{err} }

// Open makes the queue ready to take jobs; Start begins to do them.
func (q *Queue) Open() error {
	var err error
	q.client, err = river.NewClient(riverpgxv5.New(q.opts.Pool), &river.Config{
		Workers: q.workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}},
		Logger: q.opts.Log, MaxAttempts: q.opts.Attempts, RetryPolicy: &retry{q.opts.Retry},
		ErrorHandler: &failures{q.opts.Log},
	})
	if err != nil {
		return fmt.Errorf("open the job queue: %w", err)
	}
	return nil
}

// Enqueue stores a job in tx: it is done if and only if tx commits.
func (q *Queue) Enqueue(ctx context.Context, tx db.Tx, args Args) error {
	if _, err := q.client.InsertTx(ctx, postgres.Native(tx), args, nil); err != nil {
		return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
	}
	return nil
}

// Start implements service.Service.
func (q *Queue) Start(ctx context.Context) error {
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	return nil
}

// Stop implements service.Service: running jobs end first, and what they have
// not done is done after the next start.
func (q *Queue) Stop(ctx context.Context) error {
	if err := q.client.StopAndCancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("stop the job queue: %w", err)
	}
	return nil
}

// Migrate brings River's own tables to its newest schema.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("migrate the job queue: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job queue: %w", err)
	}
	return nil
}
