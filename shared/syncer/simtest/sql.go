package simtest

import "urbanhomeschool.org/uhs/shared/db"

// The statements of the simulated domain and fleet. They are real: the recorded
// runs are replayed with them on SQLite and Postgres.
var (
	insertFact    = db.SQL{Both: `INSERT INTO sim_facts (id, learner, school, points, at, bonus) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`}
	getFact       = db.SQL{Both: `SELECT id, learner, school, points, at, bonus FROM sim_facts WHERE id = $1`}
	listFactsOf   = db.SQL{Both: `SELECT id, learner, school, points, at, bonus FROM sim_facts WHERE learner = $1 ORDER BY id`}
	forgetLearner = db.SQL{Both: `DELETE FROM sim_facts WHERE learner = $1`}
	learnerLeft   = db.SQL{Both: `SELECT count(*) FROM sim_places WHERE learner = $1 AND here = 0`}

	upsertNote  = db.SQL{Both: `INSERT INTO sim_notes (id, school, text) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET text = excluded.text`}
	upsertOrder = db.SQL{Both: `INSERT INTO sim_orders (id, school, text) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET text = excluded.text`}
	insertBadge = db.SQL{Both: `INSERT INTO sim_badges (id, school, text) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`}
	getBadge    = db.SQL{Both: `SELECT id, school, text FROM sim_badges WHERE id = $1`}

	insertIntent = db.SQL{Both: `INSERT INTO sim_intents (id, school, learner, amount) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`}
	getIntent    = db.SQL{Both: `SELECT id, school, learner, amount FROM sim_intents WHERE id = $1`}
	addTotal     = db.SQL{Both: `INSERT INTO sim_totals (school, amount) VALUES ($1, $2) ON CONFLICT (school) DO UPDATE SET amount = sim_totals.amount + excluded.amount`}

	upsertPlace = db.SQL{Both: `INSERT INTO sim_places (id, learner, school, here) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET here = excluded.here`}
	placeOf     = db.SQL{Both: `SELECT count(*) FROM sim_places WHERE id = $1`}
	schoolsOf   = db.SQL{Both: `SELECT school FROM sim_places WHERE learner = $1 AND here = 1 ORDER BY school`}

	upsertSchool = db.SQL{Both: `INSERT INTO sim_schools (school, epoch, appliance, nonce) VALUES ($1, $2, $3, $4)
		ON CONFLICT (school) DO UPDATE SET epoch = excluded.epoch, appliance = excluded.appliance, nonce = excluded.nonce`}
	getSchool   = db.SQL{Both: `SELECT epoch, appliance, nonce FROM sim_schools WHERE school = $1`}
	insertEpoch = db.SQL{Both: `INSERT INTO sim_epochs (school, epoch, appliance) VALUES ($1, $2, $3) ON CONFLICT (school, epoch) DO NOTHING`}
	knownEpoch  = db.SQL{Both: `SELECT count(*) FROM sim_epochs WHERE school = $1 AND epoch = $2`}

	// What belongs to one owner, page by page: for snapshots and comparisons.
	membersOf   = db.SQL{Both: `SELECT learner FROM sim_places WHERE school = $1 AND here = 1 AND learner > $2 ORDER BY learner LIMIT $3`}
	pageFacts   = db.SQL{Both: `SELECT id, learner, school, points, at, bonus FROM sim_facts WHERE learner = $1 AND id > $2 ORDER BY id LIMIT $3`}
	pageNotes   = db.SQL{Both: `SELECT id, school, text FROM sim_notes WHERE school = $1 AND id > $2 ORDER BY id LIMIT $3`}
	pageOrders  = db.SQL{Both: `SELECT id, school, text FROM sim_orders WHERE school = $1 AND id > $2 ORDER BY id LIMIT $3`}
	pageBadges  = db.SQL{Both: `SELECT id, school, text FROM sim_badges WHERE school = $1 AND id > $2 ORDER BY id LIMIT $3`}
	pageIntents = db.SQL{Both: `SELECT id, school, learner, amount FROM sim_intents WHERE school = $1 AND id > $2 ORDER BY id LIMIT $3`}
	pagePlaces  = db.SQL{Both: `SELECT id, learner, school, here FROM sim_places WHERE school = $1 AND id > $2 ORDER BY id LIMIT $3`}

	// A new box knows nothing of the downlink, whatever the last one had.
	forgetDown = db.SQL{Both: `UPDATE outbox_heads SET acked_seq = 0 WHERE school = $1 AND epoch = $2`}
)

// schema makes the tables of the simulated domain and fleet on a real database.
func schema(d db.Dialect) []string {
	at := "TIMESTAMP"
	if d == db.Postgres {
		at = "timestamptz"
	}
	return []string{
		"CREATE TABLE sim_facts (id text PRIMARY KEY, learner text NOT NULL, school text NOT NULL, points bigint NOT NULL CHECK (points >= 0 AND points < 1000000), at " + at + " NOT NULL, bonus bigint NOT NULL)",
		"CREATE TABLE sim_notes (id text PRIMARY KEY, school text NOT NULL, text text NOT NULL)",
		"CREATE TABLE sim_orders (id text PRIMARY KEY, school text NOT NULL, text text NOT NULL)",
		"CREATE TABLE sim_badges (id text PRIMARY KEY, school text NOT NULL, text text NOT NULL)",
		"CREATE TABLE sim_intents (id text PRIMARY KEY, school text NOT NULL, learner text NOT NULL, amount bigint NOT NULL)",
		"CREATE TABLE sim_totals (school text PRIMARY KEY, amount bigint NOT NULL)",
		"CREATE TABLE sim_places (id text PRIMARY KEY, learner text NOT NULL, school text NOT NULL, here bigint NOT NULL)",
		"CREATE TABLE sim_schools (school text PRIMARY KEY, epoch bigint NOT NULL, appliance text NOT NULL, nonce text NOT NULL)",
		"CREATE TABLE sim_epochs (school text NOT NULL, epoch bigint NOT NULL, appliance text NOT NULL, PRIMARY KEY (school, epoch))",
	}
}
