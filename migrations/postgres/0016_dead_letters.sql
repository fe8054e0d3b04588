-- +goose Up
-- Records kept aside: who looked, who decided, what they wait for; and lanes
-- that take nothing more until somebody has looked. See shared/syncer.

ALTER TABLE dead_letters
	ADD COLUMN deps text,
	ADD COLUMN waits_for text COLLATE "C" NOT NULL DEFAULT '', -- the id of the record that is missing, of kind waiting
	ADD COLUMN fixed_body bytea, -- what was stored instead of body
	ADD COLUMN opened_by text COLLATE "C", -- who last looked at the body
	ADD COLUMN opened_at timestamptz,
	ADD COLUMN decided_by text COLLATE "C",
	ADD COLUMN decided_at timestamptz,
	ADD COLUMN decision text; -- why; state is open, replayed or discarded
CREATE INDEX dead_letters_state ON dead_letters (state, id);

CREATE TABLE lane_holds (
	school text COLLATE "C" NOT NULL,
	lane smallint NOT NULL,
	paused_at timestamptz, -- NULL: not paused
	dead bigint NOT NULL, -- poison when it was paused
	-- What an admin has seen and let pass: only what comes after counts.
	passed_dead bigint NOT NULL DEFAULT 0,
	passed_waiting bigint NOT NULL DEFAULT 0,
	passed_epoch bigint NOT NULL DEFAULT 0,
	passed_seq bigint NOT NULL DEFAULT 0,
	resumed_by text COLLATE "C",
	resumed_at timestamptz,
	PRIMARY KEY (school, lane)
);
