-- +goose Up
-- Questions, answers and safeguarding alerts: see shared/tutor.

CREATE TABLE tutor_questions (
	id uuid PRIMARY KEY,
	conversation_id uuid NOT NULL,
	learner_id uuid NOT NULL,
	school_id text COLLATE "C" NOT NULL, -- empty for a learner without a school
	text text NOT NULL,
	language text COLLATE "C" NOT NULL,
	course_id text COLLATE "C" NOT NULL, -- the course that was open, or empty
	asked_at timestamptz NOT NULL
);
CREATE INDEX tutor_questions_learner ON tutor_questions (learner_id, asked_at);

CREATE TABLE tutor_answers (
	id uuid PRIMARY KEY,
	question_id uuid NOT NULL,
	learner_id uuid NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	text text NOT NULL,
	kind text COLLATE "C" NOT NULL, -- lesson_passages | local_model | cloud_model | safety | none
	provider text COLLATE "C" NOT NULL,
	model text COLLATE "C" NOT NULL,
	reason text COLLATE "C" NOT NULL,
	passages text NOT NULL, -- JSON array
	at timestamptz NOT NULL
);
CREATE INDEX tutor_answers_question ON tutor_answers (question_id);
CREATE INDEX tutor_answers_learner ON tutor_answers (learner_id, at);

-- What the learner wrote, where names were stripped from it for the journey;
-- stays on this node.
CREATE TABLE tutor_originals (
	question_id uuid PRIMARY KEY,
	text text NOT NULL
);

-- Never carries what the learner wrote.
CREATE TABLE tutor_alerts (
	id uuid PRIMARY KEY,
	learner_id uuid NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	category text COLLATE "C" NOT NULL,
	severity text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX tutor_alerts_school ON tutor_alerts (school_id, at);

CREATE TABLE tutor_acknowledgements (
	id uuid PRIMARY KEY,
	alert_id uuid NOT NULL,
	learner_id uuid NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	account_id uuid NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX tutor_acknowledgements_alert ON tutor_acknowledgements (alert_id);

-- This node's work on questions that wait for a hosted model; does not travel.
CREATE TABLE tutor_jobs (
	question_id uuid PRIMARY KEY,
	learner_id uuid NOT NULL,
	origin text COLLATE "C" NOT NULL, -- here | arrived
	state text COLLATE "C" NOT NULL, -- forwarded | pending | done | refused | failed
	reason text COLLATE "C" NOT NULL DEFAULT '',
	attempts bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL,
	next_at timestamptz NOT NULL,
	claimed_until timestamptz
);
CREATE INDEX tutor_jobs_due ON tutor_jobs (next_at) WHERE state = 'pending';

-- A learner's settings on this node; they do not travel.
CREATE TABLE tutor_profiles (
	learner_id uuid PRIMARY KEY,
	conversation_id uuid NOT NULL,
	response_mode text COLLATE "C" NOT NULL,
	reset_at timestamptz,
	created_at timestamptz NOT NULL
);
