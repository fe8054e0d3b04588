package learning

import (
	"context"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

var (
	enrolmentColumns = []string{"id", "learner_id", "course_id", "school_id", "enrolled_at"}
	activityColumns  = []string{"id", "kind", "learner_id", "school_id", "course_id", "lesson_id", "seconds", "at"}
)

var (
	insertEnrolment = db.SQL{Both: `INSERT INTO enrolments (id, learner_id, course_id, school_id, enrolled_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`}
	selectEnrolment = db.SQL{Both: `SELECT id, learner_id, course_id, school_id, enrolled_at FROM enrolments WHERE id = $1`}
	enrolmentsOf    = db.SQL{Both: `SELECT id, learner_id, course_id, school_id, enrolled_at FROM enrolments
		WHERE learner_id = $1 ORDER BY enrolled_at, id`}
	enrolmentsAt = db.SQL{Both: `SELECT id, learner_id, course_id, school_id, enrolled_at FROM enrolments
		WHERE school_id = $1 ORDER BY learner_id, course_id`}

	insertActivity = db.SQL{Both: `INSERT INTO learning_activities (id, kind, learner_id, school_id, course_id, lesson_id, seconds, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`}
	selectActivity = db.SQL{Both: `SELECT id, kind, learner_id, school_id, course_id, lesson_id, seconds, at
		FROM learning_activities WHERE id = $1`}
	activitiesOf = db.SQL{Both: `SELECT id, kind, learner_id, school_id, course_id, lesson_id, seconds, at
		FROM learning_activities WHERE learner_id = $1 ORDER BY at, id`}

	// lessonsAt folds a whole school in the database: one row per learner and
	// lesson instead of one per fact.
	lessonsAt = db.SQL{Both: `SELECT learner_id, course_id, lesson_id, CAST(sum(seconds) AS bigint), max(at),
			max(CASE WHEN kind = 'lesson_completed' THEN 1 ELSE 0 END)
		FROM learning_activities WHERE school_id = $1
		GROUP BY learner_id, course_id, lesson_id ORDER BY learner_id, course_id, lesson_id`}
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
	return db.Collect(rows, err, scanEnrolment)
}

func listEnrolmentsAt(ctx context.Context, tx db.Tx, school identity.SchoolID) ([]Enrolment, error) {
	rows, err := tx.Query(ctx, enrolmentsAt, string(school))
	return db.Collect(rows, err, scanEnrolment)
}

func listActivities(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]Activity, error) {
	rows, err := tx.Query(ctx, activitiesOf, string(learner))
	return db.Collect(rows, err, scanActivity)
}

// lessonTotal is what the facts of one learner about one lesson add up to.
type lessonTotal struct {
	learner   identity.AccountID
	course    catalogue.CourseID
	lesson         catalogue.LessonID
	seconds        int64
	last           time.Time
	completed      bool
}

func listLessonTotals(ctx context.Context, tx db.Tx, school identity.SchoolID) ([]lessonTotal, error) {
	rows, err := tx.Query(ctx, lessonsAt, string(school))
	return db.Collect(rows, err, func(r db.Rows) (lessonTotal, error) {
		var t lessonTotal
		var last db.Time
		var completions int64
		err := r.Scan(&t.learner, &t.course, &t.lesson, &t.seconds, &last, &completions)
		t.last, t.completed = last.Time, completions > 0
		return t, err
	})
}
