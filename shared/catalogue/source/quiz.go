package source

import (
	"math"
	"slices"

	"gopkg.in/yaml.v3"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

type quizYAML struct {
	Title       string         `yaml:"title"`
	PassPercent int            `yaml:"pass_percent"`
	Questions   []questionYAML `yaml:"questions"`
}

type questionYAML struct {
	ID      string `yaml:"id"`
	Kind    string `yaml:"kind"`
	Prompt  string `yaml:"prompt"`
	Options []struct {
		ID   string `yaml:"id"`
		Text string `yaml:"text"`
	} `yaml:"options"`
	Answer      yaml.Node `yaml:"answer"`
	Tolerance   float64   `yaml:"tolerance"`
	Unit        string    `yaml:"unit"`
	Explanation string    `yaml:"explanation"`
}

// quiz reads lessons/<slug>.quiz.yaml.
func (r *reader) quiz(l listed) {
	name := "lessons/" + l.slug + ".quiz.yaml"
	text, ok := r.file(name)
	if !ok {
		return
	}
	var y quizYAML
	doc, ok := r.yaml(name, text, 0, &y)
	if !ok {
		return
	}
	if y.Title == "" {
		r.problemf(name, doc.line("title"), "title: is missing")
	}
	if y.PassPercent < 1 || y.PassPercent > 100 {
		r.problemf(name, doc.line("pass_percent"), "pass_percent: 1 to 100")
	}
	if len(y.Questions) == 0 || len(y.Questions) > 100 {
		r.problemf(name, doc.line("questions"), "a quiz has 1 to 100 questions")
	}

	course := r.content.Course.ID
	q := catalogue.Quiz{QuizForm: catalogue.QuizForm{ID: catalogue.QuizIDOf(course, l.slug), CourseID: course,
		LessonID: catalogue.LessonIDOf(course, l.slug), Title: y.Title, PassPercent: y.PassPercent}}
	for i, in := range y.Questions {
		at := questionAt{r, doc, name, i}
		question, key := at.convert(in)
		if _, twice := q.Key(question.ID); twice {
			at.problemf("id", "question %q is there twice", question.ID)
		}
		q.Questions, q.Keys = append(q.Questions, question), append(q.Keys, key)
	}
	r.content.Quizzes = append(r.content.Quizzes, q)
}

// questionAt notes problems at a field of one question.
type questionAt struct {
	r     *reader
	doc   document
	file  string
	index int
}

func (at questionAt) problemf(field, format string, args ...any) {
	at.r.problemf(at.file, at.doc.line("questions", at.index, field), field+": "+format, args...)
}

func (at questionAt) convert(y questionYAML) (catalogue.Question, catalogue.Key) {
	q := catalogue.Question{ID: y.ID, Kind: catalogue.Kind(y.Kind), Prompt: y.Prompt, Unit: y.Unit}
	k := catalogue.Key{QuestionID: y.ID, Explanation: y.Explanation}
	if y.ID == "" {
		at.problemf("id", "is missing")
	}
	if y.Prompt == "" {
		at.problemf("prompt", "is missing")
	}
	if y.Explanation == "" {
		at.problemf("explanation", "is missing")
	}
	for _, o := range y.Options {
		if o.ID == "" || o.Text == "" || slices.ContainsFunc(q.Options, func(p catalogue.Option) bool { return p.ID == o.ID }) {
			at.problemf("options", "each has its own id and a text")
		}
		q.Options = append(q.Options, catalogue.Option{ID: o.ID, Text: o.Text})
	}
	switch q.Kind {
	case catalogue.SingleChoice, catalogue.MultipleChoice:
		k.Options = at.texts(y.Answer)
		at.checkChoice(q, k)
	case catalogue.Numeric:
		k.Tolerance = y.Tolerance
		if err := y.Answer.Decode(&k.Value); err != nil || y.Answer.IsZero() || math.IsNaN(k.Value) || math.IsInf(k.Value, 0) {
			at.problemf("answer", "a number")
		}
		if y.Tolerance < 0 || math.IsNaN(y.Tolerance) {
			at.problemf("tolerance", "is not negative")
		}
	case catalogue.ShortText:
		if k.Texts = at.texts(y.Answer); len(k.Texts) == 0 {
			at.problemf("answer", "a list of accepted answers")
		}
	default:
		at.problemf("kind", "%q is not single, multiple, numeric or short_text", y.Kind)
	}
	if choice := len(k.Options) > 0; !choice && len(q.Options) > 0 {
		at.problemf("options", "only a choice has options")
	}
	return q, k
}

// texts reads an answer that is one text or a list of them.
func (at questionAt) texts(n yaml.Node) []string {
	var many []string
	if n.Kind == yaml.ScalarNode {
		many = []string{n.Value}
	} else if err := n.Decode(&many); err != nil {
		at.problemf("answer", "a text or a list of texts")
		return nil
	}
	if slices.Contains(many, "") {
		at.problemf("answer", "is not empty")
	}
	return many
}

func (at questionAt) checkChoice(q catalogue.Question, k catalogue.Key) {
	if len(q.Options) < 2 {
		at.problemf("options", "a choice has at least two")
	}
	if len(k.Options) == 0 || (q.Kind == catalogue.SingleChoice && len(k.Options) != 1) {
		at.problemf("answer", "one option for single, one or more for multiple")
	}
	for i, a := range k.Options {
		if slices.Contains(k.Options[:i], a) || !slices.ContainsFunc(q.Options, func(o catalogue.Option) bool { return o.ID == a }) {
			at.problemf("answer", "%q is not one of the options, or is there twice", a)
		}
	}
}
