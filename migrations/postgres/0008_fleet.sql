-- +goose Up
-- Boxes and how they were let in; only the cloud has these.

CREATE TABLE claim_codes (
	code_hash bytea PRIMARY KEY, -- SHA-256 of the code; the code itself is shown once
	school_id text COLLATE "C" NOT NULL,
	created_by text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	used_by text COLLATE "C" -- the appliance: it may ask again when the answer was lost
);

CREATE TABLE appliances (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'replaced', 'quarantined')),
	node_key bytea NOT NULL,
	nats_user text COLLATE "C" NOT NULL,
	recipient text COLLATE "C" NOT NULL,
	software text NOT NULL,
	claimed_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX appliances_active ON appliances (school_id) WHERE status = 'active';

-- The present epoch of a school: one row, moved by compare-and-set.
CREATE TABLE school_epochs (
	school_id text COLLATE "C" PRIMARY KEY,
	epoch bigint NOT NULL,
	appliance_id text COLLATE "C" NOT NULL,
	issued_at timestamptz NOT NULL
);

-- Every epoch there ever was: sealed ones still take valid frames.
CREATE TABLE epoch_history (
	school_id text COLLATE "C" NOT NULL,
	epoch bigint NOT NULL,
	appliance_id text COLLATE "C" NOT NULL,
	issued_at timestamptz NOT NULL,
	reason text NOT NULL,
	nonce text COLLATE "C" NOT NULL, -- of the request: a repeated question gets the same answer
	PRIMARY KEY (school_id, epoch)
);
