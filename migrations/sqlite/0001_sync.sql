-- +goose Up
-- What both sides keep of the conversation: see shared/syncer.

CREATE TABLE outbox_heads (
	school TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	lane INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	chain BLOB NOT NULL,
	hlc INTEGER NOT NULL,
	acked_seq INTEGER NOT NULL DEFAULT 0,
	backed_seq INTEGER NOT NULL DEFAULT 0,
	acked_at TIMESTAMP,
	PRIMARY KEY (school, epoch, lane)
);

CREATE TABLE outbox (
	school TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	lane INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	type TEXT NOT NULL,
	version INTEGER NOT NULL,
	entity TEXT NOT NULL,
	hlc INTEGER NOT NULL,
	deps TEXT,
	body BLOB NOT NULL,
	hash BLOB NOT NULL,
	chain BLOB NOT NULL,
	created_at TIMESTAMP NOT NULL,
	PRIMARY KEY (school, epoch, lane, seq)
);

-- When a position was applied at the other side, about one row an hour: rows of
-- the outbox are kept for 30 days from then.
CREATE TABLE outbox_applied (
	school TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	lane INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	at TIMESTAMP NOT NULL,
	PRIMARY KEY (school, epoch, lane, seq)
);

CREATE TABLE watermarks (
	school TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	lane INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	chain BLOB NOT NULL,
	applied_at TIMESTAMP NOT NULL,
	PRIMARY KEY (school, epoch, lane)
);

-- The end of each applied frame, to find the last common point after a fork.
CREATE TABLE frame_history (
	school TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	lane INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	chain BLOB NOT NULL,
	PRIMARY KEY (school, epoch, lane, seq)
);

-- Versions of last-writer records: which clock won, and the winning body.
CREATE TABLE entity_versions (
	type TEXT NOT NULL,
	entity TEXT NOT NULL,
	hlc INTEGER NOT NULL,
	version INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (type, entity)
);

CREATE TABLE dead_letters (
	id TEXT PRIMARY KEY,
	school TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	lane INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	type TEXT NOT NULL,
	version INTEGER NOT NULL,
	entity TEXT NOT NULL,
	hlc INTEGER NOT NULL,
	body BLOB NOT NULL,
	kind TEXT NOT NULL, -- poison | parked | unknown | audience
	reason TEXT NOT NULL,
	state TEXT NOT NULL DEFAULT 'open', -- open | replayed
	at TIMESTAMP NOT NULL
);
CREATE INDEX dead_letters_entity ON dead_letters (school, type, entity) WHERE state = 'open';

CREATE TABLE conflict_log (
	id TEXT PRIMARY KEY,
	school TEXT NOT NULL,
	type TEXT NOT NULL,
	entity TEXT NOT NULL,
	hlc INTEGER NOT NULL,
	body BLOB NOT NULL, -- the losing side
	at TIMESTAMP NOT NULL
);

-- What the other side last said of itself: one row per conversation.
CREATE TABLE peer_states (
	school TEXT PRIMARY KEY,
	epoch INTEGER NOT NULL,
	appliance TEXT NOT NULL,
	software TEXT NOT NULL,
	carrier TEXT NOT NULL,
	timeline TEXT NOT NULL,
	head BLOB NOT NULL, -- the marks of its own log
	clock_offset_ms INTEGER NOT NULL,
	seen_at TIMESTAMP NOT NULL,
	caught_up_at TIMESTAMP
);

-- Small facts about this node: epoch, timeline, appliance, keys it made.
CREATE TABLE node_state (
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
