package backup

import (
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

// Only the cloud runs these: Postgres texts alone. The plain strings are run on
// a connection of their own: a lock, a snapshot, or another database.
const (
	lockServing   = `SELECT pg_advisory_lock_shared(hashtextextended('uhs-cloud serves', 0))`
	lockRestoring = `SELECT pg_try_advisory_lock(hashtextextended('uhs-cloud serves', 0))`
	lockBackup    = `SELECT pg_try_advisory_lock(hashtextextended('uhs-cloud backup', 0))`
	lockScratch   = `SELECT pg_advisory_lock(hashtextextended('uhs-cloud scratch', 0))`

	exportSnapshot = `SELECT pg_export_snapshot(), current_setting('server_version_num')::int / 10000`
	serverMajor    = `SELECT current_setting('server_version_num')::int / 10000`
	listTables     = `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`
	countRows      = `SELECT count(*) FROM `
	readSchema     = `SELECT coalesce(max(version_id), 0)::bigint FROM goose_db_version WHERE is_applied`
	readLifeOfDump = `SELECT l.timeline, l.beat FROM node_state n JOIN cloud_lives l ON l.timeline = n.value WHERE n.key = 'timeline'`
	listWatermarks = `SELECT school, epoch, lane::int, seq, encode(chain, 'hex') FROM watermarks WHERE seq > 0 ORDER BY school, epoch, lane`
	listDownHeads  = `SELECT school, epoch, lane::int, seq, encode(chain, 'hex') FROM outbox_heads WHERE seq > 0 ORDER BY school, epoch, lane`

	databaseExists = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	listScratch    = `SELECT d.datname FROM pg_database d WHERE d.datname LIKE 'uhs\_scratch\_%'
		AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)`
	countTables = `SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`
)

var (
	selectLife = db.SQL{Postgres: `SELECT l.timeline, l.reason, l.begun_at, l.cut_at, l.beat, l.beat_at, l.prepared_at, l.reconciled_at
		FROM node_state n JOIN cloud_lives l ON l.timeline = n.value WHERE n.key = 'timeline'`}
	listLives  = db.SQL{Postgres: `SELECT timeline FROM cloud_lives`}
	insertLife = db.SQL{Postgres: `INSERT INTO cloud_lives (timeline, reason, begun_at, cut_at, beat, beat_at) VALUES ($1, $2, $3, $4, $5, $3)
		ON CONFLICT (timeline) DO NOTHING`}
	moveBeat       = db.SQL{Postgres: `UPDATE cloud_lives SET beat = beat + 1, beat_at = $2 WHERE timeline = $1 RETURNING beat`}
	markPrepared   = db.SQL{Postgres: `UPDATE cloud_lives SET prepared_at = $2 WHERE timeline = $1`}
	markReconciled = db.SQL{Postgres: `UPDATE cloud_lives SET reconciled_at = $2 WHERE timeline = $1`}

	// The watermark is locked and not yet moved while a frame is applied: below the
	// mark the box told, its records come again.
	selectDoubt = db.SQL{Postgres: `SELECT l.begun_at, l.reconciled_at IS NOT NULL, coalesce(p.clock_offset_ms, 0),
			EXISTS (SELECT FROM resent_marks r LEFT JOIN watermarks w ON w.school = r.school AND w.epoch = r.epoch AND w.lane = r.lane
				WHERE r.school = $1 AND r.lane = $2 AND r.at >= l.begun_at AND coalesce(w.seq, 0) < r.seq)
		FROM node_state n JOIN cloud_lives l ON l.timeline = n.value LEFT JOIN peer_states p ON p.school = $1
		WHERE n.key = 'timeline' AND l.reason <> 'first'`}

	insertBackup = db.SQL{Postgres: `INSERT INTO backups (id, file, timeline, taken_at, bytes, verified_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET file = excluded.file, verified_at = excluded.verified_at`}
	lastVerified = db.SQL{Postgres: `SELECT max(taken_at) FROM backups`}
	listVerified = db.SQL{Postgres: `SELECT file FROM backups ORDER BY taken_at DESC LIMIT 1`}

	// B never goes above what is applied, never back, and only where the chain of
	// the backup is the one that is applied here, as far as the history tells.
	moveBacked = db.SQL{Postgres: `INSERT INTO backed_marks AS b (school, epoch, lane, seq, chain, backup_id, at)
		SELECT w.school, w.epoch, w.lane, m.seq, decode(m.chain, 'hex'), $6, $7
		FROM unnest($1::text[], $2::bigint[], $3::int[], $4::bigint[], $5::text[]) AS m (school, epoch, lane, seq, chain)
		JOIN watermarks w ON w.school = m.school AND w.epoch = m.epoch AND w.lane = m.lane AND w.seq >= m.seq
		WHERE (w.seq > m.seq OR w.chain = decode(m.chain, 'hex')) AND NOT EXISTS (SELECT FROM frame_history h
			WHERE h.school = m.school AND h.epoch = m.epoch AND h.lane = m.lane AND h.seq = m.seq AND h.chain <> decode(m.chain, 'hex'))
		ON CONFLICT (school, epoch, lane) DO UPDATE SET seq = excluded.seq, chain = excluded.chain, backup_id = excluded.backup_id, at = excluded.at
		WHERE b.seq < excluded.seq`}
)

func scanLife(r db.Rows) (l Life, err error) {
	var begun, cut, beat, prepared, reconciled db.Time
	err = r.Scan(&l.Timeline, &l.Reason, &begun, &cut, &l.Beat, &beat, &prepared, &reconciled)
	l.BegunAt, l.CutAt, l.BeatAt = begun.Time, cut.Time, beat.Time
	l.PreparedAt, l.ReconciledAt = prepared.Time, reconciled.Time
	return l, err
}

// moveBackedArgs are the columns of marks.
func moveBackedArgs(marks []Mark, backup string, at time.Time) []any {
	schools, epochs, lanes := make([]string, len(marks)), make([]int64, len(marks)), make([]int32, len(marks))
	seqs, chains := make([]int64, len(marks)), make([]string, len(marks))
	for i, m := range marks {
		schools[i], epochs[i], lanes[i], seqs[i], chains[i] = m.School, m.Epoch, m.Lane, m.Seq, m.Chain
	}
	return []any{schools, epochs, lanes, seqs, chains, backup, at}
}
