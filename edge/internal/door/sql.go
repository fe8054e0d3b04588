package door

import (
	"errors"

	"urbanhomeschool.org/uhs/shared/db"
)

func isNone(err error) bool { return errors.Is(err, db.ErrNoRows) }

// misses are wrong tries of one person at one device.
type misses struct {
	n    int
	last db.Time
}

func scanMisses(r db.Rows) (m misses, err error) {
	err = r.Scan(&m.n, &m.last)
	return m, err
}

var (
	selectMisses = db.SQL{SQLite: `SELECT misses, last_at FROM door_misses WHERE account_id = $1 AND device = $2`}
	upsertMisses = db.SQL{SQLite: `INSERT INTO door_misses (account_id, device, misses, last_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account_id, device) DO UPDATE SET misses = excluded.misses, last_at = excluded.last_at`}
	deleteMisses = db.SQL{SQLite: `DELETE FROM door_misses WHERE account_id = $1 AND device = $2`}
	easeMisses   = db.SQL{SQLite: `UPDATE door_misses SET misses = max(0, misses - $3) WHERE account_id = $1 AND device = $2`}
	forgetPerson = db.SQL{SQLite: `DELETE FROM door_misses WHERE account_id = $1`}
	selectLocked = db.SQL{SQLite: `SELECT DISTINCT m.account_id FROM door_misses m JOIN accounts a ON a.id = m.account_id
		WHERE m.misses >= $1 AND m.last_at > $2 AND a.role = 'student' AND a.school_id = $3 ORDER BY m.account_id`}
	sweepMisses = db.SQL{SQLite: `DELETE FROM door_misses WHERE last_at < $1
		OR rowid IN (SELECT rowid FROM door_misses ORDER BY last_at DESC LIMIT -1 OFFSET $2)`}

	countKnown  = db.SQL{SQLite: `SELECT count(*) FROM door_known WHERE account_id = $1 AND device = $2 AND device <> ''`}
	upsertKnown = db.SQL{SQLite: `INSERT INTO door_known (account_id, device, last_at) VALUES ($1, $2, $3)
		ON CONFLICT (account_id, device) DO UPDATE SET last_at = excluded.last_at`}
	trimKnown = db.SQL{SQLite: `DELETE FROM door_known WHERE rowid IN
		(SELECT rowid FROM door_known WHERE device = $1 ORDER BY last_at DESC LIMIT -1 OFFSET $2)`}
	sweepKnown = db.SQL{SQLite: `DELETE FROM door_known WHERE last_at < $1
		OR rowid IN (SELECT rowid FROM door_known ORDER BY last_at DESC LIMIT -1 OFFSET $2)`}

	upsertDevice = db.SQL{SQLite: `INSERT INTO door_devices (id, class_name, opened_by, opened_at, until) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id, class_name) DO UPDATE SET opened_by = excluded.opened_by, opened_at = excluded.opened_at, until = excluded.until`}
	trimDevice = db.SQL{SQLite: `DELETE FROM door_devices WHERE id = $1 AND rowid IN
		(SELECT rowid FROM door_devices WHERE id = $1 ORDER BY opened_at DESC LIMIT -1 OFFSET $2)`}
	deleteDevice = db.SQL{SQLite: `DELETE FROM door_devices WHERE id IN ($1, '') AND class_name = $2`}
	selectOpen   = db.SQL{SQLite: `SELECT DISTINCT class_name FROM door_devices WHERE id IN ($1, '') AND until > $2 ORDER BY class_name`}
	countOpen    = db.SQL{SQLite: `SELECT count(*) FROM door_devices d JOIN accounts a ON a.class_name = d.class_name
		WHERE a.id = $1 AND a.school_id = $2 AND d.id IN ($3, '') AND d.until > $4`}
	sweepDevices = db.SQL{SQLite: `DELETE FROM door_devices WHERE until < $1`}

	countClass    = db.SQL{SQLite: `SELECT count(*) FROM accounts WHERE school_id = $1 AND role = 'student' AND class_name = $2`}
	countHead     = db.SQL{SQLite: `SELECT count(*) FROM duties WHERE account_id = $1 AND school_id = $2 AND duty = 'head' AND active`}
	selectTeacher = db.SQL{SQLite: `SELECT id FROM accounts WHERE email = $1 AND school_id = $2 AND role = 'instructor'`}
	lastTeacher   = db.SQL{SQLite: `SELECT max(s.created_at) FROM sessions s JOIN accounts a ON a.id = s.account_id
		WHERE s.school_id = $1 AND a.role = 'instructor'`}
)
