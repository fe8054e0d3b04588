package assessment

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Plain is a text as short answers are compared: composed (NFC), in lower case,
// without punctuation, with single spaces. Two things stay because they carry
// meaning: the apostrophe of a word, in any of its printed forms (the ng' of
// ng'ombe is another sound than ng, and boys' is not boys), and the signs inside
// a number (3.5, 1/2, -4), of which only the commas between thousands go.
func Plain(text string) string {
	in := []rune(strings.ToLower(norm.NFC.String(text)))
	var out strings.Builder
	quoted := false
	for i, r := range in {
		before, after := neighbour(in, i-1), neighbour(in, i+1)
		switch {
		case isApostrophe(r):
			if keepApostrophe(before, after, &quoted) {
				out.WriteByte('\'')
			} else {
				out.WriteByte(' ')
			}
		case r == ',' && unicode.IsDigit(before) && unicode.IsDigit(after):
		case strings.ContainsRune("./:", r) && unicode.IsDigit(before) && unicode.IsDigit(after),
			isMinus(r) && !unicode.IsLetter(before) && !unicode.IsDigit(before) && unicode.IsDigit(after):
			out.WriteRune(plainSign(r))
		case r == '%':
			out.WriteRune(r)
		case unicode.IsPunct(r), unicode.IsSpace(r), unicode.Is(unicode.Cf, r):
			out.WriteByte(' ')
		default:
			out.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func neighbour(in []rune, i int) rune {
	if i < 0 || i >= len(in) {
		return ' '
	}
	return in[i]
}

// isApostrophe knows the ASCII sign, the printed quotes, the modifier letter,
// the prime, the grave and the acute accent that phones and books use for it.
func isApostrophe(r rune) bool { return strings.ContainsRune("'’‘ʼ′`´", r) }

func isMinus(r rune) bool { return r == '-' || r == '−' }

func plainSign(r rune) rune {
	if isMinus(r) {
		return '-'
	}
	return r
}

// keepApostrophe tells an apostrophe from a quotation mark: one that follows a
// letter belongs to the word, unless it closes a quotation that was opened.
func keepApostrophe(before, after rune, quoted *bool) bool {
	if !unicode.IsLetter(before) {
		*quoted = true
		return false
	}
	if *quoted && !unicode.IsLetter(after) {
		*quoted = false
		return false
	}
	return true
}
