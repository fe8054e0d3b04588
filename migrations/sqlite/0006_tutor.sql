-- +goose Up
-- Questions, answers and safeguarding alerts: see shared/tutor.

CREATE TABLE tutor_questions (
	id TEXT PRIMARY KEY,
	conversation_id TEXT NOT NULL,
	learner_id TEXT NOT NULL,
	school_id TEXT NOT NULL, -- empty for a learner without a school
	text TEXT NOT NULL,
	language TEXT NOT NULL,
	course_id TEXT NOT NULL, -- the course that was open, or empty
	asked_at TIMESTAMP NOT NULL
);
CREATE INDEX tutor_questions_learner ON tutor_questions (learner_id, asked_at);

CREATE TABLE tutor_answers (
	id TEXT PRIMARY KEY,
	question_id TEXT NOT NULL,
	learner_id TEXT NOT NULL,
	school_id TEXT NOT NULL,
	text TEXT NOT NULL,
	kind TEXT NOT NULL, -- lesson_passages | local_model | cloud_model | safety | none
	provider TEXT NOT NULL,
	model TEXT NOT NULL,
	reason TEXT NOT NULL,
	passages TEXT NOT NULL, -- JSON array
	at TIMESTAMP NOT NULL
);
CREATE INDEX tutor_answers_question ON tutor_answers (question_id);
CREATE INDEX tutor_answers_learner ON tutor_answers (learner_id, at);

-- What the learner wrote, where names were stripped from it for the journey;
-- stays on this node.
CREATE TABLE tutor_originals (
	question_id TEXT PRIMARY KEY,
	text TEXT NOT NULL
);

-- Never carries what the learner wrote.
CREATE TABLE tutor_alerts (
	id TEXT PRIMARY KEY,
	learner_id TEXT NOT NULL,
	school_id TEXT NOT NULL,
	category TEXT NOT NULL,
	severity TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX tutor_alerts_school ON tutor_alerts (school_id, at);

CREATE TABLE tutor_acknowledgements (
	id TEXT PRIMARY KEY,
	alert_id TEXT NOT NULL,
	learner_id TEXT NOT NULL,
	school_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX tutor_acknowledgements_alert ON tutor_acknowledgements (alert_id);

-- This node's work on questions that wait for a hosted model; does not travel.
CREATE TABLE tutor_jobs (
	question_id TEXT PRIMARY KEY,
	learner_id TEXT NOT NULL,
	origin TEXT NOT NULL, -- here | arrived
	state TEXT NOT NULL, -- forwarded | pending | done | refused | failed
	reason TEXT NOT NULL DEFAULT '',
	attempts INTEGER NOT NULL DEFAULT 0,
	created_at TIMESTAMP NOT NULL,
	next_at TIMESTAMP NOT NULL,
	claimed_until TIMESTAMP
);
CREATE INDEX tutor_jobs_due ON tutor_jobs (next_at) WHERE state = 'pending';

-- A learner's settings on this node; they do not travel.
CREATE TABLE tutor_profiles (
	learner_id TEXT PRIMARY KEY,
	conversation_id TEXT NOT NULL,
	response_mode TEXT NOT NULL,
	reset_at TIMESTAMP,
	created_at TIMESTAMP NOT NULL
);
