-- +goose Up
-- A person signs in by e-mail address or by phone number; one of them is set.
-- SQLite cannot drop NOT NULL, so the table, which is empty on an appliance, is
-- made anew.

CREATE TABLE logins_new (
	account_id TEXT PRIMARY KEY,
	email TEXT UNIQUE, -- lower case
	password_hash TEXT NOT NULL,
	verified_at TIMESTAMP,
	phone TEXT UNIQUE, -- digits with country code, verified
	language TEXT NOT NULL DEFAULT 'en' -- of letters to this person: en | sw
);
INSERT INTO logins_new (account_id, email, password_hash, verified_at) SELECT account_id, email, password_hash, verified_at FROM logins;
DROP TABLE logins;
ALTER TABLE logins_new RENAME TO logins;
