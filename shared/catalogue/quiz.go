package catalogue

// Kind is how a question is answered.
type Kind string

// The kinds of questions.
const (
	SingleChoice   Kind = "single"
	MultipleChoice Kind = "multiple"
	Numeric        Kind = "numeric"
	ShortText      Kind = "short_text"
	Matching       Kind = "matching"
	Ordering       Kind = "ordering"
	Cloze          Kind = "cloze"
)

// Option is one choice of a question.
type Option struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Question is what a learner sees; its answer is in the Key of the same id.
type Question struct {
	ID     string `json:"id"`
	Kind   Kind   `json:"kind"`
	Prompt string `json:"prompt"`
	// Options are what is chosen, matched or put in order. Those of an Ordering
	// question are mixed.
	Options []Option `json:"options,omitempty"`
	// Matches are what the options of a Matching question are matched with, mixed;
	// there may be more of them than options.
	Matches []Option `json:"matches,omitempty"`
	// Gaps are the places [1], [2] ... in the prompt of a Cloze question.
	Gaps []Gap `json:"gaps,omitempty"`
	// Unit stands behind the box of a numeric question. With AskUnit it is the
	// learner who writes the unit.
	Unit    string `json:"unit,omitempty"`
	AskUnit bool   `json:"ask_unit,omitempty"`
	// Partial gives points for the parts that are right; see Points.
	Partial bool `json:"partial,omitempty"`
	// Hint may be opened before answering; it costs nothing.
	Hint string `json:"hint,omitempty"`
}

// Gap is one place to fill: with a word that is typed, or one of Choices.
type Gap struct {
	Choices []string `json:"choices,omitempty"`
}

// Points is what a question is worth: one, and with Partial
//
//   - multiple: two, one of them with a single wrong decision,
//   - matching: one for each option,
//   - ordering: one for each item that is followed by the right one,
//   - cloze: one for each gap.
//
// Whole points, so that a child can check the sum, and none that tells how many
// options are right.
func (q Question) Points() int64 {
	if !q.Partial {
		return 1
	}
	switch q.Kind {
	case MultipleChoice:
		return 2
	case Matching:
		return int64(len(q.Options))
	case Ordering:
		return int64(len(q.Options) - 1)
	case Cloze:
		return int64(len(q.Gaps))
	}
	return 1
}

// Key is the answer to a question. It never leaves the server before the
// learner has submitted.
type Key struct {
	QuestionID string `json:"question_id"`
	// Options are the right choices: one for SingleChoice, all for MultipleChoice;
	// all in the right order for Ordering; for Matching the id of the match of
	// each option, in the order of the options.
	Options []string `json:"options,omitempty"`
	// Value and Tolerance answer a Numeric question: right when the distance is
	// at most Tolerance.
	Value     float64 `json:"value,omitempty"`
	Tolerance float64 `json:"tolerance,omitempty"`
	// Texts are the accepted answers of a ShortText question, as written by the
	// author.
	Texts []string `json:"texts,omitempty"`
	// Slips is how many letters of a ShortText or Cloze answer may be wrong,
	// missing, too many or swapped.
	Slips int `json:"slips,omitempty"`
	// Units are the accepted units of a Numeric question with AskUnit, each with
	// what one of it is in the unit of Value: {"km": 1, "m": 0.001}.
	Units map[string]float64 `json:"units,omitempty"`
	// Gaps are the accepted texts of each gap of a Cloze question.
	Gaps        [][]string `json:"gaps,omitempty"`
	Explanation string     `json:"explanation"`
	// Feedback tells who chose an option why, by the option's id.
	Feedback map[string]string `json:"feedback,omitempty"`
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

// Question is the one of that id, and false when the quiz has no such question.
func (q QuizForm) Question(id string) (Question, bool) {
	for _, have := range q.Questions {
		if have.ID == id {
			return have, true
		}
	}
	return Question{}, false
}
