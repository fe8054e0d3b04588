-- +goose Up
-- Bundles that were written or read here: see shared/syncer/bundle. A parked
-- one's file is kept below the data directory until what it waits for came.

CREATE TABLE bundles (
	id text COLLATE "C" NOT NULL,
	way text COLLATE "C" NOT NULL, -- out | in
	school text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL, -- out: written; in: the states of shared/syncer/bundle, or refused
	size bigint NOT NULL,
	result text NOT NULL, -- JSON: what it brought, or holds
	made_at timestamptz NOT NULL, -- by its writer's clock
	at timestamptz NOT NULL,
	PRIMARY KEY (id, way)
);
CREATE INDEX bundles_at ON bundles (way, at);
CREATE INDEX bundles_school ON bundles (school, at);
