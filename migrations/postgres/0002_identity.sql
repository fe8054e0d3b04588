-- +goose Up
-- People, schools and what proves who is who: see shared/identity. The first
-- part travels between cloud and school, the second never leaves its node.

CREATE TABLE schools (
	id text COLLATE "C" PRIMARY KEY,
	name text NOT NULL,
	code text COLLATE "C" NOT NULL UNIQUE,
	county text NOT NULL,
	language text COLLATE "C" NOT NULL,
	named_adult_id text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL
);

-- email is the address of an instructor at school; uniqueness is kept in logins,
-- on the cloud, because replicated rows arrive one by one.
CREATE TABLE accounts (
	id text COLLATE "C" PRIMARY KEY,
	role text COLLATE "C" NOT NULL,
	email text COLLATE "C" NOT NULL,
	full_name text NOT NULL,
	status text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	grade text COLLATE "C" NOT NULL,
	class_name text COLLATE "C" NOT NULL,
	admission_number text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL
);
CREATE INDEX accounts_school ON accounts (school_id, role, class_name);
CREATE INDEX accounts_email ON accounts (email) WHERE email <> '';

CREATE TABLE school_credentials (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	account_id text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL, -- pin | password
	verifier text COLLATE "C" NOT NULL,
	updated_at timestamptz NOT NULL
);
CREATE INDEX school_credentials_account ON school_credentials (account_id);

CREATE TABLE duties (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	account_id text COLLATE "C" NOT NULL,
	duty text COLLATE "C" NOT NULL,
	active boolean NOT NULL,
	updated_at timestamptz NOT NULL
);
CREATE INDEX duties_account ON duties (account_id);

CREATE TABLE guardians (
	id text COLLATE "C" PRIMARY KEY,
	learner_id text COLLATE "C" NOT NULL,
	account_id text COLLATE "C" NOT NULL,
	name text NOT NULL,
	phone text COLLATE "C" NOT NULL,
	verified boolean NOT NULL,
	relationship text NOT NULL,
	updated_at timestamptz NOT NULL
);
CREATE INDEX guardians_learner ON guardians (learner_id);
CREATE INDEX guardians_account ON guardians (account_id) WHERE account_id <> '';

CREATE TABLE consents (
	id text COLLATE "C" PRIMARY KEY,
	learner_id text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	given boolean NOT NULL,
	guardian_id text COLLATE "C" NOT NULL,
	guardian_name text NOT NULL,
	method text COLLATE "C" NOT NULL, -- paper | phone | web
	text_version text COLLATE "C" NOT NULL,
	recorded_by text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX consents_learner ON consents (learner_id, purpose, at);

-- Public halves of the cloud's token keys.
CREATE TABLE signing_keys (
	id text COLLATE "C" PRIMARY KEY,
	issuer text COLLATE "C" NOT NULL,
	public_key text COLLATE "C" NOT NULL, -- base64url, as "x" in a JWK
	created_at timestamptz NOT NULL
);

-- Sessions ended before their time.
CREATE TABLE revocations (
	id text COLLATE "C" PRIMARY KEY,
	session_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	expires_at timestamptz NOT NULL
);
CREATE INDEX revocations_expiry ON revocations (expires_at);

-- From here on: of this node alone.

CREATE TABLE memberships (
	account_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	since timestamptz NOT NULL,
	until timestamptz,
	PRIMARY KEY (account_id, school_id, since)
);
CREATE INDEX memberships_school ON memberships (school_id);

-- Sign-in at the cloud. Empty on an appliance: no cloud password goes there.
CREATE TABLE logins (
	account_id text COLLATE "C" PRIMARY KEY,
	email text COLLATE "C" NOT NULL UNIQUE, -- lower case
	password_hash text COLLATE "C" NOT NULL,
	verified_at timestamptz
);

CREATE TABLE profiles (
	account_id text COLLATE "C" PRIMARY KEY,
	phone text COLLATE "C" NOT NULL,
	bio text NOT NULL,
	avatar_url text COLLATE "C" NOT NULL,
	date_of_birth text COLLATE "C" NOT NULL, -- YYYY-MM-DD
	county text NOT NULL,
	school_name text NOT NULL,
	learning_interests text NOT NULL, -- JSON array
	updated_at timestamptz NOT NULL
);

CREATE TABLE sessions (
	id text COLLATE "C" PRIMARY KEY,
	account_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_account ON sessions (account_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
	hash text COLLATE "C" PRIMARY KEY,
	session_id text COLLATE "C" NOT NULL,
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	salt text COLLATE "C" NOT NULL -- of the one successor, once used
);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE signing_secrets (
	id text COLLATE "C" PRIMARY KEY,
	seed bytea NOT NULL,
	created_at timestamptz NOT NULL
);
