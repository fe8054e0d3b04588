package catalogue

import (
	"context"
	"errors"

	"urbanhomeschool.org/uhs/shared/db"
)

// CourseByID reads an installed course; ErrNoCourse when it is not here.
func CourseByID(ctx context.Context, tx db.Tx, id CourseID) (Course, error) {
	rows, err := tx.Query(ctx, selectCourse, id)
	return orFault(rows, err, scanCourse, ErrNoCourse)
}

// LessonsOf lists the lessons of a course in order, without their texts.
func LessonsOf(ctx context.Context, tx db.Tx, course CourseID) ([]LessonSummary, error) {
	rows, err := tx.Query(ctx, selectLessons, course)
	return db.Collect(rows, err, scanSummary)
}

// LessonByID reads a lesson whoever asks; ErrNoLesson when it is not here.
func LessonByID(ctx context.Context, tx db.Tx, id LessonID) (Lesson, error) {
	rows, err := tx.Query(ctx, selectLesson, id)
	return orFault(rows, err, scanLesson, ErrNoLesson)
}

// QuizByID reads a quiz of the installed edition with its answers, for grading;
// ErrNoQuiz when it is not here.
func QuizByID(ctx context.Context, tx db.Tx, id QuizID) (Quiz, error) {
	rows, err := tx.Query(ctx, selectQuiz, id)
	return orFault(rows, err, scanQuiz, ErrNoQuiz)
}

// QuizEdition reads a quiz as it was in an edition that was installed here once.
func QuizEdition(ctx context.Context, tx db.Tx, id QuizID, edition int64) (Quiz, error) {
	rows, err := tx.Query(ctx, selectQuizEdition, id, edition)
	return orFault(rows, err, scanQuiz, ErrNoQuiz)
}

// QuizzesOf lists the quizzes of a course in the order of its lessons, with
// answers.
func QuizzesOf(ctx context.Context, tx db.Tx, course CourseID) ([]Quiz, error) {
	rows, err := tx.Query(ctx, selectCourseQuizzes, course)
	return db.Collect(rows, err, scanQuiz)
}

// CourseForQuiz reads the course a quiz belongs to, also when the newest edition
// no longer has the quiz; ErrNoQuiz when it is unknown.
func CourseForQuiz(ctx context.Context, tx db.Tx, id QuizID) (Course, error) {
	rows, err := tx.Query(ctx, selectQuizCourse, id)
	return orFault(rows, err, scanCourse, ErrNoQuiz)
}

// Price is what a course costs.
type Price struct {
	CourseID CourseID
	// Minor is in cents of Currency; 0 is free.
	Minor    int64
	Currency string
	// Edition is the catalogue version the price was read from.
	Edition int64
	Owner   Owner
	Title   string
}

// PriceOf reads the price of a course; ErrNoCourse when it is not here.
func PriceOf(ctx context.Context, tx db.Tx, id CourseID) (Price, error) {
	c, err := CourseByID(ctx, tx, id)
	if err != nil {
		return Price{}, err
	}
	return Price{CourseID: c.ID, Minor: c.PriceMinor, Currency: c.Currency, Edition: c.Edition, Owner: c.Owner, Title: c.Title}, nil
}

func orFault[T any](rows db.Rows, err error, scan func(db.Rows) (T, error), missing error) (T, error) {
	v, err := db.One(rows, err, scan)
	if errors.Is(err, db.ErrNoRows) {
		return v, missing
	}
	return v, err
}
