-- +goose Up
-- Opening and closing accounts, and letters to people: see cloud/internal/accounts
-- and cloud/internal/courier.

-- A person signs in by e-mail address or by phone number; one of them is set.
ALTER TABLE logins ALTER COLUMN email DROP NOT NULL;
ALTER TABLE logins ADD COLUMN phone text COLLATE "C" UNIQUE; -- digits with country code, verified
ALTER TABLE logins ADD COLUMN language text COLLATE "C" NOT NULL DEFAULT 'en'; -- of letters to this person: en | sw

-- From here on: the cloud's alone.

-- A letter is a mail or a text message. data, which may hold a code or a link, is
-- emptied once the letter has gone or can never go.
CREATE TABLE letters (
	id text COLLATE "C" PRIMARY KEY,
	channel text COLLATE "C" NOT NULL, -- email | sms
	recipient text COLLATE "C" NOT NULL,
	template text COLLATE "C" NOT NULL,
	language text COLLATE "C" NOT NULL,
	data text NOT NULL, -- JSON object of strings
	state text COLLATE "C" NOT NULL, -- queued | sending | sent | delivered | failed | unknown
	reference text COLLATE "C" NOT NULL, -- the gateway's id of a text message
	cost text NOT NULL,
	failure text NOT NULL,
	attempts bigint NOT NULL,
	created_at timestamptz NOT NULL,
	sent_at timestamptz,
	reported_at timestamptz
);
CREATE INDEX letters_reference ON letters (reference) WHERE reference <> '';
CREATE INDEX letters_recipient ON letters (recipient, created_at);

-- Text messages from people to our short code; id is the gateway's.
CREATE TABLE sms_inbox (
	id text COLLATE "C" PRIMARY KEY,
	sender text COLLATE "C" NOT NULL,
	recipient text COLLATE "C" NOT NULL,
	body text NOT NULL,
	handled_by text COLLATE "C" NOT NULL, -- '' when nobody knew what to do with it
	at timestamptz NOT NULL
);
CREATE INDEX sms_inbox_sender ON sms_inbox (sender, at);

-- Links that were mailed: each opens one door once.
CREATE TABLE account_links (
	hash text COLLATE "C" PRIMARY KEY, -- SHA-256 of 256 random bits
	account_id text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL, -- verify_email | reset_password | set_password
	email text COLLATE "C" NOT NULL, -- the address it was sent to
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	used_at timestamptz
);
CREATE INDEX account_links_account ON account_links (account_id, purpose, created_at);

-- Codes of six digits that were sent to phones; a new one ends the one before.
CREATE TABLE phone_codes (
	id text COLLATE "C" PRIMARY KEY,
	phone text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL, -- register | reset_password | change_phone
	code_hash text COLLATE "C" NOT NULL, -- HMAC under a key that is not in the database
	attempts bigint NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	used_at timestamptz
);
CREATE INDEX phone_codes_phone ON phone_codes (phone, created_at);

-- Accounts that were closed, and what they were before.
CREATE TABLE account_closures (
	account_id text COLLATE "C" PRIMARY KEY,
	status_before text COLLATE "C" NOT NULL,
	closed_by text COLLATE "C" NOT NULL,
	reason text NOT NULL,
	at timestamptz NOT NULL
);

-- Pictures of people, re-encoded here. id is random: who knows the address may see it.
CREATE TABLE avatars (
	id text COLLATE "C" PRIMARY KEY,
	account_id text COLLATE "C" NOT NULL UNIQUE,
	media_type text COLLATE "C" NOT NULL,
	image bytea NOT NULL,
	at timestamptz NOT NULL
);

CREATE TABLE instructor_applications (
	id text COLLATE "C" PRIMARY KEY,
	account_id text COLLATE "C" NOT NULL,
	full_name text NOT NULL,
	email text COLLATE "C" NOT NULL,
	phone text COLLATE "C" NOT NULL,
	qualifications text NOT NULL,
	experience_years bigint NOT NULL,
	subjects text NOT NULL, -- JSON array
	bio text NOT NULL,
	cv_url text NOT NULL,
	id_front_url text NOT NULL,
	id_back_url text NOT NULL,
	status text COLLATE "C" NOT NULL, -- pending | approved | rejected
	reviewed_by text COLLATE "C" NOT NULL,
	reviewed_at timestamptz,
	review_notes text NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX instructor_applications_open ON instructor_applications (account_id) WHERE status = 'pending';
CREATE INDEX instructor_applications_status ON instructor_applications (status, created_at);

CREATE TABLE application_documents (
	id text COLLATE "C" PRIMARY KEY,
	account_id text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL, -- cv | id_front | id_back
	media_type text COLLATE "C" NOT NULL,
	content bytea NOT NULL,
	at timestamptz NOT NULL,
	UNIQUE (account_id, kind)
);
