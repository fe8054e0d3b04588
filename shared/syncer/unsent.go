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

// ReadUnsent measures the unsent part of log. It reads every row of it: with a
// long backlog this is not for every request.
func ReadUnsent(ctx context.Context, tx db.Tx, log Log, since time.Time) (u Unsent, err error) {
	rows, err := tx.Query(ctx, readUnsent, log.School, log.Epoch, since)
	return db.One(rows, err, func(r db.Rows) (u Unsent, err error) { return u, r.Scan(&u.Records, &u.Bytes, &u.Since) })
}
