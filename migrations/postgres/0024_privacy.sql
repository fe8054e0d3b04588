-- +goose Up
-- Children's data: what guardians allow and what a learner shows (shared/consent),
-- and at the cloud who was asked and who was told (cloud/internal/privacy).

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

-- Who was told of an alert that nobody took up.
CREATE TABLE alert_steps (
	alert_id text COLLATE "C" NOT NULL,
	step text COLLATE "C" NOT NULL, -- named_adult | head | office
	told bigint NOT NULL, -- how many people
	at timestamptz NOT NULL,
	PRIMARY KEY (alert_id, step)
);
