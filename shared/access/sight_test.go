package access_test

import (
	"slices"
	"testing"

	"urbanhomeschool.org/uhs/shared/access"
)

// What a child is told, written down a second time.
func TestWhoSeesWhatOfALearner(t *testing.T) {
	want := map[string][2][]access.Viewer{
		"work":      {{"self", "parent", "teacher", "named_adult", "head", "bursar", "site_admin", "office"}},
		"questions": {{"self"}},
		"danger":    {{"named_adult", "head", "office"}},
		"name":      {{"teacher", "named_adult", "head", "bursar", "site_admin", "office"}, {"staff"}},
		"consents":  {{"self", "parent", "teacher", "named_adult", "head", "bursar", "site_admin", "office"}},
		"contacts":  {{"head", "bursar", "site_admin", "office"}},
		"payments":  {{"head", "bursar", "office", "staff"}},
	}
	got := access.WhoSees()
	if len(got) != len(want) {
		t.Errorf("%d things, want %d", len(got), len(want))
	}
	for _, seen := range got {
		if w := want[seen.Thing]; !slices.Equal(seen.By, w[0]) || !slices.Equal(seen.IfLent, w[1]) {
			t.Errorf("%s: seen by %v, if lent by %v; want %v, %v", seen.Thing, seen.By, seen.IfLent, w[0], w[1])
		}
	}
}
