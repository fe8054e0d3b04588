-- +goose Up
-- Quiz attempts, each with its answers and marks: see shared/assessment.
-- Attempt numbers, best scores and averages are folds and stored nowhere.

CREATE TABLE attempts (
	id TEXT PRIMARY KEY,
	learner_id TEXT NOT NULL,
	school_id TEXT NOT NULL, -- empty: a learner without a school
	course_id TEXT NOT NULL,
	quiz_id TEXT NOT NULL,
	edition INTEGER NOT NULL,
	pass_percent INTEGER NOT NULL,
	score_points INTEGER NOT NULL CHECK (score_points >= 0),
	max_points INTEGER NOT NULL CHECK (max_points >= score_points),
	passed BOOLEAN NOT NULL,
	responses TEXT NOT NULL, -- JSON: answer and marks by question
	started_at TIMESTAMP NOT NULL,
	submitted_at TIMESTAMP NOT NULL
);
CREATE INDEX attempts_learner ON attempts (learner_id, submitted_at);
CREATE INDEX attempts_quiz ON attempts (quiz_id);
CREATE INDEX attempts_school ON attempts (school_id, submitted_at);
