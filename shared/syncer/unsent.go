package syncer

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

// Unsent is the size of what the other side has not applied of a log.
type Unsent struct {
	Records, Bytes int64
	// Since is how many of them were made after a given moment.
	Since int64
}

var readUnsent = db.SQL{Both: `SELECT count(*), coalesce(sum(length(o.body)), 0), coalesce(sum(CASE WHEN o.created_at > $3 THEN 1 ELSE 0 END), 0)
	FROM outbox_heads h JOIN outbox o ON o.school = h.school AND o.epoch = h.epoch AND o.lane = h.lane AND o.seq > h.acked_seq
	WHERE h.school = $1 AND h.epoch = $2`}

// ReadUnsent measures the unsent part of log. It reads every row of it: with a
// long backlog this is not for every request.
func ReadUnsent(ctx context.Context, tx db.Tx, log Log, since time.Time) (u Unsent, err error) {
	rows, err := tx.Query(ctx, readUnsent, log.School, log.Epoch, since)
	return db.One(rows, err, func(r db.Rows) (u Unsent, err error) { return u, r.Scan(&u.Records, &u.Bytes, &u.Since) })
}
