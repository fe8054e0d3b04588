-- +goose Up
-- What both sides keep of the conversation: see shared/syncer.

CREATE TABLE outbox_heads (
	school text COLLATE "C" NOT NULL,
	epoch bigint NOT NULL,
	lane smallint NOT NULL,
	seq bigint NOT NULL,
	chain bytea NOT NULL,
	hlc bigint NOT NULL,
	acked_seq bigint NOT NULL DEFAULT 0,
	backed_seq bigint NOT NULL DEFAULT 0,
	acked_at timestamptz,
	PRIMARY KEY (school, epoch, lane)
);

CREATE TABLE outbox (
	school text COLLATE "C" NOT NULL,
	epoch bigint NOT NULL,
	lane smallint NOT NULL,
	seq bigint NOT NULL,
	type text COLLATE "C" NOT NULL,
	version bigint NOT NULL,
	entity text COLLATE "C" NOT NULL,
	hlc bigint NOT NULL,
	deps text,
	body bytea NOT NULL,
	hash bytea NOT NULL,
	chain bytea NOT NULL,
	created_at timestamptz NOT NULL,
	PRIMARY KEY (school, epoch, lane, seq)
);

-- When a position was applied at the other side, about one row an hour: rows of
-- the outbox are kept for 30 days from then.
CREATE TABLE outbox_applied (
	school text COLLATE "C" NOT NULL,
	epoch bigint NOT NULL,
	lane smallint NOT NULL,
	seq bigint NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (school, epoch, lane, seq)
);

CREATE TABLE watermarks (
	school text COLLATE "C" NOT NULL,
	epoch bigint NOT NULL,
	lane smallint NOT NULL,
	seq bigint NOT NULL,
	chain bytea NOT NULL,
	applied_at timestamptz NOT NULL,
	PRIMARY KEY (school, epoch, lane)
);

-- The end of each applied frame, to find the last common point after a fork.
CREATE TABLE frame_history (
	school text COLLATE "C" NOT NULL,
	epoch bigint NOT NULL,
	lane smallint NOT NULL,
	seq bigint NOT NULL,
	chain bytea NOT NULL,
	PRIMARY KEY (school, epoch, lane, seq)
);

-- Versions of last-writer records: which clock won, and the winning body.
CREATE TABLE entity_versions (
	type text COLLATE "C" NOT NULL,
	entity text COLLATE "C" NOT NULL,
	hlc bigint NOT NULL,
	version bigint NOT NULL,
	body bytea NOT NULL,
	PRIMARY KEY (type, entity)
);

CREATE TABLE dead_letters (
	id uuid PRIMARY KEY,
	school text COLLATE "C" NOT NULL,
	epoch bigint NOT NULL,
	lane smallint NOT NULL,
	seq bigint NOT NULL,
	type text COLLATE "C" NOT NULL,
	version bigint NOT NULL,
	entity text COLLATE "C" NOT NULL,
	hlc bigint NOT NULL,
	body bytea NOT NULL,
	kind text COLLATE "C" NOT NULL, -- poison | parked | unknown | audience
	reason text NOT NULL,
	state text COLLATE "C" NOT NULL DEFAULT 'open', -- open | replayed
	at timestamptz NOT NULL
);
CREATE INDEX dead_letters_entity ON dead_letters (school, type, entity) WHERE state = 'open';

CREATE TABLE conflict_log (
	id uuid PRIMARY KEY,
	school text COLLATE "C" NOT NULL,
	type text COLLATE "C" NOT NULL,
	entity text COLLATE "C" NOT NULL,
	hlc bigint NOT NULL,
	body bytea NOT NULL, -- the losing side
	at timestamptz NOT NULL
);

-- What the other side last said of itself: one row per conversation.
CREATE TABLE peer_states (
	school text COLLATE "C" PRIMARY KEY,
	epoch bigint NOT NULL,
	appliance text COLLATE "C" NOT NULL,
	software text NOT NULL,
	carrier text NOT NULL,
	timeline text NOT NULL,
	head bytea NOT NULL, -- the marks of its own log
	clock_offset_ms bigint NOT NULL,
	seen_at timestamptz NOT NULL,
	caught_up_at timestamptz
);

-- Small facts about this node: epoch, timeline, appliance, keys it made.
CREATE TABLE node_state (
	key text COLLATE "C" PRIMARY KEY,
	value text NOT NULL
);
