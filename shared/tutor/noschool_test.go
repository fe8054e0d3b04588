package tutor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// Who has no school has no adult who is told: a child is not answered, and nobody
// is promised one.
func TestALearnerWithoutASchool(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		minor := true
		w := newWorld(t, d, func(o *tutor.Options) {
			o.Minor = func(context.Context, db.Tx, identity.AccountID) (bool, error) { return minor, nil }
		})
		alone := w.learner
		alone.School = ""
		w.adult = alone.Account // of whatever school: it is not hers
		if _, err := w.tutor.Ask(t.Context(), alone, tutor.Asking{Text: "What is a fraction?"}); !errors.Is(err, tutor.ErrNoSchool) {
			t.Errorf("a child without a school: %v", err)
		}
		for _, text := range []string{"I want to kill myself", "nataka kufa, tafadhali nisaidie"} {
			for school, who := range map[bool]identity.Actor{true: w.learner, false: alone} {
				got, err := w.tutor.Ask(t.Context(), who, tutor.Asking{Text: text})
				if err != nil || got.Best.Source.Kind != tutor.FromSafety || !strings.Contains(got.Best.Text, "116") {
					t.Fatalf("words of danger are always answered: %+v, %v", got.Best, err)
				}
				for _, promise := range []string{"the adult at your school", "mtu mzima wa shule"} {
					if strings.Contains(got.Best.Text, promise) != school {
						t.Errorf("with a school %t, %q is promised: %t", school, promise, !school)
					}
				}
			}
		}
		minor = false
		if _, err := w.tutor.Ask(t.Context(), alone, tutor.Asking{Text: "What is a fraction?"}); err != nil {
			t.Errorf("a learner of full age: %v", err)
		}
	})
}
