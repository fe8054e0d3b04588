package catalogue_test

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
)

func passages(slug, lesson, title string, texts ...[2]string) []catalogue.Passage {
	id := catalogue.CourseIDOf(slug)
	var out []catalogue.Passage
	for i, p := range texts {
		out = append(out, catalogue.Passage{ID: lesson + string(rune('0'+i)), CourseID: id, LessonID: catalogue.LessonIDOf(id, lesson),
			LessonTitle: title, Heading: p[0], Anchor: "s-1", Position: i, Text: p[1]})
	}
	return out
}

func TestSearch(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		maths, swahili := course("maths", 1, 0, "fractions"), course("kiswahili", 1, 0, "ngeli")
		maths.Passages = passages("maths", "fractions", "Fractions",
			[2]string{"What is a denominator?", "The denominator is the bottom number. It tells us how many equal parts there are; in 3/4 it is 4."},
			[2]string{"Sharing", "Four friends divide one chapati into equal parts. Dividing fairly needs care."},
			[2]string{"Adding", "When we add 12 and 5 the total is 17."})
		swahili.Passages = passages("kiswahili", "ngeli", "Ngeli", [2]string{"Ngeli ya A-WA", "Ng'ombe na watu wako katika ngeli ya A-WA."})
		install(t, d, maths, swahili)
		search := func(t *testing.T, q catalogue.Query) (hits []catalogue.Hit) {
			t.Helper()
			if err := d.View(t.Context(), func(tx db.Tx) (err error) {
				hits, err = catalogue.SearchPassages(t.Context(), tx, q)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return hits
		}

		for question, want := range map[string]string{
			"What is the denominator of a fraction?": "What is a denominator?",
			"denominators":                           "What is a denominator?",
			"how do I divide a chapati":              "Sharing",
			"What does adding 12 mean":               "Adding",
			"ngombe yuko ngeli gani?":                "Ngeli ya A-WA",
			"NG’OMBE":                                "Ngeli ya A-WA",
		} {
			t.Run("finds the passage for "+question, func(t *testing.T) {
				hits := search(t, catalogue.Query{Text: question})
				if len(hits) == 0 || hits[0].Heading != want || hits[0].Score <= 0.5 {
					t.Errorf("got %+v", hits)
				}
			})
		}
		t.Run("a question about something else scores low or finds nothing", func(t *testing.T) {
			for _, q := range []string{"Who was the first president of Kenya?", "How do volcanoes erupt under parts of the ocean?", "what is this?", "", "?!*"} {
				if hits := search(t, catalogue.Query{Text: q}); len(hits) > 0 && hits[0].Score >= 0.5 {
					t.Errorf("%q: %v %v", q, hits[0].Score, hits[0].Matched)
				}
			}
		})
		t.Run("a rare word that is missing weighs more than a common one that is there", func(t *testing.T) {
			// "parts" stands in two passages, "volcanoes" in none.
			if hits := search(t, catalogue.Query{Text: "parts of volcanoes"}); len(hits) == 0 || hits[0].Score >= 0.5 || hits[0].Score <= 0 {
				t.Errorf("got %+v", hits)
			}
		})
		t.Run("a number or a short word is not the start of another", func(t *testing.T) {
			for _, q := range []string{"1", "tot"} { // not 12, not total
				if hits := search(t, catalogue.Query{Text: q}); len(hits) != 0 {
					t.Errorf("%s: %+v", q, hits)
				}
			}
		})
		t.Run("operators of the search languages are only punctuation", func(t *testing.T) {
			for _, q := range []string{`denominator" OR "`, `NEAR(denominator`, `denominator:* & !`, `heading: ^denominator`, `'); DROP TABLE passages; --`, `"`, `\`, `a AND (b`, "denominator\x00", `(((`, `-denominator`} {
				search(t, catalogue.Query{Text: q})
			}
			if hits := search(t, catalogue.Query{Text: `denominator" OR "`}); len(hits) == 0 {
				t.Error("the word beside the operator was not found")
			}
		})
		t.Run("only the courses asked for are searched", func(t *testing.T) {
			if hits := search(t, catalogue.Query{Text: "denominator", Courses: []catalogue.CourseID{swahili.Course.ID}}); len(hits) != 0 {
				t.Errorf("another course was searched: %+v", hits)
			}
			if hits := search(t, catalogue.Query{Text: "denominator", Courses: []catalogue.CourseID{maths.Course.ID}}); len(hits) != 1 {
				t.Errorf("got %+v", hits)
			}
			if hits := search(t, catalogue.Query{Text: "denominator", Courses: []catalogue.CourseID{}}); len(hits) != 0 {
				t.Errorf("no course was searched and found %+v", hits)
			}
		})
		t.Run("a replaced edition is not found any more", func(t *testing.T) {
			install(t, d, course("maths", 2, 0, "fractions"))
			if hits := search(t, catalogue.Query{Text: "denominator"}); len(hits) != 0 {
				t.Errorf("got %+v", hits)
			}
		})
	})
}
