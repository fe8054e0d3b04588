package tutor

import (
	"fmt"
	"slices"
	"strings"
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
		"If you are in danger now, call 999 or 112."
	helpKiswahili = "Asante kwa kuniambia. Wewe ni wa thamani, na hili si kosa lako. " +
		"Tafadhali zungumza sasa na mtu mzima unayemwamini: mwalimu, mzazi, jamaa au mshauri wa shule.\n\n" +
		"Unaweza kupiga simu Childline Kenya bila malipo, mchana au usiku, nambari 116. Mtu akikuumiza au akikugusa vibaya, piga pia 1195, bila malipo. " +
		"Ukiwa hatarini sasa hivi, piga 999 au 112."
	// Only who has a school is promised an adult of it.
	toldEnglish = "\n\nSo that you are not alone, the adult at your school who looks after safety will be told that you may need help. " +
		"They are not shown what you wrote."
	toldKiswahili = "\n\nIli usiwe peke yako, mtu mzima wa shule anayeshughulikia usalama ataambiwa kwamba huenda unahitaji msaada. " +
		"Hataonyeshwa ulichoandika."
)

// safetyAnswer is the same for every category, in both languages: a frightened
// child may not write in the language of comfort.
func safetyAnswer(q Question) string {
	english, kiswahili := helpEnglish, helpKiswahili
	if q.SchoolID != "" {
		english, kiswahili = english+toldEnglish, kiswahili+toldKiswahili
	}
	if q.Language == Kiswahili {
		return kiswahili + "\n\n" + english
	}
	return english + "\n\n" + kiswahili
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

// mostPassages is how many are quoted in one answer.
const mostPassages = 3

// allowed keeps the best passages of open courses. Search was told which those
// are; a paid lesson must not be quoted even if it forgot.
func allowed(passages []Passage, open []string) []Passage {
	var out []Passage
	for _, p := range passages {
		if slices.Contains(open, p.CourseID) && len(out) < mostPassages {
			out = append(out, p)
		}
	}
	return out
}
