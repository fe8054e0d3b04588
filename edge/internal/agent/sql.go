package agent

import "urbanhomeschool.org/uhs/shared/db"

// What becomes of each table when a snapshot brings a new database file. A table
// that is in none of these lists is copied as it is: forgetting one keeps too
// much, never too little. TestEveryTableIsDeclared makes sure that none is
// forgotten.

// presentTables hold what only the cloud writes: the snapshot has all of it, and
// what it does not have is no longer so.
var presentTables = []string{
	"schools", "accounts", "school_credentials", "duties", "guardians", "signing_keys", "licences", "payment_outcomes", "entitlements", "line_plans", "retention_moments",
	"classes", "school_terms", "roster_verdicts", "roster_code_uses",
	"privacy_settings",
}

// factTables hold facts, which never change. The snapshot has those that the
// cloud knows; those of this box that never travel, or that the cloud has put
// aside, stay while the condition holds: the person is still a member.
var factTables = map[string]string{
	"consents":               ofMembers,
	"revocations":            "1",
	"barrings":               "1",
	"erasures":               "1",
	"erasure_receipts":       "1",
	"recovery_sheets":        "1",
	"door_uses":              "1",
	"payment_intents":        ofMembers,
	"enrolments":             ofMembers,
	"learning_activities":    ofMembers,
	"attempts":               ofMembers,
	"tutor_questions":        ofMembers,
	"tutor_answers":          ofMembers,
	"tutor_alerts":           ofMembers,
	"tutor_acknowledgements": ofMembers,
	"roster_changes":         "1",
	"roster_codes":           "1",
	"audit_entries":          "1",
}

// A learner whom the school added and whom the cloud does not have yet is a member.
const ofMembers = "(learner_id IN (SELECT id FROM main.accounts) OR learner_id IN (SELECT account_id FROM old.roster_changes))"

// isMember is the same rule in the new file, where the changes to the roster are
// by then.
var isMember = db.SQL{SQLite: `SELECT (EXISTS (SELECT 1 FROM accounts WHERE id = $1) OR EXISTS (SELECT 1 FROM roster_changes WHERE account_id = $1))`}

// rebuiltTables say what the rest of the file holds; the snapshot's building
// makes them. A lane that was paused for what could not be stored begins anew.
var rebuiltTables = []string{"watermarks", "frame_history", "entity_versions", "lane_holds", "goose_db_version"}

// localTables are of this box alone and are copied.
var localTables = []string{
	// the conversation with the cloud, and what went wrong in it
	"outbox", "outbox_heads", "outbox_applied", "dead_letters", "conflict_log", "peer_states", "node_state",
	"audit_heads", "error_logs", "erasure_requests",
	// people at work
	"door_devices", "door_known", "door_misses",
	"sessions", "refresh_tokens", "signing_secrets", "memberships", "logins", "profiles",
	"tutor_originals", "tutor_jobs", "tutor_profiles", "consent_photos",
	// courses, which come as packs
	"courses", "lessons", "quizzes", "quiz_keys", "passages", "pack_downloads", "course_opens", "bundles", "line_uses",
}

const (
	attachOld    = `ATTACH DATABASE ? AS old`
	detachOld    = `DETACH DATABASE old`
	listTables   = `SELECT name FROM pragma_table_list WHERE schema = 'old' AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`
	listColumns  = `SELECT n.name FROM pragma_table_info(?1, 'main') n JOIN pragma_table_info(?1, 'old') o ON o.name = n.name ORDER BY n.cid`
	newestRow    = `SELECT coalesce(max(rowid), 0) FROM old.`
	writeBack    = `PRAGMA wal_checkpoint(TRUNCATE)`
	dontWait     = `PRAGMA synchronous = OFF`
	keepNewFacts = `INSERT OR IGNORE INTO main.%[1]s (%[2]s) SELECT %[2]s FROM old.%[1]s WHERE rowid > ? AND %[3]s`
	copyTable    = `INSERT OR REPLACE INTO main.%[1]s (%[2]s) SELECT %[2]s FROM old.%[1]s`
	checkContent = `PRAGMA quick_check(1)`
)
