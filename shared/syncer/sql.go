package syncer

import "urbanhomeschool.org/uhs/shared/db"

var (
	selectHLCFloor = db.SQL{Both: `SELECT coalesce(max(hlc), 0) FROM (SELECT hlc FROM outbox_heads UNION ALL SELECT max(hlc) FROM entity_versions) AS seen`}

	insertHead = db.SQL{Both: `INSERT INTO outbox_heads (school, epoch, lane, seq, chain, hlc) VALUES ($1, $2, $3, 0, $4, 0) ON CONFLICT DO NOTHING`}
	// The head row is the lock that makes sequence numbers gap-free in commit
	// order. SQLite has one writer anyway.
	lockHead = db.SQL{
		Postgres: `SELECT seq, chain FROM outbox_heads WHERE school = $1 AND epoch = $2 AND lane = $3 FOR UPDATE`,
		SQLite:   `SELECT seq, chain FROM outbox_heads WHERE school = ?1 AND epoch = ?2 AND lane = ?3`,
	}
	moveHead = db.SQL{Both: `UPDATE outbox_heads SET seq = $4, chain = $5, hlc = $6 WHERE school = $1 AND epoch = $2 AND lane = $3`}

	insertOutbox = db.SQL{Both: `INSERT INTO outbox (school, epoch, lane, seq, type, version, entity, hlc, deps, body, hash, chain, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`}
	listOutbox = db.SQL{Both: `SELECT seq, type, version, entity, hlc, deps, body, hash, chain FROM outbox
		WHERE school = $1 AND epoch = $2 AND lane = $3 AND seq > $4 ORDER BY seq LIMIT $5`}
	chainAt = db.SQL{Both: `SELECT chain FROM outbox WHERE school = $1 AND epoch = $2 AND lane = $3 AND seq = $4`}

	listHeads = db.SQL{Both: `SELECT lane, seq, chain, acked_seq, backed_seq FROM outbox_heads WHERE school = $1 AND epoch = $2`}
	moveAcked = db.SQL{Both: `UPDATE outbox_heads SET acked_seq = $4, acked_at = $5 WHERE school = $1 AND epoch = $2 AND lane = $3 AND acked_seq < $4`}
	// What is applied after all is acknowledged anew, so its time is not changed.
	// What was backed up in a life of the other side that is lost is not any more.
	lowerAcked = db.SQL{Both: `UPDATE outbox_heads SET acked_seq = $4, backed_seq = CASE WHEN backed_seq > $4 THEN $4 ELSE backed_seq END
		WHERE school = $1 AND epoch = $2 AND lane = $3 AND acked_seq > $4`}
	moveBacked = db.SQL{Both: `UPDATE outbox_heads SET backed_seq = $4 WHERE school = $1 AND epoch = $2 AND lane = $3 AND backed_seq < $4`}
	prune      = db.SQL{Both: `DELETE FROM outbox WHERE school = $1 AND epoch = $2 AND lane = $3 AND seq < $4`}
	listEpochs = db.SQL{Both: `SELECT DISTINCT epoch FROM outbox_heads WHERE school = $1`}

	firstOutbox = db.SQL{Both: `SELECT coalesce(min(seq), 0) FROM outbox WHERE school = $1 AND epoch = $2 AND lane = $3`}

	forgetWatermarks = db.SQL{Both: `DELETE FROM watermarks WHERE school = $1 AND epoch = $2`}
	forgetHistory    = db.SQL{Both: `DELETE FROM frame_history WHERE school = $1 AND epoch = $2`}

	insertApplied = db.SQL{Both: `INSERT INTO outbox_applied (school, epoch, lane, seq, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`}
	// The newest entry, not the latest: a clock that jumped ahead and back counts once.
	lastApplied = db.SQL{Both: `SELECT at FROM outbox_applied WHERE school = $1 AND epoch = $2 AND lane = $3 ORDER BY seq DESC LIMIT 1`}
	// Days that were worked count, not the clock alone: one jump ahead makes
	// everything look old.
	appliedBefore = db.SQL{Both: `SELECT coalesce(max(o.seq), 0) FROM outbox_applied o WHERE o.school = $1 AND o.epoch = $2 AND o.lane = $3 AND o.at < $4
		AND (SELECT count(*) FROM outbox_applied n WHERE n.school = o.school AND n.epoch = o.epoch AND n.lane = o.lane AND n.seq > o.seq) >= $5`}
	forgetApplied = db.SQL{Both: `DELETE FROM outbox_applied WHERE school = $1 AND epoch = $2 AND lane = $3 AND seq < $4`}

	deleteAbove = db.SQL{Both: `DELETE FROM outbox WHERE school = $1 AND epoch = $2 AND lane = $3 AND seq > $4`}
	sealHead    = db.SQL{Both: `UPDATE outbox_heads SET seq = $4, acked_seq = $4 WHERE school = $1 AND epoch = $2 AND lane = $3`}

	countWaiting = db.SQL{Both: `SELECT coalesce(sum(seq - acked_seq), 0) FROM outbox_heads WHERE school = $1 AND epoch = $2`}
	// The oldest of a lane is its first one, so this reads one row a lane.
	oldestWaiting = db.SQL{Both: `SELECT min((SELECT o.created_at FROM outbox o WHERE o.school = h.school AND o.epoch = h.epoch AND o.lane = h.lane
		AND o.seq > h.acked_seq ORDER BY o.seq LIMIT 1)) FROM outbox_heads h WHERE h.school = $1 AND h.epoch = $2`}
	readUnsent = db.SQL{Both: `SELECT count(*), coalesce(sum(length(o.body)), 0), coalesce(sum(CASE WHEN o.created_at > $3 THEN 1 ELSE 0 END), 0)
		FROM outbox_heads h JOIN outbox o ON o.school = h.school AND o.epoch = h.epoch AND o.lane = h.lane AND o.seq > h.acked_seq
		WHERE h.school = $1 AND h.epoch = $2`}
	lastAcked = db.SQL{Both: `SELECT max(acked_at) FROM outbox_heads WHERE school = $1 AND epoch = $2`}

	insertWatermark = db.SQL{Both: `INSERT INTO watermarks (school, epoch, lane, seq, chain, applied_at) VALUES ($1, $2, $3, 0, $4, $5) ON CONFLICT DO NOTHING`}
	lockWatermark   = db.SQL{
		Postgres: `SELECT seq, chain FROM watermarks WHERE school = $1 AND epoch = $2 AND lane = $3 FOR UPDATE`,
		SQLite:   `SELECT seq, chain FROM watermarks WHERE school = ?1 AND epoch = ?2 AND lane = ?3`,
	}
	moveWatermark  = db.SQL{Both: `UPDATE watermarks SET seq = $4, chain = $5, applied_at = $6 WHERE school = $1 AND epoch = $2 AND lane = $3`}
	listWatermarks = db.SQL{Both: `SELECT lane, seq, chain FROM watermarks WHERE school = $1 AND epoch = $2`}

	insertHistory = db.SQL{Both: `INSERT INTO frame_history (school, epoch, lane, seq, chain) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`}
	// The newest 1,024 frames of a lane are kept whole, older ones one in 64.
	thinHistory = db.SQL{Both: `DELETE FROM frame_history WHERE school = $1 AND epoch = $2 AND lane = $3 AND seq % 64 <> 0 AND seq < (
		SELECT min(seq) FROM (SELECT seq FROM frame_history WHERE school = $1 AND epoch = $2 AND lane = $3 ORDER BY seq DESC LIMIT 1024) AS newest)`}
	listHistory = db.SQL{Both: `SELECT lane, seq, chain FROM frame_history WHERE school = $1 AND epoch = $2 ORDER BY lane, seq DESC`}

	selectVersion = db.SQL{Both: `SELECT hlc, version, body FROM entity_versions WHERE type = $1 AND entity = $2`}
	upsertVersion = db.SQL{Both: `INSERT INTO entity_versions (type, entity, hlc, version, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (type, entity) DO UPDATE SET hlc = excluded.hlc, version = excluded.version, body = excluded.body`}

	insertConflict = db.SQL{Both: `INSERT INTO conflict_log (id, school, type, entity, hlc, body, at) VALUES ($1, $2, $3, $4, $5, $6, $7)`}
	insertDead     = db.SQL{Both: `INSERT INTO dead_letters (id, school, epoch, lane, seq, type, version, entity, hlc, deps, body, kind, waits_for, reason, state, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'open', $15)`}
	// What waits for another record, or for an upgrade, is no poison.
	countDead  = db.SQL{Both: `SELECT count(*) FROM dead_letters WHERE school = $1 AND state = 'open' AND kind NOT IN ('unknown', 'waiting')`}
	deadEntity = db.SQL{Both: `SELECT count(*) FROM dead_letters WHERE school = $1 AND type = $2 AND entity = $3 AND state = 'open'`}

	upsertPeer = db.SQL{Both: `INSERT INTO peer_states (school, epoch, appliance, software, carrier, timeline, head, clock_offset_ms, seen_at, report)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (school) DO UPDATE SET epoch = excluded.epoch, appliance = excluded.appliance, software = excluded.software, carrier = excluded.carrier,
			timeline = excluded.timeline, head = excluded.head, clock_offset_ms = excluded.clock_offset_ms, seen_at = excluded.seen_at,
			report = excluded.report`}
	caughtUpPeer = db.SQL{Both: `UPDATE peer_states SET caught_up_at = $2 WHERE school = $1`}
	selectPeer   = db.SQL{Both: `SELECT epoch, appliance, software, carrier, timeline, head, clock_offset_ms, seen_at, caught_up_at, report FROM peer_states WHERE school = $1`}

	selectState = db.SQL{Both: `SELECT value FROM node_state WHERE key = $1`}
	upsertState = db.SQL{Both: `INSERT INTO node_state (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`}
)

// Lanes that take nothing more.
var (
	pausedLane = db.SQL{Both: `SELECT count(*) FROM lane_holds WHERE school = $1 AND lane = $2 AND paused_at IS NOT NULL`}
	listPaused = db.SQL{Both: `SELECT lane FROM lane_holds WHERE school = $1 AND paused_at IS NOT NULL ORDER BY lane`}
	selectHold = db.SQL{Both: `SELECT CASE WHEN paused_at IS NULL THEN 0 ELSE 1 END, passed_dead, passed_waiting, passed_epoch, passed_seq
		FROM lane_holds WHERE school = $1 AND lane = $2`}
	weighLane = db.SQL{Both: `SELECT coalesce(sum(CASE WHEN kind = 'poison' THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN kind = 'poison' AND epoch = $3 AND seq > $4 THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN kind = 'waiting' THEN 1 ELSE 0 END), 0)
		FROM dead_letters WHERE school = $1 AND lane = $2 AND state = 'open'`}
	newestMark = db.SQL{Both: `SELECT epoch, seq FROM watermarks WHERE school = $1 AND lane = $2 ORDER BY epoch DESC LIMIT 1`}
	pauseLane  = db.SQL{Both: `INSERT INTO lane_holds (school, lane, paused_at, dead) VALUES ($1, $2, $3, $4)
		ON CONFLICT (school, lane) DO UPDATE SET paused_at = excluded.paused_at, dead = excluded.dead`}
	unpauseLane = db.SQL{Both: `UPDATE lane_holds SET paused_at = NULL WHERE school = $1 AND lane = $2`}
	resumeLane  = db.SQL{Both: `UPDATE lane_holds SET paused_at = NULL, passed_dead = $3, passed_waiting = $4, passed_epoch = $5, passed_seq = $6,
		resumed_by = $7, resumed_at = $8 WHERE school = $1 AND lane = $2 AND paused_at IS NOT NULL`}
)

// What is kept aside.
const (
	zeroID        = "00000000-0000-0000-0000-000000000000"
	letterColumns = `id, school, epoch, lane, seq, type, version, entity, hlc, deps, body, kind, waits_for, reason, state, at,
		fixed_body, opened_by, opened_at, decided_by, decided_at, decision`
	chosen = ` FROM dead_letters WHERE ($1 = '' OR school = $1) AND ($2 = '' OR kind = $2) AND ($3 = '' OR type = $3) AND ($4 = '' OR state = $4)`
)

// Decisions about it.
var (
	countLetters = db.SQL{Both: `SELECT count(*)` + chosen}
	listLetters  = db.SQL{Both: `SELECT ` + letterColumns + chosen + ` ORDER BY id DESC LIMIT $5 OFFSET $6`}
	nextLetters  = db.SQL{
		Postgres: `SELECT id` + chosen + ` AND id > $5::uuid ORDER BY id LIMIT 500`,
		SQLite:   `SELECT id` + chosen + ` AND id > $5 ORDER BY id LIMIT 500`,
	}
	selectLetter = db.SQL{
		Postgres: `SELECT ` + letterColumns + ` FROM dead_letters WHERE id::text = $1 FOR UPDATE`,
		SQLite:   `SELECT ` + letterColumns + ` FROM dead_letters WHERE id = $1`,
	}
	// What a snapshot left aside (epoch 2) is older than all that came after it.
	firstLetter = db.SQL{Both: `SELECT ` + letterColumns + ` FROM dead_letters WHERE school = $1 AND type = $2 AND entity = $3 AND state = 'open'
		ORDER BY CASE epoch WHEN 2 THEN 0 ELSE epoch END, seq LIMIT 1`}
	closeLetter = db.SQL{
		Postgres: `UPDATE dead_letters SET state = $2, fixed_body = $3, decided_by = $4, decided_at = $5, decision = $6 WHERE id::text = $1`,
		SQLite:   `UPDATE dead_letters SET state = $2, fixed_body = $3, decided_by = $4, decided_at = $5, decision = $6 WHERE id = $1`,
	}
	changeKind = db.SQL{
		Postgres: `UPDATE dead_letters SET kind = $2, waits_for = $3, reason = $4 WHERE id::text = $1`,
		SQLite:   `UPDATE dead_letters SET kind = $2, waits_for = $3, reason = $4 WHERE id = $1`,
	}
	noteOpened = db.SQL{
		Postgres: `UPDATE dead_letters SET opened_by = $2, opened_at = $3 WHERE id::text = $1`,
		SQLite:   `UPDATE dead_letters SET opened_by = $2, opened_at = $3 WHERE id = $1`,
	}
)

var (
	listAside     = db.SQL{Both: `SELECT id, type, entity, kind, waits_for FROM dead_letters WHERE school = $1 AND state = 'open' LIMIT $2`}
	expireWaiting = db.SQL{Both: `UPDATE dead_letters SET kind = 'poison' WHERE state = 'open' AND kind = 'waiting' AND at < $1`}
)

// Snapshots.
var (
	// One moment for all that a transaction reads; SQLite's have that anyway.
	oneMoment = db.SQL{Postgres: `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`, SQLite: `SELECT 1`}

	listUplinks   = db.SQL{Both: `SELECT epoch, lane, seq, chain FROM watermarks WHERE school = $1 ORDER BY epoch, lane`}
	countUplinked = db.SQL{Both: `SELECT count(*) FROM watermarks WHERE school = $1 AND seq > 0`}
	floorOfLane   = db.SQL{Both: `SELECT coalesce(min(seq), 0) FROM outbox WHERE school = $1 AND epoch = $2 AND lane = $3`}

	setWatermark = db.SQL{Both: `INSERT INTO watermarks (school, epoch, lane, seq, chain, applied_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (school, epoch, lane) DO UPDATE SET seq = excluded.seq, chain = excluded.chain, applied_at = excluded.applied_at`}
	dropWatermarks = db.SQL{Both: `DELETE FROM watermarks WHERE school = $1 AND epoch = $2`}
	dropHistory    = db.SQL{Both: `DELETE FROM frame_history WHERE school = $1 AND epoch = $2`}
	// A snapshot brings the present state: what could not be stored of the log
	// before it no longer matters, but for types this build does not know.
	supersedeDead = db.SQL{Both: `UPDATE dead_letters SET state = 'replayed'
		WHERE school = $1 AND epoch = $2 AND state = 'open' AND kind IN ('poison', 'parked')`}
	// Nor does what waits or was not understood, of the kinds that a snapshot holds:
	// there it is as it is now, if it is there at all.
	supersedeType = db.SQL{Both: `UPDATE dead_letters SET state = 'replayed' WHERE school = $1 AND epoch = $2 AND state = 'open' AND type = $3`}
	// While the rest of the old database is brought in, what was put aside of the
	// snapshot itself has a state of its own: an earlier one's is over.
	sealLetters = db.SQL{Both: `UPDATE dead_letters SET state = 'sealed' WHERE school = $1 AND epoch = $2 AND state = 'open'`}
	openSealed  = db.SQL{Both: `UPDATE dead_letters SET state = 'open' WHERE school = $1 AND epoch = $2 AND state = 'sealed'`}
)

// What names a person $1: in a body an id is its 16 bytes, but in text inside it.
const (
	namedPostgres = `(position(decode(replace($1::text, '-', ''), 'hex') IN body) > 0 OR position(convert_to($1::text, 'UTF8') IN body) > 0)`
	namedSQLite   = `(instr(body, unhex(replace($1, '-', ''))) > 0 OR instr(body, CAST($1 AS BLOB)) > 0)`
	listNaming    = `SELECT o.school, o.epoch, o.lane, o.seq, h.acked_seq, o.type, o.version, o.entity, o.body FROM outbox o
		JOIN outbox_heads h ON h.school = o.school AND h.epoch = o.epoch AND h.lane = o.lane WHERE `
	orderNaming = ` ORDER BY o.school, o.epoch, o.lane, o.seq`
)

var (
	outboxNaming = db.SQL{Postgres: listNaming + namedPostgres + orderNaming, SQLite: listNaming + namedSQLite + orderNaming}
	eraseOutbox  = db.SQL{Both: `UPDATE outbox SET type = '', version = 0, entity = '', hlc = 0, deps = NULL, body = $5
		WHERE school = $1 AND epoch = $2 AND lane = $3 AND seq = $4`}

	lettersNaming = db.SQL{
		Postgres: `SELECT id::text, type, version, entity, body FROM dead_letters WHERE ` + namedPostgres,
		SQLite:   `SELECT id, type, version, entity, body FROM dead_letters WHERE ` + namedSQLite,
	}
	changeLetter = db.SQL{
		Postgres: `UPDATE dead_letters SET body = $2, fixed_body = NULL WHERE id::text = $1`,
		SQLite:   `UPDATE dead_letters SET body = $2, fixed_body = NULL WHERE id = $1`,
	}
	removeLetter    = db.SQL{Postgres: `DELETE FROM dead_letters WHERE id::text = $1`, SQLite: `DELETE FROM dead_letters WHERE id = $1`}
	conflictsNaming = db.SQL{
		Postgres: `SELECT id::text, type, 1, entity, body FROM conflict_log WHERE ` + namedPostgres,
		SQLite:   `SELECT id, type, 1, entity, body FROM conflict_log WHERE ` + namedSQLite,
	}
	changeConflict = db.SQL{Postgres: `UPDATE conflict_log SET body = $2 WHERE id::text = $1`, SQLite: `UPDATE conflict_log SET body = $2 WHERE id = $1`}
	removeConflict = db.SQL{Postgres: `DELETE FROM conflict_log WHERE id::text = $1`, SQLite: `DELETE FROM conflict_log WHERE id = $1`}
	versionsNaming = db.SQL{
		Postgres: `SELECT type || '/' || entity, type, version, entity, body FROM entity_versions WHERE ` + namedPostgres,
		SQLite:   `SELECT type || '/' || entity, type, version, entity, body FROM entity_versions WHERE ` + namedSQLite,
	}
	changeVersion = db.SQL{Both: `UPDATE entity_versions SET body = $2 WHERE type || '/' || entity = $1`}
	removeVersion = db.SQL{Both: `DELETE FROM entity_versions WHERE type || '/' || entity = $1`}
)
