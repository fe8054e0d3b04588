-- +goose Up
-- What the other side says of itself.

ALTER TABLE peer_states ADD COLUMN report BLOB;
