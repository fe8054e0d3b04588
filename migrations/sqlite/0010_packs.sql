-- +goose Up
-- How far the appliance is with each licensed course pack: see
-- edge/internal/packs. The licence says what should be here, this what is; the
-- bytes of a transfer are counted in memory.

CREATE TABLE pack_downloads (
	course_id TEXT PRIMARY KEY,
	manifest_sha256 TEXT NOT NULL,
	edition INTEGER NOT NULL,
	title TEXT NOT NULL,
	state TEXT NOT NULL, -- waiting | downloading | installed | failed
	bytes_total INTEGER NOT NULL,
	error TEXT NOT NULL,
	installed_edition INTEGER NOT NULL,
	installed_manifest TEXT NOT NULL,
	updated_at TIMESTAMP NOT NULL
);
