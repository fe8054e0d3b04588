package source_test

import (
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/source"
)

const kinds = `title: All kinds
pass_percent: 60
questions:
  - id: q1
    kind: matching
    prompt: "Match the young with the mother."
    pairs:
      - {left: "Cow", right: "Calf"}
      - {left: "Goat", right: "Kid"}
      - {left: "Buffalo", right: "Calf"}
    extra: ["Chick"]
    hint: "Who says moo?"
    explanation: "A calf is a young cow or buffalo."
  - id: q2
    kind: ordering
    prompt: "Put the life of a bean in order."
    items: ["Seed", "Root", "Leaf", "Pod"]
    partial: true
    explanation: "The root comes first."
  - id: q3
    kind: cloze
    prompt: "A hen lays [1], a goat gives [2]."
    gaps:
      - answer: [eggs, mayai]
      - answer: milk
        choices: [milk, wool]
    slips: 1
    explanation: "Eggs and milk."
  - id: q4
    kind: numeric
    prompt: "How far is it?"
    answer: 3.5
    units: {km: 1, m: 0.001}
    explanation: "3.5 km, which is 3,500 m."
  - id: q5
    kind: multiple
    prompt: "What does a plant need?"
    options:
      - {id: a, text: "Air"}
      - {id: b, text: "Water"}
      - {id: c, text: "Paint", feedback: "Paint closes its pores."}
    answer: [a, b]
    partial: true
    explanation: "Air and water."
`

func TestKindsOfQuestions(t *testing.T) {
	got, err := source.Read(beans(t, map[string]string{"lessons/seeds.quiz.yaml": kinds}))
	if err != nil {
		t.Fatal(err)
	}
	quiz := got.Content.Quizzes[0]
	pair, order, cloze, far, need := quiz.Questions[0], quiz.Questions[1], quiz.Questions[2], quiz.Questions[3], quiz.Questions[4]
	text := func(in []catalogue.Option, ids ...string) (out []string) {
		for _, id := range ids {
			for _, o := range in {
				if o.ID == id {
					out = append(out, o.Text)
				}
			}
		}
		return out
	}
	t.Run("each option of a matching has its match, among mixed ones with one too many", func(t *testing.T) {
		if got := strings.Join(text(pair.Matches, quiz.Keys[0].Options...), ","); got != "Calf,Kid,Calf" || len(pair.Matches) != 3 || len(pair.Options) != 3 || !pair.Partial {
			t.Errorf("got %s of %+v", got, pair)
		}
	})
	t.Run("the items of an ordering are shown mixed", func(t *testing.T) {
		var shown []string
		for _, o := range order.Options {
			shown = append(shown, o.Text)
		}
		if got := strings.Join(text(order.Options, quiz.Keys[1].Options...), ","); got != "Seed,Root,Leaf,Pod" || strings.Join(shown, ",") == got || order.Points() != 3 {
			t.Errorf("got %s shown as %v", got, shown)
		}
	})
	t.Run("gaps, units, hints and feedback arrive, and answers stay with the keys", func(t *testing.T) {
		k := quiz.Keys
		if len(cloze.Gaps) != 2 || cloze.Gaps[1].Choices[1] != "wool" || k[2].Gaps[0][1] != "mayai" || k[2].Slips != 1 ||
			!far.AskUnit || k[3].Units["m"] != 0.001 || pair.Hint == "" || k[4].Feedback["c"] == "" || !need.Partial {
			t.Errorf("got %+v", quiz)
		}
	})
	t.Run("a second reading mixes in the same way", func(t *testing.T) {
		again, err := source.Read(beans(t, map[string]string{"lessons/seeds.quiz.yaml": kinds}))
		if err != nil || again.Content.Quizzes[0].Questions[1].Options[0] != order.Options[0] {
			t.Errorf("got %+v, %v", again.Content.Quizzes[0].Questions[1], err)
		}
	})
}

func TestProblemsOfKinds(t *testing.T) {
	for name, c := range map[string]struct{ old, with, want string }{
		"one pair":                       {"      - {left: \"Goat\", right: \"Kid\"}\n      - {left: \"Buffalo\", right: \"Calf\"}\n", "", "pairs: two or more"},
		"half a pair":                    {`{left: "Goat", right: "Kid"}`, `{left: "Goat"}`, "pairs: each has a left and a right"},
		"an extra that is a pair's":      {`extra: ["Chick"]`, `extra: ["Kid"]`, "extra: each is another text"},
		"an item twice":                  {`"Seed", "Root"`, `"Seed", "Seed"`, "items: 2 to 12 different"},
		"a gap the prompt does not show": {"gives [2].", "gives milk.", "prompt: shows each gap once: [2]"},
		"a gap that is not described":    {"lays [1],", "lays [1] and [3],", "gaps: the prompt has more"},
		"an answer that is no choice":    {"choices: [milk, wool]", "choices: [meat, wool]", `gaps: "milk" is not one of the choices`},
		"a gap without answer":           {"answer: milk", `answer: ""`, "gaps: is not empty"},
		"no unit that is the answer's":   {"{km: 1, m: 0.001}", "{m: 0.001}", "units: one of them"},
		"a unit of nothing":              {"m: 0.001", "m: 0", "units: each has a name"},
		"a unit twice":                   {"    units:", "    unit: km\n    units:", "unit: either stands behind"},
		"too many slips":                 {"slips: 1", "slips: 7", "slips: 0 to 2"},
		"slips where nothing is typed":   {"    items:", "    slips: 1\n    items:", "slips: does not belong to a question of kind ordering"},
		"options of an ordering":         {"    items:", "    options: [{id: a, text: A}]\n    items:", "options: does not belong"},
		"parts of a number":              {"    units:", "    partial: true\n    units:", "partial: does not belong"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(kinds, c.old) {
				t.Fatalf("no %q", c.old)
			}
			_, err := source.Read(beans(t, map[string]string{"lessons/seeds.quiz.yaml": strings.Replace(kinds, c.old, c.with, 1)}))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
