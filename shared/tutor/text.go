package tutor

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The fixed texts, in both languages. They are part of the product and need no
// model; the web app shows them as they are.

// helpEnglish and helpKiswahili are the answer to words of danger. Childline
// Kenya is reached on 116, free and day and night; the gender violence line on
// 1195, free; emergencies on 999 or 112.
const (
	helpEnglish = "I am glad you told me. You matter, and this is not your fault. " +
		"Please talk to an adult you trust right now: a teacher, a parent, a relative, a school counsellor.\n\n" +
		"You can call Childline Kenya free, day or night, on 116. If somebody hurts you or touches you, you can also call 1195, free. " +
		"If you are in danger now, call 999 or 112.\n\n" +
		"So that you are not alone, the adult at your school who looks after safety will be told that you may need help. " +
		"They are not shown what you wrote."
	helpKiswahili = "Asante kwa kuniambia. Wewe ni wa thamani, na hili si kosa lako. " +
		"Tafadhali zungumza sasa na mtu mzima unayemwamini: mwalimu, mzazi, jamaa au mshauri wa shule.\n\n" +
		"Unaweza kupiga simu Childline Kenya bila malipo, mchana au usiku, nambari 116. Mtu akikuumiza au akikugusa vibaya, piga pia 1195, bila malipo. " +
		"Ukiwa hatarini sasa hivi, piga 999 au 112.\n\n" +
		"Ili usiwe peke yako, mtu mzima wa shule anayeshughulikia usalama ataambiwa kwamba huenda unahitaji msaada. " +
		"Hataonyeshwa ulichoandika."
)

// safetyAnswer is the same for every category, in both languages: a frightened
// child may not write in the language of comfort.
func safetyAnswer(l Language) string {
	if l == Kiswahili {
		return helpKiswahili + "\n\n" + helpEnglish
	}
	return helpEnglish + "\n\n" + helpKiswahili
}

// passagesAnswer quotes lessons and says that it does.
func passagesAnswer(l Language, passages []Passage) string {
	intro, from := "This is what your lessons say:", "From the lesson"
	if l == Kiswahili {
		intro, from = "Masomo yako yanasema hivi:", "Kutoka somo"
	}
	var b strings.Builder
	b.WriteString(intro)
	for _, p := range passages {
		title := p.LessonTitle
		if p.Heading != "" && p.Heading != p.LessonTitle {
			title += " – " + p.Heading
		}
		fmt.Fprintf(&b, "\n\n“%s”\n%s: %s", strings.TrimSpace(p.Quote), from, title)
	}
	return b.String()
}

// nothingAnswer says honestly that the lessons do not cover it.
func nothingAnswer(l Language, forwarded bool) string {
	switch {
	case l == Kiswahili && forwarded:
		return "Sijapata jibu katika masomo yako. Swali lako limehifadhiwa; jibu litakuja intaneti itakaporudi. Unaweza pia kumuuliza mwalimu wako."
	case l == Kiswahili:
		return "Sijapata jibu katika masomo yako. Jaribu maneno mengine, au muulize mwalimu wako."
	case forwarded:
		return "I did not find this in your lessons. Your question is saved; an answer will come when the internet is back. You can also ask your teacher."
	default:
		return "I did not find this in your lessons. Try other words, or ask your teacher."
	}
}

// moderatedAnswer is given when a provider's own safety rule refused.
func moderatedAnswer(l Language) string {
	if l == Kiswahili {
		return "Siwezi kusaidia na swali hili. Tafadhali muulize mwalimu wako."
	}
	return "I cannot help with this question. Please ask your teacher."
}

// swahili are common small words that English does not have.
var swahili = map[string]bool{
	"ni": true, "ya": true, "wa": true, "za": true, "la": true, "kwa": true, "na": true, "katika": true, "nini": true, "gani": true, "je": true,
	"jinsi": true, "eleza": true, "elezea": true, "maana": true, "naomba": true, "mimi": true, "yangu": true, "wangu": true, "langu": true,
	"kwenye": true, "kuhusu": true, "vipi": true, "wapi": true, "nani": true, "lini": true, "kwanini": true, "mbona": true, "taja": true,
	"andika": true, "tafadhali": true, "nataka": true, "sijui": true, "hii": true, "hiyo": true, "yake": true, "cha": true, "vya": true,
	"ninataka": true, "naogopa": true, "nisaidie": true, "neno": true, "sentensi": true, "wingi": true, "umoja": true, "kufa": true,
}

// languageOf guesses the language of a text: Kiswahili when at least a quarter
// of its words are common Kiswahili ones.
func languageOf(text string) Language {
	words, hits := normalise(text), 0
	for _, w := range words {
		if swahili[w] {
			hits++
		}
	}
	if hits > 0 && hits*4 >= len(words) {
		return Kiswahili
	}
	return English
}

// small are words that say nothing about the subject of a question.
var small = map[string]bool{
	"what": true, "which": true, "where": true, "when": true, "why": true, "how": true, "who": true, "whose": true, "does": true, "did": true, "the": true,
	"are": true, "was": true, "were": true, "and": true, "for": true, "from": true, "with": true, "that": true, "this": true, "these": true,
	"can": true, "could": true, "would": true, "should": true, "you": true, "your": true, "please": true, "tell": true, "explain": true,
	"about": true, "have": true, "has": true, "there": true, "they": true, "them": true, "many": true, "much": true, "help": true, "mean": true,
	"means": true, "meaning": true, "give": true, "show": true, "learn": true, "know": true, "want": true, "need": true, "not": true, "but": true,
	"into": true, "between": true, "example": true, "examples": true, "find": true, "get": true, "make": true, "use": true, "used": true,
}

// fitting keeps the passages of open courses that speak of at least half of
// what the question asks about, so that a single shared word is not taken for
// an answer.
func fitting(question string, passages []Passage, open []string) []Passage {
	var subject []string
	for _, w := range normalise(question) {
		if utf8.RuneCountInString(w) >= 3 && !small[w] && !swahili[w] {
			subject = append(subject, stem(w))
		}
	}
	allowed := make(map[string]bool, len(open))
	for _, c := range open {
		allowed[c] = true
	}
	var out []Passage
	for _, p := range passages {
		if allowed[p.CourseID] && fits(subject, p) {
			out = append(out, p)
		}
		if len(out) == mostPassages {
			break
		}
	}
	return out
}

// mostPassages is how many are quoted in one answer.
const mostPassages = 3

func fits(subject []string, p Passage) bool {
	if len(subject) == 0 {
		return false
	}
	have := map[string]bool{}
	for _, w := range normalise(p.LessonTitle + " " + p.Heading + " " + p.Quote) {
		have[stem(w)] = true
	}
	hits := 0
	for _, w := range subject {
		if have[w] {
			hits++
		}
	}
	return hits*2 >= len(subject)
}

// stem cuts a word to its first six letters and drops a plural s: enough to meet
// "fractions" with "fraction", cheap enough for every question.
func stem(w string) string {
	r := []rune(strings.TrimSuffix(w, "s"))
	return string(r[:min(len(r), 6)])
}
