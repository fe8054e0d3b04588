package personal

import "urbanhomeschool.org/uhs/shared/db"

// End is what becomes of a row when the person is erased.
type End int

// The ends.
const (
	// Deleted: the row goes.
	Deleted End = iota
	// Blanked: the row stays without what says who she is (Place.Blank).
	Blanked
	// Kept: the row holds her id and nothing else of her, or is written below
	// her name nowhere; Place.Why says why it stays.
	Kept
)

// Place is one table in which a person may stand.
type Place struct {
	Table string
	// Name is that of the sheet in an export; the table's when empty.
	Name string
	// Record is the kind that travels and is stored here; empty for none.
	Record string
	// About says which rows are about the person $1.
	About db.SQL
	// Hidden are columns that never leave: secrets, and what is somebody else's.
	Hidden []string
	// Beside are columns that name who had to do with it: they make the row no
	// part of her data.
	Beside []string
	// NoExport says why the rows are in no export; empty when they are.
	NoExport string
	End      End
	// Blank is what Blanked sets, Why the reason of Kept and Blanked.
	Blank, Why string
}

func (p Place) name() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Table
}

const onlySecrets = "holds nothing but secrets"

// Places is the map. An erasure goes through it in this order: what is found by
// way of another row comes before that row, and the account comes last.
func Places() []Place {
	var out []Place
	for _, part := range [][]Place{work(), doors(), family(), money(), traces(), cloudOnly(), selves()} {
		out = append(out, part...)
	}
	return out
}

func work() []Place {
	learner := is("learner_id")
	return []Place{
		{Table: "tutor_originals", About: both("question_id IN (SELECT id FROM tutor_questions WHERE learner_id = $1)")},
		{Table: "alert_steps", About: both("alert_id IN (SELECT CAST(id AS TEXT) FROM tutor_alerts WHERE learner_id = $1)")},
		{Table: "tutor_questions", Record: "tutor.question", About: learner},
		{Table: "tutor_answers", Record: "tutor.answer", About: learner},
		{Table: "tutor_acknowledgements", Record: "tutor.acknowledgement", About: learner, Beside: []string{"account_id"}},
		{Table: "tutor_alerts", Record: "tutor.alert", About: learner},
		{Table: "tutor_jobs", About: learner},
		{Table: "tutor_profiles", About: learner},
		{Table: "enrolments", Record: "learning.enrolment", About: learner},
		{Table: "learning_activities", Record: "learning.activity", About: learner},
		{Table: "attempts", Record: "assessment.attempt", About: learner},
		{Table: "privacy_settings", Record: "consent.settings", About: learner},
		{Table: "roster_changes", Record: "roster.change", About: is("account_id", "other_id"), Beside: []string{"by_id"}},
		{Table: "roster_verdicts", Record: "roster.verdict", About: is("account_id")},
		{Table: "roster_codes", Record: "roster.code", About: learner, Hidden: []string{"hash"}, Beside: []string{"by_id"}},
		{Table: "roster_code_uses", Record: "roster.code_use", About: learner, Beside: []string{"by_id"}},
		{Table: "classes", Record: "roster.class", About: is("teacher_id"), End: Kept, Why: "the class stays; of its teacher it holds the id"},
		{Table: "schools", Record: "identity.school", About: is("named_adult_id"), End: Kept,
			Why: "the school stays; its named adult cannot be erased before another one is named"},
		{Table: "courses", About: is("instructor_id"), Hidden: []string{"strands"}, End: Blanked, Blank: "instructor_email = ''",
			Why: "learners work with the course; of its author it keeps the id"},
	}
}

func doors() []Place {
	return []Place{
		{Table: "recovery_sheets", Record: "door.sheet", About: is("holder_id"), Hidden: []string{"codes"}, Beside: []string{"made_by"}},
		{Table: "door_uses", Record: "door.use", About: is("account_id", "holder_id", "second_id"), End: Kept,
			Why: "ids alone; a code that was used must stay used"},
		{Table: "barrings", Record: "identity.barring", About: is("account_id"), End: Kept, Why: "the id alone; it keeps the door shut"},
		{Table: "door_devices", About: is("opened_by"), Hidden: []string{"id"}},
		{Table: "door_known", About: is("account_id"), Hidden: []string{"device"}},
		{Table: "door_misses", About: is("account_id"), Hidden: []string{"device"}},
		{Table: "school_credentials", Record: "identity.credential", About: is("account_id"), Hidden: []string{"verifier"}},
		{Table: "refresh_tokens", About: both("session_id IN (SELECT id FROM sessions WHERE account_id = $1 OR guardian_id = $1)"), NoExport: onlySecrets},
		{Table: "sessions", About: is("account_id", "guardian_id")},
	}
}

func family() []Place {
	return []Place{
		{Table: "consents", Record: "identity.consent", About: is("learner_id"), Beside: []string{"recorded_by"}},
		{Table: "consents", Name: "consents_given", About: is("guardian_id"), Beside: []string{"recorded_by"},
			End: Blanked, Blank: "guardian_name = ''", Why: "that a guardian agreed is the child's record; it stays without the guardian's name"},
		{Table: "consent_photos", About: is("learner_id"), Beside: []string{"by_id"}},
	}
}

const payer = "learner_id = $1 OR payer_phone IN " + phones

func money() []Place {
	const law = "the books keep amounts, dates and references, without a phone number or name"
	hers := both("intent_id IN (SELECT id FROM payment_intents WHERE " + payer + ")")
	return []Place{
		{Table: "payment_inbound", About: hers, Hidden: []string{"body_hash"}, End: Blanked, Blank: "body = ''", Why: law},
		{Table: "payment_receipts", About: hers, End: Blanked, Blank: "reference = ''", Why: law},
		{Table: "payment_reviews", About: hers, Beside: []string{"resolved_by"}, End: Blanked, Blank: "resolution = ''", Why: law},
		{Table: "ledger_transactions", About: hers, Hidden: []string{"hash"}, End: Kept, Why: law},
		{Table: "ledger_postings", About: both("transaction_id IN (SELECT id FROM ledger_transactions WHERE intent_id IN (SELECT id FROM payment_intents WHERE " + payer + "))"),
			End: Kept, Why: law},
		{Table: "payment_orders", About: both(payer), Hidden: []string{"token_hash"}, End: Blanked, Blank: "payer_phone = '', token_hash = NULL", Why: law},
		{Table: "payment_outcomes", Record: "payments.outcome", About: is("learner_id"), End: Kept, Why: law},
		{Table: "payment_intents", Record: "payments.intent", About: both(payer), Hidden: []string{"signature"}, Beside: []string{"created_by"}, End: Blanked,
			Blank: "payer_phone = '', signature = ''", Why: law},
		{Table: "entitlements", Record: "payments.entitlement", About: is("learner_id")},
	}
}

// traces are copies of records, and what is noted about who did what.
func traces() []Place {
	const copies = "a copy, on its way to the other side, of what stands in its own table"
	chain := "who did what to whom stays, as ids, because the chain of the log covers it; what it said goes"
	return []Place{
		{Table: "audit_entries", Record: "audit.entry", About: is("target_id"), Hidden: []string{"ip", "user_agent", "request_id", "details_hash", "prev", "hash"},
			Beside: []string{"actor_id"}, End: Kept, Why: chain},
		{Table: "audit_entries", Name: "audit_entries_own", About: is("actor_id"), Hidden: []string{"details", "details_hash", "prev", "hash"}, End: Kept, Why: chain},
		{Table: "erasures", Record: "personal.erasure", About: is("person_id"), Beside: []string{"by_id"}, End: Kept, Why: "the id alone: what comes late must be told from news"},
		{Table: "erasure_receipts", Record: "personal.receipt", About: both("erasure_id IN (SELECT id FROM erasures WHERE person_id = $1)"), End: Kept,
			Why: "says that a replica has erased her, by ids"},
		{Table: "erasure_requests", About: is("person_id"), Hidden: []string{"code"}, Beside: []string{"asked_by"}, End: Blanked, Blank: "reason = ''",
			Why: "who asked for the erasure, and when, by ids"},
		{Table: "outbox", About: inBody, NoExport: copies, End: Kept, Why: "the content goes; the hash stays, because the chain of the log covers it"},
		{Table: "entity_versions", About: inBody, NoExport: copies},
		{Table: "dead_letters", About: inBody, Hidden: []string{"fixed_body", "deps"}, Beside: []string{"opened_by", "decided_by"}},
		{Table: "conflict_log", About: inBody},
	}
}

func cloudOnly() []Place {
	own := is("account_id")
	return []Place{
		{Table: "letters", About: both("recipient IN " + contacts + " OR (template LIKE 'consent%' AND recipient IN (SELECT phone FROM guardians WHERE learner_id = $1 AND phone <> ''))"),
			Hidden: []string{"data"}},
		{Table: "sms_inbox", About: both("sender IN " + phones), Beside: []string{"recipient", "handled_by"}},
		{Table: "phone_codes", About: both("phone IN " + phones), NoExport: onlySecrets},
		{Table: "consent_questions", About: both("learner_id = $1 OR phone IN " + phones), Hidden: []string{"code"}, Beside: []string{"guardian_id", "asked_by"}},
		{Table: "account_closures", About: own, Beside: []string{"closed_by"}},
		{Table: "account_links", About: own, Hidden: []string{"hash"}, Beside: []string{"email"}},
		{Table: "avatars", About: own},
		{Table: "instructor_applications", About: own, Beside: []string{"email", "phone", "full_name", "reviewed_by"}},
		{Table: "application_documents", About: own},
		{Table: "delegations", About: own, Beside: []string{"granted_by"}},
		{Table: "restrictions", About: own, Beside: []string{"restricted_by", "lifted_by"}},
		{Table: "second_factors", About: own, Hidden: []string{"secret", "last_step"}},
		{Table: "recovery_codes", About: own, NoExport: onlySecrets},
		{Table: "parent_settings", About: own},
	}
}

// selves are by what others find her, so they come last.
func selves() []Place {
	return []Place{
		{Table: "duties", Record: "identity.duty", About: is("account_id")},
		{Table: "guardians", Record: "identity.guardian", About: is("learner_id", "account_id"), Beside: []string{"phone"}},
		{Table: "memberships", About: is("account_id")},
		{Table: "profiles", About: is("account_id"), Beside: []string{"phone"}},
		{Table: "logins", About: is("account_id"), Hidden: []string{"password_hash"}, Beside: []string{"email", "phone"}},
		{Table: "accounts", Record: "identity.account", About: is("id"), Beside: []string{"email", "full_name", "merged_into_id"}},
	}
}

// Impersonal are the tables in which nobody stands, and why. Columns that name
// somebody who did something at work are listed with them.
func Impersonal() map[string]string {
	const (
		engine  = "the state of the exchange between the two sides"
		content = "courses, without people"
		fleet   = "boxes and their codes; recipient: the key of a box; created_by, used_by, decided_by, seen_by: staff at work, by id"
		keys    = "keys of the service"
	)
	return map[string]string{
		"outbox_heads": engine, "outbox_applied": engine, "watermarks": engine, "frame_history": engine, "peer_states": engine, "node_state": engine,
		"bundles": engine, "lane_holds": engine + "; resumed_by: an admin at work, by id", "line_plans": engine, "line_uses": engine,
		"backed_marks": engine, "resent_marks": engine,
		"signing_keys": keys, "signing_secrets": keys, "revocations": "ids of sessions that ended, until they would have ended anyway",
		"lessons": content, "quizzes": content, "quiz_keys": content, "passages": content, "licences": content + "; recipient: the key of a box", "packs": content,
		"pack_downloads": content, "course_opens": content,
		"retention_moments": "up to when what has had its time was removed",
		"school_terms":      "the school's calendar", "error_logs": "failures of ours, without what was sent in", "audit_heads": "where the chains end",
		"claim_codes": fleet, "appliances": fleet, "school_epochs": fleet, "epoch_history": fleet, "held_boxes": fleet, "replacements": fleet, "incidents": fleet,
		"cloud_lives": "the lives of the database", "backups": "the backups that were made",
		"goose_db_version": "the schema's version",
	}
}
