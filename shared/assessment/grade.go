package assessment

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/fault"
)

// Answer is what a learner answers to one question. Which part counts depends on
// the kind of the question; an Answer with nothing in it is no answer.
type Answer struct {
	QuestionID string
	// Options answer single (exactly one) and multiple choice questions.
	Options []string
	// Number answers a numeric question; nil when none was given.
	Number *float64
	// Text answers a short text question, or a numeric one in digits.
	Text string
}

// ErrBadAnswers says which answers do not have the shape of their question.
var ErrBadAnswers = fault.New(fault.Invalid, "Some answers do not fit their questions.").WithCode("answers_invalid")

// Every question is worth one point: a whole one, so that a child can check the
// sum and no rounding is ever needed.
const pointsPerQuestion = 1

// maxText is the longest short answer, in characters.
const maxText = 500

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
//   - multiple: exactly the key's options are chosen, all or nothing.
//   - numeric: the distance to the key is at most its tolerance, in exact
//     decimal arithmetic.
//   - short_text: the text, made plain by Plain, is one of the accepted ones.
//
// Passed means that the score is at least PassPercent of the points. An answer
// of the wrong shape gives ErrBadAnswers with one field for each.
func Grade(quiz catalogue.Quiz, answers []Answer) (Result, error) {
	byQuestion, err := check(quiz, answers)
	if err != nil {
		return Result{}, err
	}
	var out Result
	for _, q := range quiz.Questions {
		r := Response{QuestionID: q.ID, Max: pointsPerQuestion}
		if a, ok := byQuestion[q.ID]; ok {
			r.Options, r.Number, r.Text = a.Options, a.number, a.Text
		}
		if key, ok := quiz.Key(q.ID); ok && r.Answered() && right(q, key, r) {
			r.Points = r.Max
		}
		out.Responses = append(out.Responses, r)
		out.Score += r.Points
		out.Max += r.Max
	}
	out.Passed = out.Max > 0 && out.Score*100 >= int64(quiz.PassPercent)*out.Max
	return out, nil
}

// given is an answer whose shape was checked, in the form that is stored.
type given struct {
	Options []string
	number  string
	Text    string
}

func check(quiz catalogue.Quiz, answers []Answer) (map[string]given, error) {
	questions := make(map[string]catalogue.Question, len(quiz.Questions))
	for _, q := range quiz.Questions {
		questions[q.ID] = q
	}
	bad := ErrBadAnswers
	out := make(map[string]given, len(answers))
	for i, a := range answers {
		at := func(field, msg string) { bad = bad.At(msg, "answers", strconv.Itoa(i), field) }
		q, known := questions[a.QuestionID]
		if !known {
			at("question_id", "is not a question of this quiz")
			continue
		}
		if _, twice := out[a.QuestionID]; twice {
			at("question_id", "is answered twice")
			continue
		}
		out[a.QuestionID] = shape(q, a, at)
	}
	if len(bad.Fields) > 0 {
		return nil, bad
	}
	return out, nil
}

// shape brings an answer into the form of its question and calls at for
// everything that does not fit.
func shape(q catalogue.Question, a Answer, at func(field, msg string)) given {
	var g given
	switch q.Kind {
	case catalogue.SingleChoice, catalogue.MultipleChoice:
		if a.Number != nil {
			at("numeric_answer", "this question is answered by choosing")
		}
		if strings.TrimSpace(a.Text) != "" {
			at("text_answer", "this question is answered by choosing")
		}
		g.Options = options(q, a, at)
	case catalogue.Numeric:
		if len(a.Options) > 0 {
			at("selected_options", "this question is answered with a number")
		}
		g.number = number(a, at)
	case catalogue.ShortText:
		if len(a.Options) > 0 {
			at("selected_options", "this question is answered with words")
		}
		if a.Number != nil {
			at("numeric_answer", "this question is answered with words")
		}
		g.Text = words(a.Text, at)
	}
	return g
}

// options are the chosen ones in the order of the question, each once.
func options(q catalogue.Question, a Answer, at func(field, msg string)) []string {
	for _, o := range a.Options {
		if !slices.ContainsFunc(q.Options, func(have catalogue.Option) bool { return have.ID == o }) {
			at("selected_options", "is not an option of this question")
			return nil
		}
	}
	var out []string
	for _, have := range q.Options {
		if slices.Contains(a.Options, have.ID) {
			out = append(out, have.ID)
		}
	}
	if q.Kind == catalogue.SingleChoice && len(out) > 1 {
		at("selected_options", "this question has one answer")
	}
	return out
}

func number(a Answer, at func(field, msg string)) string {
	text := strings.TrimSpace(a.Text)
	switch {
	case a.Number != nil && text != "":
		at("text_answer", "give the number once")
	case a.Number != nil && (math.IsNaN(*a.Number) || math.IsInf(*a.Number, 0)):
		at("numeric_answer", "is not a number")
	case a.Number != nil:
		return decimal(*a.Number)
	case text != "":
		n, ok := parseNumber(text)
		if !ok {
			at("text_answer", "is not a number")
		}
		return n
	}
	return ""
}

// parseNumber reads a decimal as children write it: "6 218", "6,218", "-3.5".
func parseNumber(text string) (string, bool) {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == ',' || unicode.IsSpace(r):
			return -1
		case r == '−': // the minus sign of mathematics, U+2212
			return '-'
		}
		return r
	}, text)
	for _, r := range text { // no hexadecimal, "inf", or exponents
		if (r < '0' || r > '9') && r != '.' && r != '-' && r != '+' {
			return "", false
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || len(text) > 40 {
		return "", false
	}
	return decimal(n), true
}

// decimal is the shortest spelling of n.
func decimal(n float64) string {
	if n == 0 { // also for minus zero
		return "0"
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}

// words keeps a text answer as it was written, without the space around it.
func words(text string, at func(field, msg string)) string {
	text = strings.TrimSpace(text)
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		at("text_answer", "is not text")
		return ""
	}
	if utf8.RuneCountInString(text) > maxText {
		at("text_answer", "is longer than 500 characters")
		return ""
	}
	return text
}

func right(q catalogue.Question, key catalogue.Key, r Response) bool {
	switch q.Kind {
	case catalogue.SingleChoice, catalogue.MultipleChoice:
		return sameSet(r.Options, key.Options)
	case catalogue.Numeric:
		return near(r.Number, key.Value, key.Tolerance)
	case catalogue.ShortText:
		plain := Plain(r.Text)
		return plain != "" && slices.ContainsFunc(key.Texts, func(accepted string) bool { return Plain(accepted) == plain })
	}
	return false
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// near compares decimals exactly: as binary fractions 0.4 would be further than
// 0.1 from 0.3.
func near(answer string, value, tolerance float64) bool {
	got, ok := new(big.Rat).SetString(answer)
	want, ok2 := new(big.Rat).SetString(decimal(value))
	room, ok3 := new(big.Rat).SetString(decimal(tolerance))
	if !ok || !ok2 || !ok3 {
		return false
	}
	distance := got.Sub(got, want)
	return distance.Abs(distance).Cmp(room) <= 0
}

// Plain is a text as short answers are compared: composed (NFC), in lower case,
// without punctuation, with single spaces. Two things stay because they carry
// meaning: the apostrophe of a word, in any of its printed forms (the ng' of
// ng'ombe is another sound than ng, and boys' is not boys), and the signs inside
// a number (3.5, 1/2, -4), of which only the commas between thousands go.
func Plain(text string) string {
	in := []rune(strings.ToLower(norm.NFC.String(text)))
	var out strings.Builder
	quoted := false
	for i, r := range in {
		before, after := neighbour(in, i-1), neighbour(in, i+1)
		switch {
		case isApostrophe(r):
			if keepApostrophe(before, after, &quoted) {
				out.WriteByte('\'')
			} else {
				out.WriteByte(' ')
			}
		case r == ',' && unicode.IsDigit(before) && unicode.IsDigit(after):
		case strings.ContainsRune("./:", r) && unicode.IsDigit(before) && unicode.IsDigit(after),
			isMinus(r) && !unicode.IsLetter(before) && !unicode.IsDigit(before) && unicode.IsDigit(after):
			out.WriteRune(plainSign(r))
		case r == '%':
			out.WriteRune(r)
		case unicode.IsPunct(r), unicode.IsSpace(r), unicode.Is(unicode.Cf, r):
			out.WriteByte(' ')
		default:
			out.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func neighbour(in []rune, i int) rune {
	if i < 0 || i >= len(in) {
		return ' '
	}
	return in[i]
}

// isApostrophe knows the ASCII sign, the printed quotes, the modifier letter,
// the prime, the grave and the acute accent that phones and books use for it.
func isApostrophe(r rune) bool { return strings.ContainsRune("'’‘ʼ′`´", r) }

func isMinus(r rune) bool { return r == '-' || r == '−' }

func plainSign(r rune) rune {
	if isMinus(r) {
		return '-'
	}
	return r
}

// keepApostrophe tells an apostrophe from a quotation mark: one that follows a
// letter belongs to the word, unless it closes a quotation that was opened.
func keepApostrophe(before, after rune, quoted *bool) bool {
	if !unicode.IsLetter(before) {
		*quoted = true
		return false
	}
	if *quoted && !unicode.IsLetter(after) {
		*quoted = false
		return false
	}
	return true
}
