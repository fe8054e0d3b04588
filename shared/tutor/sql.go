package tutor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// The columns of the synced tables, in the order of the row functions.
var (
	questionColumns        = []string{"id", "conversation_id", "learner_id", "school_id", "text", "language", "course_id", "asked_at"}
	answerColumns          = []string{"id", "question_id", "learner_id", "school_id", "text", "kind", "provider", "model", "reason", "passages", "at"}
	alertColumns           = []string{"id", "learner_id", "school_id", "category", "severity", "at"}
	acknowledgementColumns = []string{"id", "alert_id", "learner_id", "school_id", "account_id", "at"}
)

var (
	insertQuestion = db.SQL{Both: `
		INSERT INTO tutor_questions (id, conversation_id, learner_id, school_id, text, language, course_id, asked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`}
	selectQuestion = db.SQL{Both: `
		SELECT id, conversation_id, learner_id, school_id, text, language, course_id, asked_at
		FROM tutor_questions WHERE id = $1`}
	insertOriginal = db.SQL{Both: `
		INSERT INTO tutor_originals (question_id, text) VALUES ($1, $2) ON CONFLICT (question_id) DO NOTHING`}
	// What was typed is shown where it was typed; elsewhere the text that travelled.
	listQuestions = db.SQL{Both: `
		SELECT q.id, q.conversation_id, q.learner_id, q.school_id, coalesce(o.text, q.text), q.language, q.course_id, q.asked_at
		FROM tutor_questions q LEFT JOIN tutor_originals o ON o.question_id = q.id
		WHERE q.learner_id = $1 AND q.asked_at >= $2
		ORDER BY q.asked_at DESC, q.id DESC LIMIT $3 OFFSET $4`}
	countQuestions = db.SQL{Both: `
		SELECT count(*), min(asked_at), max(asked_at) FROM tutor_questions WHERE learner_id = $1 AND asked_at >= $2`}
	countAnswered = db.SQL{Both: `
		SELECT count(DISTINCT a.question_id) FROM tutor_answers a JOIN tutor_questions q ON q.id = a.question_id
		WHERE q.learner_id = $1 AND q.asked_at >= $2`}
)

func questionRow(q Question) []any {
	return []any{string(q.ID), q.ConversationID, string(q.LearnerID), string(q.SchoolID), db.Secret(q.Text), string(q.Language), q.CourseID, q.AskedAt}
}

func putQuestion(ctx context.Context, tx db.Tx, q Question) (bool, error) {
	n, err := tx.Exec(ctx, insertQuestion, questionRow(q)...)
	return n > 0, err
}

func scanQuestion(r db.Rows) (q Question, err error) {
	return q, r.Scan(&q.ID, &q.ConversationID, &q.LearnerID, &q.SchoolID, (*db.Secret)(&q.Text), &q.Language, &q.CourseID, &q.AskedAt)
}

func getQuestion(ctx context.Context, tx db.Tx, id string) (Question, error) {
	rows, err := tx.Query(ctx, selectQuestion, id)
	return db.One(rows, err, scanQuestion)
}

// tally is how much a learner has asked since some time.
type tally struct {
	questions, answered int64
	oldest, newest      db.Time
}

func tallyOf(ctx context.Context, tx db.Tx, learner identity.AccountID, since time.Time) (tally, error) {
	rows, err := tx.Query(ctx, countQuestions, string(learner), since)
	t, err := db.One(rows, err, func(r db.Rows) (t tally, err error) { return t, r.Scan(&t.questions, &t.oldest, &t.newest) })
	if err != nil {
		return t, err
	}
	rows, err = tx.Query(ctx, countAnswered, string(learner), since)
	t.answered, err = db.One(rows, err, db.Scalar[int64])
	return t, err
}

var (
	insertAnswer = db.SQL{Both: `
		INSERT INTO tutor_answers (id, question_id, learner_id, school_id, text, kind, provider, model, reason, passages, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING`}
	selectAnswer = db.SQL{Both: `
		SELECT id, question_id, learner_id, school_id, text, kind, provider, model, reason, passages, at
		FROM tutor_answers WHERE id = $1`}
	listAnswers = db.SQL{Both: `
		SELECT id, question_id, learner_id, school_id, text, kind, provider, model, reason, passages, at
		FROM tutor_answers WHERE question_id = $1 ORDER BY at, id`}
	countHosted = db.SQL{Both: `
		SELECT count(*) FROM tutor_answers WHERE learner_id = $1 AND kind = 'cloud_model' AND at >= $2`}
)

func answerRow(a Answer) []any {
	passages, err := json.Marshal(a.Source.Passages)
	if err != nil || a.Source.Passages == nil {
		passages = []byte("[]") // a slice of strings always encodes
	}
	return []any{a.ID, string(a.QuestionID), string(a.LearnerID), string(a.SchoolID), db.Secret(a.Text), string(a.Source.Kind),
		a.Source.Provider, a.Source.Model, a.Source.Reason, string(passages), a.At}
}

func putAnswer(ctx context.Context, tx db.Tx, a Answer) (bool, error) {
	n, err := tx.Exec(ctx, insertAnswer, answerRow(a)...)
	return n > 0, err
}

func scanAnswer(r db.Rows) (a Answer, err error) {
	var passages string
	err = r.Scan(&a.ID, &a.QuestionID, &a.LearnerID, &a.SchoolID, (*db.Secret)(&a.Text), &a.Source.Kind,
		&a.Source.Provider, &a.Source.Model, &a.Source.Reason, &passages, &a.At)
	if err != nil || passages == "[]" {
		return a, err
	}
	if err := json.Unmarshal([]byte(passages), &a.Source.Passages); err != nil {
		return a, fmt.Errorf("passages of answer %s: %w", a.ID, err)
	}
	return a, nil
}

func getAnswer(ctx context.Context, tx db.Tx, id string) (Answer, error) {
	rows, err := tx.Query(ctx, selectAnswer, id)
	return db.One(rows, err, scanAnswer)
}

func answersOf(ctx context.Context, tx db.Tx, q QuestionID) ([]Answer, error) {
	rows, err := tx.Query(ctx, listAnswers, string(q))
	return db.Collect(rows, err, scanAnswer)
}

func hostedSince(ctx context.Context, tx db.Tx, learner identity.AccountID, since time.Time) (int64, error) {
	rows, err := tx.Query(ctx, countHosted, string(learner), since)
	return db.One(rows, err, db.Scalar[int64])
}

var (
	insertAlert = db.SQL{Both: `
		INSERT INTO tutor_alerts (id, learner_id, school_id, category, severity, at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`}
	selectAlert           = db.SQL{Both: `SELECT id, learner_id, school_id, category, severity, at FROM tutor_alerts WHERE id = $1`}
	listAlerts            = alertsWhere(`SELECT id, learner_id, school_id, category, severity, at FROM tutor_alerts a`, ` ORDER BY at DESC, id DESC LIMIT $3 OFFSET $4`)
	countAlerts           = alertsWhere(`SELECT count(*) FROM tutor_alerts a`, ``)
	countOpen             = alertsWhere(`SELECT count(*) FROM tutor_alerts a`, ` AND NOT EXISTS (SELECT 1 FROM tutor_acknowledgements k WHERE k.alert_id = a.id)`)
	insertAcknowledgement = db.SQL{Both: `
		INSERT INTO tutor_acknowledgements (id, alert_id, learner_id, school_id, account_id, at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`}
	selectAcknowledgement = db.SQL{Both: `
		SELECT id, alert_id, learner_id, school_id, account_id, at FROM tutor_acknowledgements WHERE id = $1`}
	listAcknowledgements = db.SQL{Both: `
		SELECT id, alert_id, learner_id, school_id, account_id, at FROM tutor_acknowledgements
		WHERE alert_id = $1 ORDER BY at, id`}
)

// alertsWhere is a query for the alerts of the school $1 and those whose ids
// stand in the JSON list $2.
func alertsWhere(sel, rest string) db.SQL {
	return db.SQL{
		Postgres: sel + ` WHERE (a.school_id = $1 OR a.id IN (SELECT jsonb_array_elements_text($2::jsonb)::uuid))` + rest,
		SQLite:   sel + ` WHERE (a.school_id = $1 OR a.id IN (SELECT value FROM json_each($2)))` + rest,
	}
}

func alertRow(a Alert) []any {
	return []any{a.ID, string(a.LearnerID), string(a.SchoolID), db.Secret(a.Category), string(a.Severity), a.At}
}

func putAlert(ctx context.Context, tx db.Tx, a Alert) (bool, error) {
	n, err := tx.Exec(ctx, insertAlert, alertRow(a)...)
	return n > 0, err
}

func scanAlert(r db.Rows) (a Alert, err error) {
	return a, r.Scan(&a.ID, &a.LearnerID, &a.SchoolID, (*db.Secret)(&a.Category), &a.Severity, &a.At)
}

func getAlert(ctx context.Context, tx db.Tx, id string) (Alert, error) {
	rows, err := tx.Query(ctx, selectAlert, id)
	return db.One(rows, err, scanAlert)
}

func acknowledgementRow(a Acknowledgement) []any {
	return []any{a.ID, a.AlertID, string(a.LearnerID), string(a.SchoolID), string(a.AccountID), a.At}
}

func putAcknowledgement(ctx context.Context, tx db.Tx, a Acknowledgement) (bool, error) {
	n, err := tx.Exec(ctx, insertAcknowledgement, acknowledgementRow(a)...)
	return n > 0, err
}

func scanAcknowledgement(r db.Rows) (a Acknowledgement, err error) {
	return a, r.Scan(&a.ID, &a.AlertID, &a.LearnerID, &a.SchoolID, &a.AccountID, &a.At)
}

func getAcknowledgement(ctx context.Context, tx db.Tx, id string) (Acknowledgement, error) {
	rows, err := tx.Query(ctx, selectAcknowledgement, id)
	return db.One(rows, err, scanAcknowledgement)
}

var (
	selectProfile = db.SQL{Both: `
		SELECT learner_id, conversation_id, response_mode, reset_at, created_at FROM tutor_profiles WHERE learner_id = $1`}
	upsertProfile = db.SQL{Both: `
		INSERT INTO tutor_profiles (learner_id, conversation_id, response_mode, reset_at, created_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (learner_id) DO UPDATE SET conversation_id = excluded.conversation_id,
			response_mode = excluded.response_mode, reset_at = excluded.reset_at`}
)

func storeProfile(ctx context.Context, tx db.Tx, p Profile) error {
	_, err := tx.Exec(ctx, upsertProfile, string(p.LearnerID), p.ConversationID, string(p.Mode), p.ResetAt, p.CreatedAt)
	return err
}

func scanProfile(r db.Rows) (p Profile, err error) {
	return p, r.Scan(&p.LearnerID, &p.ConversationID, &p.Mode, &p.ResetAt, &p.CreatedAt)
}

var (
	insertJob = db.SQL{Both: `
		INSERT INTO tutor_jobs (question_id, learner_id, origin, state, created_at, next_at)
		VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (question_id) DO NOTHING`}
	// Two answerers may share the cloud's database; an appliance has one writer.
	claimJobs = db.SQL{
		Postgres: `
		UPDATE tutor_jobs SET claimed_until = $2 WHERE question_id IN (
			SELECT question_id FROM tutor_jobs
			WHERE state = 'pending' AND next_at <= $1 AND (claimed_until IS NULL OR claimed_until < $1)
			ORDER BY next_at, question_id LIMIT $3 FOR UPDATE SKIP LOCKED)
		RETURNING question_id, learner_id, origin, state, reason, attempts, created_at, next_at`,
		SQLite: `
		UPDATE tutor_jobs SET claimed_until = $2 WHERE question_id IN (
			SELECT question_id FROM tutor_jobs
			WHERE state = 'pending' AND next_at <= $1 AND (claimed_until IS NULL OR claimed_until < $1)
			ORDER BY next_at, question_id LIMIT $3)
		RETURNING question_id, learner_id, origin, state, reason, attempts, created_at, next_at`,
	}
	updateJob = db.SQL{Both: `
		UPDATE tutor_jobs SET state = $2, reason = $3, attempts = $4, next_at = $5, claimed_until = NULL WHERE question_id = $1`}
	finishForwarded = db.SQL{Both: `
		UPDATE tutor_jobs SET state = $2, reason = $3 WHERE question_id = $1 AND state = 'forwarded'`}
	listWaiting = db.SQL{Both: `
		SELECT question_id FROM tutor_jobs WHERE learner_id = $1 AND state IN ('forwarded', 'pending')`}
)

func addJob(ctx context.Context, tx db.Tx, q Question, from origin, state JobState, at time.Time) error {
	_, err := tx.Exec(ctx, insertJob, string(q.ID), string(q.LearnerID), string(from), string(state), at)
	return err
}

func claim(ctx context.Context, tx db.Tx, now time.Time) ([]job, error) {
	rows, err := tx.Query(ctx, claimJobs, now, now.Add(claimFor), claimAtOnce)
	return db.Collect(rows, err, scanJob)
}

func storeJob(ctx context.Context, tx db.Tx, j job) error {
	_, err := tx.Exec(ctx, updateJob, string(j.question), string(j.state), j.reason, j.attempts, j.nextAt)
	return err
}

func scanJob(r db.Rows) (j job, err error) {
	return j, r.Scan(&j.question, &j.learner, &j.origin, &j.state, &j.reason, &j.attempts, &j.createdAt, &j.nextAt)
}

// waitingOf is the set of the learner's questions that may get a better answer.
func waitingOf(ctx context.Context, tx db.Tx, learner identity.AccountID) (map[QuestionID]bool, error) {
	rows, err := tx.Query(ctx, listWaiting, string(learner))
	ids, err := db.Collect(rows, err, db.Scalar[QuestionID])
	out := make(map[QuestionID]bool, len(ids))
	for _, q := range ids {
		out[q] = true
	}
	return out, err
}

// reach is which alerts an actor sees: her school's, and those that climbed to her.
type reach struct {
	school  identity.SchoolID
	climbed []string
}

func alertPage(ctx context.Context, tx db.Tx, of reach, skip, limit int) (page AlertPage, err error) {
	climbed := []byte("[]")
	if len(of.climbed) > 0 {
		if climbed, err = json.Marshal(of.climbed); err != nil {
			return page, err
		}
	}
	rows, err := tx.Query(ctx, listAlerts, string(of.school), string(climbed), limit, skip)
	alerts, err := db.Collect(rows, err, scanAlert)
	if err != nil {
		return page, err
	}
	for _, a := range alerts {
		rows, err := tx.Query(ctx, listAcknowledgements, a.ID)
		acks, err := db.Collect(rows, err, scanAcknowledgement)
		if err != nil {
			return page, err
		}
		page.Alerts = append(page.Alerts, AlertView{Alert: a, Acknowledgements: acks})
	}
	rows, err = tx.Query(ctx, countAlerts, string(of.school), string(climbed))
	if page.Total, err = db.One(rows, err, db.Scalar[int64]); err != nil {
		return page, err
	}
	rows, err = tx.Query(ctx, countOpen, string(of.school), string(climbed))
	page.Open, err = db.One(rows, err, db.Scalar[int64])
	return page, err
}

func storeOriginal(ctx context.Context, tx db.Tx, q QuestionID, text string) error {
	_, err := tx.Exec(ctx, insertOriginal, string(q), db.Secret(text))
	return err
}

// What a school and the cloud hold in common, a page at a time: questions that
// went to the cloud, which both remember by their job, and what the cloud
// answered. A child's other questions stay where they were asked.
var (
	pageQuestions = db.SQL{
		Postgres: pageQuestionsFrom + `'arrived')` + pageOrder,
		SQLite:   pageQuestionsFrom + `'here')` + pageOrder,
	}
	pageAnswers = db.SQL{
		Postgres: pageAnswersFrom + `'arrived')` + pageOrder,
		SQLite:   pageAnswersFrom + `'here')` + pageOrder,
	}
	pageAlerts = db.SQL{Both: `
		SELECT id, learner_id, school_id, category, severity, at FROM tutor_alerts WHERE learner_id = $1 AND id > $2` + pageOrder}
	pageAcknowledgements = db.SQL{Both: `
		SELECT id, alert_id, learner_id, school_id, account_id, at FROM tutor_acknowledgements WHERE learner_id = $1 AND id > $2` + pageOrder}
)

const (
	pageQuestionsFrom = `
		SELECT id, conversation_id, learner_id, school_id, text, language, course_id, asked_at FROM tutor_questions q
		WHERE learner_id = $1 AND id > $2 AND EXISTS (SELECT 1 FROM tutor_jobs j WHERE j.question_id = q.id AND j.origin = `
	pageAnswersFrom = `
		SELECT id, question_id, learner_id, school_id, text, kind, provider, model, reason, passages, at FROM tutor_answers a
		WHERE learner_id = $1 AND id > $2 AND (kind IN ('cloud_model', 'safety') OR provider = 'cloud')
			AND EXISTS (SELECT 1 FROM tutor_jobs j WHERE j.question_id = a.question_id AND j.origin = `
	pageOrder = ` ORDER BY id LIMIT $3`
)

// Sealed are the columns that lie sealed.
func Sealed() []db.SealedColumn {
	return []db.SealedColumn{{Table: "tutor_questions", Column: "text"}, {Table: "tutor_originals", Column: "text"}, {Table: "tutor_answers", Column: "text"},
		{Table: "tutor_alerts", Column: "category"}}
}
