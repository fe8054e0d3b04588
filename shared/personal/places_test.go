package personal_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/personal"
)

// someone matches columns that name or reach a person.
var someone = regexp.MustCompile(`(^|_)(account|learner|actor|target|holder|second|guardian|teacher|named_adult|instructor|parent|student|person|user)_id$|_by$|^by_id$|phone|email|^recipient$|^sender$|full_name`)

// The walk through both schemas: no table is forgotten, and no column that names a
// person is in one by accident.
func TestEveryTableIsOnTheMapOfPeople(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		must(t, d.View(t.Context(), func(tx db.Tx) error {
			tables, err := personal.Tables(t.Context(), tx)
			if err != nil || len(tables) < 40 {
				t.Fatalf("%d tables, %v", len(tables), err)
			}
			for _, table := range tables {
				lookAt(t, tx, table)
			}
			return nil
		}))
	})
}

func lookAt(t *testing.T, tx db.Tx, table string) {
	t.Helper()
	columns, err := personal.Columns(t.Context(), tx, table)
	must(t, err)
	why, impersonal := personal.Impersonal()[table]
	var places []personal.Place
	for _, p := range personal.Places() {
		if p.Table == table {
			places = append(places, p)
		}
	}
	if impersonal == (len(places) > 0) {
		t.Errorf("%s must be in Places or in Impersonal, and in one of them", table)
	}
	for _, c := range columns {
		if !someone.MatchString(c) {
			continue
		}
		said := strings.Contains(why, c) || table == "parent_settings" && c == "email_marketing"
		for _, p := range places {
			said = said || slices.Contains(p.Beside, c) || slices.Contains(p.Hidden, c) || strings.Contains(p.About.For(tx.Dialect()), c) || strings.Contains(p.Blank, c)
		}
		if !said {
			t.Errorf("%s.%s names a person: say what it is (About, Beside, Hidden, or the reason in Impersonal)", table, c)
		}
	}
	for _, p := range places {
		for _, c := range columns {
			if p.NoExport == "" && audit.IsSecret(c) && !slices.Contains(p.Hidden, c) && !harmless[table+"."+c] {
				t.Errorf("%s.%s has the name of a secret and would leave in an export", table, c)
			}
		}
		for _, c := range p.Hidden {
			if !slices.Contains(columns, c) {
				t.Errorf("%s has no column %s to hide", table, c)
			}
		}
		if (p.End != personal.Deleted) != (p.Why != "") || (p.End == personal.Blanked) != (p.Blank != "") {
			t.Errorf("%s: what stays needs a reason, what is blanked needs to be said", p.Table)
		}
	}
}

// harmless columns sound like secrets and are none.
var harmless = map[string]bool{
	"schools.code": true, "roster_verdicts.code": true, "roster_code_uses.code_id": true, "attempts.pass_percent": true, "attempts.passed": true,
	"consent_photos.hash": true, "tutor_answers.passages": true, "payment_orders.callback_code": true, "payment_orders.query_code": true,
}

func TestTheMapNamesNoTableThatIsNot(t *testing.T) {
	have := map[string]bool{}
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		must(t, d.View(t.Context(), func(tx db.Tx) error {
			tables, err := personal.Tables(t.Context(), tx)
			for _, table := range tables {
				have[table] = true
			}
			return err
		}))
	})
	for _, p := range personal.Places() {
		if !have[p.Table] {
			t.Errorf("%s is on the map and in neither database", p.Table)
		}
	}
	for table := range personal.Impersonal() {
		if !have[table] {
			t.Errorf("%s is on the list of the impersonal and in neither database", table)
		}
	}
}
