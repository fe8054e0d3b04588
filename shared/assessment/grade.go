package assessment

import (
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/fault"
)

// Answer is what a learner answers to one question. Which part counts depends on
// the kind of the question; an Answer with nothing in it is no answer.
type Answer struct {
	QuestionID string
	// Options answer single (exactly one) and multiple choice questions, and are
	// all items in the learner's order for an ordering question.
	Options []string
	// Number answers a numeric question; nil when none was given.
	Number *float64
	// Text answers a short text question, or a numeric one in digits; with the
	// unit behind them where the question asks for it.
	Text string
	// Matches answer a matching question: the match's id by the option's.
	Matches map[string]string
	// Gaps answer a cloze question, in the order of the gaps.
	Gaps []string
}

// ErrBadAnswers says which answers do not have the shape of their question.
var ErrBadAnswers = fault.New(fault.Invalid, "Some answers do not fit their questions.").WithCode("answers_invalid")

// Result is a graded quiz. Points are whole and between 0 and Max.
type Result struct {
	Responses []Response
	Score     int64
	Max       int64
	Passed    bool
}

// Grade marks answers by the keys of quiz. It is pure: the order of answers and
// of chosen options does not matter, and a question without an answer has no
// points.
//
//   - single: the chosen option is the key's.
//   - multiple: exactly the key's options are chosen.
//   - numeric: the distance to the key is at most its tolerance, in exact
//     decimal arithmetic; after conversion where the learner writes the unit.
//   - short_text: the text, made plain by Plain and of one spelling, is one of
//     the accepted ones, or at most the key's slips away from it.
//   - matching: each option has its match.
//   - ordering: the items are in the key's order.
//   - cloze: each gap has one of its accepted texts, as short_text.
//
// What a question is worth, and the parts of it, is catalogue.Question.Points.
// Passed means that the score is at least PassPercent of the points. An answer
// of the wrong shape gives ErrBadAnswers with one field for each.
func Grade(quiz catalogue.Quiz, answers []Answer) (Result, error) {
	byQuestion, err := check(quiz, answers)
	if err != nil {
		return Result{}, err
	}
	var out Result
	for _, q := range quiz.Questions {
		r := Response{QuestionID: q.ID, Max: q.Points()}
		if a, ok := byQuestion[q.ID]; ok {
			r.Options, r.Number, r.Text, r.Parts = a.Options, a.number, a.Text, a.parts
		}
		if key, ok := quiz.Key(q.ID); ok && r.Answered() {
			r.Points = points(q, key, r)
		}
		out.Responses = append(out.Responses, r)
		out.Score += r.Points
		out.Max += r.Max
	}
	out.Passed = out.Max > 0 && out.Score*100 >= int64(quiz.PassPercent)*out.Max
	return out, nil
}
