package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

// Only the cloud runs these: Postgres texts alone.
var (
	selectSchoolName = db.SQL{Postgres: `SELECT name FROM schools WHERE id = $1`}
	lockSchool       = db.SQL{Postgres: `SELECT name FROM schools WHERE id = $1 FOR UPDATE`}

	insertCode = db.SQL{Postgres: `INSERT INTO claim_codes (code_hash, school_id, created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`}
	lockCode   = db.SQL{Postgres: `SELECT school_id::text, expires_at, used_at, coalesce(used_by, '') FROM claim_codes WHERE code_hash = $1 FOR UPDATE`}
	markCode   = db.SQL{Postgres: `UPDATE claim_codes SET used_at = $2, used_by = $3 WHERE code_hash = $1`}

	replaceAppliance = db.SQL{Postgres: `UPDATE appliances SET status = 'replaced' WHERE school_id = $1 AND status = 'active'`}
	insertAppliance  = db.SQL{Postgres: `INSERT INTO appliances (id, school_id, status, node_key, nats_user, recipient, software, claimed_at)
		VALUES ($1, $2, 'active', $3, $4, $5, $6, $7)`}
	selectAppliance = db.SQL{Postgres: `SELECT a.id::text, a.school_id::text, a.status, a.nats_user, a.recipient, a.node_key, e.epoch
		FROM appliances a JOIN school_epochs e ON e.school_id = a.school_id WHERE a.id::text = $1`}

	nextEpoch = db.SQL{Postgres: `INSERT INTO school_epochs AS e (school_id, epoch, appliance_id, issued_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (school_id) DO UPDATE SET epoch = greatest(e.epoch + 1, excluded.epoch), appliance_id = excluded.appliance_id, issued_at = excluded.issued_at
		RETURNING epoch`}
	forgetAcked  = db.SQL{Postgres: `UPDATE outbox_heads SET acked_seq = 0, acked_at = NULL, backed_seq = 0 WHERE school = $1 AND epoch = $2`}
	insertEpoch  = db.SQL{Postgres: `INSERT INTO epoch_history (school_id, epoch, appliance_id, issued_at, reason, nonce, side) VALUES ($1, $2, $3, $4, $5, $6, $7)`}
	lastEpoch    = db.SQL{Postgres: `SELECT coalesce(max(epoch), 0) FROM epoch_history WHERE school_id = $1`}
	givenEpoch   = db.SQL{Postgres: `SELECT epoch, side FROM epoch_history WHERE school_id = $1 AND appliance_id = $2 AND nonce = $3 ORDER BY epoch DESC LIMIT 1`}
	lockEpoch    = db.SQL{Postgres: `SELECT epoch, appliance_id::text FROM school_epochs WHERE school_id = $1 FOR UPDATE`}
	knownEpoch   = db.SQL{Postgres: `SELECT count(*) FROM epoch_history WHERE school_id = $1 AND epoch = $2`}
	presentEpoch = db.SQL{Postgres: `SELECT epoch, appliance_id::text FROM school_epochs WHERE school_id = $1`}

	listEnrolments = db.SQL{Postgres: `SELECT a.school_id::text, a.id::text, e.epoch, a.nats_user FROM appliances a
		JOIN school_epochs e ON e.school_id = a.school_id AND e.appliance_id = a.id WHERE a.status = 'active'`}
	selectRecipients = db.SQL{Postgres: `SELECT school_id::text, recipient FROM appliances WHERE status = 'active'`}

	listApplied  = db.SQL{Postgres: `SELECT DISTINCT school FROM outbox_heads WHERE epoch = $1 AND acked_seq > 0 ORDER BY school`}
	listWaiting  = db.SQL{Postgres: `SELECT DISTINCT school FROM outbox_heads WHERE epoch = $1 AND seq > acked_seq`}
	selectBacked = db.SQL{Postgres: `SELECT lane, seq FROM backed_marks WHERE school = $1 AND epoch = $2`}
	upsertResent = db.SQL{Postgres: `INSERT INTO resent_marks AS r (school, epoch, lane, seq, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (school, epoch, lane) DO UPDATE SET seq = greatest(r.seq, excluded.seq), at = excluded.at`}
	lastBacked     = db.SQL{Postgres: `SELECT max(verified_at) FROM backups`}
	insertIncident = db.SQL{Postgres: `INSERT INTO incidents (id, school_id, kind, facts, at) VALUES ($1, $2, $3, $4::jsonb, $5)`}

	formerNodeKeys = db.SQL{Postgres: `SELECT node_key FROM appliances WHERE school_id = $1 AND id::text <> $2`}
	selectNodeKeys = db.SQL{Postgres: `SELECT node_key FROM appliances WHERE school_id = $1`}

	// Every school with its figures; per-lane figures come as JSON of lane → figure.
	// One pass over each table: the page and the metrics both read it.
	listFleet = db.SQL{Postgres: `SELECT s.id::text, s.name, s.code, s.county, coalesce(a.id::text, ''), coalesce(a.software, ''), coalesce(e.epoch, 0), a.claimed_at,
			p.seen_at, p.caught_up_at, coalesce(p.carrier, ''), coalesce(p.software, ''), coalesce(p.clock_offset_ms, 0), p.head, p.report,
			coalesce(w.applied, ''), coalesce(o.heads, ''), coalesce(o.acked, ''), coalesce(h.paused, ''),
			coalesce(d.dead, 0), coalesce(d.waiting, 0), coalesce(d.unknown, 0)
		FROM schools s
		LEFT JOIN appliances a ON a.school_id = s.id AND a.status = 'active'
		LEFT JOIN school_epochs e ON e.school_id = s.id
		LEFT JOIN peer_states p ON p.school = s.id::text
		LEFT JOIN (SELECT school, epoch, json_object_agg(lane, seq)::text AS applied FROM watermarks GROUP BY school, epoch) w
			ON w.school = s.id::text AND w.epoch = e.epoch
		LEFT JOIN (SELECT school, json_object_agg(lane, seq)::text AS heads, json_object_agg(lane, acked_seq)::text AS acked
			FROM outbox_heads WHERE epoch = 1 GROUP BY school) o ON o.school = s.id::text
		LEFT JOIN (SELECT school, json_object_agg(lane, 1)::text AS paused FROM lane_holds WHERE paused_at IS NOT NULL GROUP BY school) h ON h.school = s.id::text
		LEFT JOIN (SELECT school, count(*) FILTER (WHERE kind IN ('poison', 'parked')) AS dead, count(*) FILTER (WHERE kind = 'waiting') AS waiting,
			count(*) FILTER (WHERE kind = 'unknown') AS unknown FROM dead_letters WHERE state = 'open' GROUP BY school) d ON d.school = s.id::text
		ORDER BY s.name, s.id`}
	countUnseen   = db.SQL{Postgres: `SELECT count(*) FROM incidents WHERE seen_at IS NULL AND ($1 = '' OR school_id = $1)`}
	listIncidents = db.SQL{Postgres: `SELECT i.id::text, i.school_id, coalesce(s.name, ''), i.kind, i.facts::text, i.at, i.seen_at, coalesce(i.seen_by, '')
		FROM incidents i LEFT JOIN schools s ON s.id::text = i.school_id WHERE ($1 = '' OR i.school_id = $1)
		ORDER BY i.seen_at IS NOT NULL, i.at DESC, i.id DESC LIMIT $2 OFFSET $3`}
	seeIncident = db.SQL{Postgres: `UPDATE incidents SET seen_at = coalesce(seen_at, $3), seen_by = coalesce(seen_by, $2) WHERE id::text = $1`}
	caughtUpAt  = db.SQL{Postgres: `SELECT caught_up_at FROM peer_states WHERE school = $1`}
)

type claimCode struct {
	school, usedBy string
	expires, used  time.Time
}

func scanCode(r db.Rows) (c claimCode, err error) {
	var expires, used db.Time
	err = r.Scan(&c.school, &expires, &used, &c.usedBy)
	c.expires, c.used = expires.Time, used.Time
	return c, err
}

type epochRow struct {
	epoch     int64
	appliance string
}

func scanEpoch(r db.Rows) (e epochRow, err error) { return e, r.Scan(&e.epoch, &e.appliance) }

func scanAppliance(r db.Rows) (a Appliance, err error) {
	var key []byte
	err = r.Scan(&a.ID, &a.School, &a.Status, &a.NATSUser, &a.Recipient, &key, &a.Epoch)
	a.NodeKey = ed25519.PublicKey(key)
	return a, err
}

// schoolName finds a school by q: selectSchoolName, or lockSchool for those who
// change which box is its active one.
func schoolName(ctx context.Context, tx db.Tx, q db.SQL, school string) (string, error) {
	rows, err := tx.Query(ctx, q, school)
	name, err := db.One(rows, err, db.Scalar[string])
	if errors.Is(err, db.ErrNoRows) {
		return "", ErrNoSchool
	}
	return name, err
}

// What boxes that lost their school's place need.
var (
	quarantineActive = db.SQL{Postgres: `UPDATE appliances SET status = 'quarantined' WHERE school_id = $1 AND status = 'active'`}
	setStatus        = db.SQL{Postgres: `UPDATE appliances SET status = $2 WHERE id = $1`}
	sideEpoch        = db.SQL{Postgres: `SELECT count(*) FROM epoch_history WHERE school_id = $1 AND epoch = $2 AND appliance_id = $3 AND side`}
	epochOfBox       = db.SQL{Postgres: `SELECT count(*) FROM epoch_history WHERE school_id = $1 AND epoch = $2 AND appliance_id = $3`}
	addFacts         = db.SQL{Postgres: `UPDATE incidents SET facts = facts || $3::jsonb WHERE school_id = $1 AND facts->>'to' = $2::bigint::text`}

	heldColumns = `id::text, appliance_id, kind, state, reason, coalesce(decided_by, ''), from_epoch, epoch, waiting, told, delivered,
		oldest_at, asked_at, last_asked_at, decided_at, delivered_at`
	lockHeld     = db.SQL{Postgres: `SELECT ` + heldColumns + ` FROM held_boxes WHERE school_id = $1 AND appliance_id = $2 AND nonce = $3 FOR UPDATE`}
	lockHeldByID = db.SQL{Postgres: `SELECT ` + heldColumns + ` FROM held_boxes WHERE school_id = $1 AND id::text = $2 FOR UPDATE`}
	listHeld     = db.SQL{Postgres: `SELECT ` + heldColumns + ` FROM held_boxes WHERE school_id = $1 ORDER BY asked_at DESC, id LIMIT 200`}
	insertHeld   = db.SQL{Postgres: `INSERT INTO held_boxes (id, school_id, appliance_id, nonce, kind, from_epoch, reason, waiting, oldest_at, asked_at, last_asked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`}
	askHeld          = db.SQL{Postgres: `UPDATE held_boxes SET waiting = $2, oldest_at = $3, last_asked_at = $4 WHERE id = $1`}
	giveHeld         = db.SQL{Postgres: `UPDATE held_boxes SET state = $2, epoch = $3 WHERE id = $1`}
	decideHeld       = db.SQL{Postgres: `UPDATE held_boxes SET state = $2, decided_at = $3, decided_by = $4 WHERE id::text = $1`}
	unactivateOthers = db.SQL{Postgres: `UPDATE held_boxes SET state = 'waiting' WHERE school_id = $1 AND id::text <> $2 AND state = 'activate'`}
	deliverHeld      = db.SQL{Postgres: `UPDATE held_boxes SET told = greatest(told, $3::bigint), delivered = $4,
			state = CASE WHEN greatest(told, $3::bigint) <= $4::bigint THEN 'retired' ELSE 'delivering' END,
			delivered_at = CASE WHEN greatest(told, $3::bigint) <= $4::bigint THEN coalesce(delivered_at, $5::timestamptz) END
		WHERE school_id = $1 AND epoch = $2 AND state IN ('delivering', 'retired')`}

	activeAppliance   = db.SQL{Postgres: `SELECT id FROM appliances WHERE school_id = $1 AND status = 'active'`}
	listAppliances    = db.SQL{Postgres: `SELECT id, status, software, claimed_at FROM appliances WHERE school_id = $1 ORDER BY claimed_at DESC, id DESC`}
	insertReplacement = db.SQL{Postgres: `INSERT INTO replacements (id, school_id, reason, created_by, created_at, code_hash, old_appliance)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`}
	completeReplacement = db.SQL{Postgres: `UPDATE replacements SET claimed_at = $3, old_appliance = $4, new_appliance = $5, old_epoch = $6, old_head = $7, heard_at = $8, oldest_at = $9
		WHERE school_id = $1 AND code_hash = $2`}
	listReplacements = db.SQL{Postgres: `SELECT id::text, reason, created_by, created_at, claimed_at, old_appliance, new_appliance, old_epoch, old_head, heard_at, oldest_at
		FROM replacements WHERE school_id = $1 ORDER BY created_at DESC, id DESC LIMIT 50`}
	laneAppliedAt = db.SQL{Postgres: `SELECT applied_at FROM watermarks WHERE school = $1 AND epoch = $2 AND lane = $3 AND seq > 0`}
)
