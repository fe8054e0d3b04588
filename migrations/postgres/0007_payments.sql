-- +goose Up
-- What both sides know of payments: see shared/payments.

CREATE TABLE payment_intents (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	learner_id text COLLATE "C" NOT NULL,
	course_id text COLLATE "C" NOT NULL,
	payer_phone text COLLATE "C" NOT NULL,
	amount_minor bigint NOT NULL CHECK (amount_minor > 0),
	currency text COLLATE "C" NOT NULL,
	edition bigint NOT NULL,
	reference text COLLATE "C" NOT NULL UNIQUE,
	created_by text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	signature bytea NOT NULL -- empty: made at the cloud
);
CREATE INDEX payment_intents_learner ON payment_intents (learner_id, course_id, created_at);
CREATE INDEX payment_intents_school ON payment_intents (school_id, created_at);
CREATE INDEX payment_intents_phone ON payment_intents (payer_phone, created_at);

CREATE TABLE payment_outcomes (
	intent_id text COLLATE "C" PRIMARY KEY,
	learner_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	reason text COLLATE "C" NOT NULL,
	receipt text COLLATE "C" NOT NULL,
	amount_minor bigint NOT NULL,
	rev bigint NOT NULL,
	at timestamptz NOT NULL
);

CREATE TABLE entitlements (
	id text COLLATE "C" PRIMARY KEY, -- derived from learner and course
	learner_id text COLLATE "C" NOT NULL,
	course_id text COLLATE "C" NOT NULL,
	source text COLLATE "C" NOT NULL, -- purchase
	intent_id text COLLATE "C" NOT NULL,
	active boolean NOT NULL,
	rev bigint NOT NULL,
	at timestamptz NOT NULL,
	UNIQUE (learner_id, course_id)
);
