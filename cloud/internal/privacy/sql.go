package privacy

import (
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

const questionColumns = `id, learner_id, guardian_id, purpose, text_version, phone, code, asked_by, asked_at, expires_at, answer, answered_at`

// Questions for consent.
var (
	insertQuestion = db.SQL{Postgres: `INSERT INTO consent_questions (` + questionColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', NULL) ON CONFLICT (phone, code) DO NOTHING`}
	countAsked = db.SQL{Postgres: `SELECT count(*) FROM consent_questions WHERE learner_id IN ` + identity.SelvesSQL + ` AND purpose = $2 AND phone = $3 AND asked_at > $4`}
	// Of the phone, or else asked of its owner at another number that she had then.
	lockQuestion = db.SQL{Postgres: `SELECT ` + questionColumns + ` FROM consent_questions WHERE code = $2
		AND (phone = $1 OR guardian_id IN ` + ofPhone + `) ORDER BY phone = $1 DESC, asked_at DESC, id LIMIT 1 FOR UPDATE`}
	lockOpen = db.SQL{Postgres: `SELECT ` + questionColumns + ` FROM consent_questions WHERE guardian_id IN ` + ofPhone + `
		AND answer = '' AND expires_at > $2 ORDER BY asked_at DESC, id LIMIT 1 FOR UPDATE`}
	countHints       = db.SQL{Postgres: `SELECT count(*) FROM letters WHERE recipient = $1 AND template = $2 AND created_at > $3`}
	answerQuestion   = db.SQL{Postgres: `UPDATE consent_questions SET answer = $2, answered_at = $3 WHERE id = $1`}
	listQuestions    = db.SQL{Postgres: `SELECT ` + questionColumns + ` FROM consent_questions WHERE learner_id IN ` + identity.SelvesSQL + ` ORDER BY asked_at DESC, id LIMIT 100`}
	waitingQuestions = db.SQL{Postgres: `SELECT ` + questionColumns + ` FROM consent_questions
		WHERE learner_id IN ` + identity.SelvesSQL + ` AND answer = '' AND expires_at > $2 ORDER BY asked_at, id`}
	guardiansOfPhone = db.SQL{Postgres: `SELECT id FROM guardians WHERE phone = $1 AND verified AND NOT ended ORDER BY id`}
)

const ofPhone = `(SELECT id FROM guardians WHERE phone = $1 AND verified AND NOT ended)`

func questionArgs(q Question) []any {
	return []any{q.ID, string(q.Learner), q.Guardian, string(q.Purpose), q.Version, q.Phone, q.Code, string(q.AskedBy), q.AskedAt, q.ExpiresAt}
}

func scanQuestion(r db.Rows) (q Question, err error) {
	return q, r.Scan(&q.ID, &q.Learner, &q.Guardian, &q.Purpose, &q.Version, &q.Phone, &q.Code, &q.AskedBy, &q.AskedAt, &q.ExpiresAt, &q.Answer, &q.AnsweredAt)
}

// A parent's settings.
var (
	selectParent = db.SQL{Postgres: `SELECT share_progress_with_school, allow_anonymized_analytics, email_marketing FROM parent_settings WHERE account_id = $1`}
	upsertParent = db.SQL{Postgres: `INSERT INTO parent_settings (account_id, share_progress_with_school, allow_anonymized_analytics, email_marketing, updated_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id) DO UPDATE SET share_progress_with_school = excluded.share_progress_with_school,
			allow_anonymized_analytics = excluded.allow_anonymized_analytics, email_marketing = excluded.email_marketing, updated_at = excluded.updated_at`}
)

func scanParent(r db.Rows) (v ParentSettings, err error) {
	return v, r.Scan(&v.ShareProgressWithSchool, &v.AllowAnonymizedAnalytics, &v.EmailMarketing)
}

// Alerts that wait, and whom to tell. The row of the alert is locked: two clouds
// on one database tell once.
var (
	openAlerts = db.SQL{Postgres: `SELECT a.id, a.school_id, a.severity, a.at FROM tutor_alerts a
		WHERE NOT EXISTS (SELECT 1 FROM tutor_acknowledgements k WHERE k.alert_id = a.id)
			AND NOT EXISTS (SELECT 1 FROM alert_steps s WHERE s.alert_id = a.id::text AND s.step = 'office')
		ORDER BY a.at, a.id LIMIT 500`}
	selectSteps = db.SQL{Postgres: `SELECT s.step, s.told FROM alert_steps s, (SELECT id FROM tutor_alerts WHERE id::text = $1 FOR UPDATE) a WHERE s.alert_id = a.id::text`}
	insertStep  = db.SQL{Postgres: `INSERT INTO alert_steps (alert_id, step, told, at) VALUES ($1, $2, $3, $4)`}

	climbedAlerts = db.SQL{Postgres: `SELECT alert_id FROM alert_steps WHERE step = 'office' ORDER BY alert_id`}

	contactsOf      = db.SQL{Postgres: contacts + `WHERE a.id = $1 ` + reachable}
	contactsOfHeads = db.SQL{Postgres: contacts + `JOIN duties d ON d.account_id = a.id AND d.duty = 'head' AND d.active WHERE d.school_id = $1 ` + reachable}
	// Those who look after children at the cloud are its admins.
	contactsOfOffice = db.SQL{Postgres: contacts + `WHERE a.role = 'admin' ` + reachable}
)

const (
	contacts  = `SELECT coalesce(l.email, ''), coalesce(l.phone, '') FROM accounts a JOIN logins l ON l.account_id = a.id `
	reachable = `AND a.status = 'active' AND (coalesce(l.email, '') <> '' OR coalesce(l.phone, '') <> '') ORDER BY a.id`
)

func scanAlert(r db.Rows) (v alert, err error) {
	return v, r.Scan(&v.id, &v.school, &v.severity, &v.at)
}

func scanContact(r db.Rows) (v contact, err error) { return v, r.Scan(&v.email, &v.phone) }
