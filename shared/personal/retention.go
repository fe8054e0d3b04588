package personal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

const (
	// night is the hour of a moment, in UTC: one o'clock in Kenya.
	night = 22
	day   = 24 * time.Hour
	// seldom is how long a moment may stand while nothing that travels is too old.
	seldom = 7 * day
	// mostSteps is in how many steps the moment makes up for a pause.
	mostSteps = 30
	// batch is how many rows one transaction removes.
	batch = 500
	// learnersAtOnce is how many leavers one night erases.
	learnersAtOnce = 100
)

// lastNight is the latest moment of a night.
func lastNight(now time.Time) time.Time {
	at := time.Date(now.Year(), now.Month(), now.Day(), night, 0, 0, 0, time.UTC)
	if at.After(now) {
		at = at.Add(-day)
	}
	return at
}

// Nightly removes what has had its time, once a night and after a start.
func (s *Service) Nightly() service.Service {
	var done time.Time
	return service.Every(time.Hour, func(ctx context.Context) {
		at, err := s.upTo(ctx)
		if err == nil && at.After(done) {
			if _, err = s.Retire(ctx); err == nil {
				done = at
			}
		}
		if err != nil && ctx.Err() == nil {
			s.o.Log.Error("remove what has had its time", logging.Err(err))
		}
	})
}

// upTo is the moment that counts at this side: the last night's at the cloud, the
// one that the cloud told at a box.
func (s *Service) upTo(ctx context.Context) (at time.Time, err error) {
	if !s.AtSchool() {
		return lastNight(s.o.Clock.Now().UTC()), nil
	}
	err = s.o.DB.View(ctx, func(tx db.Tx) (err error) { at, err = momentOf(ctx, tx); return err })
	return at, err
}

// Retire removes what has had its time, in small transactions, and gives the
// number of rows by rule. It can be repeated.
func (s *Service) Retire(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	at, err := s.upTo(ctx)
	if err == nil && !s.AtSchool() {
		err = s.advance(ctx, at, counts)
	}
	if err != nil {
		return counts, fmt.Errorf("move the moment of retention: %w", err)
	}
	if at.IsZero() {
		return counts, nil // the cloud has told no moment yet
	}
	if s.AtSchool() {
		if err := s.o.DB.Update(ctx, func(tx db.Tx) error { return s.sweepTogether(ctx, tx, "") }); err != nil {
			return counts, fmt.Errorf("remove what both sides held: %w", err)
		}
	}
	for _, r := range Rules() {
		if r.Together || r.Cloud && s.AtSchool() {
			continue
		}
		n, err := s.retire(ctx, r, at)
		if counts[r.Name] += n; err != nil {
			return counts, fmt.Errorf("remove %s: %w", r.Name, err)
		}
	}
	for _, r := range Rules() {
		if n := counts[r.Name]; n > 0 {
			s.o.Log.Info("removed what had its time", slog.String("kind", r.Name), slog.Int64("rows", n))
		}
	}
	return counts, nil
}

// advance moves the moment to at, a day in a transaction or, after a long pause, a
// part of the pause. It is stored, and told
// to the schools, when something went or it has stood for long.
func (s *Service) advance(ctx context.Context, at time.Time, counts map[string]int64) error {
	var last time.Time
	if err := s.o.DB.View(ctx, func(tx db.Tx) (err error) { last, err = momentOf(ctx, tx); return err }); err != nil {
		return err
	}
	stride := max(day, at.Sub(last)/mostSteps)
	next := last.Add(stride)
	if last.IsZero() || next.After(at) {
		next = at
	}
	for {
		n, told, err := s.step(ctx, next, last)
		if err != nil {
			return err
		}
		for name, k := range n {
			counts[name] += k
		}
		if told {
			last = next
		}
		if !next.Before(at) {
			return nil
		}
		if next = next.Add(stride); next.After(at) {
			next = at
		}
	}
}

// step removes what both sides hold up to a moment, and tells it when something
// went or the last one has stood for long.
func (s *Service) step(ctx context.Context, next, last time.Time) (counts map[string]int64, told bool, err error) {
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		counts, told = map[string]int64{}, next.Sub(last) >= seldom
		for _, r := range Rules() {
			if !r.Together {
				continue
			}
			n, err := follow(ctx, tx, r, next)
			if err != nil {
				return err
			}
			counts[r.Name], told = n, told || n > 0
		}
		if told = told && next.After(last); !told {
			return nil
		}
		_, err := Moments.Save(ctx, tx, theMoment(next))
		return err
	})
	return counts, told, err
}

// retire follows a rule of one side, a batch in a transaction.
func (s *Service) retire(ctx context.Context, r Rule, at time.Time) (n int64, err error) {
	if r.Name == leavers {
		return s.eraseLeavers(ctx, r.before(at))
	}
	for _, st := range r.steps {
		for k := int64(batch); k == batch; n += k {
			err := s.o.DB.Update(ctx, func(tx db.Tx) (err error) {
				k, err = run(ctx, tx, st, r.before(at), batch)
				return err
			})
			if err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// eraseLeavers erases learners who left before a moment, each in a transaction.
func (s *Service) eraseLeavers(ctx context.Context, before time.Time) (n int64, err error) {
	var gone []string
	err = s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		gone, err = all(ctx, tx, leftBefore, db.Scalar[string], db.Time{Time: before}, int64(learnersAtOnce))
		return err
	})
	for _, person := range gone {
		if err == nil {
			err = s.o.DB.Update(ctx, func(tx db.Tx) error { return s.eraseLeaver(ctx, tx, person) })
		}
		if err != nil {
			return n, err
		}
		n++
	}
	if n > 0 && s.o.After != nil {
		s.o.After(ctx)
	}
	return n, err
}

const byRetention = "retention"

func (s *Service) eraseLeaver(ctx context.Context, tx db.Tx, person string) error {
	if _, err := s.o.People.Account(ctx, tx, identity.AccountID(person)); errors.Is(err, identity.ErrNoSuchAccount) {
		return nil // with one of her duplicates
	}
	if err := s.erase(ctx, tx, person, byRetention); err != nil {
		return err
	}
	return s.note(ctx, tx, "person.erased", identity.Actor{}, Asked{Person: person, Reason: byRetention})
}

// follow follows a rule in tx, all at once.
func follow(ctx context.Context, tx db.Tx, r Rule, at time.Time) (n int64, err error) {
	for _, st := range r.steps {
		k, err := run(ctx, tx, st, r.before(at), 0)
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

// run runs a step for at most limit rows, all when it is zero. A table of the
// other side is none of ours.
func run(ctx context.Context, tx db.Tx, st step, before time.Time, limit int64) (int64, error) {
	columns, err := Columns(ctx, tx, st.table)
	if err != nil || len(columns) == 0 {
		return 0, err
	}
	args := []any{db.Time{Time: before}}
	if limit > 0 {
		args = append(args, limit)
	}
	n, err := tx.Exec(ctx, retireRows(st, limit > 0), args...)
	if err != nil {
		return n, fmt.Errorf("%s: %w", st.table, err)
	}
	return n, nil
}
