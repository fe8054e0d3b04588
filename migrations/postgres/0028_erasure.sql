-- +goose Up
-- People who were erased (shared/personal): their ids and nothing else of them, who
-- asked, and what each replica has confirmed.

CREATE TABLE erasures (
	id text COLLATE "C" PRIMARY KEY, -- derived from person and school
	person_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL, -- empty: the cloud itself
	by_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX erasures_person ON erasures (person_id);
CREATE INDEX erasures_school ON erasures (school_id, id);

CREATE TABLE erasure_receipts (
	id text COLLATE "C" PRIMARY KEY, -- derived from erasure and node
	erasure_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	node text COLLATE "C" NOT NULL, -- the appliance
	at timestamptz NOT NULL
);
CREATE INDEX erasure_receipts_erasure ON erasure_receipts (erasure_id);
CREATE INDEX erasure_receipts_school ON erasure_receipts (school_id, id);

-- Who asked this node for an erasure. It is done when it is due.
CREATE TABLE erasure_requests (
	id text COLLATE "C" PRIMARY KEY,
	person_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL, -- hers when it was asked
	asked_by text COLLATE "C" NOT NULL,
	reason text NOT NULL, -- of those who ask on paper; emptied when it is done
	code text COLLATE "C" NOT NULL UNIQUE, -- opens the receipt, which says no more than where and when
	asked_at timestamptz NOT NULL,
	due_at timestamptz NOT NULL,
	withdrawn_at timestamptz,
	done_at timestamptz
);
CREATE INDEX erasure_requests_person ON erasure_requests (person_id);
