-- +goose Up
-- People, schools and what proves who is who: see shared/identity. The first
-- part travels between cloud and school, the second never leaves its node.

CREATE TABLE schools (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	code TEXT NOT NULL UNIQUE,
	county TEXT NOT NULL,
	language TEXT NOT NULL,
	named_adult_id TEXT NOT NULL,
	created_at TIMESTAMP NOT NULL,
	updated_at TIMESTAMP NOT NULL
);

-- email is the address of an instructor at school; uniqueness is kept in logins,
-- on the cloud, because replicated rows arrive one by one.
CREATE TABLE accounts (
	id TEXT PRIMARY KEY,
	role TEXT NOT NULL,
	email TEXT NOT NULL,
	full_name TEXT NOT NULL,
	status TEXT NOT NULL,
	school_id TEXT NOT NULL,
	grade TEXT NOT NULL,
	class_name TEXT NOT NULL,
	admission_number TEXT NOT NULL,
	created_at TIMESTAMP NOT NULL,
	updated_at TIMESTAMP NOT NULL
);
CREATE INDEX accounts_school ON accounts (school_id, role, class_name);
CREATE INDEX accounts_email ON accounts (email) WHERE email <> '';

CREATE TABLE school_credentials (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	kind TEXT NOT NULL, -- pin | password
	verifier TEXT NOT NULL,
	updated_at TIMESTAMP NOT NULL
);
CREATE INDEX school_credentials_account ON school_credentials (account_id);

CREATE TABLE duties (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	duty TEXT NOT NULL,
	active BOOLEAN NOT NULL,
	updated_at TIMESTAMP NOT NULL
);
CREATE INDEX duties_account ON duties (account_id);

CREATE TABLE guardians (
	id TEXT PRIMARY KEY,
	learner_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	name TEXT NOT NULL,
	phone TEXT NOT NULL,
	verified BOOLEAN NOT NULL,
	relationship TEXT NOT NULL,
	updated_at TIMESTAMP NOT NULL
);
CREATE INDEX guardians_learner ON guardians (learner_id);
CREATE INDEX guardians_account ON guardians (account_id) WHERE account_id <> '';

CREATE TABLE consents (
	id TEXT PRIMARY KEY,
	learner_id TEXT NOT NULL,
	purpose TEXT NOT NULL,
	given BOOLEAN NOT NULL,
	guardian_id TEXT NOT NULL,
	guardian_name TEXT NOT NULL,
	method TEXT NOT NULL, -- paper | phone | web
	text_version TEXT NOT NULL,
	recorded_by TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX consents_learner ON consents (learner_id, purpose, at);

-- Public halves of the cloud's token keys.
CREATE TABLE signing_keys (
	id TEXT PRIMARY KEY,
	issuer TEXT NOT NULL,
	public_key TEXT NOT NULL, -- base64url, as "x" in a JWK
	created_at TIMESTAMP NOT NULL
);

-- Sessions ended before their time.
CREATE TABLE revocations (
	id TEXT PRIMARY KEY,
	session_id TEXT NOT NULL,
	school_id TEXT NOT NULL,
	expires_at TIMESTAMP NOT NULL
);
CREATE INDEX revocations_expiry ON revocations (expires_at);

-- From here on: of this node alone.

CREATE TABLE memberships (
	account_id TEXT NOT NULL,
	school_id TEXT NOT NULL,
	since TIMESTAMP NOT NULL,
	until TIMESTAMP,
	PRIMARY KEY (account_id, school_id, since)
);
CREATE INDEX memberships_school ON memberships (school_id);

-- Sign-in at the cloud. Empty on an appliance: no cloud password goes there.
CREATE TABLE logins (
	account_id TEXT PRIMARY KEY,
	email TEXT NOT NULL UNIQUE, -- lower case
	password_hash TEXT NOT NULL,
	verified_at TIMESTAMP
);

CREATE TABLE profiles (
	account_id TEXT PRIMARY KEY,
	phone TEXT NOT NULL,
	bio TEXT NOT NULL,
	avatar_url TEXT NOT NULL,
	date_of_birth TEXT NOT NULL, -- YYYY-MM-DD
	county TEXT NOT NULL,
	school_name TEXT NOT NULL,
	learning_interests TEXT NOT NULL, -- JSON array
	updated_at TIMESTAMP NOT NULL
);

CREATE TABLE sessions (
	id TEXT PRIMARY KEY,
	account_id TEXT NOT NULL,
	school_id TEXT NOT NULL,
	created_at TIMESTAMP NOT NULL,
	expires_at TIMESTAMP NOT NULL
);
CREATE INDEX sessions_account ON sessions (account_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
	hash TEXT PRIMARY KEY,
	session_id TEXT NOT NULL,
	expires_at TIMESTAMP NOT NULL,
	used_at TIMESTAMP,
	salt TEXT NOT NULL -- of the one successor, once used
);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE signing_secrets (
	id TEXT PRIMARY KEY,
	seed BLOB NOT NULL,
	created_at TIMESTAMP NOT NULL
);
