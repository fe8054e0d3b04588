-- +goose Up
-- Children's data: what guardians allow and what a learner shows (shared/consent),
-- and at the cloud who was asked and who was told (cloud/internal/privacy).

-- SHA-256 of the picture of the signed form; empty when there is none.
ALTER TABLE consents ADD COLUMN photo TEXT NOT NULL DEFAULT '';

-- Pictures of signed forms, re-encoded here. They stay on the node that took them.
CREATE TABLE consent_photos (
	hash TEXT PRIMARY KEY,
	learner_id TEXT NOT NULL,
	image BLOB NOT NULL, -- JPEG
	by_id TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX consent_photos_learner ON consent_photos (learner_id);

-- What a learner shows of herself; without a row, the shy defaults.
CREATE TABLE privacy_settings (
	id TEXT PRIMARY KEY,
	learner_id TEXT NOT NULL UNIQUE,
	profile_visibility TEXT NOT NULL, -- private | class | school
	show_online_status BOOLEAN NOT NULL,
	show_achievements BOOLEAN NOT NULL,
	show_streak BOOLEAN NOT NULL,
	allow_friend_requests BOOLEAN NOT NULL,
	allow_study_group_invites BOOLEAN NOT NULL,
	updated_at TIMESTAMP NOT NULL
);
