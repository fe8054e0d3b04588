-- +goose Up
-- Quiz attempts, each with its answers and marks: see shared/assessment.
-- Attempt numbers, best scores and averages are folds and stored nowhere.

CREATE TABLE attempts (
	id text COLLATE "C" PRIMARY KEY,
	learner_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL, -- empty: a learner without a school
	course_id text COLLATE "C" NOT NULL,
	quiz_id text COLLATE "C" NOT NULL,
	edition bigint NOT NULL,
	pass_percent bigint NOT NULL,
	score_points bigint NOT NULL CHECK (score_points >= 0),
	max_points bigint NOT NULL CHECK (max_points >= score_points),
	passed boolean NOT NULL,
	responses text NOT NULL, -- JSON: answer and marks by question
	started_at timestamptz NOT NULL,
	submitted_at timestamptz NOT NULL
);
CREATE INDEX attempts_learner ON attempts (learner_id, submitted_at);
CREATE INDEX attempts_quiz ON attempts (quiz_id);
CREATE INDEX attempts_school ON attempts (school_id, submitted_at);
