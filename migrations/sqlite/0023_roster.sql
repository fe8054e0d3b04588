-- +goose Up
-- Classes, terms, changes of a school's roster and their answers, codes on
-- slips, and children at home: see shared/roster and shared/identity.

ALTER TABLE accounts ADD COLUMN upi TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN born TEXT NOT NULL DEFAULT ''; -- YYYY or YYYY-MM-DD
ALTER TABLE accounts ADD COLUMN merged_into_id TEXT NOT NULL DEFAULT ''; -- whose record this one's counts for
CREATE INDEX accounts_upi ON accounts (upi) WHERE upi <> '';
CREATE INDEX accounts_merged ON accounts (merged_into_id) WHERE merged_into_id <> '';

-- A guardian whom the school unlinked.
ALTER TABLE guardians ADD COLUMN ended BOOLEAN NOT NULL DEFAULT FALSE;

-- Who opened a child's session at home; empty for everybody's own.
ALTER TABLE sessions ADD COLUMN guardian_id TEXT NOT NULL DEFAULT '';

-- name is what learners' accounts say.
CREATE TABLE classes (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	name TEXT NOT NULL,
	grade TEXT NOT NULL,
	stream TEXT NOT NULL,
	teacher_id TEXT NOT NULL,
	active BOOLEAN NOT NULL,
	updated_at TIMESTAMP NOT NULL
);
CREATE INDEX classes_school ON classes (school_id, name);

CREATE TABLE school_terms (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	year BIGINT NOT NULL,
	number BIGINT NOT NULL,
	first_day TEXT NOT NULL, -- YYYY-MM-DD
	last_day TEXT NOT NULL,
	updated_at TIMESTAMP NOT NULL
);
CREATE INDEX school_terms_school ON school_terms (school_id, year, number);

-- What a school, or the cloud for it, wants changed; facts.
CREATE TABLE roster_changes (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	account_id TEXT NOT NULL,
	other_id TEXT NOT NULL, -- the duplicate of a merge
	body BLOB NOT NULL, -- CBOR: what else the kind says
	by_id TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX roster_changes_school ON roster_changes (school_id, at, id);
CREATE INDEX roster_changes_account ON roster_changes (account_id);
CREATE INDEX roster_changes_other ON roster_changes (other_id) WHERE other_id <> '';

-- What the cloud said to each; an empty code is yes.
CREATE TABLE roster_verdicts (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	change_id TEXT NOT NULL UNIQUE,
	account_id TEXT NOT NULL,
	refused BOOLEAN NOT NULL,
	code TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX roster_verdicts_school ON roster_verdicts (school_id, code);

-- Codes on slips; what is printed is not kept.
CREATE TABLE roster_codes (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	learner_id TEXT NOT NULL,
	kind TEXT NOT NULL, -- link | transfer
	hash TEXT NOT NULL,
	by_id TEXT NOT NULL,
	at TIMESTAMP NOT NULL,
	expires_at TIMESTAMP NOT NULL
);
CREATE INDEX roster_codes_hash ON roster_codes (hash);
CREATE INDEX roster_codes_school ON roster_codes (school_id, at, id);

CREATE TABLE roster_code_uses (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	code_id TEXT NOT NULL UNIQUE,
	learner_id TEXT NOT NULL,
	by_id TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX roster_code_uses_school ON roster_code_uses (school_id);
