-- +goose Up
-- Courses as they are read on both sides, and what only the cloud keeps of a
-- published pack: see shared/catalogue and cloud/internal/fleet/packs.

CREATE TABLE courses (
	id text COLLATE "C" PRIMARY KEY,
	slug text COLLATE "C" NOT NULL UNIQUE,
	title text NOT NULL,
	description text NOT NULL,
	grade text COLLATE "C" NOT NULL,
	learning_area text COLLATE "C" NOT NULL,
	curriculum text COLLATE "C" NOT NULL,
	language text COLLATE "C" NOT NULL,
	owner text COLLATE "C" NOT NULL, -- platform | instructor
	instructor_id text COLLATE "C" NOT NULL,
	instructor_email text NOT NULL,
	price_minor bigint NOT NULL CHECK (price_minor >= 0),
	currency text COLLATE "C" NOT NULL,
	featured boolean NOT NULL,
	edition bigint NOT NULL,
	strands text NOT NULL, -- JSON: strands, sub-strands, their competencies and lessons
	lesson_count bigint NOT NULL,
	minutes bigint NOT NULL,
	published_at timestamptz NOT NULL
);
CREATE INDEX courses_browse ON courses (learning_area, grade);

CREATE TABLE lessons (
	id text COLLATE "C" PRIMARY KEY,
	course_id text COLLATE "C" NOT NULL,
	slug text COLLATE "C" NOT NULL,
	position bigint NOT NULL,
	title text NOT NULL,
	minutes bigint NOT NULL,
	outcomes text NOT NULL, -- JSON
	strand text NOT NULL,
	sub_strand text NOT NULL,
	competencies text NOT NULL, -- JSON
	quiz_id text COLLATE "C" NOT NULL, -- empty: none
	html text NOT NULL,
	UNIQUE (course_id, position)
);

-- Every edition of a quiz stays, for attempts that were begun on it.
CREATE TABLE quizzes (
	id text COLLATE "C" NOT NULL,
	edition bigint NOT NULL,
	course_id text COLLATE "C" NOT NULL,
	lesson_id text COLLATE "C" NOT NULL,
	title text NOT NULL,
	pass_percent bigint NOT NULL,
	questions text NOT NULL, -- JSON, without the answers
	PRIMARY KEY (id, edition)
);
CREATE INDEX quizzes_course ON quizzes (course_id);

CREATE TABLE quiz_keys (
	quiz_id text COLLATE "C" NOT NULL,
	edition bigint NOT NULL,
	keys text NOT NULL, -- JSON
	PRIMARY KEY (quiz_id, edition)
);

-- head_terms and body_terms are the words the search sees, cut the same way on
-- both databases.
CREATE TABLE passages (
	id text COLLATE "C" PRIMARY KEY,
	course_id text COLLATE "C" NOT NULL,
	lesson_id text COLLATE "C" NOT NULL,
	position bigint NOT NULL,
	lesson_title text NOT NULL,
	heading text NOT NULL,
	anchor text NOT NULL,
	body text NOT NULL,
	head_terms text NOT NULL,
	body_terms text NOT NULL,
	search tsvector GENERATED ALWAYS AS (
		setweight(to_tsvector('simple', head_terms), 'A') || setweight(to_tsvector('simple', body_terms), 'D')
	) STORED
);
CREATE INDEX passages_course ON passages (course_id);
CREATE INDEX passages_search ON passages USING gin (search);

CREATE TABLE licences (
	id text COLLATE "C" PRIMARY KEY,
	school_id text COLLATE "C" NOT NULL,
	course_id text COLLATE "C" NOT NULL,
	edition bigint NOT NULL,
	title text NOT NULL,
	manifest_sha256 text COLLATE "C" NOT NULL,
	size_bytes bigint NOT NULL,
	recipient text COLLATE "C" NOT NULL,
	wrapped_key bytea NOT NULL,
	granted_at timestamptz NOT NULL
);
CREATE INDEX licences_school ON licences (school_id);

-- Cloud only: published packs and their sealed identities.
CREATE TABLE packs (
	course_id text COLLATE "C" NOT NULL,
	edition bigint NOT NULL,
	title text NOT NULL,
	manifest_sha256 text COLLATE "C" NOT NULL UNIQUE,
	content_sha256 text COLLATE "C" NOT NULL,
	size_bytes bigint NOT NULL,
	sealed_identity bytea NOT NULL,
	published_at timestamptz NOT NULL,
	PRIMARY KEY (course_id, edition)
);
