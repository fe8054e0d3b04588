-- +goose Up
-- Facts of learning: see shared/learning. Progress, minutes and streaks are
-- folded from these rows and stored nowhere.

CREATE TABLE enrolments (
	id text COLLATE "C" PRIMARY KEY,
	learner_id text COLLATE "C" NOT NULL,
	course_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL, -- empty: a learner without a school
	enrolled_at timestamptz NOT NULL
);
CREATE INDEX enrolments_learner ON enrolments (learner_id);
CREATE INDEX enrolments_course ON enrolments (course_id);

CREATE TABLE learning_activities (
	id text COLLATE "C" PRIMARY KEY,
	kind text COLLATE "C" NOT NULL, -- lesson_opened | lesson_completed | time_spent
	learner_id text COLLATE "C" NOT NULL,
	school_id text COLLATE "C" NOT NULL,
	course_id text COLLATE "C" NOT NULL,
	lesson_id text COLLATE "C" NOT NULL,
	seconds bigint NOT NULL CHECK (seconds >= 0),
	at timestamptz NOT NULL
);
CREATE INDEX learning_activities_learner ON learning_activities (learner_id, at);
