-- +goose Up
-- Children's data: see shared/consent (what guardians allow, what a learner shows)
-- and shared/privacy (who is erased, what was kept for how long, who was told).

-- SHA-256 of the picture of the signed form; empty when there is none.
ALTER TABLE consents ADD COLUMN photo text COLLATE "C" NOT NULL DEFAULT '';

-- Pictures of signed forms, re-encoded here. They stay on the node that took them.
CREATE TABLE consent_photos (
	hash text COLLATE "C" PRIMARY KEY,
	learner_id text COLLATE "C" NOT NULL,
	image bytea NOT NULL, -- JPEG
	by_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX consent_photos_learner ON consent_photos (learner_id);

-- What a learner shows of herself; without a row, the shy defaults.
CREATE TABLE privacy_settings (
	id text COLLATE "C" PRIMARY KEY,
	learner_id text COLLATE "C" NOT NULL UNIQUE,
	profile_visibility text COLLATE "C" NOT NULL, -- private | class | school
	show_online_status boolean NOT NULL,
	show_achievements boolean NOT NULL,
	show_streak boolean NOT NULL,
	allow_friend_requests boolean NOT NULL,
	allow_study_group_invites boolean NOT NULL,
	updated_at timestamptz NOT NULL
);

-- People who are erased: one row for each school that knew them, and one without
-- a school for the cloud itself. Kept for ever, so that nothing brings them back.
CREATE TABLE erasures (
	id text COLLATE "C" PRIMARY KEY,
	account_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX erasures_account ON erasures (account_id);
CREATE INDEX erasures_school ON erasures (school_id, id);

-- What a node did about it: how many rows of which table.
CREATE TABLE erasure_receipts (
	id text COLLATE "C" PRIMARY KEY,
	erasure_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	node text COLLATE "C" NOT NULL, -- cloud, or box
	counts text NOT NULL, -- JSON, by table
	at timestamptz NOT NULL
);
CREATE INDEX erasure_receipts_erasure ON erasure_receipts (erasure_id);
CREATE INDEX erasure_receipts_school ON erasure_receipts (school_id, id);

-- Who was told of an alert that nobody took up; of this node alone.
CREATE TABLE alert_steps (
	alert_id text COLLATE "C" NOT NULL,
	step text COLLATE "C" NOT NULL, -- named_adult | head | office
	told bigint NOT NULL, -- how many people
	at timestamptz NOT NULL,
	PRIMARY KEY (alert_id, step)
);

-- What the retention periods took away, on this node.
CREATE TABLE retention_runs (
	id text COLLATE "C" PRIMARY KEY,
	rule text COLLATE "C" NOT NULL,
	cutoff timestamptz NOT NULL,
	removed bigint NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX retention_runs_at ON retention_runs (at);

-- From here on: the cloud's alone.

-- What a parent lets be done beyond her children's school work; without a row, no.
CREATE TABLE parent_settings (
	account_id text COLLATE "C" PRIMARY KEY,
	share_progress_with_school boolean NOT NULL,
	allow_anonymized_analytics boolean NOT NULL,
	email_marketing boolean NOT NULL,
	updated_at timestamptz NOT NULL
);

-- Questions for consent that went to guardians' phones. The code stands in the
-- message, and is typed back with YES, NO or STOP; also long after.
CREATE TABLE consent_questions (
	id text COLLATE "C" PRIMARY KEY,
	learner_id text COLLATE "C" NOT NULL,
	guardian_id text COLLATE "C" NOT NULL, -- of guardians
	purpose text COLLATE "C" NOT NULL,
	text_version text COLLATE "C" NOT NULL,
	phone text COLLATE "C" NOT NULL,
	code text COLLATE "C" NOT NULL,
	asked_by text COLLATE "C" NOT NULL,
	asked_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	answer text COLLATE "C" NOT NULL, -- '' | yes | no | stop
	answered_at timestamptz
);
CREATE UNIQUE INDEX consent_questions_code ON consent_questions (phone, code);
CREATE INDEX consent_questions_learner ON consent_questions (learner_id, asked_at);

-- Wishes to get everything, or to be erased. file is emptied when it expires.
CREATE TABLE privacy_requests (
	id text COLLATE "C" PRIMARY KEY,
	kind text COLLATE "C" NOT NULL, -- export | erasure
	subject_id text COLLATE "C" NOT NULL,
	asked_by text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL, -- waiting | ready | expired | refused | done
	file bytea,
	size bigint NOT NULL,
	created_at timestamptz NOT NULL,
	ready_at timestamptz,
	expires_at timestamptz
);
CREATE INDEX privacy_requests_subject ON privacy_requests (subject_id, created_at);
CREATE INDEX privacy_requests_state ON privacy_requests (state, expires_at);
