package roster

import (
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/roster/sheet"
)

// CheckList holds what a list must never do; for FuzzList.
func CheckList(t *testing.T, data []byte) {
	t.Helper()
	table, err := sheet.Read(data)
	if err != nil {
		return
	}
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	l := List{Grade: "Grade 4"}
	var here []identity.Account
	for _, r := range planOf(table, l, nil, now).Rows {
		if r.State == Wrong {
			if len(r.Errors) == 0 {
				t.Errorf("row %d is wrong and nothing says why", r.Number)
			}
			continue
		}
		p, err := r.patch.check(now, true)
		if err != nil {
			t.Errorf("row %d passes and the roster refuses it: %v", r.Number, err)
		}
		if r.State == Fresh {
			here = append(here, Apply(identity.Account{}, Change{ID: "c", Kind: Learner, Account: identity.AccountID(rune('a' + len(here))), Patch: p}))
		}
	}
	for _, r := range planOf(table, l, here, now).Rows {
		if r.State == Fresh {
			t.Errorf("row %d would be added twice", r.Number)
		}
	}
}

func TestGradesAsSchoolsWriteThem(t *testing.T) {
	for text, want := range map[string]string{
		"4": "Grade 4", "Grade 4": "Grade 4", "grade  10": "Grade 10", "G7": "Grade 7", "Gredi ya 4": "Grade 4", "4 Blue": "Grade 4", "PP1": "PP1", "pp 2 East": "PP2",
		"Class 3": "Grade 3", "13": "", "Form 1": "", "": "", "Blue": "",
	} {
		if got := gradeOf(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAges(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	for born, want := range map[string]int{"2016": 9, "2016-05-04": 10, "2016-05-05": 9, "2016-01-01": 10} {
		if got, known := Age(born, now); !known || got != want {
			t.Errorf("%s: %d", born, got)
		}
	}
	if _, known := Age("", now); known {
		t.Error("an age out of nothing")
	}
}
