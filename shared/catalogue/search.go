package catalogue

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"

	"urbanhomeschool.org/uhs/shared/db"
)

// Query asks for passages.
type Query struct {
	// Text is what a person typed: words in any order, punctuation ignored.
	Text string
	// Courses limits the search; nil searches every course, an empty list none.
	Courses []CourseID
	// Limit is how many passages at most; 0 means 5.
	Limit int
}

// Hit is a passage that was found.
type Hit struct {
	Passage
	// Score is the share of the question's significant words that the passage
	// or its headings contain, 0 to 1, rare words counting more than common ones:
	// 1 has all of them. A caller that wants "nothing fits" sets a floor; half is
	// a good one.
	Score float64
	// Matched are those words, as typed and folded.
	Matched []string

	heading float64
}

// candidates is how many rows the database ranks for us before we score them.
const candidates = 60

// SearchPassages finds the passages that fit q best, best first; none when the
// question has only stop words. It reads the same words on both databases.
func SearchPassages(ctx context.Context, tx db.Tx, q Query) ([]Hit, error) {
	words := significant(q.Text)
	if len(words) == 0 || (q.Courses != nil && len(q.Courses) == 0) {
		return nil, nil
	}
	courses, err := json.Marshal(append([]CourseID{}, q.Courses...))
	if err != nil {
		return nil, fmt.Errorf("search passages: %w", err)
	}
	rows, err := tx.Query(ctx, searchPassages, matchExpression(tx.Dialect(), words), q.Courses == nil, string(courses), candidates)
	found, err := db.Collect(rows, err, scanCandidate)
	if err != nil {
		return nil, fmt.Errorf("search passages: %w", err)
	}

	if len(found) == 0 {
		return nil, nil
	}
	if err := weigh(ctx, tx, words); err != nil {
		return nil, fmt.Errorf("search passages: %w", err)
	}

	hits := make([]Hit, 0, len(found))
	for _, c := range found {
		hits = append(hits, score(c, words))
	}
	// Among equals the passage whose own heading has the words, then the
	// database's rank: the sort is stable.
	slices.SortStableFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.heading, a.heading))
	})
	if q.Limit <= 0 {
		q.Limit = 5
	}
	return hits[:min(q.Limit, len(hits))], nil
}

// weigh sets each word's weight from how many passages have it (inverse document
// frequency): of "first president of Kenya", the president says most.
func weigh(ctx context.Context, tx db.Tx, words []word) error {
	expressions := make([]string, len(words))
	for i, w := range words {
		expressions[i] = w.expression(tx.Dialect())
	}
	list, err := json.Marshal(expressions)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, countMatches, string(list))
	counts, err := db.Collect(rows, err, scanMatchCount)
	if err != nil {
		return err
	}
	for i := range words {
		words[i].weight = 1
		for _, c := range counts {
			if c.expression == expressions[i] {
				words[i].weight = math.Log(1 + float64(c.total)/(float64(c.n)+0.5))
			}
		}
	}
	return nil
}

func score(c candidate, words []word) Hit {
	heading := terms(c.Heading)
	all := append(strings.Fields(c.head), strings.Fields(c.body)...)
	h := Hit{Passage: c.Passage}
	var got, want float64
	for _, w := range words {
		want += w.weight
		if slices.ContainsFunc(all, w.fits) {
			got += w.weight
			h.Matched = append(h.Matched, w.text)
		}
		if slices.ContainsFunc(heading, w.fits) {
			h.heading += w.weight
		}
	}
	if strings.HasSuffix(c.Heading, "?") { // it asks what the learner asks: "What is a denominator?"
		h.heading *= 1.5
	}
	if want > 0 {
		h.Score = got / want
	}
	return h
}

// word is a significant word of a question and the stem that is looked for.
type word struct {
	text, stem string
	// exact words are numbers and short ones: they are not prefixes.
	exact bool
	// weight is larger for words that few passages have.
	weight float64
}

func (w word) fits(term string) bool {
	if w.exact {
		return term == w.stem
	}
	return strings.HasPrefix(term, w.stem)
}

// maxWords bounds the work of one question.
const maxWords = 24

// significant cuts text into words and leaves out stop words and repetitions.
func significant(text string) []word {
	var out []word
	stop := stopWords()
	for _, t := range terms(text) {
		if stop[t] {
			continue
		}
		w := word{text: t, stem: stem(t)}
		w.exact = len([]rune(w.stem)) < 4 || strings.ContainsFunc(t, unicode.IsDigit)
		if w.exact {
			w.stem = t
		}
		if !slices.ContainsFunc(out, func(o word) bool { return o.stem == w.stem }) {
			out = append(out, w)
		}
		if len(out) == maxWords {
			break
		}
	}
	return out
}

// terms folds text into lower-case words of letters and digits. An apostrophe
// inside a word is dropped, so that ng'ombe is one word however it is typed.
func terms(text string) []string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\'' || r == '’' || r == '‘' || r == 'ʼ':
			return -1
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		default:
			return ' '
		}
	}, text)
	return strings.Fields(text)
}

func joinTerms(text string) string { return strings.Join(terms(text), " ") }

// stem cuts common English endings; what is left is looked for as the start of
// a word. Kiswahili inflects at the front of a word and is left alone.
func stem(w string) string {
	for _, end := range []struct {
		suffix string
		keep   int
		cut    int
	}{{"ies", 3, 3}, {"sses", 3, 2}, {"xes", 2, 2}, {"ches", 2, 2}, {"shes", 2, 2}, {"ing", 4, 3}, {"ed", 4, 2}, {"s", 3, 1}} {
		if strings.HasSuffix(w, end.suffix) && !strings.HasSuffix(w, "ss") && len(w)-end.cut >= end.keep {
			return w[:len(w)-end.cut]
		}
	}
	if strings.HasSuffix(w, "e") && len(w) > 4 { // divide finds dividing
		return w[:len(w)-1]
	}
	return w
}

// expression asks for the word in the database's own language.
func (w word) expression(d db.Dialect) string {
	switch {
	case d == db.Postgres && w.exact:
		return "'" + w.stem + "'"
	case d == db.Postgres:
		return "'" + w.stem + "':*"
	case w.exact:
		return `"` + w.stem + `"`
	default:
		return `"` + w.stem + `"*`
	}
}

// matchExpression asks for any of words. They hold only letters and digits, so
// nothing a person types is read as an operator.
func matchExpression(d db.Dialect, words []word) string {
	parts := make([]string, len(words))
	for i, w := range words {
		parts[i] = w.expression(d)
	}
	if d == db.Postgres {
		return strings.Join(parts, " | ")
	}
	return strings.Join(parts, " OR ")
}

//go:embed stopwords.txt
var stopWordText string

// stopWords are words of English and Kiswahili that say nothing about the topic.
var stopWords = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(stopWordText) {
		line, _, _ = strings.Cut(line, "#")
		for _, w := range terms(line) {
			out[w] = true
		}
	}
	return out
})
