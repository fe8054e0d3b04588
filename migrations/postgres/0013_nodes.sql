-- +goose Up
-- Boxes that lost their school's place, what an admin decided, and what was
-- only on a box that was replaced.

-- An epoch beside the school's: a box delivers in it what it still has.
ALTER TABLE epoch_history ADD COLUMN side boolean NOT NULL DEFAULT false;
CREATE INDEX epoch_history_nonce ON epoch_history (school_id, appliance_id, nonce);

-- A question for an epoch that was not answered with one. Clones have the same
-- keys: the nonce that a box stores before it asks tells them apart.
CREATE TABLE held_boxes (
	id uuid PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	appliance_id text COLLATE "C" NOT NULL,
	nonce text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('quarantined', 'replaced')),
	from_epoch bigint NOT NULL,
	reason text NOT NULL,
	waiting bigint NOT NULL, -- records it says the cloud has not confirmed
	oldest_at timestamptz,
	state text COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'take_in', 'activate', 'delivering', 'retired', 'activated')),
	epoch bigint NOT NULL DEFAULT 0, -- what it was given
	told bigint NOT NULL DEFAULT 0, -- records it has in that epoch
	delivered bigint NOT NULL DEFAULT 0, -- of those, applied here
	asked_at timestamptz NOT NULL,
	last_asked_at timestamptz NOT NULL,
	decided_at timestamptz,
	decided_by text COLLATE "C",
	delivered_at timestamptz,
	UNIQUE (school_id, appliance_id, nonce)
);
CREATE INDEX held_boxes_epoch ON held_boxes (school_id, epoch);

-- A box that was replaced by another one. What it last said of itself is kept:
-- with the watermarks of its epoch it tells what was only on it.
CREATE TABLE replacements (
	id uuid PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	reason text NOT NULL,
	created_by text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	code_hash bytea, -- the claim code of the spare
	claimed_at timestamptz,
	old_appliance text COLLATE "C" NOT NULL DEFAULT '',
	new_appliance text COLLATE "C" NOT NULL DEFAULT '',
	old_epoch bigint NOT NULL DEFAULT 0,
	old_head bytea, -- its marks at its last hello
	heard_at timestamptz,
	oldest_at timestamptz
);
CREATE INDEX replacements_school ON replacements (school_id, created_at);
