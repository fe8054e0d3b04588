// Package catalogue knows what can be learned: *levels* PP1 to Grade 12 and
// *learning areas* of the Competency-Based Curriculum; *courses* with their
// strands, sub-strands, *lessons* and *quizzes*; the *passages* that search and
// the tutor quote; and the *licences* by which a school may cache a course.
//
// The rule that surprises: a course is never edited in place. Publishing makes
// an edition, and Install replaces everything of the course in one transaction,
// at the cloud when it is published and at a school once its pack is verified
// and decrypted. Only licences travel by sync; editions travel as packs.
package catalogue

import (
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// CourseID names a course: derived from its slug, the same in every edition.
type CourseID string

// LessonID names a lesson: derived from course and slug.
type LessonID string

// QuizID names the quiz of a lesson: derived from course and lesson slug.
type QuizID string

// CourseIDOf is the id of the course with slug.
func CourseIDOf(slug string) CourseID { return CourseID(id.Derived("course", slug)) }

// LessonIDOf is the id of the lesson with slug in course.
func LessonIDOf(course CourseID, slug string) LessonID {
	return LessonID(id.Derived("lesson", string(course), slug))
}

// QuizIDOf is the id of the quiz of the lesson with slug in course.
func QuizIDOf(course CourseID, slug string) QuizID {
	return QuizID(id.Derived("quiz", string(course), slug))
}

// Owner says who gets the money of a course.
type Owner string

// The owners. An instructor's course shares its price; a platform course does not.
const (
	OwnerPlatform   Owner = "platform"
	OwnerInstructor Owner = "instructor"
)

// Course is one edition of a course as learners see it in the catalogue.
type Course struct {
	ID           CourseID `json:"id"`
	Slug         string   `json:"slug"`
	Title        string   `json:"title"`
	Description  string   `json:"description"`
	Grade        string   `json:"grade"`
	LearningArea string   `json:"learning_area"`
	// Curriculum names the published design the course follows, e.g. "KICD-2024".
	Curriculum string `json:"curriculum"`
	// Language is a BCP 47 tag: en, sw.
	Language string `json:"language"`
	Owner    Owner  `json:"owner"`
	// InstructorID is empty for a platform course.
	InstructorID    identity.AccountID `json:"instructor_id,omitempty"`
	InstructorEmail string             `json:"instructor_email,omitempty"`
	// PriceMinor is in cents of Currency; 0 is free.
	PriceMinor int64    `json:"price_minor"`
	Currency   string   `json:"currency"`
	Featured   bool     `json:"featured"`
	Edition    int64    `json:"edition"`
	Strands    []Strand `json:"strands"`
	// LessonCount and Minutes are sums over the lessons.
	LessonCount int     `json:"lesson_count"`
	Minutes     int     `json:"minutes"`
	PublishedAt db.Time `json:"published_at"`
}

// Free tells whether anybody may open the course.
func (c Course) Free() bool { return c.PriceMinor == 0 }

// Strand is a top division of a learning area's design.
type Strand struct {
	Title      string      `json:"title"`
	SubStrands []SubStrand `json:"sub_strands"`
}

// SubStrand is a division of a strand; Competencies are slugs of core
// competencies.
type SubStrand struct {
	Title        string     `json:"title"`
	Competencies []string   `json:"competencies"`
	Lessons      []LessonID `json:"lessons"`
}

// LessonSummary is a lesson without its text.
type LessonSummary struct {
	ID       LessonID `json:"id"`
	CourseID CourseID `json:"course_id"`
	Slug     string   `json:"slug"`
	Title    string   `json:"title"`
	// Position counts from 0 in the order of the course.
	Position     int      `json:"position"`
	Minutes      int      `json:"minutes"`
	Outcomes     []string `json:"outcomes"`
	Strand       string   `json:"strand"`
	SubStrand    string   `json:"sub_strand"`
	Competencies []string `json:"competencies"`
	// QuizID is empty when the lesson has no quiz.
	QuizID QuizID `json:"quiz_id,omitempty"`
}

// Lesson is a lesson with its text: HTML made by the source package, which lets
// no raw HTML through.
type Lesson struct {
	LessonSummary
	HTML string `json:"-"`
}

// Passage is a piece of a lesson, about 600 characters, that search finds and
// the tutor quotes.
type Passage struct {
	ID          string   `json:"id"`
	CourseID    CourseID `json:"course_id"`
	LessonID    LessonID `json:"lesson_id"`
	LessonTitle string   `json:"lesson_title"`
	Heading     string   `json:"heading"`
	// Anchor is the id of the heading in the lesson's HTML.
	Anchor   string `json:"anchor"`
	Position int    `json:"position"`
	Text     string `json:"text"`
}

// Content is everything of one edition: what Install stores.
type Content struct {
	Course   Course
	Lessons  []Lesson
	Quizzes  []Quiz
	Passages []Passage
}
