-- +goose Up
-- Backups, and the lives of this database: see cloud/internal/backup.

-- A life begins when the database is made, restored, or found to be rewound.
-- The present one is node_state's timeline. The beat only grows; the data
-- directory holds a copy of it, and a copy that is ahead proves a rewind.
CREATE TABLE cloud_lives (
	timeline text COLLATE "C" PRIMARY KEY,
	reason text COLLATE "C" NOT NULL CHECK (reason IN ('first', 'restored', 'rewound')),
	begun_at timestamptz NOT NULL,
	cut_at timestamptz, -- until when the life before is known here; null for the first
	beat bigint NOT NULL,
	beat_at timestamptz NOT NULL,
	prepared_at timestamptz, -- open payments were set aside
	reconciled_at timestamptz -- the money of the lost time was fetched from the gateway, all of it
);

-- Backups that were restored and compared.
CREATE TABLE backups (
	id text COLLATE "C" PRIMARY KEY,
	file text NOT NULL,
	timeline text COLLATE "C" NOT NULL,
	taken_at timestamptz NOT NULL,
	bytes bigint NOT NULL,
	verified_at timestamptz NOT NULL
);

-- B of each uplink lane: what the newest verified backup holds of it.
CREATE TABLE backed_marks (
	school text COLLATE "C" NOT NULL,
	epoch bigint NOT NULL,
	lane smallint NOT NULL,
	seq bigint NOT NULL,
	chain bytea NOT NULL,
	backup_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (school, epoch, lane)
);

-- How far a box says that a lost life of this database had applied its lane:
-- what comes again up to there may have had its effects outside already.
CREATE TABLE resent_marks (
	school text COLLATE "C" NOT NULL,
	epoch bigint NOT NULL,
	lane smallint NOT NULL,
	seq bigint NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (school, epoch, lane)
);
