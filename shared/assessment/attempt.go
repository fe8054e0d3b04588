package assessment

import (
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// AttemptID names an attempt: a UUID made by the page that sends it, so that
// sending it again is the same attempt, or made here.
type AttemptID string

// Attempt is one submitted quiz with its answers and marks, as graded by the
// side where it was submitted. Its number among the learner's attempts is
// folded, never stored.
type Attempt struct {
	ID        AttemptID          `cbor:"1,keyasint" json:"id"`
	LearnerID identity.AccountID `cbor:"2,keyasint" json:"learner_id"`
	SchoolID  identity.SchoolID  `cbor:"3,keyasint,omitempty" json:"school_id"`
	CourseID  catalogue.CourseID `cbor:"4,keyasint" json:"course_id"`
	QuizID    catalogue.QuizID   `cbor:"5,keyasint" json:"quiz_id"`
	// Edition of the quiz that was answered, and its pass mark then.
	Edition     int64 `cbor:"6,keyasint" json:"edition"`
	PassPercent int64 `cbor:"7,keyasint" json:"pass_percent"`
	ScorePoints int64 `cbor:"8,keyasint" json:"score_points"`
	MaxPoints   int64 `cbor:"9,keyasint" json:"max_points"`
	Passed      bool  `cbor:"10,keyasint" json:"passed"`
	// Responses are in the order of the quiz, one for every question.
	Responses   []Response `cbor:"11,keyasint" json:"responses"`
	StartedAt   db.Time    `cbor:"12,keyasint" json:"started_at"`
	SubmittedAt db.Time    `cbor:"13,keyasint" json:"submitted_at"`
}

// Response is the answer to one question, empty when it was left out, and its
// marks.
type Response struct {
	QuestionID string   `cbor:"1,keyasint" json:"question_id"`
	Options    []string `cbor:"2,keyasint,omitempty" json:"options,omitempty"`
	// Number is a decimal, spelled the shortest way.
	Number string `cbor:"3,keyasint,omitempty" json:"number,omitempty"`
	Text   string `cbor:"4,keyasint,omitempty" json:"text,omitempty"`
	Points int64  `cbor:"5,keyasint" json:"points"`
	Max    int64  `cbor:"6,keyasint" json:"max"`
	// Parts are the chosen matches or the filled gaps, in the order of the
	// question, empty where there is none.
	Parts []string `cbor:"7,keyasint,omitempty" json:"parts,omitempty"`
}

// Answered tells whether the learner gave any answer.
func (r Response) Answered() bool {
	return len(r.Options) > 0 || r.Number != "" || r.Text != "" || len(r.Parts) > 0
}

// Correct tells whether the answer has full marks.
func (r Response) Correct() bool { return r.Points == r.Max }

// Percent is the score in percent, 0 to 100, with two decimals.
func (a Attempt) Percent() float64 {
	if a.MaxPoints == 0 {
		return 0
	}
	return float64((a.ScorePoints*100*100+a.MaxPoints/2)/a.MaxPoints) / 100
}
