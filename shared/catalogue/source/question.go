package source

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

// questionYAML is one question; installer/content/README.md says which fields
// belong to which kind.
type questionYAML struct {
	ID          string             `yaml:"id"`
	Kind        string             `yaml:"kind"`
	Prompt      string             `yaml:"prompt"`
	Options     []optionYAML       `yaml:"options"`
	Answer      yaml.Node          `yaml:"answer"`
	Tolerance   float64            `yaml:"tolerance"`
	Unit        string             `yaml:"unit"`
	Units       map[string]float64 `yaml:"units"`
	Pairs       []pairYAML         `yaml:"pairs"`
	Extra       []string           `yaml:"extra"`
	Items       []string           `yaml:"items"`
	Gaps        []gapYAML          `yaml:"gaps"`
	Slips       int                `yaml:"slips"`
	Partial     *bool              `yaml:"partial"`
	Hint        string             `yaml:"hint"`
	Explanation string             `yaml:"explanation"`
}

type optionYAML struct {
	ID       string `yaml:"id"`
	Text     string `yaml:"text"`
	Feedback string `yaml:"feedback"`
}

type pairYAML struct {
	Left  string `yaml:"left"`
	Right string `yaml:"right"`
}

type gapYAML struct {
	Answer  yaml.Node `yaml:"answer"`
	Choices []string  `yaml:"choices"`
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
	q := catalogue.Question{ID: y.ID, Kind: catalogue.Kind(y.Kind), Prompt: y.Prompt, Unit: y.Unit, Hint: y.Hint}
	k := catalogue.Key{QuestionID: y.ID, Explanation: y.Explanation, Slips: y.Slips}
	for _, part := range [][2]string{{"id", y.ID}, {"prompt", y.Prompt}, {"explanation", y.Explanation}} {
		if part[1] == "" {
			at.problemf(part[0], "is missing")
		}
	}
	at.checkFields(y)
	q.Partial = q.Kind == catalogue.Matching || q.Kind == catalogue.Cloze
	if y.Partial != nil {
		q.Partial = *y.Partial
	}
	at.options(y, &q, &k)
	switch q.Kind {
	case catalogue.SingleChoice, catalogue.MultipleChoice:
		k.Options = at.texts("answer", y.Answer)
		at.checkChoice(q, k)
	case catalogue.Numeric:
		at.numeric(y, &q, &k)
	case catalogue.ShortText:
		if k.Texts = at.texts("answer", y.Answer); len(k.Texts) == 0 {
			at.problemf("answer", "a list of accepted answers")
		}
	case catalogue.Matching:
		at.matching(y, &q, &k)
	case catalogue.Ordering:
		at.ordering(y, &q, &k)
	case catalogue.Cloze:
		at.cloze(y, &q, &k)
	default:
		at.problemf("kind", "%q is not single, multiple, numeric, short_text, matching, ordering or cloze", y.Kind)
	}
	return q, k
}

// checkFields refuses what does not belong to the kind, so that a slip of the
// author is told and not lost.
func (at questionAt) checkFields(y questionYAML) {
	kind := catalogue.Kind(y.Kind)
	of := func(field string, used bool, kinds ...catalogue.Kind) {
		if used && !slices.Contains(kinds, kind) {
			at.problemf(field, "does not belong to a question of kind %s", y.Kind)
		}
	}
	of("options", len(y.Options) > 0, catalogue.SingleChoice, catalogue.MultipleChoice)
	of("answer", !y.Answer.IsZero(), catalogue.SingleChoice, catalogue.MultipleChoice, catalogue.Numeric, catalogue.ShortText)
	of("tolerance", y.Tolerance != 0, catalogue.Numeric)
	of("unit", y.Unit != "", catalogue.Numeric)
	of("units", len(y.Units) > 0, catalogue.Numeric)
	of("pairs", len(y.Pairs) > 0, catalogue.Matching)
	of("extra", len(y.Extra) > 0, catalogue.Matching)
	of("items", len(y.Items) > 0, catalogue.Ordering)
	of("gaps", len(y.Gaps) > 0, catalogue.Cloze)
	of("slips", y.Slips != 0, catalogue.ShortText, catalogue.Cloze)
	of("partial", y.Partial != nil, catalogue.MultipleChoice, catalogue.Matching, catalogue.Ordering, catalogue.Cloze)
	if y.Slips < 0 || y.Slips > 2 {
		at.problemf("slips", "0 to 2 letters")
	}
}

func (at questionAt) options(y questionYAML, q *catalogue.Question, k *catalogue.Key) {
	for _, o := range y.Options {
		if o.ID == "" || o.Text == "" || slices.ContainsFunc(q.Options, func(p catalogue.Option) bool { return p.ID == o.ID }) {
			at.problemf("options", "each has its own id and a text")
		}
		q.Options = append(q.Options, catalogue.Option{ID: o.ID, Text: o.Text})
		if o.Feedback == "" {
			continue
		}
		if k.Feedback == nil {
			k.Feedback = map[string]string{}
		}
		k.Feedback[o.ID] = o.Feedback
	}
}

func (at questionAt) numeric(y questionYAML, q *catalogue.Question, k *catalogue.Key) {
	k.Tolerance, k.Units, q.AskUnit = y.Tolerance, y.Units, len(y.Units) > 0
	if err := y.Answer.Decode(&k.Value); err != nil || y.Answer.IsZero() || math.IsNaN(k.Value) || math.IsInf(k.Value, 0) {
		at.problemf("answer", "a number")
	}
	if y.Tolerance < 0 || math.IsNaN(y.Tolerance) {
		at.problemf("tolerance", "is not negative")
	}
	if q.AskUnit && y.Unit != "" {
		at.problemf("unit", "either stands behind the box, or is asked for by units")
	}
	for _, name := range slices.Sorted(maps.Keys(y.Units)) {
		if f := y.Units[name]; name == "" || !(f > 0) || math.IsInf(f, 0) {
			at.problemf("units", "each has a name and how much one of it is, above 0")
		}
	}
	if q.AskUnit && !slices.Contains(slices.Collect(maps.Values(y.Units)), 1) {
		at.problemf("units", "one of them is the unit of the answer, and is 1")
	}
}

func (at questionAt) matching(y questionYAML, q *catalogue.Question, k *catalogue.Key) {
	if len(y.Pairs) < 2 || len(y.Pairs)+len(y.Extra) > 12 {
		at.problemf("pairs", "two or more, and at most 12 with extra")
	}
	rights := slices.Clone(y.Extra)
	for i, p := range y.Pairs {
		if p.Left == "" || p.Right == "" {
			at.problemf("pairs", "each has a left and a right")
		}
		q.Options = append(q.Options, catalogue.Option{ID: fmt.Sprintf("o%d", i+1), Text: p.Left})
		if !slices.Contains(rights, p.Right) { // two may have the same match
			rights = append(rights, p.Right)
		}
	}
	q.Matches = mixed(y.ID, "m", rights)
	for _, p := range y.Pairs {
		k.Options = append(k.Options, idOf(q.Matches, p.Right))
	}
	if slices.Contains(rights, "") || hasTwice(y.Extra) || slices.ContainsFunc(y.Pairs, func(p pairYAML) bool { return slices.Contains(y.Extra, p.Right) }) {
		at.problemf("extra", "each is another text, and no pair's")
	}
}

func (at questionAt) ordering(y questionYAML, q *catalogue.Question, k *catalogue.Key) {
	if len(y.Items) < 2 || len(y.Items) > 12 || slices.Contains(y.Items, "") || hasTwice(y.Items) {
		at.problemf("items", "2 to 12 different texts, in the right order")
		return
	}
	q.Options = mixed(y.ID, "i", y.Items)
	for _, text := range y.Items {
		k.Options = append(k.Options, idOf(q.Options, text))
	}
}

func (at questionAt) cloze(y questionYAML, q *catalogue.Question, k *catalogue.Key) {
	if len(y.Gaps) == 0 || len(y.Gaps) > 20 {
		at.problemf("gaps", "1 to 20")
	}
	for i, g := range y.Gaps {
		if mark := fmt.Sprintf("[%d]", i+1); strings.Count(y.Prompt, mark) != 1 {
			at.problemf("prompt", "shows each gap once: %s", mark)
		}
		accepted := at.texts("gaps", g.Answer)
		if len(accepted) == 0 {
			at.problemf("gaps", "each has an answer")
		}
		if hasTwice(g.Choices) || len(g.Choices) == 1 {
			at.problemf("gaps", "choices are two or more different texts")
		}
		for _, a := range accepted {
			if len(g.Choices) > 0 && !slices.Contains(g.Choices, a) {
				at.problemf("gaps", "%q is not one of the choices", a)
			}
		}
		q.Gaps, k.Gaps = append(q.Gaps, catalogue.Gap{Choices: g.Choices}), append(k.Gaps, accepted)
	}
	if strings.Contains(y.Prompt, fmt.Sprintf("[%d]", len(y.Gaps)+1)) {
		at.problemf("gaps", "the prompt has more")
	}
}

// mixed gives texts ids in an order that tells nothing and is the same at every
// reading: by a hash; turned by one where that is the order they came in.
func mixed(question, prefix string, texts []string) []catalogue.Option {
	hash := func(text string) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(question + "\x00" + text)) // a hash takes everything
		return h.Sum64()
	}
	order := slices.SortedFunc(slices.Values(texts), func(a, b string) int {
		if hash(a) < hash(b) {
			return -1
		}
		return 1
	})
	if slices.Equal(order, texts) {
		order = append(order[1:], order[0])
	}
	out := make([]catalogue.Option, len(order))
	for i, text := range order {
		out[i] = catalogue.Option{ID: fmt.Sprintf("%s%d", prefix, i+1), Text: text}
	}
	return out
}

func idOf(options []catalogue.Option, text string) string {
	for _, o := range options {
		if o.Text == text {
			return o.ID
		}
	}
	return ""
}

func hasTwice(texts []string) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(texts)))) < len(texts)
}

// texts reads an answer that is one text or a list of them.
func (at questionAt) texts(field string, n yaml.Node) []string {
	var many []string
	if n.Kind == yaml.ScalarNode {
		many = []string{n.Value}
	} else if err := n.Decode(&many); err != nil {
		at.problemf(field, "a text or a list of texts")
		return nil
	}
	if slices.Contains(many, "") {
		at.problemf(field, "is not empty")
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
