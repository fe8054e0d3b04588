-- +goose Up
-- What both sides know of payments: see shared/payments.

CREATE TABLE payment_intents (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	learner_id TEXT NOT NULL,
	course_id TEXT NOT NULL,
	payer_phone TEXT NOT NULL,
	amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
	currency TEXT NOT NULL,
	edition INTEGER NOT NULL,
	reference TEXT NOT NULL UNIQUE,
	created_by TEXT NOT NULL,
	created_at TIMESTAMP NOT NULL,
	expires_at TIMESTAMP NOT NULL,
	signature BLOB NOT NULL -- empty: made at the cloud
);
CREATE INDEX payment_intents_learner ON payment_intents (learner_id, course_id, created_at);
CREATE INDEX payment_intents_school ON payment_intents (school_id, created_at);
CREATE INDEX payment_intents_phone ON payment_intents (payer_phone, created_at);

CREATE TABLE payment_outcomes (
	intent_id TEXT PRIMARY KEY,
	learner_id TEXT NOT NULL,
	state TEXT NOT NULL,
	reason TEXT NOT NULL,
	receipt TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	rev INTEGER NOT NULL,
	at TIMESTAMP NOT NULL
);

CREATE TABLE entitlements (
	id TEXT PRIMARY KEY, -- derived from learner and course
	learner_id TEXT NOT NULL,
	course_id TEXT NOT NULL,
	source TEXT NOT NULL, -- purchase
	intent_id TEXT NOT NULL,
	active BOOLEAN NOT NULL,
	rev INTEGER NOT NULL,
	at TIMESTAMP NOT NULL,
	UNIQUE (learner_id, course_id)
);
