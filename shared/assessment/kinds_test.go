package assessment

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/fault"
)

var young = []catalogue.Option{{ID: "x", Text: "Calf"}, {ID: "y", Text: "Kid"}, {ID: "z", Text: "Lamb"}, {ID: "w", Text: "Chick"}}

// matching pairs a with y, b with x and c with z.
func matching() catalogue.Quiz {
	return one(catalogue.Question{Kind: catalogue.Matching, Options: abc, Matches: young, Partial: true}, catalogue.Key{Options: []string{"y", "x", "z"}})
}

func ordering(partial bool) catalogue.Quiz {
	return one(catalogue.Question{Kind: catalogue.Ordering, Options: abc, Partial: partial}, catalogue.Key{Options: []string{"b", "c", "a"}})
}

func cloze() catalogue.Quiz {
	return one(catalogue.Question{Kind: catalogue.Cloze, Gaps: []catalogue.Gap{{}, {Choices: []string{"eggs", "milk"}}}, Partial: true},
		catalogue.Key{Gaps: [][]string{{"grey", "brown"}, {"eggs"}}})
}

func partly() catalogue.Quiz {
	q := multiple()
	q.Questions[0].Partial = true
	return q
}

func length() catalogue.Quiz {
	return one(catalogue.Question{Kind: catalogue.Numeric, AskUnit: true},
		catalogue.Key{Value: 3.5, Tolerance: 0.05, Units: map[string]float64{"km": 1, "m": 0.001, "kilometres": 1}})
}

func slip(n int, accepted ...string) catalogue.Quiz {
	q := text(accepted...)
	q.Keys[0].Slips = n
	return q
}

func match(pairs ...string) Answer {
	a := Answer{QuestionID: "q", Matches: map[string]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		a.Matches[pairs[i]] = pairs[i+1]
	}
	return a
}

func fill(gaps ...string) Answer { return Answer{QuestionID: "q", Gaps: gaps} }

func TestMarksOfParts(t *testing.T) {
	for _, c := range []struct {
		name        string
		quiz        catalogue.Quiz
		answer      Answer
		points, max int64
	}{
		{"every pair right", matching(), match("a", "y", "b", "x", "c", "z"), 3, 3},
		{"two pairs crossed", matching(), match("a", "x", "b", "y", "c", "z"), 1, 3},
		{"a pair left out", matching(), match("c", "z"), 1, 3},
		{"one match for all", matching(), match("a", "y", "b", "y", "c", "y"), 1, 3},
		{"no pair", matching(), nothing(), 0, 3},
		{"the right order", ordering(true), choose("b", "c", "a"), 2, 2},
		{"one neighbour right", ordering(true), choose("a", "b", "c"), 1, 2},
		{"the reverse", ordering(true), choose("a", "c", "b"), 0, 2},
		{"the right order, whole", ordering(false), choose("b", "c", "a"), 1, 1},
		{"a wrong order, whole", ordering(false), choose("a", "b", "c"), 0, 1},
		{"both gaps, in another spelling", cloze(), fill(" Gray ", "eggs"), 2, 2},
		{"one gap", cloze(), fill("", "eggs"), 1, 2},
		{"the other choice", cloze(), fill("brown", "milk"), 1, 2},
		{"multiple, all", partly(), choose("a", "c"), 2, 2},
		{"multiple, one missing", partly(), choose("a"), 1, 2},
		{"multiple, one too many", partly(), choose("a", "b", "c"), 1, 2},
		{"multiple, the contrary", partly(), choose("b"), 0, 2},
		{"a number with its unit", length(), say("3.5 km"), 1, 1},
		{"in another unit", length(), say("3,500 m"), 1, 1},
		{"within the tolerance of another unit", length(), say("3549m"), 1, 1},
		{"outside the tolerance of another unit", length(), say("3551 m"), 0, 1},
		{"a unit as children write it", length(), say("3.5 KM."), 1, 1},
		{"a unit in another spelling of the key", length(), say("3.5 Kilometres"), 1, 1},
		{"a wrong unit", length(), say("3.5 kg"), 0, 1},
		{"no unit", length(), num(3.5), 0, 1},
		{"American spelling", text("colour"), say("Color"), 1, 1},
		{"a spelling inside a sentence", text("the centre of the circle"), say("The center of the circle"), 1, 1},
		{"two spellings of Kiswahili", text("Alhamisi"), say("alkhamisi"), 1, 1},
		{"a letter wrong where one slip is allowed", slip(1, "photosynthesis"), say("fotosynthesis"), 0, 1},
		{"a letter missing where one slip is allowed", slip(1, "photosynthesis"), say("photosynthsis"), 1, 1},
		{"two letters swapped are one slip", slip(1, "photosynthesis"), say("photosynhtesis"), 1, 1},
		{"no slip in a short word", slip(1, "cat"), say("cut"), 0, 1},
		{"a slip where none is allowed", text("photosynthesis"), say("photosynthsis"), 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Grade(c.quiz, []Answer{c.answer})
			if err != nil || got.Score != c.points || got.Max != c.max {
				t.Errorf("got %d of %d, %v", got.Score, got.Max, err)
			}
		})
	}
}

func TestShapesOfParts(t *testing.T) {
	for name, c := range map[string]struct {
		quiz   catalogue.Quiz
		answer Answer
		field  string
	}{
		"a match that is not there":       {matching(), match("a", "q"), "matches"},
		"an option that is not there":     {matching(), match("q", "x"), "matches"},
		"a choice for a matching":         {matching(), choose("a"), "selected_options"},
		"an order with an item missing":   {ordering(true), choose("a", "b"), "selected_options"},
		"an order with an item twice":     {ordering(true), choose("a", "b", "b"), "selected_options"},
		"an order with a foreign item":    {ordering(true), choose("a", "b", "z"), "selected_options"},
		"a gap too many":                  {cloze(), fill("a", "eggs", "c"), "gaps"},
		"a word that is no choice":        {cloze(), fill("a", "bread"), "gaps"},
		"a novel in a gap":                {cloze(), fill(strings.Repeat("x", 501)), "gaps"},
		"words for a cloze":               {cloze(), say("grey"), "text_answer"},
		"gaps for a choice":               {single(), fill("b"), "gaps"},
		"matches for words":               {text("x"), match("a", "b"), "matches"},
		"a unit without a number":         {length(), say("km"), "text_answer"},
		"a unit where none is asked":      {numeric(3, 0), say("3 km"), "text_answer"},
		"a unit longer than a short text": {length(), say("3 " + strings.Repeat("k", 501)), "text_answer"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := Grade(c.quiz, []Answer{c.answer})
			if want := "answers 0 " + c.field; err == nil || !strings.Contains(fmt.Sprintf("%+v", fields(err)), want) {
				t.Errorf("got %+v, want %s", fields(err), want)
			}
		})
	}
}

// quizzes draws a quiz of all kinds and the answers that its keys give.
func quizzes(t *rapid.T) (catalogue.Quiz, []Answer) {
	var quiz catalogue.Quiz
	quiz.PassPercent = rapid.IntRange(0, 100).Draw(t, "pass")
	var full []Answer
	for i := range rapid.IntRange(1, 8).Draw(t, "questions") {
		q, k, a := question(t, fmt.Sprintf("q%d", i))
		quiz.Questions, quiz.Keys, full = append(quiz.Questions, q), append(quiz.Keys, k), append(full, a)
	}
	return quiz, full
}

func question(t *rapid.T, id string) (catalogue.Question, catalogue.Key, Answer) {
	q := catalogue.Question{ID: id, Partial: rapid.Bool().Draw(t, "partial"), Kind: rapid.SampledFrom([]catalogue.Kind{
		catalogue.SingleChoice, catalogue.MultipleChoice, catalogue.Numeric, catalogue.ShortText,
		catalogue.Matching, catalogue.Ordering, catalogue.Cloze,
	}).Draw(t, "kind")}
	k, a := catalogue.Key{QuestionID: q.ID}, Answer{QuestionID: q.ID}
	ids := []string{"a", "b", "c"}
	word := rapid.StringMatching(`[A-Za-z][A-Za-z' ,.-]{0,20}`)
	switch q.Kind {
	case catalogue.SingleChoice:
		q.Options = abc
		k.Options = []string{rapid.SampledFrom(ids).Draw(t, "key")}
		a.Options = k.Options
	case catalogue.MultipleChoice:
		q.Options = abc
		k.Options = rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 1, 3, rapid.ID[string]).Draw(t, "keys")
		a.Options = k.Options
	case catalogue.Numeric:
		k.Value = rapid.Float64Range(-1e9, 1e9).Draw(t, "value")
		k.Tolerance = rapid.SampledFrom([]float64{0, 0.1, 5}).Draw(t, "tolerance")
		a.Number = &k.Value
	case catalogue.ShortText:
		k.Texts = rapid.SliceOfN(word, 1, 3).Draw(t, "texts")
		a.Text = rapid.SampledFrom(k.Texts).Draw(t, "text")
	case catalogue.Ordering:
		q.Options = abc
		k.Options = rapid.Permutation(ids).Draw(t, "order")
		a.Options = k.Options
	case catalogue.Matching:
		q.Options, q.Matches = abc, young
		k.Options = rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "z", "w"}), 3, 3).Draw(t, "matches")
		a.Matches = map[string]string{"a": k.Options[0], "b": k.Options[1], "c": k.Options[2]}
	case catalogue.Cloze:
		for range rapid.IntRange(1, 4).Draw(t, "gaps") {
			q.Gaps = append(q.Gaps, catalogue.Gap{})
			k.Gaps = append(k.Gaps, rapid.SliceOfN(word, 1, 3).Draw(t, "accepted"))
			a.Gaps = append(a.Gaps, rapid.SampledFrom(k.Gaps[len(k.Gaps)-1]).Draw(t, "gap"))
		}
	}
	return q, k, a
}

func worth(quiz catalogue.Quiz) (sum int64) {
	for _, q := range quiz.Questions {
		sum += q.Points()
	}
	return sum
}

// A key that a damaged or a newer course brings without its parts gives nobody
// points for nothing.
func TestAKeyWithoutPartsMakesNothingRight(t *testing.T) {
	for name, c := range map[string]struct {
		quiz   catalogue.Quiz
		answer Answer
	}{
		"matching": {matching(), match("a", "y")}, "ordering": {ordering(true), choose("a", "b", "c")}, "cloze": {cloze(), fill("grey")},
	} {
		c.quiz.Keys[0].Options, c.quiz.Keys[0].Gaps = nil, nil
		if got, err := Grade(c.quiz, []Answer{c.answer}); err != nil || got.Score != 0 {
			t.Errorf("%s: %d of %d, %v", name, got.Score, got.Max, err)
		}
	}
}

// TestMorePartsRightNeverCostPoints: making one more part right never lowers the
// points, and only all parts right give all points.
func TestMorePartsRightNeverCostPoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "n")
		q := catalogue.Question{ID: "q", Kind: catalogue.Matching, Partial: rapid.Bool().Draw(t, "partial")}
		k, a := catalogue.Key{QuestionID: "q"}, Answer{QuestionID: "q", Matches: map[string]string{}}
		for i := range n {
			id := fmt.Sprint(i)
			q.Options = append(q.Options, catalogue.Option{ID: id})
			q.Matches = append(q.Matches, catalogue.Option{ID: id})
			k.Options = append(k.Options, id)
			a.Matches[id] = fmt.Sprint((i + 1) % n)
		}
		quiz := catalogue.Quiz{QuizForm: catalogue.QuizForm{Questions: []catalogue.Question{q}}, Keys: []catalogue.Key{k}}
		last := int64(0)
		for done, i := range rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)).Perm(n) {
			a.Matches[fmt.Sprint(i)] = fmt.Sprint(i)
			got, err := Grade(quiz, []Answer{a})
			if err != nil || got.Score < last || (got.Score == got.Max) != (done == n-1) {
				t.Fatalf("%d of %d right: %d of %d points after %d, %v", done+1, n, got.Score, got.Max, last, err)
			}
			last = got.Score
		}
	})
}

// TestDistance is a distance: none only between equal words, the same both ways,
// and no detour is shorter by more than a swap that was split.
func TestDistance(t *testing.T) {
	word := rapid.StringMatching(`[abc]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := distance(a, b)
		if (d == 0) != (a == b) || d != distance(b, a) || d > max(len(a), len(b)) || d < max(len(a), len(b))-min(len(a), len(b)) {
			t.Fatalf("%q to %q: %d, back %d", a, b, d, distance(b, a))
		}
	})
	for _, c := range []struct {
		a, b string
		want int
	}{{"mbuzi", "mbuzi", 0}, {"mbuzi", "mbuzzi", 1}, {"mbuzi", "muzi", 1}, {"mbuzi", "mbuiz", 1}, {"mbuzi", "mbusi", 1}, {"mbuzi", "kondoo", 6}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%s to %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNoSpellingIsInTwoGroups(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(spellings) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for w := range strings.FieldsSeq(line) {
			if seen[w] || Plain(w) != w {
				t.Errorf("%s is there twice or not plain", w)
			}
			seen[w] = true
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d words", len(seen))
	}
}

// fields are the places that a fault names, as text.
func fields(err error) []string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return nil
	}
	var out []string
	for _, at := range f.Fields {
		out = append(out, strings.Join(at.Loc, " "))
	}
	return out
}
