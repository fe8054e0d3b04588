-- +goose Up
-- Children's data: see shared/consent (what guardians allow, what a learner shows)
-- and shared/privacy (who is erased, what was kept for how long, who was told).

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

-- People who are erased: one row for each school that knew them, and one without
-- a school for the cloud itself. Kept for ever, so that nothing brings them back.
CREATE TABLE erasures (
	id TEXT PRIMARY KEY,
	account_id TEXT NOT NULL,
	school_id TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX erasures_account ON erasures (account_id);
CREATE INDEX erasures_school ON erasures (school_id, id);

-- What a node did about it: how many rows of which table.
CREATE TABLE erasure_receipts (
	id TEXT PRIMARY KEY,
	erasure_id TEXT NOT NULL,
	school_id TEXT NOT NULL,
	node TEXT NOT NULL, -- cloud, or box
	counts TEXT NOT NULL, -- JSON, by table
	at TIMESTAMP NOT NULL
);
CREATE INDEX erasure_receipts_erasure ON erasure_receipts (erasure_id);
CREATE INDEX erasure_receipts_school ON erasure_receipts (school_id, id);

-- Who was told of an alert that nobody took up; of this node alone.
CREATE TABLE alert_steps (
	alert_id TEXT NOT NULL,
	step TEXT NOT NULL, -- named_adult | head | office
	told BIGINT NOT NULL, -- how many people
	at TIMESTAMP NOT NULL,
	PRIMARY KEY (alert_id, step)
);

-- What the retention periods took away, on this node.
CREATE TABLE retention_runs (
	id TEXT PRIMARY KEY,
	rule TEXT NOT NULL,
	cutoff TIMESTAMP NOT NULL,
	removed BIGINT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX retention_runs_at ON retention_runs (at);
