package learning

import (
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// EnrolmentID names an enrolment: derived from learner and course.
type EnrolmentID string

// Enrolment is the fact that a learner takes a course. It is never taken back:
// whether the course is done is folded from the activities.
type Enrolment struct {
	ID         EnrolmentID        `cbor:"1,keyasint" json:"id"`
	LearnerID  identity.AccountID `cbor:"2,keyasint" json:"learner_id"`
	CourseID   catalogue.CourseID `cbor:"3,keyasint" json:"course_id"`
	SchoolID   identity.SchoolID  `cbor:"4,keyasint,omitempty" json:"school_id"`
	EnrolledAt db.Time            `cbor:"5,keyasint" json:"enrolled_at"`
}

// EnrolmentOf is the id of learner's enrolment in course, the same wherever it
// is made.
func EnrolmentOf(learner identity.AccountID, course catalogue.CourseID) EnrolmentID {
	return EnrolmentID(id.Derived("learning.enrolment", string(learner), string(course)))
}

// Kind is what a learner did.
type Kind string

// The kinds. Seconds of different facts never overlap, so they may be added up.
const (
	// LessonOpened is born each time a lesson is opened.
	LessonOpened Kind = "lesson_opened"
	// LessonCompleted exists once per learner and lesson.
	LessonCompleted Kind = "lesson_completed"
	// TimeSpent is a stretch of work on a lesson, reported by the page.
	TimeSpent Kind = "time_spent"
	// QuizTaken is never stored: it is how a Sitting enters the fold.
	QuizTaken Kind = "quiz_taken"
)

// ActivityID names an activity: derived for LessonCompleted, otherwise a UUID
// made where the fact was born.
type ActivityID string

// Activity is one thing a learner did, with the time it took. At is when it
// happened, by the clock of the side where it happened.
type Activity struct {
	ID        ActivityID         `cbor:"1,keyasint" json:"id"`
	Kind      Kind               `cbor:"2,keyasint" json:"kind"`
	LearnerID identity.AccountID `cbor:"3,keyasint" json:"learner_id"`
	SchoolID  identity.SchoolID  `cbor:"4,keyasint,omitempty" json:"school_id"`
	CourseID  catalogue.CourseID `cbor:"5,keyasint" json:"course_id"`
	LessonID  catalogue.LessonID `cbor:"6,keyasint" json:"lesson_id"`
	Seconds   int64              `cbor:"7,keyasint,omitempty" json:"seconds"`
	At        db.Time            `cbor:"8,keyasint" json:"at"`
}

// CompletionOf is the id of the fact that learner completed lesson: reported
// twice, it is one row.
func CompletionOf(learner identity.AccountID, lesson catalogue.LessonID) ActivityID {
	return ActivityID(id.Derived("learning.lesson_completed", string(learner), string(lesson)))
}
