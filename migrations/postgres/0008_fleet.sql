-- +goose Up
-- Boxes and how they were let in; only the cloud has these.

CREATE TABLE claim_codes (
	code_hash bytea PRIMARY KEY, -- SHA-256 of the code; the code itself is shown once
	school_id uuid NOT NULL,
	created_by uuid NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	used_at timestamptz
);

CREATE TABLE appliances (
	id uuid PRIMARY KEY,
	school_id uuid NOT NULL,
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
	school_id uuid PRIMARY KEY,
	epoch bigint NOT NULL,
	appliance_id uuid NOT NULL,
	issued_at timestamptz NOT NULL
);

-- Every epoch there ever was: sealed ones still take valid frames.
CREATE TABLE epoch_history (
	school_id uuid NOT NULL,
	epoch bigint NOT NULL,
	appliance_id uuid NOT NULL,
	issued_at timestamptz NOT NULL,
	reason text NOT NULL,
	PRIMARY KEY (school_id, epoch)
);
