package assessment

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

// maxText is the longest short answer, in characters.
const maxText = 500

// given is an answer whose shape was checked, in the form that is stored.
type given struct {
	Options []string
	number  string
	Text    string
	parts   []string
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
	foreign(q.Kind, a, at)
	var g given
	switch q.Kind {
	case catalogue.SingleChoice, catalogue.MultipleChoice:
		g.Options = options(q, a, at)
	case catalogue.Numeric:
		g.number, g.Text = number(q, a, at)
	case catalogue.ShortText:
		g.Text = words(a.Text, func(msg string) { at("text_answer", msg) })
	case catalogue.Ordering:
		g.Options = order(q, a, at)
	case catalogue.Matching:
		g.parts = matches(q, a, at)
	case catalogue.Cloze:
		g.parts = gaps(q, a, at)
	}
	return g
}

// ways are the fields that answer each kind, and how it is said.
var ways = map[catalogue.Kind]struct {
	fields []string
	says   string
}{
	catalogue.SingleChoice:   {[]string{"selected_options"}, "this question is answered by choosing"},
	catalogue.MultipleChoice: {[]string{"selected_options"}, "this question is answered by choosing"},
	catalogue.Ordering:       {[]string{"selected_options"}, "this question is answered by putting in order"},
	catalogue.Numeric:        {[]string{"numeric_answer", "text_answer"}, "this question is answered with a number"},
	catalogue.ShortText:      {[]string{"text_answer"}, "this question is answered with words"},
	catalogue.Matching:       {[]string{"matches"}, "this question is answered by matching"},
	catalogue.Cloze:          {[]string{"gaps"}, "this question is answered by filling its gaps"},
}

// foreign calls at for each way of answering that is not the question's.
func foreign(kind catalogue.Kind, a Answer, at func(field, msg string)) {
	way, known := ways[kind]
	if !known {
		way.says = "this kind of question is not known here yet"
	}
	for _, f := range []struct {
		field string
		used  bool
	}{
		{"selected_options", len(a.Options) > 0},
		{"numeric_answer", a.Number != nil},
		{"text_answer", strings.TrimSpace(a.Text) != ""},
		{"matches", len(a.Matches) > 0},
		{"gaps", len(a.Gaps) > 0},
	} {
		if f.used && !slices.Contains(way.fields, f.field) {
			at(f.field, way.says)
		}
	}
}

// order is the learner's order: every item once.
func order(q catalogue.Question, a Answer, at func(field, msg string)) []string {
	if len(a.Options) == 0 {
		return nil
	}
	left := map[string]bool{}
	for _, o := range q.Options {
		left[o.ID] = true
	}
	for _, o := range a.Options {
		if !left[o] {
			at("selected_options", "has an item that is not there, or twice")
			return nil
		}
		delete(left, o)
	}
	if len(left) > 0 {
		at("selected_options", "an item is missing")
		return nil
	}
	return slices.Clone(a.Options)
}

// matches are the chosen ones in the order of the options, empty where there is
// none; nil without any.
func matches(q catalogue.Question, a Answer, at func(field, msg string)) []string {
	out := make([]string, len(q.Options))
	for option, match := range a.Matches {
		i := slices.IndexFunc(q.Options, func(o catalogue.Option) bool { return o.ID == option })
		known := match == "" || slices.ContainsFunc(q.Matches, func(m catalogue.Option) bool { return m.ID == match })
		if i < 0 || !known {
			at("matches", "names what is not in this question")
			return nil
		}
		out[i] = match
	}
	return unlessEmpty(out)
}

// gaps are the texts of the gaps; nil when all are empty.
func gaps(q catalogue.Question, a Answer, at func(field, msg string)) []string {
	if len(a.Gaps) > len(q.Gaps) {
		at("gaps", "are more than the question has")
		return nil
	}
	out := make([]string, len(q.Gaps))
	for i, text := range a.Gaps {
		out[i] = words(text, func(msg string) { at("gaps", msg) })
		if choices := q.Gaps[i].Choices; out[i] != "" && len(choices) > 0 && !slices.Contains(choices, out[i]) {
			at("gaps", "is not a choice of this gap")
		}
	}
	return unlessEmpty(out)
}

func unlessEmpty(in []string) []string {
	if slices.ContainsFunc(in, func(s string) bool { return s != "" }) {
		return in
	}
	return nil
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

// number is the number that was given, spelled the shortest way, and the unit
// behind it where the question asks for one.
func number(q catalogue.Question, a Answer, at func(field, msg string)) (n, unit string) {
	text := strings.TrimSpace(a.Text)
	switch {
	case a.Number != nil && text != "" && !q.AskUnit:
		at("text_answer", "give the number once")
	case a.Number != nil && (math.IsNaN(*a.Number) || math.IsInf(*a.Number, 0)):
		at("numeric_answer", "is not a number")
	case a.Number != nil:
		return decimal(*a.Number), words(text, func(msg string) { at("text_answer", msg) })
	case text != "":
		if q.AskUnit {
			text, unit = cutUnit(text)
		}
		n, ok := parseNumber(text)
		if !ok {
			at("text_answer", "is not a number")
			return "", ""
		}
		return n, words(unit, func(msg string) { at("text_answer", msg) })
	}
	return "", ""
}

// cutUnit parts "3.5 km" into its number and its unit: the first letter begins
// the unit, also a sign such as ° or %.
func cutUnit(text string) (n, unit string) {
	i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsLetter(r) || strings.ContainsRune("°%", r) })
	if i < 0 {
		return text, ""
	}
	return strings.TrimSpace(text[:i]), strings.TrimSpace(text[i:])
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
func words(text string, at func(msg string)) string {
	text = strings.TrimSpace(text)
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		at("is not text")
		return ""
	}
	if utf8.RuneCountInString(text) > maxText {
		at("is longer than 500 characters")
		return ""
	}
	return text
}
