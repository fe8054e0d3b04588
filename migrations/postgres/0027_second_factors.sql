-- +goose Up
-- The second factor of accounts at the cloud (TOTP, RFC 6238), and the codes
-- for the day the phone is lost. Only the cloud has them.

CREATE TABLE second_factors (
	account_id text COLLATE "C" PRIMARY KEY,
	secret text COLLATE "C" NOT NULL, -- sealed (shared/fernet)
	made_at timestamptz NOT NULL,
	confirmed_at timestamptz, -- NULL until the first right code
	last_step bigint NOT NULL DEFAULT 0, -- of the last code taken: none counts twice
	misses bigint NOT NULL DEFAULT 0,
	waits_until timestamptz
);

CREATE TABLE recovery_codes (
	account_id text COLLATE "C" NOT NULL,
	hash text COLLATE "C" NOT NULL,
	used_at timestamptz,
	PRIMARY KEY (account_id, hash)
);
