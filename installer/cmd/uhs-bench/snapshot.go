package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// bigLearners is how many learners the school of the snapshot has.
const bigLearners = 2000

// What a large school has at the cloud after years: its learners, and so many
// facts of each of two kinds.
const (
	bigAccounts = `INSERT INTO accounts (id, role, email, full_name, status, school_id, grade, class_name, admission_number, created_at, updated_at)
		SELECT '0198a0e1-0000-7000-8002-' || lpad(to_hex(i), 12, '0'), 'student', '', 'Learner ' || i, 'active', $1, 'Grade 4', '4 A', i::text, now(), now()
		FROM generate_series(1, $2::int) AS i`
	bigMembers = `INSERT INTO memberships (account_id, school_id, since)
		SELECT '0198a0e1-0000-7000-8002-' || lpad(to_hex(i), 12, '0'), $1, now() FROM generate_series(1, $2::int) AS i`
	bigAttempts = `INSERT INTO attempts (id, learner_id, school_id, course_id, quiz_id, edition, pass_percent, score_points, max_points, passed, responses, started_at, submitted_at)
		SELECT '0198a0e1-0000-7000-8000-' || lpad(to_hex(i), 12, '0'), '0198a0e1-0000-7000-8002-' || lpad(to_hex(1 + i % $2::int), 12, '0'), $1, $3, $4, 1, 60, i % 6, 5, i % 6 > 2,
			(SELECT jsonb_agg(jsonb_build_object('question_id', md5((i % 40 * 5 + q)::text)::uuid, 'options', jsonb_build_array(chr(97 + (i * 5 + q * 3) % 4)),
				'points', (i + q) % 2, 'max', 1))::text FROM generate_series(1, 5) AS q),
			now() - i * interval '20 seconds', now() - i * interval '19 seconds'
		FROM generate_series(1, $5::int) AS i`
	bigActivities = `INSERT INTO learning_activities (id, kind, learner_id, school_id, course_id, lesson_id, seconds, at)
		SELECT '0198a0e1-0000-7000-8001-' || lpad(to_hex(i), 12, '0'), 'time_spent', '0198a0e1-0000-7000-8002-' || lpad(to_hex(1 + i % $2::int), 12, '0'), $1, $3, $4, 30, now() - i * interval '20 seconds'
		FROM generate_series(1, $5::int) AS i`
)

// snapshot gives the school a large history at the cloud, makes the box take a
// snapshot of it, and measures what both sides hold in memory above what they
// held before.
func (b *bench) snapshot(ctx context.Context, facts int) error {
	if err := b.openCourse(ctx); err != nil {
		return err
	}
	b.school.Link.Cut()
	if err := b.school.Edge.Stop(); err != nil {
		return err
	}
	if err := b.history(ctx, facts); err != nil {
		return err
	}
	if err := b.school.Edge.Start(ctx); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Second):
	}
	sides := []*world.Program{b.school.Edge, b.w.Cloud}
	var idle, most [2]int64
	for i, p := range sides {
		var err error
		if idle[i], err = p.RSS(); err != nil {
			return err
		}
	}
	watched, stop := context.WithCancel(ctx)
	defer stop()
	var watchers sync.WaitGroup
	for i, p := range sides {
		watchers.Go(func() { most[i] = peak(watched, p) })
	}
	began := time.Now()
	if err := b.school.Link.Plug(); err != nil {
		return err
	}
	before := b.w.File(b.school)
	var file string
	err := world.Await(ctx, time.Hour, "the box has the snapshot", func(context.Context) (bool, error) {
		var err error
		file, err = filepath.EvalSymlinks(before) // after a snapshot its name is a link
		return file != before, err
	})
	stop()
	watchers.Wait()
	if err != nil {
		return err
	}
	tell(fmt.Sprintf("a snapshot of %d learners and %d facts: link up to in use", bigLearners, facts), seconds(time.Since(began)), "-")
	for i, of := range []string{"appliance", "cloud"} {
		tell("  memory of the "+of+" above idle (RSS)", fmt.Sprintf("%.1f MB", float64(most[i]-idle[i])/1e6), "64 MB")
	}
	info, err := os.Stat(file)
	if err == nil {
		tell("  the new file", fmt.Sprintf("%.0f MB", float64(info.Size())/1e6), "-")
	}
	return err
}

// history makes the large history, and the log of what went down another one
// than the stopped box has applied: it has to take a snapshot.
func (b *bench) history(ctx context.Context, facts int) error {
	first := b.course.Lessons[0]
	return pgx.BeginFunc(ctx, b.db, func(tx pgx.Tx) error {
		for _, s := range []struct {
			query string
			args  []any
		}{
			{bigAccounts, []any{b.school.ID, bigLearners}}, {bigMembers, []any{b.school.ID, bigLearners}},
			{bigAttempts, []any{b.school.ID, bigLearners, b.course.ID, first.AssessmentID, facts / 2}},
			{bigActivities, []any{b.school.ID, bigLearners, b.course.ID, first.ID, facts / 2}},
			{otherChain("outbox_heads"), []any{b.school.ID}}, {otherChain("outbox"), []any{b.school.ID}},
		} {
			if _, err := tx.Exec(ctx, s.query, s.args...); err != nil {
				return fmt.Errorf("make a large history: %w", err)
			}
		}
		return nil
	})
}

func otherChain(table string) string {
	return "UPDATE " + table + " SET chain = decode(md5(encode(chain, 'hex')), 'hex') WHERE school = $1 AND epoch = 1 AND lane = 2"
}
