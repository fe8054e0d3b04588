-- +goose Up
-- Facts of learning: see shared/learning. Progress, minutes and streaks are
-- folded from these rows and stored nowhere.

CREATE TABLE enrolments (
	id TEXT PRIMARY KEY,
	learner_id TEXT NOT NULL,
	course_id TEXT NOT NULL,
	school_id TEXT NOT NULL, -- empty: a learner without a school
	enrolled_at TIMESTAMP NOT NULL
);
CREATE INDEX enrolments_learner ON enrolments (learner_id);
CREATE INDEX enrolments_course ON enrolments (course_id);

CREATE TABLE learning_activities (
	id TEXT PRIMARY KEY,
	kind TEXT NOT NULL, -- lesson_opened | lesson_completed | time_spent
	learner_id TEXT NOT NULL,
	school_id TEXT NOT NULL,
	course_id TEXT NOT NULL,
	lesson_id TEXT NOT NULL,
	seconds INTEGER NOT NULL CHECK (seconds >= 0),
	at TIMESTAMP NOT NULL
);
CREATE INDEX learning_activities_learner ON learning_activities (learner_id, at);
