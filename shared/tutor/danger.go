package tutor

import (
	_ "embed" // the list of words is data
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed danger.json
var dangerFile []byte

// Category is what sort of danger words point at.
type Category string

// The categories.
const (
	SelfHarm Category = "self_harm"
	Abuse    Category = "abuse"
	Violence Category = "violence"
	Bullying Category = "bullying"
)

// Severity says how fast an adult must act.
type Severity string

// The severities.
const (
	High     Severity = "high"
	Standard Severity = "standard"
)

// Danger is what was found in a text.
type Danger struct {
	Category Category
	Severity Severity
}

// gap in a phrase stands for up to gapWords words.
const (
	gap      = "~"
	gapWords = 3
)

// masked replaces a word of an innocent phrase, so that nothing matches it.
const masked = "\x00"

type dangerRule struct {
	Danger
	phrases [][]string
}

type dangerWords struct {
	rules    []dangerRule
	innocent [][]string
}

// loadDanger reads the list; its format is explained in the file.
func loadDanger(file []byte) (*dangerWords, error) {
	var in struct {
		Rules []struct {
			Category Category `json:"category"`
			Severity Severity `json:"severity"`
			Phrases  []string `json:"phrases"`
		} `json:"rules"`
		Innocent []string `json:"innocent"`
	}
	if err := json.Unmarshal(file, &in); err != nil {
		return nil, fmt.Errorf("read the words of danger: %w", err)
	}
	d := &dangerWords{}
	for _, r := range in.Rules {
		rule := dangerRule{Danger: Danger{r.Category, r.Severity}}
		for _, p := range r.Phrases {
			rule.phrases = append(rule.phrases, strings.Fields(p))
		}
		d.rules = append(d.rules, rule)
	}
	for _, p := range in.Innocent {
		d.innocent = append(d.innocent, strings.Fields(p))
	}
	return d, nil
}

// find gives the most severe danger in text; the list is ordered by gravity
// within a severity.
func (d *dangerWords) find(text string) (Danger, bool) {
	words := normalise(text)
	for _, p := range d.innocent {
		mask(words, p)
	}
	var found Danger
	for _, r := range d.rules {
		if found.Severity == High {
			break
		}
		if found.Severity == r.Severity {
			continue
		}
		for _, p := range r.phrases {
			if contains(words, p) {
				found = r.Danger
				break
			}
		}
	}
	return found, found.Severity != ""
}

// normalise cuts text into plain words: lower case, no accents, apostrophes
// dropped, other punctuation as space, a letter repeated three times or more
// written once.
func normalise(text string) []string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(text)) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r) || r == '\'' || r == '’' || r == '‘' || r == '`' || r == '\u200b' || r == '\u200d':
			// an accent, an apostrophe, an invisible joint: part of the word
		default:
			b.WriteByte(' ')
		}
	}
	words := strings.Fields(b.String())
	for i, w := range words {
		words[i] = calm(w)
	}
	return words
}

// calm writes "dieeee" as "die".
func calm(w string) string {
	in := []rune(w)
	out := make([]rune, 0, len(in))
	for i := 0; i < len(in); {
		n := i
		for n < len(in) && in[n] == in[i] {
			n++
		}
		keep := n - i
		if keep > 2 && !unicode.IsDigit(in[i]) {
			keep = 1
		}
		out = append(out, in[i:i+keep]...)
		i = n
	}
	return string(out)
}

func mask(words, phrase []string) {
	for i := range words {
		if n, ok := matchAt(words[i:], phrase); ok {
			for k := range n {
				words[i+k] = masked
			}
		}
	}
}

func contains(words, phrase []string) bool {
	for i := range words {
		if _, ok := matchAt(words[i:], phrase); ok {
			return true
		}
	}
	return false
}

// matchAt tells whether words begin with phrase, and how many of them it covers.
func matchAt(words, phrase []string) (int, bool) {
	if len(phrase) == 0 {
		return 0, true
	}
	if phrase[0] == gap {
		for skip := 0; skip <= gapWords && skip <= len(words); skip++ {
			if n, ok := matchAt(words[skip:], phrase[1:]); ok {
				return n + skip, true
			}
		}
		return 0, false
	}
	if len(words) == 0 || !matchWord(words[0], phrase[0]) {
		return 0, false
	}
	n, ok := matchAt(words[1:], phrase[1:])
	return n + 1, ok
}

func matchWord(word, pattern string) bool {
	if stem, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(word, stem)
	}
	return word == pattern
}
