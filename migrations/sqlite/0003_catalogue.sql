-- +goose Up
-- Courses as they are read on both sides: see shared/catalogue.

CREATE TABLE courses (
	id TEXT PRIMARY KEY,
	slug TEXT NOT NULL UNIQUE,
	title TEXT NOT NULL,
	description TEXT NOT NULL,
	grade TEXT NOT NULL,
	learning_area TEXT NOT NULL,
	curriculum TEXT NOT NULL,
	language TEXT NOT NULL,
	owner TEXT NOT NULL, -- platform | instructor
	instructor_id TEXT NOT NULL,
	instructor_email TEXT NOT NULL,
	price_minor INTEGER NOT NULL CHECK (price_minor >= 0),
	currency TEXT NOT NULL,
	featured BOOLEAN NOT NULL,
	edition INTEGER NOT NULL,
	strands TEXT NOT NULL, -- JSON: strands, sub-strands, their competencies and lessons
	lesson_count INTEGER NOT NULL,
	minutes INTEGER NOT NULL,
	published_at TIMESTAMP NOT NULL
);
CREATE INDEX courses_browse ON courses (learning_area, grade);

CREATE TABLE lessons (
	id TEXT PRIMARY KEY,
	course_id TEXT NOT NULL,
	slug TEXT NOT NULL,
	position INTEGER NOT NULL,
	title TEXT NOT NULL,
	minutes INTEGER NOT NULL,
	outcomes TEXT NOT NULL, -- JSON
	strand TEXT NOT NULL,
	sub_strand TEXT NOT NULL,
	competencies TEXT NOT NULL, -- JSON
	quiz_id TEXT NOT NULL, -- empty: none
	html TEXT NOT NULL,
	UNIQUE (course_id, position)
);

-- Every edition of a quiz stays, for attempts that were begun on it.
CREATE TABLE quizzes (
	id TEXT NOT NULL,
	edition INTEGER NOT NULL,
	course_id TEXT NOT NULL,
	lesson_id TEXT NOT NULL,
	title TEXT NOT NULL,
	pass_percent INTEGER NOT NULL,
	questions TEXT NOT NULL, -- JSON, without the answers
	PRIMARY KEY (id, edition)
);
CREATE INDEX quizzes_course ON quizzes (course_id);

CREATE TABLE quiz_keys (
	quiz_id TEXT NOT NULL,
	edition INTEGER NOT NULL,
	keys TEXT NOT NULL, -- JSON
	PRIMARY KEY (quiz_id, edition)
);

-- head_terms and body_terms are the words the search sees, cut the same way on
-- both databases. n is the row's number in the search index; it is a declared
-- key because VACUUM may renumber an undeclared one.
CREATE TABLE passages (
	n INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	course_id TEXT NOT NULL,
	lesson_id TEXT NOT NULL,
	position INTEGER NOT NULL,
	lesson_title TEXT NOT NULL,
	heading TEXT NOT NULL,
	anchor TEXT NOT NULL,
	body TEXT NOT NULL,
	head_terms TEXT NOT NULL,
	body_terms TEXT NOT NULL
);
CREATE INDEX passages_course ON passages (course_id);

CREATE VIRTUAL TABLE passages_search USING fts5 (
	head_terms, body_terms,
	content = 'passages', content_rowid = 'n', tokenize = 'unicode61 remove_diacritics 0'
);

-- +goose StatementBegin
CREATE TRIGGER passages_search_insert AFTER INSERT ON passages BEGIN
	INSERT INTO passages_search (rowid, head_terms, body_terms) VALUES (new.n, new.head_terms, new.body_terms);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER passages_search_delete AFTER DELETE ON passages BEGIN
	INSERT INTO passages_search (passages_search, rowid, head_terms, body_terms)
	VALUES ('delete', old.n, old.head_terms, old.body_terms);
END;
-- +goose StatementEnd

CREATE TABLE licences (
	id TEXT PRIMARY KEY,
	school_id TEXT NOT NULL,
	course_id TEXT NOT NULL,
	edition INTEGER NOT NULL,
	title TEXT NOT NULL,
	manifest_sha256 TEXT NOT NULL,
	size_bytes INTEGER NOT NULL,
	recipient TEXT NOT NULL,
	wrapped_key BLOB NOT NULL,
	granted_at TIMESTAMP NOT NULL
);
CREATE INDEX licences_school ON licences (school_id);
