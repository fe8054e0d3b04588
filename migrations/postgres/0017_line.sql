-- +goose Up
-- How a school's line may be used: see shared/syncer/line.

CREATE TABLE line_plans (
	school_id text COLLATE "C" PRIMARY KEY,
	metered boolean NOT NULL,
	every_minutes bigint NOT NULL,
	day_bytes bigint NOT NULL,
	month_bytes bigint NOT NULL,
	windows text NOT NULL, -- JSON
	price_minor bigint NOT NULL,
	at timestamptz NOT NULL
);
