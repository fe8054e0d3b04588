-- +goose Up

-- Whether the end of a restriction of signing in opens the account again: false
-- for one of an account that was suspended before, or by an admin meanwhile.
ALTER TABLE restrictions ADD COLUMN reopens boolean NOT NULL DEFAULT true;
