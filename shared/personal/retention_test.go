package personal_test

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/mishap"
	"urbanhomeschool.org/uhs/shared/personal"
)

var write = flag.Bool("write", false, "write docs/retention.md instead of comparing it")

func TestThePageOfRetentionIsUpToDate(t *testing.T) {
	const path = "../../docs/retention.md"
	if *write {
		must(t, os.WriteFile(path, []byte(personal.Page()), 0o644))
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != personal.Page() {
		t.Errorf("docs/retention.md is out of date (%v): run `make generate`", err)
	}
}

// ruleCase is of a rule: ready are statements that make the rows of fill such ones that
// the rule is about, and its period is counted from their time; gone are counts of
// what has to go.
type ruleCase struct {
	years, days int
	ready, gone []string
}

// rowsOf counts the rows of a table that match.
func rowsOf(table, where string) string {
	return "SELECT count(*) FROM " + table + " WHERE " + where
}

// ruleCases says anew, in numbers, what the table says.
var ruleCases = map[string]ruleCase{
	"tutor":    {years: 1, gone: []string{rowsOf("tutor_questions", "true"), rowsOf("tutor_answers", "true"), rowsOf("tutor_originals", "true"), rowsOf("tutor_jobs", "true")}},
	"audit":    {years: 2, gone: []string{rowsOf("audit_entries", "details <> ''")}},
	"alerts":   {years: 3, gone: []string{rowsOf("tutor_alerts", "true"), rowsOf("tutor_acknowledgements", "true"), rowsOf("alert_steps", "true")}},
	"consents": {years: 3, gone: []string{rowsOf("consents", "given")}},
	"money": {years: 7, gone: []string{
		rowsOf("payment_intents", "payer_phone <> ''"), rowsOf("payment_intents", "length(signature) > 0"), rowsOf("payment_inbound", "body <> ''"),
		rowsOf("payment_receipts", "reference <> ''"), rowsOf("payment_reviews", "resolution <> ''"), rowsOf("payment_orders", "payer_phone <> ''"),
	}},
	"photos": {years: 1, ready: []string{`UPDATE consents SET photo = COALESCE((SELECT p.hash FROM consent_photos p WHERE p.learner_id = consents.learner_id), '')`},
		gone: []string{rowsOf("consent_photos", "true")}},
	"sessions": {days: 400, gone: []string{rowsOf("sessions", "true")}},
	"tokens": {gone: []string{rowsOf("refresh_tokens", "true"), rowsOf("revocations", "true")}, ready: []string{
		`INSERT INTO revocations (id, session_id, school_id, expires_at) SELECT id, id, school_id, expires_at FROM sessions`}},
	"codes":        {days: 2, gone: []string{rowsOf("phone_codes", "true"), rowsOf("account_links", "true")}},
	"failures":     {days: 90, gone: []string{rowsOf("error_logs", "true")}, ready: []string{failures}},
	"letters":      {years: 1, gone: []string{rowsOf("letters", "true"), rowsOf("sms_inbox", "true")}},
	"questions":    {years: 1, gone: []string{rowsOf("consent_questions", "true")}},
	"applications": {years: 1, ready: []string{`UPDATE instructor_applications SET status = 'rejected'`}, gone: []string{rowsOf("instructor_applications", "true"), rowsOf("application_documents", "true")}},
	"aside":        {days: 90, ready: []string{`UPDATE dead_letters SET state = 'discarded'`}, gone: []string{rowsOf("dead_letters", "true")}},
	"conflicts":    {years: 1, gone: []string{rowsOf("conflict_log", "true")}},
	"receipts":     {years: 3, gone: []string{rowsOf("erasure_requests", "true")}},
	"leavers": {years: 3, ready: []string{`UPDATE guardians SET account_id = ''`, `UPDATE schools SET named_adult_id = ''`},
		gone: []string{rowsOf("accounts", "true"), rowsOf("attempts", "true"), rowsOf("memberships", "true"), rowsOf("enrolments", "true")}},
}

const (
	// withdrawal puts a yes an hour before the no that fill made.
	withdrawal = `INSERT INTO consents (id, learner_id, purpose, given, guardian_id, guardian_name, method, text_version, recorded_by, at, photo)
		SELECT 'yes' || id, learner_id, purpose, true, guardian_id, guardian_name, method, text_version, recorded_by, $1, photo FROM consents WHERE NOT given AND at = $2`
	failures = `INSERT INTO error_logs (fingerprint, kind, method, route, message, place, version, count, request_id, first_at, last_at)
		SELECT id, 'error', 'GET', '/', 'm', 'p', 'v', 1, 'r', created_at, expires_at FROM sessions`
)

func TestEveryRuleHasItsCase(t *testing.T) {
	var names []string
	for _, r := range personal.Rules() {
		names = append(names, r.Name)
		if r.Data == "" || r.Since == "" || r.Then == "" || r.Why == "" {
			t.Errorf("%s: the row says too little", r.Name)
		}
	}
	slices.Sort(names)
	if have := slices.Sorted(maps.Keys(ruleCases)); !slices.Equal(names, have) {
		t.Errorf("rules %v, cases %v", names, have)
	}
}

// Of each row of the table, on both databases: a day before its time nothing goes,
// a day after it goes, and what is younger stays. Learners who left have a database
// of their own: with them goes what other rows are about.
func TestEachRuleWithAMovedClock(t *testing.T) {
	const school = "00000000-0000-7000-8000-0000000005c1"
	alone := func(r personal.Rule) bool { return r.Name == "leavers" }
	rules := personal.Rules()
	slices.SortStableFunc(rules, func(a, b personal.Rule) int { return ruleCases[a.Name].due().Compare(ruleCases[b.Name].due()) })
	t.Run("leavers", func(t *testing.T) {
		followAll(t, armed(t, newWorld(dbtest.Postgres(t))), slices.DeleteFunc(slices.Clone(rules), func(r personal.Rule) bool { return !alone(r) }))
	})
	rules = slices.DeleteFunc(rules, alone)
	t.Run("cloud", func(t *testing.T) { followAll(t, armed(t, newWorld(dbtest.Postgres(t))), rules) })
	t.Run("box", func(t *testing.T) {
		followAll(t, armed(t, newNode(dbtest.SQLite(t), school, "box-1")), slices.DeleteFunc(rules, func(r personal.Rule) bool { return r.Cloud }))
	})
}

func (c ruleCase) due() time.Time { return begin.AddDate(c.years, 0, c.days) }

// followAll lets the time of one rule after another come.
func followAll(t *testing.T, w *world, rules []personal.Rule) {
	t.Helper()
	old, young := ofNew(), ofNew()
	young.at, young.phone = begin.AddDate(20, 0, 0), "254700333444"
	for _, p := range []person{old, young} {
		fill(t, w.raw, p)
		exec(t, w.db, withdrawal, db.Time{Time: p.at.Add(-time.Hour)}, db.Time{Time: p.at})
	}
	for _, r := range rules {
		for _, text := range ruleCases[r.Name].ready {
			exec(t, w.db, text)
		}
	}
	whole := tablesWith(t, w.db, marker+young.id)
	for len(rules) > 0 {
		due := ruleCases[rules[0].Name].due()
		n := slices.IndexFunc(rules, func(r personal.Rule) bool { return ruleCases[r.Name].due().After(due) })
		if n < 0 {
			n = len(rules)
		}
		follow(t, w, due, rules[:n])
		if left := tablesWith(t, w.db, marker+young.id); !slices.Equal(left, whole) {
			t.Errorf("%s: of what is younger, left are %v of %v", rules[0].Name, left, whole)
		}
		rules = rules[n:]
	}
}

// follow lets the time of some rules come.
func follow(t *testing.T, w *world, due time.Time, rules []personal.Rule) {
	t.Helper()
	see := func(when string, want int64) {
		for _, r := range rules {
			found := counts(t, w, ruleCases[r.Name].gone)
			for q, n := range found {
				if n != want {
					t.Errorf("%s: %s, %d left instead of %d: %s", r.Name, when, n, want, q)
				}
			}
			if len(found) == 0 {
				t.Errorf("%s: nothing is counted", r.Name)
			}
		}
	}
	retireAt(t, w, due.AddDate(0, 0, -1))
	see("a day before", 2)
	retireAt(t, w, due.AddDate(0, 0, 1))
	see("a day after", 1)
	again, err := w.Retire(t.Context())
	must(t, err)
	for _, r := range rules {
		if n := again[r.Name]; n != 0 {
			t.Errorf("%s: the second time, %d went", r.Name, n)
		}
	}
}

// retireAt moves the clock, and at a box the cloud's moment, and lets the night
// come.
func retireAt(t *testing.T, w *world, at time.Time) {
	t.Helper()
	w.clock.Set(at)
	exec(t, w.db, `DELETE FROM retention_moments`) // years go by at once
	if w.AtSchool() {
		exec(t, w.db, `INSERT INTO retention_moments (id, at) VALUES ('m', $1)`, db.Time{Time: at})
	}
	_, err := w.Retire(t.Context())
	must(t, err)
}

// counts runs those of the statements whose tables this side has.
func counts(t *testing.T, w *world, statements []string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	must(t, w.db.View(t.Context(), func(tx db.Tx) error {
		tables, err := personal.Tables(t.Context(), tx)
		if err != nil {
			return err
		}
		for _, q := range statements {
			if !slices.ContainsFunc(tables, func(table string) bool { return strings.HasPrefix(q, rowsOf(table, "")) }) {
				continue
			}
			rows, err := tx.Query(t.Context(), db.SQL{Both: q})
			if out[q], err = db.One(rows, err, db.Scalar[int64]); err != nil {
				return err
			}
		}
		return nil
	}))
	return out
}

// A box whose clock runs ahead removes nothing: the cloud's moment counts.
func TestABoxRemovesNothingByItsOwnClock(t *testing.T) {
	w, p := armed(t, newNode(dbtest.SQLite(t), "00000000-0000-7000-8000-0000000005c1", "box-1")), ofNew()
	fill(t, w.raw, p)
	before := tablesWith(t, w.db, marker)
	w.clock.Set(begin.AddDate(10, 0, 0))
	if n, err := w.Retire(t.Context()); err != nil || len(n) > 0 {
		t.Errorf("%v went, %v", n, err)
	}
	exec(t, w.db, `INSERT INTO retention_moments (id, at) VALUES ('m', $1)`, db.Time{Time: begin})
	if n, err := w.Retire(t.Context()); err != nil || n["sessions"] > 0 {
		t.Errorf("%v went, %v", n, err)
	}
	if after := tablesWith(t, w.db, marker); !slices.Equal(before, after) {
		t.Errorf("left are %v of %v", after, before)
	}
}

// The sweeps of every hour know the same periods.
func TestTheHourlySweepsKnowTheSamePeriods(t *testing.T) {
	for name, keep := range map[string]time.Duration{"sessions": identity.KeepSessions, "failures": mishap.Keep} {
		for _, r := range personal.Rules() {
			if r.Name == name && (r.Years != 0 || time.Duration(r.Days)*24*time.Hour != keep) {
				t.Errorf("%s: %v in the table, %v in the sweep", name, r.Period, keep)
			}
		}
	}
}
