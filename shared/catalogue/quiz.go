package catalogue

// Kind is how a question is answered.
type Kind string

// The kinds of questions.
const (
	SingleChoice   Kind = "single"
	MultipleChoice Kind = "multiple"
	Numeric        Kind = "numeric"
	ShortText      Kind = "short_text"
)

// Option is one choice of a question.
type Option struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Question is what a learner sees; its answer is in the Key of the same id.
type Question struct {
	ID      string   `json:"id"`
	Kind    Kind     `json:"kind"`
	Prompt  string   `json:"prompt"`
	Options []Option `json:"options,omitempty"`
	// Unit stands behind the box of a numeric question.
	Unit string `json:"unit,omitempty"`
}

// Key is the answer to a question. It never leaves the server before the
// learner has submitted.
type Key struct {
	QuestionID string `json:"question_id"`
	// Options are the right choices: one for SingleChoice, all for MultipleChoice.
	Options []string `json:"options,omitempty"`
	// Value and Tolerance answer a Numeric question: right when the distance is
	// at most Tolerance.
	Value     float64 `json:"value,omitempty"`
	Tolerance float64 `json:"tolerance,omitempty"`
	// Texts are the accepted answers of a ShortText question, as written by the
	// author.
	Texts       []string `json:"texts,omitempty"`
	Explanation string   `json:"explanation"`
}

// QuizForm is a quiz as a learner may see it before answering.
type QuizForm struct {
	ID          QuizID     `json:"id"`
	CourseID    CourseID   `json:"course_id"`
	LessonID    LessonID   `json:"lesson_id"`
	Edition     int64      `json:"edition"`
	Title       string     `json:"title"`
	PassPercent int        `json:"pass_percent"`
	Questions   []Question `json:"questions"`
}

// Quiz is a quiz with its answers, for grading.
type Quiz struct {
	QuizForm
	Keys []Key
}

// Key is the answer to question, and false when the quiz has no such question.
func (q Quiz) Key(question string) (Key, bool) {
	for _, k := range q.Keys {
		if k.QuestionID == question {
			return k, true
		}
	}
	return Key{}, false
}
