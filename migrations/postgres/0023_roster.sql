-- +goose Up
-- Classes, terms, changes of a school's roster and their answers, codes on
-- slips, and children at home: see shared/roster and shared/identity.

ALTER TABLE accounts ADD COLUMN upi text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN born text COLLATE "C" NOT NULL DEFAULT ''; -- YYYY or YYYY-MM-DD
ALTER TABLE accounts ADD COLUMN merged_into_id text COLLATE "C" NOT NULL DEFAULT ''; -- whose record this one's counts for
CREATE INDEX accounts_upi ON accounts (upi) WHERE upi <> '';
CREATE INDEX accounts_merged ON accounts (merged_into_id) WHERE merged_into_id <> '';

-- A guardian whom the school unlinked.
ALTER TABLE guardians ADD COLUMN ended boolean NOT NULL DEFAULT false;

-- Who opened a child's session at home; empty for everybody's own.
ALTER TABLE sessions ADD COLUMN guardian_id text COLLATE "C" NOT NULL DEFAULT '';

-- name is what learners' accounts say.
CREATE TABLE classes (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	name text NOT NULL,
	grade text COLLATE "C" NOT NULL,
	stream text NOT NULL,
	teacher_id text COLLATE "C" NOT NULL,
	active boolean NOT NULL,
	updated_at timestamptz NOT NULL
);
CREATE INDEX classes_school ON classes (school_id, name);

CREATE TABLE school_terms (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	year bigint NOT NULL,
	number bigint NOT NULL,
	first_day text COLLATE "C" NOT NULL, -- YYYY-MM-DD
	last_day text COLLATE "C" NOT NULL,
	updated_at timestamptz NOT NULL
);
CREATE INDEX school_terms_school ON school_terms (school_id, year, number);

-- What a school, or the cloud for it, wants changed; facts.
CREATE TABLE roster_changes (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	account_id text COLLATE "C" NOT NULL,
	other_id text COLLATE "C" NOT NULL, -- the duplicate of a merge
	body bytea NOT NULL, -- CBOR: what else the kind says
	by_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX roster_changes_school ON roster_changes (school_id, at, id);
CREATE INDEX roster_changes_account ON roster_changes (account_id);
CREATE INDEX roster_changes_other ON roster_changes (other_id) WHERE other_id <> '';

-- What the cloud said to each; an empty code is yes.
CREATE TABLE roster_verdicts (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	change_id text COLLATE "C" NOT NULL UNIQUE,
	account_id text COLLATE "C" NOT NULL,
	refused boolean NOT NULL,
	code text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX roster_verdicts_school ON roster_verdicts (school_id, code);

-- Codes on slips; what is printed is not kept.
CREATE TABLE roster_codes (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	learner_id text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL, -- link | transfer
	hash text COLLATE "C" NOT NULL,
	by_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL
);
CREATE INDEX roster_codes_hash ON roster_codes (hash);
CREATE INDEX roster_codes_school ON roster_codes (school_id, at, id);

CREATE TABLE roster_code_uses (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	code_id text COLLATE "C" NOT NULL UNIQUE,
	learner_id text COLLATE "C" NOT NULL,
	by_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX roster_code_uses_school ON roster_code_uses (school_id);
