package syncer

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
)

// ListEpochs lists the epochs that this database has heads of, in no order: the
// present one and those it left.
func ListEpochs(ctx context.Context, tx db.Tx, school string) ([]int64, error) {
	rows, err := tx.Query(ctx, listEpochs, school)
	return db.Collect(rows, err, db.Scalar[int64])
}
