package meter

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
)

// Only the appliance runs these: SQLite texts alone.
var (
	upsertUse = db.SQL{SQLite: `INSERT INTO line_uses (day, purpose, up, down) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (day, purpose) DO UPDATE SET up = up + excluded.up, down = down + excluded.down`}
	sumUse = db.SQL{SQLite: `SELECT coalesce(sum(CASE WHEN day = ?1 THEN up + down ELSE 0 END), 0), coalesce(sum(up + down), 0)
		FROM line_uses WHERE day LIKE ?2`}
	listUse = db.SQL{SQLite: `SELECT day, purpose, up, down FROM line_uses WHERE day >= ?1 ORDER BY day DESC, purpose`}
)

func addUse(ctx context.Context, tx db.Tx, day string, p Purpose, c Count) error {
	_, err := tx.Exec(ctx, upsertUse, day, string(p), c.Up, c.Down)
	return err
}

func readUse(ctx context.Context, tx db.Tx, day string) (u talk.Use, err error) {
	rows, err := tx.Query(ctx, sumUse, day, day[:7]+"%")
	return db.One(rows, err, func(r db.Rows) (u talk.Use, err error) { return u, r.Scan(&u.Day, &u.Month) })
}

// Day is one line of the proof of what was used.
type Day struct {
	Day     string
	Purpose Purpose
	Count
}

// Days lists what was used since a day, newest first.
func Days(ctx context.Context, tx db.Tx, since string) ([]Day, error) {
	rows, err := tx.Query(ctx, listUse, since)
	return db.Collect(rows, err, func(r db.Rows) (d Day, err error) { return d, r.Scan(&d.Day, &d.Purpose, &d.Up, &d.Down) })
}
