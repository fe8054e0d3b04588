package door

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

const (
	sheetColumns = `SELECT id, school_id, holder_id, codes, made_by, at FROM recovery_sheets `
	useColumns   = `SELECT id, school_id, kind, account_id, holder_id, second_id, at FROM door_uses `
)

var (
	insertSheet = db.SQL{Both: `INSERT INTO recovery_sheets (id, school_id, holder_id, codes, made_by, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO NOTHING`}
	selectSheet = db.SQL{Both: sheetColumns + `WHERE id = $1`}
	pageSheets  = db.SQL{Both: sheetColumns + `WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	// The newest sheet of each holder; of two made at one instant, the greater id.
	// Only of those who may still enter as instructors of this school: a barring can
	// be here before the account that it is about.
	selectNewest = db.SQL{Both: sheetColumns + `s WHERE school_id = $1 AND NOT EXISTS (SELECT 1 FROM recovery_sheets n
		WHERE n.school_id = s.school_id AND n.holder_id = s.holder_id AND (n.at > s.at OR n.at = s.at AND n.id > s.id))
		AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = s.holder_id AND a.school_id = s.school_id AND a.role = 'instructor' AND a.status = 'active'
			AND NOT EXISTS (SELECT 1 FROM barrings b WHERE b.account_id = a.id AND b.school_id = a.school_id AND b.at > a.updated_at))
		ORDER BY at, id`}

	insertUse = db.SQL{Both: `INSERT INTO door_uses (id, school_id, kind, account_id, holder_id, second_id, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO NOTHING`}
	selectUse = db.SQL{Both: useColumns + `WHERE id = $1`}
	countUse  = db.SQL{Both: `SELECT count(*) FROM door_uses WHERE id = $1`}
	pageUses  = db.SQL{Both: useColumns + `WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	lastRenew = db.SQL{Both: `SELECT max(at) FROM door_uses WHERE school_id = $1 AND (kind <> 'code' OR account_id = $2)`}
)

func putSheet(ctx context.Context, tx db.Tx, v Sheet) (bool, error) {
	codes, err := json.Marshal(v.Codes)
	if err != nil {
		return false, fmt.Errorf("encode the codes of a sheet: %w", err)
	}
	n, err := tx.Exec(ctx, insertSheet, v.ID, v.School, v.Holder, string(codes), v.MadeBy, v.At)
	return n > 0, err
}

func scanSheet(r db.Rows) (v Sheet, err error) {
	var codes string
	if err := r.Scan(&v.ID, &v.School, &v.Holder, &codes, &v.MadeBy, &v.At); err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(codes), &v.Codes)
}

func sheetByID(ctx context.Context, tx db.Tx, id string) (Sheet, error) {
	rows, err := tx.Query(ctx, selectSheet, id)
	return db.One(rows, err, scanSheet)
}

func newestSheets(ctx context.Context, tx db.Tx, school identity.SchoolID) ([]Sheet, error) {
	rows, err := tx.Query(ctx, selectNewest, school)
	return db.Collect(rows, err, scanSheet)
}

func putUse(ctx context.Context, tx db.Tx, v Use) (bool, error) {
	n, err := tx.Exec(ctx, insertUse, v.ID, v.School, v.Kind, v.Account, v.Holder, v.Second, v.At)
	return n > 0, err
}

func scanUse(r db.Rows) (v Use, err error) {
	err = r.Scan(&v.ID, &v.School, &v.Kind, &v.Account, &v.Holder, &v.Second, &v.At)
	return v, err
}

func useByID(ctx context.Context, tx db.Tx, id string) (Use, error) {
	rows, err := tx.Query(ctx, selectUse, id)
	return db.One(rows, err, scanUse)
}

func isUsed(ctx context.Context, tx db.Tx, id string) (bool, error) {
	rows, err := tx.Query(ctx, countUse, id)
	n, err := db.One(rows, err, db.Scalar[int64])
	return n > 0, err
}

// LastRenewed is when a code last vouched for account: one of a sheet, which
// vouches for the whole school, or one that the cloud gave her.
func LastRenewed(ctx context.Context, tx db.Tx, school identity.SchoolID, account identity.AccountID) (time.Time, error) {
	rows, err := tx.Query(ctx, lastRenew, school, account)
	t, err := db.One(rows, err, db.Scalar[db.Time])
	return t.Time, err
}
