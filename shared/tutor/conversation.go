package tutor

import (
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// QuestionID is a UUID, made where the question was asked.
type QuestionID string

// Question is what a learner asked. A question that travels has no names in
// Text; what was typed stays beside it on the node where it was asked.
type Question struct {
	ID             QuestionID         `cbor:"1,keyasint" json:"id"`
	ConversationID string             `cbor:"2,keyasint" json:"conversation_id"`
	LearnerID      identity.AccountID `cbor:"3,keyasint" json:"learner_id"`
	SchoolID       identity.SchoolID  `cbor:"4,keyasint" json:"school_id"`
	Text           string             `cbor:"5,keyasint" json:"text"`
	Language       Language           `cbor:"6,keyasint" json:"language"`
	// CourseID is the course that was open, or empty.
	CourseID string  `cbor:"7,keyasint" json:"course_id"`
	AskedAt  db.Time `cbor:"8,keyasint" json:"asked_at"`
}

// Language is that of a question: English or Kiswahili.
type Language string

// The languages the fixed texts exist in.
const (
	English   Language = "en"
	Kiswahili Language = "sw"
)

// Kind says what sort of source an answer came from.
type Kind string

// The kinds, weakest first except for safety, which stands alone.
const (
	FromNothing    Kind = "none"            // nothing fits; an honest sentence
	FromPassages   Kind = "lesson_passages" // quoted from the learner's lessons
	FromLocalModel Kind = "local_model"
	FromCloudModel Kind = "cloud_model"
	FromSafety     Kind = "safety" // the fixed text after words of danger
)

// rank orders answers to one question for display: the highest is shown.
func (k Kind) rank() int {
	switch k {
	case FromSafety:
		return 4
	case FromCloudModel:
		return 3
	case FromLocalModel:
		return 2
	case FromPassages:
		return 1
	default:
		return 0
	}
}

// Passage is a piece of a lesson that an answer quotes.
type Passage struct {
	CourseID    string `cbor:"1,keyasint" json:"course_id"`
	CourseTitle string `cbor:"2,keyasint" json:"course_title"`
	LessonID    string `cbor:"3,keyasint" json:"lesson_id"`
	LessonTitle string `cbor:"4,keyasint" json:"lesson_title"`
	Heading     string `cbor:"5,keyasint" json:"heading"`
	Quote       string `cbor:"6,keyasint" json:"quote"`
	// Link is a path in the web app.
	Link string `cbor:"7,keyasint" json:"link"`
}

// Source says where an answer came from.
type Source struct {
	Kind     Kind   `cbor:"1,keyasint" json:"kind"`
	Provider string `cbor:"2,keyasint" json:"provider"`
	Model    string `cbor:"3,keyasint" json:"model"`
	// Reason says why no better source answered: a stable code, e.g.
	// "consent_withdrawn", "queue_full", "cut".
	Reason   string    `cbor:"4,keyasint" json:"reason"`
	Passages []Passage `cbor:"5,keyasint" json:"passages"`
}

// Answer is one answer to a question; a question has at most one of each kind.
type Answer struct {
	ID         string             `cbor:"1,keyasint" json:"id"`
	QuestionID QuestionID         `cbor:"2,keyasint" json:"question_id"`
	LearnerID  identity.AccountID `cbor:"3,keyasint" json:"learner_id"`
	SchoolID   identity.SchoolID  `cbor:"4,keyasint" json:"school_id"`
	Text       string             `cbor:"5,keyasint" json:"text"`
	Source     Source             `cbor:"6,keyasint" json:"source"`
	At         db.Time            `cbor:"7,keyasint" json:"at"`
}

// fromCloud is the Provider of an answer by which the cloud says that it will not
// answer.
const fromCloud = "cloud"

// answerTo makes the answer of src to q. Its id is derived from the question and
// the kind, so that two workers answering at once make one fact.
func answerTo(q Question, text string, src Source, at db.Time) Answer {
	key := string(src.Kind)
	if src.Kind == FromNothing {
		key += ":" + src.Provider // the cloud's "no" does not meet the school's
	}
	return Answer{
		ID:         id.Derived("tutor.answer", string(q.ID), key),
		QuestionID: q.ID, LearnerID: q.LearnerID, SchoolID: q.SchoolID, Text: text, Source: src, At: at,
	}
}

// refusal tells whether the answer only says that none will come.
func (a Answer) refusal() bool {
	return a.Source.Kind == FromNothing && a.Source.Provider == fromCloud
}

// Exchange is one question with what was answered.
type Exchange struct {
	Question Question
	// Best is the answer to show; its ID is empty when there is none yet.
	Best Answer
	// Earlier is what was shown before a better answer came; ID empty when none.
	Earlier Answer
	// Waiting tells that a better answer may still come from the cloud.
	Waiting bool
	// Refused is the reason why none will come, or empty.
	Refused string
}

// Better tells that Best came from the cloud after another answer was shown.
func (e Exchange) Better() bool {
	return e.Best.Source.Kind == FromCloudModel && e.Earlier.ID != ""
}

// exchange picks what to show among the answers to q.
func exchange(q Question, answers []Answer, waiting bool) Exchange {
	e := Exchange{Question: q, Waiting: waiting}
	for _, a := range answers {
		switch {
		case a.refusal():
			e.Refused, e.Waiting = a.Source.Reason, false
		case e.Best.ID == "" || a.Source.Kind.rank() > e.Best.Source.Kind.rank():
			e.Earlier, e.Best = e.Best, a
		case e.Earlier.ID == "" || a.Source.Kind.rank() > e.Earlier.Source.Kind.rank():
			e.Earlier = a
		}
	}
	if k := e.Best.Source.Kind; e.Best.ID != "" && (k == FromCloudModel || k == FromSafety) {
		e.Waiting, e.Refused = false, ""
	}
	return e
}
