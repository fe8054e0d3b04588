-- +goose Up
-- The school's door: see shared/door and edge/internal/door.

-- What a person showed when the session was opened: pin, pictures, password.
ALTER TABLE sessions ADD COLUMN means TEXT NOT NULL DEFAULT '';

-- Who may not enter the school any more; it travels ahead of the account itself.
CREATE TABLE barrings (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX barrings_account ON barrings (account_id);

-- Printed sheets of recovery codes; codes is a JSON array of keyed hashes.
CREATE TABLE recovery_sheets (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	holder_id TEXT NOT NULL,
	codes TEXT NOT NULL,
	made_by TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX recovery_sheets_school ON recovery_sheets (school_id, holder_id);

-- Codes that were used at the school's box: of a sheet, or given by the cloud.
CREATE TABLE door_uses (
	id TEXT PRIMARY KEY, -- derived from the code: the same one again is the same row
	school_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	account_id TEXT NOT NULL,
	holder_id TEXT NOT NULL,
	second_id TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX door_uses_school ON door_uses (school_id, at);

-- From here on: of this box alone.

-- Devices a teacher opened for the pictures of a class. id is a hash of the
-- device's token; an empty one is every device on the school's network.
CREATE TABLE door_devices (
	id TEXT NOT NULL,
	class_name TEXT NOT NULL,
	opened_by TEXT NOT NULL,
	opened_at TIMESTAMP NOT NULL,
	until TIMESTAMP NOT NULL,
	PRIMARY KEY (id, class_name)
);

-- Devices somebody signed in at before: guesses elsewhere do not count there.
CREATE TABLE door_known (
	account_id TEXT NOT NULL,
	device TEXT NOT NULL,
	last_at TIMESTAMP NOT NULL,
	PRIMARY KEY (account_id, device)
);
CREATE INDEX door_known_device ON door_known (device, last_at);

-- Wrong secrets by account and device; an empty device stands for all others.
CREATE TABLE door_misses (
	account_id TEXT NOT NULL,
	device TEXT NOT NULL,
	misses INTEGER NOT NULL,
	last_at TIMESTAMP NOT NULL,
	PRIMARY KEY (account_id, device)
);
CREATE INDEX door_misses_last ON door_misses (last_at);
