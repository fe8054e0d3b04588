package backup

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

// Plan says when a serving cloud backs itself up.
type Plan struct {
	Dir   string
	Every time.Duration
	Keep  int
}

// Tell makes s log to l.
func (s *Service) Tell(l *slog.Logger) { s.o.Log = l }

// tooOld is when a verified backup is a day and some hours old: one was missed.
const tooOld = 26 * time.Hour

// lookEvery is how often the schedule looks at the clock and complains.
const lookEvery = time.Minute

// Schedule takes and verifies a backup every plan.Every, counted from the newest
// file in the folder, so that a restart does not take another one. While none
// was verified for too long it says so every hour.
func (s *Service) Schedule(live db.DB, plan Plan) service.Service {
	var told, failed time.Time
	return service.Every(lookEvery, func(ctx context.Context) {
		now := s.o.Clock.Now()
		if s.due(plan, now) && now.Sub(failed) >= min(plan.Every, 10*time.Minute) {
			if err := s.round(ctx, plan); err != nil {
				failed = now
				if ctx.Err() == nil {
					s.o.Log.Error("the backup failed", logging.Err(err))
				}
			}
		}
		age, ok, err := Age(ctx, live, s.o.Clock.Now())
		if err == nil && (!ok || age > tooOld) && now.Sub(told) >= time.Hour {
			told = now
			s.o.Log.Error("no backup was verified for more than 26 hours", slog.Bool("ever", ok), slog.Duration("age", age.Round(time.Minute)))
		}
	})
}

// due tells whether the newest backup of the folder is old enough for another.
func (s *Service) due(plan Plan, now time.Time) bool {
	files, err := list(plan.Dir)
	if err != nil || len(files) == 0 {
		return err == nil || errors.Is(err, os.ErrNotExist)
	}
	info, err := os.Stat(files[len(files)-1])
	return err == nil && now.Sub(info.ModTime()) >= plan.Every
}

func (s *Service) round(ctx context.Context, plan Plan) error {
	t, err := s.Take(ctx, plan.Dir, io.Discard)
	if err != nil {
		return err
	}
	s.o.Log.Info("a backup was taken", slog.String("file", filepath.Base(t.Path)), slog.Int64("bytes", t.Bytes))
	if _, err := s.Verify(ctx, t.Path, Opening{}, io.Discard); err != nil {
		return err
	}
	return s.Retain(ctx, plan.Dir, plan.Keep, io.Discard)
}
