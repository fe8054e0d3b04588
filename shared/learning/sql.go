package learning

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

var (
	enrolmentColumns = []string{"id", "learner_id", "course_id", "school_id", "enrolled_at"}
	activityColumns  = []string{"id", "kind", "learner_id", "school_id", "course_id", "lesson_id", "seconds", "at"}
)

// Each of the learners in a list with herself and her duplicates.
const (
	selvesPostgres = `(SELECT value AS learner, value AS self FROM jsonb_array_elements_text($1::jsonb) AS value
			UNION SELECT a.merged_into_id, a.id FROM accounts a
			WHERE a.merged_into_id <> '' AND a.merged_into_id IN (SELECT jsonb_array_elements_text($1::jsonb))) s`
	selvesSQLite = `(SELECT value AS learner, value AS self FROM json_each($1)
			UNION SELECT a.merged_into_id, a.id FROM accounts a
			WHERE a.merged_into_id <> '' AND a.merged_into_id IN (SELECT value FROM json_each($1))) s`
)

var (
	insertEnrolment = db.SQL{Both: `INSERT INTO enrolments (id, learner_id, course_id, school_id, enrolled_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`}
	selectEnrolment = db.SQL{Both: `SELECT id, learner_id, course_id, school_id, enrolled_at FROM enrolments WHERE id = $1`}
	// Readers count what stands under a learner's duplicates as hers.
	enrolmentsOf = db.SQL{Both: `SELECT id, learner_id, course_id, school_id, enrolled_at FROM enrolments
		WHERE learner_id IN ` + identity.SelvesSQL + ` ORDER BY enrolled_at, id`}
	enrolmentsOfAll = db.SQL{
		Postgres: `SELECT e.id, s.learner, e.course_id, e.school_id, e.enrolled_at FROM ` + selvesPostgres + `
			JOIN enrolments e ON e.learner_id = s.self ORDER BY s.learner, e.enrolled_at, e.id`,
		SQLite: `SELECT e.id, s.learner, e.course_id, e.school_id, e.enrolled_at FROM ` + selvesSQLite + `
			JOIN enrolments e ON e.learner_id = s.self ORDER BY s.learner, e.enrolled_at, e.id`,
	}
	// Whether $2 is learner $1 or a duplicate of hers.
	countSelf       = db.SQL{Both: `SELECT count(*) FROM accounts WHERE id = $2 AND merged_into_id = $1`}
	countEnrolments = db.SQL{
		Postgres: `SELECT course_id, count(*) FROM enrolments
			WHERE course_id IN (SELECT jsonb_array_elements_text($1::jsonb)) GROUP BY course_id`,
		SQLite: `SELECT course_id, count(*) FROM enrolments
			WHERE course_id IN (SELECT value FROM json_each($1)) GROUP BY course_id`,
	}

	insertActivity = db.SQL{Both: `INSERT INTO learning_activities (id, kind, learner_id, school_id, course_id, lesson_id, seconds, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`}
	selectActivity = db.SQL{Both: `SELECT id, kind, learner_id, school_id, course_id, lesson_id, seconds, at
		FROM learning_activities WHERE id = $1`}
	activitiesOf = db.SQL{Both: `SELECT id, kind, learner_id, school_id, course_id, lesson_id, seconds, at
		FROM learning_activities WHERE learner_id IN ` + identity.SelvesSQL + ` ORDER BY at, id`}

	pageEnrolments = db.SQL{Both: `SELECT id, learner_id, course_id, school_id, enrolled_at FROM enrolments
		WHERE learner_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	pageActivities = db.SQL{Both: `SELECT id, kind, learner_id, school_id, course_id, lesson_id, seconds, at
		FROM learning_activities WHERE learner_id = $1 AND id > $2 ORDER BY id LIMIT $3`}

	// lessonTotals folds a class in the database: one row per learner and lesson
	// instead of one per fact.
	lessonTotals = db.SQL{
		Postgres: `SELECT s.learner, f.course_id, f.lesson_id, CAST(sum(f.seconds) AS bigint), max(f.at),
				max(CASE WHEN f.kind = 'lesson_completed' THEN 1 ELSE 0 END)
			FROM ` + selvesPostgres + ` JOIN learning_activities f ON f.learner_id = s.self
			GROUP BY s.learner, f.course_id, f.lesson_id`,
		SQLite: `SELECT s.learner, f.course_id, f.lesson_id, sum(f.seconds), max(f.at),
				max(CASE WHEN f.kind = 'lesson_completed' THEN 1 ELSE 0 END)
			FROM ` + selvesSQLite + ` JOIN learning_activities f ON f.learner_id = s.self
			GROUP BY s.learner, f.course_id, f.lesson_id`,
	}
)

func enrolmentRow(e Enrolment) []any {
	return []any{string(e.ID), string(e.LearnerID), string(e.CourseID), string(e.SchoolID), e.EnrolledAt.Time}
}

func activityRow(a Activity) []any {
	return []any{string(a.ID), string(a.Kind), string(a.LearnerID), string(a.SchoolID), string(a.CourseID), string(a.LessonID), a.Seconds, a.At.Time}
}

func putEnrolment(ctx context.Context, tx db.Tx, e Enrolment) (bool, error) {
	n, err := tx.Exec(ctx, insertEnrolment, enrolmentRow(e)...)
	if err != nil {
		return false, fmt.Errorf("put enrolment %s: %w", e.ID, err)
	}
	return n > 0, nil
}

func putActivity(ctx context.Context, tx db.Tx, a Activity) (bool, error) {
	n, err := tx.Exec(ctx, insertActivity, activityRow(a)...)
	if err != nil {
		return false, fmt.Errorf("put activity %s: %w", a.ID, err)
	}
	return n > 0, nil
}

func scanEnrolment(r db.Rows) (e Enrolment, err error) {
	err = r.Scan(&e.ID, &e.LearnerID, &e.CourseID, &e.SchoolID, &e.EnrolledAt)
	return e, err
}

func scanActivity(r db.Rows) (a Activity, err error) {
	err = r.Scan(&a.ID, &a.Kind, &a.LearnerID, &a.SchoolID, &a.CourseID, &a.LessonID, &a.Seconds, &a.At)
	return a, err
}

func getEnrolment(ctx context.Context, tx db.Tx, id string) (Enrolment, error) {
	rows, err := tx.Query(ctx, selectEnrolment, id)
	return db.One(rows, err, scanEnrolment)
}

func getActivity(ctx context.Context, tx db.Tx, id string) (Activity, error) {
	rows, err := tx.Query(ctx, selectActivity, id)
	return db.One(rows, err, scanActivity)
}

func listEnrolments(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]Enrolment, error) {
	rows, err := tx.Query(ctx, enrolmentsOf, string(learner))
	list, err := db.Collect(rows, err, scanEnrolment)
	seen := map[catalogue.CourseID]bool{}
	return slices.DeleteFunc(list, func(e Enrolment) bool { // a duplicate's, in a course that she takes too
		again := seen[e.CourseID]
		seen[e.CourseID] = true
		return again
	}), err
}

// isSelf tells whether other is learner, or merged into her.
func isSelf(ctx context.Context, tx db.Tx, learner, other identity.AccountID) (bool, error) {
	if learner == other {
		return true, nil
	}
	rows, err := tx.Query(ctx, countSelf, string(learner), string(other))
	n, err := db.One(rows, err, db.Scalar[int64])
	return n > 0, err
}

// onePerCourse drops a duplicate's enrolment in a course that the learner takes
// too; the list is in order of time.
func onePerCourse(list []Enrolment) []Enrolment {
	type place struct {
		learner identity.AccountID
		course  catalogue.CourseID
	}
	seen := map[place]bool{}
	return slices.DeleteFunc(list, func(e Enrolment) bool {
		p := place{e.LearnerID, e.CourseID}
		again := seen[p]
		seen[p] = true
		return again
	})
}

func listEnrolmentsOfAll(ctx context.Context, tx db.Tx, learners []identity.AccountID) ([]Enrolment, error) {
	list, err := asJSON(learners)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, enrolmentsOfAll, list)
	found, err := db.Collect(rows, err, scanEnrolment)
	return onePerCourse(found), err
}

func listActivities(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]Activity, error) {
	rows, err := tx.Query(ctx, activitiesOf, string(learner))
	return db.Collect(rows, err, scanActivity)
}

// lessonTotal is what the facts of one learner about one lesson add up to.
type lessonTotal struct {
	learner   identity.AccountID
	course    catalogue.CourseID
	lesson    catalogue.LessonID
	seconds   int64
	last      time.Time
	completed bool
}

func listLessonTotals(ctx context.Context, tx db.Tx, learners []identity.AccountID) ([]lessonTotal, error) {
	list, err := asJSON(learners)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, lessonTotals, list)
	return db.Collect(rows, err, func(r db.Rows) (lessonTotal, error) {
		var t lessonTotal
		var last db.Time
		var completions int64
		err := r.Scan(&t.learner, &t.course, &t.lesson, &t.seconds, &last, &completions)
		t.last, t.completed = last.Time, completions > 0
		return t, err
	})
}

// asJSON is how a list of ids enters a statement on both databases.
func asJSON[T any](list []T) (string, error) {
	if list == nil {
		list = []T{}
	}
	b, err := json.Marshal(list)
	return string(b), err
}

type courseCount struct {
	course catalogue.CourseID
	n      int
}

// Counts counts the learners of courses, for catalogue.Options.
type Counts struct{}

// CountByCourse gives how many learners take each of courses, as far as this
// side knows; a course that nobody takes is missing.
func (Counts) CountByCourse(ctx context.Context, tx db.Tx, courses []catalogue.CourseID) (map[catalogue.CourseID]int, error) {
	list, err := asJSON(courses)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, countEnrolments, list)
	counts, err := db.Collect(rows, err, func(r db.Rows) (courseCount, error) {
		var c courseCount
		err := r.Scan(&c.course, &c.n)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("count enrolments: %w", err)
	}
	out := make(map[catalogue.CourseID]int, len(counts))
	for _, c := range counts {
		out[c.course] = c.n
	}
	return out, nil
}
