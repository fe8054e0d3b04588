package assessment

import (
	"math/big"
	"slices"
	"unicode/utf8"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

// points are those of an answer that was given: 0 to q.Points(). A key without the
// parts of its kind makes no answer right.
func points(q catalogue.Question, key catalogue.Key, r Response) int64 {
	wrong, parts := faults(q, key, r)
	switch {
	case parts == 0:
		return 0
	case wrong == 0:
		return q.Points()
	case !q.Partial:
		return 0
	case q.Kind == catalogue.MultipleChoice:
		return max(0, 2-int64(wrong))
	}
	return int64(parts - wrong)
}

// faults counts the parts of a question, and those in which r is not the key.
func faults(q catalogue.Question, key catalogue.Key, r Response) (wrong, parts int) {
	part := func(right bool) {
		parts++
		if !right {
			wrong++
		}
	}
	switch q.Kind {
	case catalogue.SingleChoice:
		part(slices.Equal(r.Options, key.Options))
	case catalogue.MultipleChoice: // each option is a decision
		for _, o := range q.Options {
			part(slices.Contains(r.Options, o.ID) == slices.Contains(key.Options, o.ID))
		}
	case catalogue.Numeric:
		part(near(r, key, q.AskUnit))
	case catalogue.ShortText:
		part(sameWord(r.Text, key.Texts, key.Slips))
	case catalogue.Matching:
		for i, m := range key.Options {
			part(i < len(r.Parts) && r.Parts[i] == m)
		}
	case catalogue.Ordering: // an item is right when the right one follows it
		for i := range len(key.Options) - 1 {
			at := slices.Index(r.Options, key.Options[i])
			part(at >= 0 && at+1 < len(r.Options) && r.Options[at+1] == key.Options[i+1])
		}
	case catalogue.Cloze:
		for i, accepted := range key.Gaps {
			part(i < len(r.Parts) && sameWord(r.Parts[i], accepted, key.Slips))
		}
	default:
		part(false)
	}
	return wrong, parts
}

// near compares decimals exactly: as binary fractions 0.4 would be further than
// 0.1 from 0.3.
func near(r Response, key catalogue.Key, askUnit bool) bool {
	factor := 1.0
	if askUnit {
		var known bool
		if factor, known = unitOf(key.Units, r.Text); !known {
			return false
		}
	}
	got, ok := new(big.Rat).SetString(r.Number)
	one, ok2 := new(big.Rat).SetString(decimal(factor))
	want, ok3 := new(big.Rat).SetString(decimal(key.Value))
	room, ok4 := new(big.Rat).SetString(decimal(key.Tolerance))
	if !ok || !ok2 || !ok3 || !ok4 {
		return false
	}
	distance := got.Sub(got.Mul(got, one), want)
	return distance.Abs(distance).Cmp(room) <= 0
}

// unitOf finds a unit as it is written first ("m" is not "M"), then as children
// write it: "Km", "CM.".
func unitOf(units map[string]float64, text string) (float64, bool) {
	if f, ok := units[text]; ok {
		return f, true
	}
	var found float64
	var n int
	for name, f := range units {
		if Plain(name) == Plain(text) {
			found, n = f, n+1
		}
	}
	return found, n == 1
}

// sameWord tells whether text is one of accepted, but for slips letters.
func sameWord(text string, accepted []string, slips int) bool {
	plain := oneSpelling(Plain(text))
	return plain != "" && slices.ContainsFunc(accepted, func(a string) bool {
		want := oneSpelling(Plain(a))
		if plain == want {
			return true
		}
		// A slip in a short word makes another word.
		return slips > 0 && utf8.RuneCountInString(want) >= 4*slips && distance(plain, want) <= slips
	})
}

// distance is the number of letters to put in, take out, change or swap with
// their neighbour to make b of a (the restricted edit distance of Damerau, Comm.
// ACM 7(3), 1964).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
