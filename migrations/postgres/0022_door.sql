-- +goose Up
-- The school's door: see shared/door. The box has tables of its own besides.

-- What a person showed when the session was opened: pin, pictures, password.
ALTER TABLE sessions ADD COLUMN means text COLLATE "C" NOT NULL DEFAULT '';

-- Who may not enter the school any more; it travels ahead of the account itself.
CREATE TABLE barrings (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	account_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX barrings_account ON barrings (account_id);
CREATE INDEX barrings_school ON barrings (school_id, id);

-- Printed sheets of recovery codes; codes is a JSON array of keyed hashes.
CREATE TABLE recovery_sheets (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	holder_id text COLLATE "C" NOT NULL,
	codes text COLLATE "C" NOT NULL,
	made_by text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX recovery_sheets_school ON recovery_sheets (school_id, holder_id);

-- Codes that were used at a school's box: of a sheet, or given by the cloud.
CREATE TABLE door_uses (
	id text COLLATE "C" PRIMARY KEY, -- derived from the code: the same one again is the same row
	school_id text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	account_id text COLLATE "C" NOT NULL,
	holder_id text COLLATE "C" NOT NULL,
	second_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX door_uses_school ON door_uses (school_id, at);
