package catalogue

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
)

// Install makes content what learners see of its course, in tx: the course row
// and all lessons, quizzes, answers and passages of the edition. The lessons of
// the edition before are gone; its quizzes stay readable by QuizEdition.
// Installing the same content again changes nothing.
func Install(ctx context.Context, tx db.Tx, content Content) error {
	c := content.Course
	strands, err := asJSON(c.Strands)
	if err != nil {
		return err
	}
	steps := []func() error{
		exec(ctx, tx, deletePassages, c.ID),
		exec(ctx, tx, deleteLessons, c.ID),
		exec(ctx, tx, deleteKeys, c.ID, c.Edition),
		exec(ctx, tx, deleteQuizzes, c.ID, c.Edition),
		exec(ctx, tx, upsertCourse, c.ID, c.Slug, c.Title, c.Description, c.Grade, c.LearningArea, c.Curriculum, c.Language, c.Owner,
			c.InstructorID, c.InstructorEmail, c.PriceMinor, c.Currency, c.Featured, c.Edition, strands, c.LessonCount, c.Minutes, c.PublishedAt),
		func() error { return insertLessons(ctx, tx, content.Lessons) },
		func() error { return insertQuizzes(ctx, tx, content.Quizzes) },
		func() error { return insertPassages(ctx, tx, content.Passages) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("install course %s edition %d: %w", c.Slug, c.Edition, err)
		}
	}
	return nil
}

func exec(ctx context.Context, tx db.Tx, q db.SQL, args ...any) func() error {
	return func() error {
		_, err := tx.Exec(ctx, q, args...)
		return err
	}
}

func insertLessons(ctx context.Context, tx db.Tx, lessons []Lesson) error {
	rows := make([][]any, 0, len(lessons))
	for _, l := range lessons {
		outcomes, err := asJSON(l.Outcomes)
		if err != nil {
			return err
		}
		competencies, err := asJSON(l.Competencies)
		if err != nil {
			return err
		}
		rows = append(rows, []any{string(l.ID), string(l.CourseID), l.Slug, int64(l.Position), l.Title, int64(l.Minutes), outcomes,
			l.Strand, l.SubStrand, competencies, string(l.QuizID), l.HTML})
	}
	return tx.BulkInsert(ctx, "lessons", []string{"id", "course_id", "slug", "position", "title", "minutes", "outcomes",
		"strand", "sub_strand", "competencies", "quiz_id", "html"}, rows)
}

func insertQuizzes(ctx context.Context, tx db.Tx, quizzes []Quiz) error {
	forms, keys := make([][]any, 0, len(quizzes)), make([][]any, 0, len(quizzes))
	for _, q := range quizzes {
		questions, err := asJSON(q.Questions)
		if err != nil {
			return err
		}
		key, err := asJSON(q.Keys)
		if err != nil {
			return err
		}
		forms = append(forms, []any{string(q.ID), q.Edition, string(q.CourseID), string(q.LessonID), q.Title, int64(q.PassPercent), questions})
		keys = append(keys, []any{string(q.ID), q.Edition, key})
	}
	if err := tx.BulkInsert(ctx, "quizzes", []string{"id", "edition", "course_id", "lesson_id", "title", "pass_percent", "questions"}, forms); err != nil {
		return err
	}
	return tx.BulkInsert(ctx, "quiz_keys", []string{"quiz_id", "edition", "keys"}, keys)
}

func insertPassages(ctx context.Context, tx db.Tx, passages []Passage) error {
	rows := make([][]any, 0, len(passages))
	for _, p := range passages {
		rows = append(rows, []any{p.ID, string(p.CourseID), string(p.LessonID), int64(p.Position), p.LessonTitle, p.Heading, p.Anchor, p.Text,
			joinTerms(p.LessonTitle + " " + p.Heading), joinTerms(p.Text)})
	}
	return tx.BulkInsert(ctx, "passages", []string{"id", "course_id", "lesson_id", "position", "lesson_title", "heading", "anchor", "body",
		"head_terms", "body_terms"}, rows)
}
