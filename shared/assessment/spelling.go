package assessment

import (
	_ "embed"
	"strings"
	"sync"
)

// spellings are words with more than one accepted spelling, one group a line.
//
//go:embed spellings.txt
var spellings string

var firstSpelling = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(spellings) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		for _, w := range words[1:] {
			out[w] = words[0]
		}
	}
	return out
})

// oneSpelling writes each word of a plain text in the first spelling of its
// group: a learner who writes color is as right as one who writes colour.
func oneSpelling(plain string) string {
	words := strings.Fields(plain)
	for i, w := range words {
		if first, ok := firstSpelling()[w]; ok {
			words[i] = first
		}
	}
	return strings.Join(words, " ")
}
