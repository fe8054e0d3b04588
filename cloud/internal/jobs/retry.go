package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"urbanhomeschool.org/uhs/shared/logging"
)

// retry says when a job that failed is tried again.
type retry struct {
	wait func(failures int) time.Duration
}

// NextRetry implements river.ClientRetryPolicy. It counts from the attempt
// itself, so that it needs no clock.
func (r *retry) NextRetry(job *rivertype.JobRow) time.Time {
	from := job.CreatedAt
	if job.AttemptedAt != nil {
		from = *job.AttemptedAt
	}
	return from.Add(r.wait(len(job.Errors) + 1))
}

// failures logs what jobs return, once; River itself logs only that they failed.
type failures struct{ log *slog.Logger }

// HandleError implements river.ErrorHandler.
func (f *failures) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	f.log.Warn("a job failed", slog.String("kind", job.Kind), slog.Int("attempt", job.Attempt), logging.Err(err))
	return nil
}

// HandlePanic implements river.ErrorHandler.
func (f *failures) HandlePanic(_ context.Context, job *rivertype.JobRow, what any, trace string) *river.ErrorHandlerResult {
	f.log.Error("a job panicked", slog.String("kind", job.Kind), slog.Any("panic", what), slog.String("stack", trace))
	return nil
}
