package catalogue_test

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

func TestCurriculum(t *testing.T) {
	t.Run("fourteen levels, twelve areas, seven competencies", func(t *testing.T) {
		if l, a, c := len(catalogue.Levels()), len(catalogue.Areas()), len(catalogue.Competencies()); l != 14 || a != 12 || c != 7 {
			t.Errorf("got %d, %d, %d", l, a, c)
		}
	})
	t.Run("a grade is understood however it is written", func(t *testing.T) {
		for in, want := range map[string]string{"Grade 4": "Grade 4", "4": "Grade 4", " grade  10": "Grade 10", "pp1": "PP1", "grade4": "Grade 4", "grade_4": "Grade 4", "13": "", "Form 1": "", "": ""} {
			if got, ok := catalogue.ParseGrade(in); got != want || ok != (want != "") {
				t.Errorf("%q: %q, %v", in, got, ok)
			}
		}
	})
	t.Run("every level has a scale, in every year", func(t *testing.T) {
		for _, l := range catalogue.Levels() {
			for year := 2015; year < 2040; year++ {
				if s, ok := catalogue.ScaleFor(l.Grade, year); !ok || len(s.Levels) == 0 {
					t.Errorf("%s in %d has none", l.Grade, year)
				}
			}
		}
	})
	t.Run("the scale follows grade and year", func(t *testing.T) {
		for _, c := range []struct {
			grade string
			year  int
			want  int
		}{{"Grade 4", 2026, 4}, {"Grade 7", 2024, 4}, {"Grade 9", 2025, 8}, {"Grade 10", 2026, 8}} {
			if s, _ := catalogue.ScaleFor(c.grade, c.year); len(s.Levels) != c.want {
				t.Errorf("%s in %d has %d levels", c.grade, c.year, len(s.Levels))
			}
		}
	})
	t.Run("a percentage has one level, at the bounds too", func(t *testing.T) {
		s, _ := catalogue.ScaleFor("Grade 8", 2026)
		for percent, want := range map[int]string{100: "EE1", 90: "EE1", 89: "EE2", 58: "ME1", 57: "ME2", 10: "BE2", 0: "BE2"} {
			if got := s.Level(percent); got.Code != want {
				t.Errorf("%d is %s", percent, got.Code)
			}
		}
	})
}
