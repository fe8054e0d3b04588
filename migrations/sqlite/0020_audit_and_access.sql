-- +goose Up
-- Who did what (shared/audit) and what went wrong (shared/api). Delegations and
-- restrictions are the cloud's.

-- The chain of this box.
CREATE TABLE audit_entries (
	id TEXT PRIMARY KEY,
	node TEXT NOT NULL, -- school/appliance
	seq INTEGER NOT NULL,
	school_id TEXT NOT NULL,
	at TIMESTAMP NOT NULL,
	action TEXT NOT NULL,
	actor_id TEXT NOT NULL, -- empty: nobody was signed in
	role TEXT NOT NULL,
	target_kind TEXT NOT NULL,
	target_id TEXT NOT NULL,
	status INTEGER NOT NULL, -- of the HTTP answer; 0 for notes of a use-case
	ip TEXT NOT NULL,
	user_agent TEXT NOT NULL,
	request_id TEXT NOT NULL,
	details TEXT NOT NULL, -- JSON {before, after, salt}; emptied by an erasure
	details_hash TEXT NOT NULL,
	prev TEXT NOT NULL,
	hash TEXT NOT NULL
);
CREATE INDEX audit_entries_node ON audit_entries (node, seq);
CREATE INDEX audit_entries_at ON audit_entries (at, id);
CREATE INDEX audit_entries_school ON audit_entries (school_id, at);

-- Where the chain that this node writes ends.
CREATE TABLE audit_heads (
	node TEXT PRIMARY KEY,
	seq INTEGER NOT NULL,
	hash TEXT NOT NULL
);

-- Nothing is changed or taken away, but for the details of an erased person.
-- +goose StatementBegin
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE ON audit_entries
WHEN NOT (new.details = '' AND new.id = old.id AND new.node = old.node AND new.seq = old.seq AND new.school_id = old.school_id AND new.at = old.at
	AND new.action = old.action AND new.actor_id = old.actor_id AND new.role = old.role AND new.target_kind = old.target_kind
	AND new.target_id = old.target_id AND new.status = old.status AND new.ip = old.ip AND new.user_agent = old.user_agent
	AND new.request_id = old.request_id AND new.details_hash = old.details_hash AND new.prev = old.prev AND new.hash = old.hash)
BEGIN
	SELECT raise(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_entries_not_deleted BEFORE DELETE ON audit_entries
BEGIN
	SELECT raise(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd

-- Failures of ours, one row for each kind. Never what was submitted.
CREATE TABLE error_logs (
	fingerprint TEXT PRIMARY KEY,
	kind TEXT NOT NULL, -- panic | error
	method TEXT NOT NULL,
	route TEXT NOT NULL,
	message TEXT NOT NULL,
	place TEXT NOT NULL,
	version TEXT NOT NULL,
	count INTEGER NOT NULL,
	request_id TEXT NOT NULL, -- of the latest
	first_at TIMESTAMP NOT NULL,
	last_at TIMESTAMP NOT NULL
);
CREATE INDEX error_logs_last ON error_logs (last_at);
