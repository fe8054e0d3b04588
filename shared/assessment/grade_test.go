package assessment

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/fault"
)

func one(q catalogue.Question, k catalogue.Key) catalogue.Quiz {
	q.ID, k.QuestionID = "q", "q"
	return catalogue.Quiz{QuizForm: catalogue.QuizForm{PassPercent: 60, Questions: []catalogue.Question{q}}, Keys: []catalogue.Key{k}}
}

var abc = []catalogue.Option{{ID: "a", Text: "A"}, {ID: "b", Text: "B"}, {ID: "c", Text: "C"}}

func single() catalogue.Quiz {
	return one(catalogue.Question{Kind: catalogue.SingleChoice, Options: abc}, catalogue.Key{Options: []string{"b"}})
}

func multiple() catalogue.Quiz {
	return one(catalogue.Question{Kind: catalogue.MultipleChoice, Options: abc}, catalogue.Key{Options: []string{"a", "c"}})
}

func numeric(value, tolerance float64) catalogue.Quiz {
	return one(catalogue.Question{Kind: catalogue.Numeric}, catalogue.Key{Value: value, Tolerance: tolerance})
}

func text(accepted ...string) catalogue.Quiz {
	return one(catalogue.Question{Kind: catalogue.ShortText}, catalogue.Key{Texts: accepted})
}

func num(f float64) Answer         { return Answer{QuestionID: "q", Number: &f} }
func say(s string) Answer          { return Answer{QuestionID: "q", Text: s} }
func choose(ids ...string) Answer  { return Answer{QuestionID: "q", Options: ids} }
func nothing() Answer              { return Answer{QuestionID: "q"} }
func other(question string) Answer { return Answer{QuestionID: question} }

func TestMarks(t *testing.T) {
	for _, c := range []struct {
		name   string
		quiz   catalogue.Quiz
		answer Answer
		points int64
	}{
		{"the right option has the point", single(), choose("b"), 1},
		{"the same option twice is one answer", single(), choose("b", "b"), 1},
		{"a wrong option has none", single(), choose("a"), 0},
		{"no option has none", single(), nothing(), 0},
		{"all right options in any order have the point", multiple(), choose("c", "a"), 1},
		{"a part of the right options has none", multiple(), choose("a"), 0},
		{"one option too many has none", multiple(), choose("a", "b", "c"), 0},
		{"the number itself", numeric(6000, 0), num(6000), 1},
		{"a number beside it", numeric(6000, 0), num(6001), 0},
		{"the edge of the tolerance, above", numeric(0.3, 0.1), num(0.4), 1},
		{"the edge of the tolerance, below", numeric(0.3, 0.1), num(0.2), 1},
		{"just outside the tolerance", numeric(0.3, 0.1), num(0.4000001), 0},
		{"minus zero is zero", numeric(0, 0), say("-0"), 1},
		{"a number as text, with the comma of thousands", numeric(56218, 0), say(" 56,218 "), 1},
		{"a number as text, with a space", numeric(56218, 0), say("56 218"), 1},
		{"a printed minus sign", numeric(-3.5, 0), say("−3.5"), 1},
		{"case and space do not matter", text("three hundred and four"), say("  Three  Hundred and FOUR "), 1},
		{"a full stop does not matter", text("photosynthesis"), say("Photosynthesis."), 1},
		{"a hyphen is a space", text("twenty-one"), say("twenty one"), 1},
		{"any accepted form will do", text("mbuzi", "mbuzi mmoja"), say("mbuzi mmoja"), 1},
		{"the apostrophe of a phone is that of a book", text("ng'ombe"), say("Ng’ombe"), 1},
		{"ng is not ng'", text("ng'ombe"), say("ngombe"), 0},
		{"quotation marks are not part of the word", text("cat"), say("'cat'"), 1},
		{"a possessive is not a plural", text("boys'"), say("boys"), 0},
		{"composed and decomposed letters are one", text("café"), say("cafe\u0301"), 1},
		{"an accent is part of the word", text("café"), say("cafe"), 0},
		{"a fraction keeps its bar", text("1/2"), say("12"), 0},
		{"the comma of thousands may be left out", text("3,000"), say("3000"), 1},
		{"a decimal point counts", text("3.5"), say("35"), 0},
		{"only punctuation is no answer", text("?"), say("!"), 0},
		{"a wrong word", text("mbuzi"), say("kondoo"), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Grade(c.quiz, []Answer{c.answer})
			if err != nil || got.Score != c.points || got.Max != 1 {
				t.Errorf("got %d of %d, %v", got.Score, got.Max, err)
			}
		})
	}
}

func TestShapes(t *testing.T) {
	seven := 7.0
	for _, c := range []struct {
		name    string
		quiz    catalogue.Quiz
		answers []Answer
		loc     string
	}{
		{"an unknown question", single(), []Answer{other("zz")}, "body answers 0 question_id"},
		{"a question answered twice", single(), []Answer{choose("a"), choose("a")}, "body answers 1 question_id"},
		{"an option of no question", single(), []Answer{choose("z")}, "body answers 0 selected_options"},
		{"two answers where one is asked", single(), []Answer{choose("a", "b")}, "body answers 0 selected_options"},
		{"words for a choice", multiple(), []Answer{say("a")}, "body answers 0 text_answer"},
		{"a number for a choice", single(), []Answer{num(1)}, "body answers 0 numeric_answer"},
		{"a choice for a number", numeric(1, 0), []Answer{choose("a")}, "body answers 0 selected_options"},
		{"words for a number", numeric(1, 0), []Answer{say("seven")}, "body answers 0 text_answer"},
		{"infinity for a number", numeric(1, 0), []Answer{say("inf")}, "body answers 0 text_answer"},
		{"two numbers for one", numeric(1, 0), []Answer{{QuestionID: "q", Number: &seven, Text: "8"}}, "body answers 0 text_answer"},
		{"a number for words", text("x"), []Answer{num(7)}, "body answers 0 numeric_answer"},
		{"a choice for words", text("x"), []Answer{choose("a")}, "body answers 0 selected_options"},
		{"a novel for words", text("x"), []Answer{say(strings.Repeat("x", 501))}, "body answers 0 text_answer"},
		{"bytes that are no text", text("x"), []Answer{say("a\xff")}, "body answers 0 text_answer"},
		{"a zero byte, which no database takes", text("x"), []Answer{say("a\x00b")}, "body answers 0 text_answer"},
	} {
		t.Run(c.name+" is refused", func(t *testing.T) {
			_, err := Grade(c.quiz, c.answers)
			var f *fault.Error
			if !errors.As(err, &f) || !errors.Is(err, ErrBadAnswers) {
				t.Fatalf("got %v", err)
			}
			if len(f.Fields) != 1 || strings.Join(f.Fields[0].Loc, " ") != c.loc {
				t.Errorf("got fields %+v, want %s", f.Fields, c.loc)
			}
		})
	}
}

func TestGradeProperties(t *testing.T) {
	t.Run("the key's answers have full marks and pass", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			quiz, full := quizzes(t)
			got, err := Grade(quiz, full)
			if err != nil || got.Score != got.Max || got.Max != worth(quiz) || !got.Passed {
				t.Fatalf("got %+v, %v", got, err)
			}
		})
	})
	t.Run("no answers have no marks", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			quiz, _ := quizzes(t)
			got, err := Grade(quiz, nil)
			if err != nil || got.Score != 0 || got.Passed != (quiz.PassPercent == 0) {
				t.Fatalf("got %+v, %v", got, err)
			}
		})
	})
	t.Run("the order of answers and options does not matter", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			quiz, answers := quizzes(t)
			keep := rapid.IntRange(0, len(answers)).Draw(t, "keep")
			answers = answers[:keep]
			want, err := Grade(quiz, answers)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
			r.Shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
			for i := range answers {
				if q, _ := quiz.Question(answers[i].QuestionID); q.Kind == catalogue.Ordering {
					continue
				}
				o := append([]string{}, answers[i].Options...)
				r.Shuffle(len(o), func(i, j int) { o[i], o[j] = o[j], o[i] })
				answers[i].Options = o
			}
			if got, err := Grade(quiz, answers); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("got %+v, want %+v, %v", got, want, err)
			}
		})
	})
	t.Run("any text has between no marks and full marks, and one response per question", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			quiz, answers := quizzes(t)
			for i := range answers {
				if quiz.Questions[i].Kind == catalogue.ShortText {
					answers[i].Text = rapid.String().Draw(t, "any")
				}
			}
			got, err := Grade(quiz, answers)
			if err != nil {
				if !errors.Is(err, ErrBadAnswers) {
					t.Fatal(err)
				}
				return
			}
			if got.Score < 0 || got.Score > got.Max || len(got.Responses) != len(quiz.Questions) {
				t.Fatalf("got %+v", got)
			}
		})
	})
	t.Run("a plain text is plain already", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			once := Plain(rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9'’,./ -]{0,30}`)).Draw(t, "text"))
			if twice := Plain(once); twice != once {
				t.Fatalf("%q became %q", once, twice)
			}
		})
	})
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		score, max int64
		want       float64
	}{{0, 0, 0}, {0, 6, 0}, {5, 6, 83.33}, {4, 6, 66.67}, {6, 6, 100}} {
		if got := (Attempt{ScorePoints: c.score, MaxPoints: c.max}).Percent(); got != c.want {
			t.Errorf("%d of %d is %v, want %v", c.score, c.max, got, c.want)
		}
	}
}
