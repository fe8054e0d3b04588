-- +goose Up
-- Up to which moment what has had its time was removed (shared/personal): the
-- cloud's word, for every school.

CREATE TABLE retention_moments (
	id TEXT PRIMARY KEY, -- one row
	at TIMESTAMP NOT NULL
);

CREATE INDEX tutor_questions_asked ON tutor_questions (asked_at);
CREATE INDEX tutor_answers_at ON tutor_answers (at);
CREATE INDEX tutor_acknowledgements_at ON tutor_acknowledgements (at);
CREATE INDEX payment_intents_created ON payment_intents (created_at);
