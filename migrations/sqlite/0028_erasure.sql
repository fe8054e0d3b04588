-- +goose Up
-- People who were erased (shared/personal): their ids and nothing else of them, who
-- asked, and what each replica has confirmed.

CREATE TABLE erasures (
	id TEXT PRIMARY KEY, -- derived from person and school
	person_id TEXT NOT NULL,
	school_id TEXT NOT NULL, -- empty: the cloud itself
	by_id TEXT NOT NULL,
	at TIMESTAMP NOT NULL
);
CREATE INDEX erasures_person ON erasures (person_id);
CREATE INDEX erasures_school ON erasures (school_id, id);

CREATE TABLE erasure_receipts (
	id TEXT PRIMARY KEY, -- derived from erasure and node
	erasure_id TEXT NOT NULL,
	school_id TEXT NOT NULL,
	node TEXT NOT NULL, -- the appliance
	at TIMESTAMP NOT NULL
);
CREATE INDEX erasure_receipts_erasure ON erasure_receipts (erasure_id);
CREATE INDEX erasure_receipts_school ON erasure_receipts (school_id, id);

-- Who asked this node for an erasure. It is done when it is due.
CREATE TABLE erasure_requests (
	id TEXT PRIMARY KEY,
	person_id TEXT NOT NULL,
	school_id TEXT NOT NULL, -- hers when it was asked
	asked_by TEXT NOT NULL,
	reason TEXT NOT NULL, -- of those who ask on paper; emptied when it is done
	code TEXT NOT NULL UNIQUE, -- opens the receipt, which says no more than where and when
	asked_at TIMESTAMP NOT NULL,
	due_at TIMESTAMP NOT NULL,
	withdrawn_at TIMESTAMP,
	done_at TIMESTAMP
);
CREATE INDEX erasure_requests_person ON erasure_requests (person_id);
