package personal

import (
	"fmt"
	"strings"
	"time"
)

// Period is how long something is kept.
type Period struct{ Years, Days int }

// before is the moment a period before at.
func (p Period) before(at time.Time) time.Time { return at.AddDate(-p.Years, 0, -p.Days) }

// String says the period in words.
func (p Period) String() string {
	switch {
	case p == Period{}:
		return "none"
	case p == Period{Years: 1}:
		return "1 year"
	case p.Days == 0:
		return fmt.Sprintf("%d years", p.Years)
	}
	return fmt.Sprintf("%d days", p.Days)
}

// Rule is one row of the table: a kind of data and how long it is kept.
type Rule struct {
	// Name is a short one, for logs.
	Name string
	// Data says what it is, Since from when the period counts, Then what happens at
	// its end, Why where the period comes from.
	Data string
	Period
	Since, Then, Why string
	// Together is for what both sides hold in common: it is removed on both at the
	// same moment (see Moment).
	Together bool
	// Cloud is for what only the cloud does.
	Cloud bool
	steps []step
}

// step is one statement: rows of a table that match where, with the moment before
// which they are old as $1, are deleted; or blanked when set says how.
type step struct{ table, key, where, set string }

const (
	act     = "Data Protection Act 2019, s. 39: no longer than the purpose needs"
	taxes   = "Tax Procedures Act 2015, s. 23: records of money for five years after the year's end"
	claims  = "Limitation of Actions Act, s. 4: three years for a claim, and the proof that it was lawful is needed that long"
	safety  = "safeguarding: a matter of a child's safety comes up again years later"
	serving = act + "; to find out about misuse and failures"
)

// withdrawn matches an answer c to a purpose that a later withdrawal, old by now,
// has ended.
const withdrawn = `EXISTS (SELECT 1 FROM consents w WHERE w.learner_id = c.learner_id AND w.purpose = c.purpose AND NOT w.given AND w.at > c.at AND w.at < $1)`

// Rules is the table. docs/retention.md is made from it. They are followed in
// this order: what is found by way of another row goes before that row.
func Rules() []Rule {
	return append(shared(), own()...)
}

func shared() []Rule {
	const old, taken = `(SELECT id FROM tutor_questions WHERE asked_at < $1)`, `(SELECT alert_id FROM tutor_acknowledgements WHERE at < $1)`
	return []Rule{
		{Name: "tutor", Data: "Questions to the tutor and its answers, with what the child wrote before names were stripped", Period: Period{Years: 1}, Since: "it was asked",
			Then: "deleted", Why: act + ", a school year and its holidays", Together: true, steps: []step{
				{table: "tutor_originals", where: "question_id IN " + old},
				{table: "tutor_jobs", where: "question_id IN " + old},
				{table: "tutor_answers", where: "at < $1 OR question_id IN " + old},
				{table: "tutor_questions", where: "asked_at < $1"},
			}},
		{Name: "audit", Data: "What an entry of the audit log says beside who, what, whom and when", Period: Period{Years: 2}, Since: "it was written",
			Then: "details erased; the entry stays, as ids, because the chain of the log covers it", Why: serving, Together: true,
			steps: []step{{table: "audit_entries", where: "at < $1 AND details <> ''", set: "details = ''"}}},
		{Name: "alerts", Data: "Alerts of the tutor that were taken up, with who did and who was told", Period: Period{Years: 3}, Since: "somebody took it up first",
			Then: "deleted; one that nobody took up stays", Why: safety, Together: true, steps: []step{
				{table: "alert_steps", where: "alert_id IN (SELECT CAST(alert_id AS TEXT) FROM tutor_acknowledgements WHERE at < $1)"},
				{table: "tutor_alerts", where: "id IN " + taken},
				{table: "tutor_acknowledgements", where: "alert_id IN " + taken},
			}},
		{Name: "consents", Data: "Consents that were withdrawn", Period: Period{Years: 3}, Since: "the withdrawal",
			Then: "deleted; that it was withdrawn stays with the account", Why: claims, Together: true,
			steps: []step{{table: "consents", where: "id IN (SELECT c.id FROM consents c WHERE " + withdrawn + ")"}}},
		{Name: "money", Data: "Payers' phone numbers, signatures and what gateways sent of payments", Period: Period{Years: 7}, Since: "the payment was begun",
			Then: "pseudonymised: amounts, dates and references stay in the books", Why: taxes + ", and a year more", Together: true, steps: []step{
				{table: "payment_inbound", where: "at < $1 AND body <> ''", set: "body = ''"},
				{table: "payment_receipts", where: "at < $1 AND intent_id <> '' AND reference <> ''", set: "reference = ''"},
				{table: "payment_reviews", where: "resolved_at IS NOT NULL AND opened_at < $1 AND resolution <> ''", set: "resolution = ''"},
				{table: "payment_orders", where: "created_at < $1 AND (payer_phone <> '' OR token_hash IS NOT NULL)", set: "payer_phone = '', token_hash = NULL"},
				{table: "payment_intents", where: "created_at < $1 AND (payer_phone <> '' OR length(signature) > 0)", set: "payer_phone = '', signature = ''"},
			}},
	}
}

// own are what each side holds alone.
func own() []Rule {
	return []Rule{
		{Name: "photos", Data: "Photos of consents on paper", Period: Period{Years: 1}, Since: "all that the form gave was withdrawn; or a form that gives nothing was photographed",
			Then: "deleted; the paper is the school's", Why: act, steps: []step{{table: "consent_photos", key: "hash", where: `at < $1 AND NOT EXISTS (SELECT 1 FROM consents c
				WHERE c.photo = consent_photos.hash AND c.given AND NOT ` + withdrawn + `)`}}},
		{Name: "sessions", Data: "Sessions: when somebody signed in, and on what device", Period: Period{Days: 400}, Since: "it ran out",
			Then: "deleted", Why: serving, steps: []step{{table: "sessions", key: "id", where: "expires_at < $1"}}},
		{Name: "tokens", Data: "Refresh tokens, and ids of sessions that were ended", Since: "they ran out", Then: "deleted", Why: act, steps: []step{
			{table: "refresh_tokens", key: "hash", where: "expires_at < $1"}, {table: "revocations", key: "id", where: "expires_at < $1"},
		}},
		{Name: "codes", Data: "One-time codes and links that were sent, by their hashes", Period: Period{Days: 2}, Since: "a code was sent; a link ran out", Then: "deleted",
			Why: act + "; limits count them until then", Cloud: true, steps: []step{
				{table: "phone_codes", key: "id", where: "created_at < $1"}, {table: "account_links", key: "hash", where: "expires_at < $1"},
			}},
		{Name: "failures", Data: "The log of errors", Period: Period{Days: 90}, Since: "a failure came last", Then: "deleted", Why: serving,
			steps: []step{{table: "error_logs", key: "fingerprint", where: "last_at < $1"}}},
		{Name: "letters", Data: "Mail and text messages that were sent or came in", Period: Period{Years: 1}, Since: "it was written", Then: "deleted", Why: serving, Cloud: true,
			steps: []step{{table: "letters", key: "id", where: "created_at < $1"}, {table: "sms_inbox", key: "id", where: "at < $1"}}},
		{Name: "questions", Data: "Questions for consent by text message that got no yes", Period: Period{Years: 1}, Since: "it ran out", Then: "deleted", Why: act, Cloud: true,
			steps: []step{{table: "consent_questions", key: "id", where: "expires_at < $1 AND answer <> 'yes'"}}},
		{Name: "applications", Data: "Applications of instructors that were refused, with their documents", Period: Period{Years: 1}, Since: "the refusal", Then: "deleted",
			Why: act + "; a year to ask for the reasons", Cloud: true, steps: []step{
				{table: "application_documents", key: "id", where: `account_id IN (SELECT account_id FROM instructor_applications WHERE status = 'rejected' AND reviewed_at < $1)
					AND account_id NOT IN (SELECT account_id FROM instructor_applications WHERE status <> 'rejected' OR reviewed_at IS NULL OR reviewed_at >= $1)`},
				{table: "instructor_applications", key: "id", where: "status = 'rejected' AND reviewed_at < $1"},
			}},
		{Name: "aside", Data: "Records kept aside that were decided on", Period: Period{Days: 90}, Since: "the decision", Then: "deleted", Why: act,
			steps: []step{{table: "dead_letters", key: "id", where: "state <> 'open' AND COALESCE(decided_at, at) < $1"}}},
		{Name: "conflicts", Data: "The losing side of two edits of one record", Period: Period{Years: 1}, Since: "the two met", Then: "deleted", Why: act,
			steps: []step{{table: "conflict_log", key: "id", where: "at < $1"}}},
		{Name: "receipts", Data: "Requests for an erasure, with the code that opens the receipt", Period: Period{Years: 3}, Since: "it was carried out or withdrawn",
			Then: "deleted; ids of the erased stay, see below", Why: claims, steps: []step{{table: "erasure_requests", key: "id", where: "COALESCE(done_at, withdrawn_at) < $1"}}},
		{Name: leavers, Data: "Accounts of learners who left their school, and everything of them", Period: Period{Years: 3},
			Since: "she left her last school; not while a guardian has an account for her or she signs in or learns", Then: "erased on every replica, as when she asks for it", Why: act + "; so long a school may be asked for her record", Cloud: true},
	}
}

// leavers is the rule that goes through the machinery of erasures.
const leavers = "leavers"

// KeptLonger is what no period ends, and why.
func KeptLonger() []struct{ Data, Why string } {
	return []struct{ Data, Why string }{
		{"Accounts, guardians, the roster, enrolments, lessons done, attempts, entitlements", "the record of a learner, for as long as she has an account; an erasure ends it"},
		{"The latest answer of a guardian to each purpose", "what may be done with a child's data must be known while there are any"},
		{"The books: amounts, dates, references, by ids", "they hold no name and no phone number"},
		{"Entries of the audit log, without details", "a chain of hashes covers them; they are ids"},
		{"Ids of people who were erased, and receipts of the replicas", "what comes late, from a box or stick, must be told from news"},
		{"Alerts that nobody took up", "a child may be in danger"},
		{"Codes that link parents, sheets of codes and their uses at the door of a school", "hashes and ids; a code that was used must stay used. They go with the person"},
		{"The other applications of instructors", "with the account"},
	}
}

// Page is docs/retention.md.
func Page() string {
	var out strings.Builder
	out.WriteString("# How long data are kept\n\nGenerated from the table in `shared/personal/rules.go` (`make generate`); a test follows each row on both databases.\n\n" +
		"Every night the cloud removes what has had its time. What a school's box holds in common with it goes there with the same moment, by the time of the\n" +
		"event, when the box hears of it; what a box holds alone goes by that moment too, never by the box's own clock, which may run wild. A box that is cut\n" +
		"off keeps what it has until it hears the next moment, a night or at most a week later. What a box writes\n" +
		"whose clock stands a whole period behind goes when the cloud gets it. Short-lived things (sessions, tokens, codes, errors)\n" +
		"are also swept every hour, by each side's own clock.\n" +
		"Backups hold what was removed until they are deleted.\n\n" +
		"| Data | Kept for | Since | Then | Where | Why |\n|---|---|---|---|---|---|\n")
	for _, r := range Rules() {
		where := "each side"
		if r.Together {
			where = "both sides, at one moment"
		} else if r.Cloud {
			where = "cloud"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | %s |\n", r.Data, r.Period, r.Since, r.Then, where, r.Why)
	}
	out.WriteString("\n## What no period ends\n\n| Data | Why |\n|---|---|\n")
	for _, k := range KeptLonger() {
		fmt.Fprintf(&out, "| %s | %s |\n", k.Data, k.Why)
	}
	return out.String()
}
