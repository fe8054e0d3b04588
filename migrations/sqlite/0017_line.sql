-- +goose Up
-- How a school's line may be used: see shared/syncer/line.

CREATE TABLE line_plans (
	school_id TEXT PRIMARY KEY,
	metered BOOLEAN NOT NULL,
	every_minutes INTEGER NOT NULL,
	day_bytes INTEGER NOT NULL,
	month_bytes INTEGER NOT NULL,
	windows TEXT NOT NULL, -- JSON
	price_minor INTEGER NOT NULL,
	at TIMESTAMP NOT NULL
);

-- What went over the line, counted where the bytes pass; one row a day of the
-- school's calendar and purpose. Only this box has it.
CREATE TABLE line_uses (
	day TEXT NOT NULL, -- 2026-11-25
	purpose TEXT NOT NULL, -- sync | mirror | packs
	up INTEGER NOT NULL,
	down INTEGER NOT NULL,
	PRIMARY KEY (day, purpose)
);
