package assessment

import (
	"context"
	"encoding/json"
	"fmt"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
)

var attemptColumns = []string{
	"id", "learner_id", "school_id", "course_id", "quiz_id", "edition", "pass_percent",
	"score_points", "max_points", "passed", "responses", "started_at", "submitted_at",
}

var (
	insertAttempt = db.SQL{Both: `INSERT INTO attempts (id, learner_id, school_id, course_id, quiz_id, edition, pass_percent,
			score_points, max_points, passed, responses, started_at, submitted_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO NOTHING`}
	selectAttempt = db.SQL{Both: `SELECT id, learner_id, school_id, course_id, quiz_id, edition, pass_percent,
			score_points, max_points, passed, responses, started_at, submitted_at
		FROM attempts WHERE id = $1`}
	attemptsOf = db.SQL{Both: `SELECT id, learner_id, school_id, course_id, quiz_id, edition, pass_percent,
			score_points, max_points, passed, responses, started_at, submitted_at
		FROM attempts WHERE learner_id IN ` + identity.SelvesSQL + ` ORDER BY submitted_at, id`}
	pageAttempts = db.SQL{Both: `SELECT id, learner_id, school_id, course_id, quiz_id, edition, pass_percent,
			score_points, max_points, passed, responses, started_at, submitted_at
		FROM attempts WHERE learner_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	sittingsOf = db.SQL{Both: `SELECT id, course_id, started_at, submitted_at
		FROM attempts WHERE learner_id IN ` + identity.SelvesSQL + ` ORDER BY submitted_at, id`}
	// statsOf ignores quizzes nobody took.
	statsOf = db.SQL{
		Postgres: `SELECT quiz_id, count(*), CAST(sum(score_points) AS bigint), CAST(sum(max_points) AS bigint)
			FROM attempts WHERE quiz_id IN (SELECT jsonb_array_elements_text($1::jsonb)) GROUP BY quiz_id`,
		SQLite: `SELECT quiz_id, count(*), sum(score_points), sum(max_points)
			FROM attempts WHERE quiz_id IN (SELECT value FROM json_each($1)) GROUP BY quiz_id`,
	}
)

// attemptRow gives the values of attemptColumns. Responses are stored as text
// and not as jsonb, so that they read back exactly as they came.
func attemptRow(a Attempt) []any {
	return []any{
		string(a.ID), string(a.LearnerID), string(a.SchoolID), string(a.CourseID), string(a.QuizID), a.Edition, a.PassPercent,
		a.ScorePoints, a.MaxPoints, a.Passed, responsesText(a.Responses), a.StartedAt.Time, a.SubmittedAt.Time,
	}
}

func scanAttempt(r db.Rows) (Attempt, error) {
	var a Attempt
	var responses string
	err := r.Scan(&a.ID, &a.LearnerID, &a.SchoolID, &a.CourseID, &a.QuizID, &a.Edition, &a.PassPercent,
		&a.ScorePoints, &a.MaxPoints, &a.Passed, &responses, &a.StartedAt, &a.SubmittedAt)
	if err != nil {
		return Attempt{}, err
	}
	if err := json.Unmarshal([]byte(responses), &a.Responses); err != nil {
		return Attempt{}, fmt.Errorf("read responses of attempt %s: %w", a.ID, err)
	}
	return a, nil
}

func putAttempt(ctx context.Context, tx db.Tx, a Attempt) (bool, error) {
	n, err := tx.Exec(ctx, insertAttempt, attemptRow(a)...)
	if err != nil {
		return false, fmt.Errorf("put attempt %s: %w", a.ID, err)
	}
	return n > 0, nil
}

func getAttempt(ctx context.Context, tx db.Tx, id string) (Attempt, error) {
	rows, err := tx.Query(ctx, selectAttempt, id)
	return db.One(rows, err, scanAttempt)
}

func listAttempts(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]Attempt, error) {
	rows, err := tx.Query(ctx, attemptsOf, string(learner))
	return db.Collect(rows, err, scanAttempt)
}

func listSittings(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]learning.Sitting, error) {
	rows, err := tx.Query(ctx, sittingsOf, string(learner))
	return db.Collect(rows, err, func(r db.Rows) (learning.Sitting, error) {
		var s learning.Sitting
		var started, submitted db.Time
		err := r.Scan(&s.ID, &s.CourseID, &started, &submitted)
		s.At, s.Seconds = submitted.Time, int64(submitted.Sub(started.Time).Seconds())
		return s, err
	})
}

// stats is what all attempts at one quiz add up to, as far as this side knows.
type stats struct {
	quiz          catalogue.QuizID
	attempts      int
	points, outOf int64
}

func (s stats) average() float64 {
	return Attempt{ScorePoints: s.points, MaxPoints: s.outOf}.Percent()
}

func statsByQuiz(ctx context.Context, tx db.Tx, quizzes []catalogue.QuizID) (map[catalogue.QuizID]stats, error) {
	list, err := json.Marshal(append([]catalogue.QuizID{}, quizzes...))
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, statsOf, string(list))
	found, err := db.Collect(rows, err, func(r db.Rows) (stats, error) {
		var s stats
		err := r.Scan(&s.quiz, &s.attempts, &s.points, &s.outOf)
		return s, err
	})
	out := make(map[catalogue.QuizID]stats, len(found))
	for _, s := range found {
		out[s.quiz] = s
	}
	return out, err
}
