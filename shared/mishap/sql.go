package mishap

import "urbanhomeschool.org/uhs/shared/db"

var (
	countMishap = db.SQL{Both: `
		INSERT INTO error_logs (fingerprint, kind, method, route, message, place, version, count, request_id, first_at, last_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $9)
		ON CONFLICT (fingerprint) DO UPDATE SET count = error_logs.count + 1, version = excluded.version, request_id = excluded.request_id,
			last_at = excluded.last_at`}
	countKinds  = db.SQL{Both: `SELECT count(*) FROM error_logs`}
	listMishaps = db.SQL{Both: `SELECT fingerprint, kind, method, route, message, place, version, count, request_id, first_at, last_at
		FROM error_logs ORDER BY last_at DESC, fingerprint LIMIT $1 OFFSET $2`}
	sweepMishaps = db.SQL{Both: `DELETE FROM error_logs WHERE last_at < $1`}
)

func scanLine(r db.Rows) (l Line, err error) {
	return l, r.Scan(&l.Fingerprint, &l.Kind, &l.Method, &l.Route, &l.Message, &l.Place, &l.Version, &l.Count, &l.RequestID, &l.FirstAt, &l.LastAt)
}
