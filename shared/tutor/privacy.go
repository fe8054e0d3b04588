package tutor

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What stands for a thing that was stripped.
const (
	someone   = "a learner"
	somewhere = "my school"
	somePhone = "a phone number"
	someMail  = "an e-mail address"
	someUser  = "a user name"
)

// contacts are found by their shape. Plain numbers stay: they are sums.
var contacts = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[\p{L}\d._%+-]+@[\p{L}\d-]+(\.[\p{L}\d-]+)+`), someMail},
	// +254 712 345 678, 0712-345-678, 254110345678 and other countries with a plus.
	{regexp.MustCompile(`(\+?\b254[\s.-]?|\b0)[17]\d{2}[\s.-]?\d{3}[\s.-]?\d{3}\b`), somePhone},
	{regexp.MustCompile(`\+\d[\d\s.-]{7,15}\d\b`), somePhone},
	{regexp.MustCompile(`(?i)\b(?:phone|number is|namba|nambari|simu|whatsapp|call me)\D{0,12}\d[\d\s.-]{6,}\d\b`), somePhone},
	{regexp.MustCompile(`(^|\s)@[\p{L}\d_.]{3,}`), " " + someUser},
}

// introduction catches a name nobody gave us: "my name is …", "naitwa …".
var introduction = regexp.MustCompile(`(?i:\b(my name is|my names are|i am called|they call me|naitwa|ninaitwa|jina langu ni|majina yangu ni)\s+)(\p{L}[\p{L}'’-]*(?:\s+\p{Lu}[\p{L}'’-]*){0,2})`)

// shortestPart is the fewest letters of a name's part that is stripped on its
// own; "Al" or "Jo" would strip half of all words.
const shortestPart = 3

// Strip replaces the known names and what looks like a contact by neutral words.
// A name that is also a common word (Joy, Rose) is stripped too: rather one word
// too many than one child's name.
func Strip(text string, known Known) string {
	for _, c := range contacts {
		text = c.pattern.ReplaceAllString(text, c.with)
	}
	text = introduction.ReplaceAllString(text, "${1} "+someone)
	for _, name := range wholeFirst(known.Places, false) {
		text = replaceWord(text, name, somewhere)
	}
	for _, name := range wholeFirst(known.People, true) {
		text = replaceWord(text, name, someone)
	}
	return text
}

// wholeFirst lists the names, longest first, and with parts each part as well.
// A school's name is only known as a whole: its parts are words like "Primary".
func wholeFirst(names []string, parts bool) []string {
	var out []string
	for _, n := range names {
		n = strings.Join(strings.Fields(n), " ")
		if utf8.RuneCountInString(n) >= shortestPart {
			out = append(out, n)
		}
		if !parts {
			continue
		}
		for p := range strings.FieldsSeq(n) {
			if utf8.RuneCountInString(p) >= shortestPart {
				out = append(out, p)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return slices.Compact(out)
}

// replaceWord replaces name where it stands as a whole word, in any case.
func replaceWord(text, name, with string) string {
	pattern, err := regexp.Compile(`(?i)` + strings.ReplaceAll(regexp.QuoteMeta(name), " ", `\s+`))
	if err != nil {
		return text // a quoted text always compiles
	}
	var b strings.Builder
	last := 0
	for _, at := range pattern.FindAllStringIndex(text, -1) {
		before, _ := utf8.DecodeLastRuneInString(text[:at[0]])
		after, _ := utf8.DecodeRuneInString(text[at[1]:])
		if inWord(before) || inWord(after) {
			continue
		}
		b.WriteString(text[last:at[0]] + with)
		last = at[1]
	}
	return b.String() + text[last:]
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
