-- +goose Up
-- What a person sees of her sessions, and keys that take turns.

ALTER TABLE sessions
	ADD COLUMN device text NOT NULL DEFAULT '', -- what the browser says of itself
	ADD COLUMN used_at timestamptz;

-- A key is announced before it signs, so that boxes that are seldom on line know it.
ALTER TABLE signing_secrets ADD COLUMN starts_at timestamptz;
UPDATE signing_secrets SET starts_at = created_at;
ALTER TABLE signing_secrets ALTER COLUMN starts_at SET NOT NULL;

-- NULL: in use. A revoked key verifies nothing, whatever a token says of its time.
ALTER TABLE signing_keys ADD COLUMN until timestamptz, ADD COLUMN revoked boolean NOT NULL DEFAULT false;
