package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Doubtful is what may have happened to a school's payments in a life that is
// over. The zero value: nothing.
type Doubtful struct {
	// Until is when the present life began.
	Until time.Time
	// Ahead is by how much the school's clock was ahead when it was last heard.
	Ahead time.Duration
	// Resent: what is being applied now was applied before, says the box.
	Resent bool
	// Reconciled: all money of the lost time is in the book.
	Reconciled bool
}

// Doubt reads it in the transaction that applies the school's records.
func Doubt(ctx context.Context, tx db.Tx, school string) (d Doubtful, err error) {
	rows, err := tx.Query(ctx, selectDoubt, school, int64(syncproto.LaneMoney))
	d, err = db.One(rows, err, func(r db.Rows) (d Doubtful, err error) {
		var until db.Time
		var ahead int64
		err = r.Scan(&until, &d.Reconciled, &ahead, &d.Resent)
		d.Until, d.Ahead = until.Time, time.Duration(ahead)*time.Millisecond
		return d, err
	})
	if errors.Is(err, db.ErrNoRows) {
		return Doubtful{}, nil
	}
	if err != nil {
		return d, fmt.Errorf("read the life of the database: %w", err)
	}
	return d, nil
}
