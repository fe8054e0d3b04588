-- +goose Up
-- What a box says of itself, and what happened to it.

ALTER TABLE peer_states ADD COLUMN report bytea;

-- Something an admin should know of: a fork, a restore, a repair. Facts are
-- figures and ids for the page's sentence; the sentence itself is the web app's.
CREATE TABLE incidents (
	id uuid PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL, -- '' for the cloud itself
	kind text COLLATE "C" NOT NULL,
	facts jsonb NOT NULL,
	at timestamptz NOT NULL,
	seen_at timestamptz,
	seen_by text COLLATE "C"
);
CREATE INDEX incidents_unseen ON incidents (at) WHERE seen_at IS NULL;
CREATE INDEX incidents_school ON incidents (school_id, at);
