-- +goose Up
-- What only the cloud keeps of money: the execution of intents and the
-- double-entry ledger: see cloud/internal/payments.

-- One row per intent that was decided on: its one execution.
CREATE TABLE payment_orders (
	intent_id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	learner_id text COLLATE "C" NOT NULL,
	course_id text COLLATE "C" NOT NULL,
	payer_phone text COLLATE "C" NOT NULL,
	amount_minor bigint NOT NULL CHECK (amount_minor > 0),
	currency text COLLATE "C" NOT NULL,
	owner text COLLATE "C" NOT NULL, -- platform, or the instructor's account
	reference text COLLATE "C" NOT NULL UNIQUE,
	learner_reference text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	reason text COLLATE "C" NOT NULL,
	receipt text COLLATE "C" NOT NULL DEFAULT '',
	rev bigint NOT NULL,
	token_hash bytea UNIQUE, -- of the secret in this execution's callback address
	asked_at timestamptz NOT NULL, -- when the payer was last known to be there
	claimed_at timestamptz, -- set before the gateway is called, once
	merchant_request text COLLATE "C" NOT NULL DEFAULT '',
	checkout_request text COLLATE "C" NOT NULL DEFAULT '',
	callback_code text COLLATE "C" NOT NULL DEFAULT '',
	callback_receipt text COLLATE "C" NOT NULL DEFAULT '',
	callback_minor bigint NOT NULL DEFAULT 0,
	query_code text COLLATE "C" NOT NULL DEFAULT '',
	queries bigint NOT NULL DEFAULT 0,
	next_query_at timestamptz,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX payment_orders_one_open ON payment_orders (learner_id, course_id)
	WHERE state IN ('dispatching', 'pending', 'unknown', 'needs_confirmation');
CREATE UNIQUE INDEX payment_orders_one_paid ON payment_orders (learner_id, course_id)
	WHERE state IN ('completed', 'late_success');
CREATE INDEX payment_orders_learner_reference ON payment_orders (learner_reference);
CREATE INDEX payment_orders_phone ON payment_orders (payer_phone, claimed_at);
CREATE INDEX payment_orders_dispatch ON payment_orders (asked_at) WHERE state = 'dispatching';
CREATE INDEX payment_orders_query ON payment_orders (next_query_at) WHERE next_query_at IS NOT NULL;

-- What gateways told us, once each.
CREATE TABLE payment_inbound (
	gateway text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL, -- stk | c2b
	ref text COLLATE "C" NOT NULL,
	body_hash bytea NOT NULL,
	body text NOT NULL,
	intent_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (gateway, kind, ref, body_hash)
);

-- Money that arrived for certain, by the gateway's receipt.
CREATE TABLE payment_receipts (
	receipt text COLLATE "C" PRIMARY KEY,
	intent_id text COLLATE "C" NOT NULL, -- empty: nobody's yet
	reference text COLLATE "C" NOT NULL,
	amount_minor bigint NOT NULL CHECK (amount_minor > 0),
	currency text COLLATE "C" NOT NULL,
	source text COLLATE "C" NOT NULL, -- stk | c2b | person
	disposition text COLLATE "C" NOT NULL, -- purchase | suspense
	at timestamptz NOT NULL
);
CREATE INDEX payment_receipts_unmatched ON payment_receipts (reference) WHERE intent_id = '';

-- What a person has to decide.
CREATE TABLE payment_reviews (
	id text COLLATE "C" PRIMARY KEY,
	reason text COLLATE "C" NOT NULL,
	intent_id text COLLATE "C" NOT NULL,
	receipt text COLLATE "C" NOT NULL,
	amount_minor bigint NOT NULL,
	currency text COLLATE "C" NOT NULL,
	opened_at timestamptz NOT NULL,
	resolved_at timestamptz,
	resolved_by text COLLATE "C" NOT NULL DEFAULT '',
	resolution text NOT NULL DEFAULT ''
);
CREATE INDEX payment_reviews_open ON payment_reviews (opened_at) WHERE resolved_at IS NULL;
CREATE INDEX payment_reviews_intent ON payment_reviews (intent_id) WHERE resolved_at IS NULL;

CREATE TABLE ledger_transactions (
	id text COLLATE "C" PRIMARY KEY, -- the idempotency key, such as buy:<intent>
	kind text COLLATE "C" NOT NULL,
	intent_id text COLLATE "C" NOT NULL,
	receipt text COLLATE "C" NOT NULL,
	split text COLLATE "C" NOT NULL, -- basis points instructor/marketing, of a shared price
	hash bytea NOT NULL, -- of everything but the time
	postings bigint NOT NULL CHECK (postings >= 2),
	at timestamptz NOT NULL
);

CREATE TABLE ledger_postings (
	transaction_id text COLLATE "C" NOT NULL REFERENCES ledger_transactions (id),
	n bigint NOT NULL,
	account text COLLATE "C" NOT NULL,
	currency text COLLATE "C" NOT NULL,
	amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
	PRIMARY KEY (transaction_id, n)
);
CREATE INDEX ledger_postings_account ON ledger_postings (account, currency);

-- +goose StatementBegin
CREATE FUNCTION ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	which text := CASE TG_TABLE_NAME WHEN 'ledger_transactions' THEN to_jsonb(NEW) ->> 'id' ELSE to_jsonb(NEW) ->> 'transaction_id' END;
	wanted bigint;
	found bigint;
BEGIN
	IF EXISTS (SELECT FROM ledger_postings WHERE transaction_id = which GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
		RAISE EXCEPTION 'ledger transaction % does not balance', which USING ERRCODE = 'check_violation';
	END IF;
	SELECT postings INTO wanted FROM ledger_transactions WHERE id = which;
	SELECT count(*) INTO found FROM ledger_postings WHERE transaction_id = which;
	IF wanted <> found THEN
		RAISE EXCEPTION 'ledger transaction % has % postings, not %', which, found, wanted USING ERRCODE = 'check_violation';
	END IF;
	RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER ledger_transactions_balanced AFTER INSERT ON ledger_transactions
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_balanced();
CREATE CONSTRAINT TRIGGER ledger_postings_balanced AFTER INSERT ON ledger_postings
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_balanced();

-- +goose StatementBegin
CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the ledger is append-only: correct it by a new transaction' USING ERRCODE = 'check_violation';
END $$;
-- +goose StatementEnd

CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER ledger_postings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
