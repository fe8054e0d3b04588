package identity

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"

	"urbanhomeschool.org/uhs/shared/fault"
)

var errCommon = fault.New(fault.Invalid, "This password is one of the first that are tried.").WithCode("common_password")

//go:embed common.txt
var commonWords string

var common = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(commonWords) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for word := range strings.FieldsSeq(line) {
			out[word] = true
		}
	}
	return out
})

// lookAlikes are the signs that are written for letters.
var lookAlikes = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// isCommon tells whether a password is one word of the list in a usual dress:
// digits and signs around it, signs that look like its letters in it.
func isCommon(password string) bool {
	core := strings.TrimFunc(strings.ToLower(password), func(r rune) bool { return !unicode.IsLetter(r) && r != '@' && r != '$' })
	core = strings.Trim(core, "@$")
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, lookAlikes.Replace(core))
	return common()[letters]
}
