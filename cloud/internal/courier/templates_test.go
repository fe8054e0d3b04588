package courier

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/cloud/internal/sms"
)

// longest is the longest text that stands in each gap. Whoever adds a gap says
// here how long it gets.
var longest = map[string]string{
	"code":   "000000",
	"url":    "https://urbanhomeschool.example/" + strings.Repeat("x", 18),
	"name":   strings.Repeat("N", 40),
	"reason": strings.Repeat("because ", 50),
	"school": strings.Repeat("S", 40),
	"until":  "31 December 2026, 23:59",
	"child":  strings.Repeat("C", 24),
	// shared/consent tests that no question is longer.
	"question": strings.Repeat("q", 71),
}

var gap = regexp.MustCompile(`{{ *\.([a-z_]+) *}}`)

func TestEveryLetterIsWrittenInBothLanguages(t *testing.T) {
	all, err := parseTemplates()
	if err != nil || len(all) < 10 {
		t.Fatalf("%d letters, %v", len(all), err)
	}
	gaps := func(name string) []string {
		raw, err := templateFiles.ReadFile("templates/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, m := range gap.FindAllStringSubmatch(string(raw), -1) {
			out = append(out, m[1])
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	for name := range all {
		parts := strings.Split(name, ".")
		if len(parts) != 3 || (parts[1] != "en" && parts[1] != "sw") || (parts[2] != "sms" && parts[2] != "email") {
			t.Errorf("%s is not NAME.LANGUAGE.CHANNEL", name)
			continue
		}
		other := map[string]string{"en": "sw", "sw": "en"}[parts[1]]
		twin := parts[0] + "." + other + "." + parts[2]
		if all[twin] == nil {
			t.Errorf("%s has no %s", name, twin)
			continue
		}
		if a, b := gaps(name), gaps(twin); !slices.Equal(a, b) {
			t.Errorf("%s has the gaps %v, %s has %v", name, a, twin, b)
		}
		l := Letter{Channel: Channel(parts[2]), Template: parts[0], Language: parts[1], Data: longest}
		out, err := all.render(l)
		if err != nil {
			t.Errorf("%v: say in this test how long its gaps get", err)
			continue
		}
		if l.Channel == SMS {
			if n, ok := sms.Length(out.text); !ok || n > sms.MaxLength {
				t.Errorf("%s takes %d places, all in the GSM alphabet: %v", name, n, ok)
			}
			continue
		}
		if out.subject == "" || strings.Contains(out.subject, "<") || out.text == "" {
			t.Errorf("%s has no subject or no text", name)
		}
	}
}
