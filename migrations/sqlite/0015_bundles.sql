-- +goose Up
-- Bundles that were written or read here: see shared/syncer/bundle. A parked
-- one's file is kept below the data directory until what it waits for came.

CREATE TABLE bundles (
	id TEXT NOT NULL,
	way TEXT NOT NULL, -- out | in
	school TEXT NOT NULL,
	state TEXT NOT NULL, -- out: written; in: the states of shared/syncer/bundle, or refused
	size INTEGER NOT NULL,
	result TEXT NOT NULL, -- JSON: what it brought, or holds
	made_at TIMESTAMP NOT NULL, -- by its writer's clock
	at TIMESTAMP NOT NULL,
	PRIMARY KEY (id, way)
);
CREATE INDEX bundles_at ON bundles (way, at);
