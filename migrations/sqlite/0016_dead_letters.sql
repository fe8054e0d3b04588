-- +goose Up
-- Records kept aside: who looked, who decided, what they wait for; and lanes
-- that take nothing more until somebody has looked. See shared/syncer.

ALTER TABLE dead_letters ADD COLUMN deps TEXT;
ALTER TABLE dead_letters ADD COLUMN waits_for TEXT NOT NULL DEFAULT ''; -- the id of the record that is missing, of kind waiting
ALTER TABLE dead_letters ADD COLUMN fixed_body BLOB; -- what was stored instead of body
ALTER TABLE dead_letters ADD COLUMN opened_by TEXT; -- who last looked at the body
ALTER TABLE dead_letters ADD COLUMN opened_at TIMESTAMP;
ALTER TABLE dead_letters ADD COLUMN decided_by TEXT;
ALTER TABLE dead_letters ADD COLUMN decided_at TIMESTAMP;
ALTER TABLE dead_letters ADD COLUMN decision TEXT; -- why; state is open, replayed or discarded
CREATE INDEX dead_letters_state ON dead_letters (state, id);

CREATE TABLE lane_holds (
	school TEXT NOT NULL,
	lane INTEGER NOT NULL,
	paused_at TIMESTAMP, -- NULL: not paused
	dead INTEGER NOT NULL, -- poison when it was paused
	-- What an admin has seen and let pass: only what comes after counts.
	passed_dead INTEGER NOT NULL DEFAULT 0,
	passed_waiting INTEGER NOT NULL DEFAULT 0,
	passed_epoch INTEGER NOT NULL DEFAULT 0,
	passed_seq INTEGER NOT NULL DEFAULT 0,
	resumed_by TEXT,
	resumed_at TIMESTAMP,
	PRIMARY KEY (school, lane)
);
