-- +goose Up
-- What a person sees of her sessions, and keys that take turns.

ALTER TABLE sessions ADD COLUMN device TEXT NOT NULL DEFAULT ''; -- what the browser says of itself
ALTER TABLE sessions ADD COLUMN used_at TIMESTAMP;

-- A key is announced before it signs, so that boxes that are seldom on line know it.
ALTER TABLE signing_secrets ADD COLUMN starts_at TIMESTAMP;
UPDATE signing_secrets SET starts_at = created_at;

-- NULL: in use. A revoked key verifies nothing, whatever a token says of its time.
ALTER TABLE signing_keys ADD COLUMN until TIMESTAMP;
ALTER TABLE signing_keys ADD COLUMN revoked BOOLEAN NOT NULL DEFAULT false;
