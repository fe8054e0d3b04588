-- +goose Up
-- When a course was last opened at this box, to the hour: pictures of the
-- courses that nobody opens are the first to go when the disk fills.

CREATE TABLE course_opens (
	course_id TEXT PRIMARY KEY,
	opened_at TIMESTAMP NOT NULL
);
