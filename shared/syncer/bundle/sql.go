package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

var (
	upsertBundle = db.SQL{Both: `INSERT INTO bundles (id, way, school, state, size, result, made_at, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id, way) DO UPDATE SET state = excluded.state, size = excluded.size, result = excluded.result, at = excluded.at`}
	selectBundle = db.SQL{Both: `SELECT id, school, state, size, result, made_at, at FROM bundles WHERE id = $1 AND way = $2`}
	lastBundle   = db.SQL{Both: `SELECT id, school, state, size, result, made_at, at FROM bundles WHERE way = $1 AND school = $2 ORDER BY at DESC, id LIMIT 1`}
	listBundles  = db.SQL{Both: `SELECT id, school, state, size, result, made_at, at FROM bundles WHERE way = $1 AND school = $2 ORDER BY at DESC, id LIMIT $3`}
	listParked   = db.SQL{Both: `SELECT id, school, state, size, result, made_at, at FROM bundles WHERE way = 'in' AND state IN ('parked', 'held', 'paused') ORDER BY made_at, id`}
	sumSince     = db.SQL{Both: `SELECT coalesce(sum(size), 0) FROM bundles WHERE way = 'in' AND school = $1 AND at > $2`}
)

// Note is what a side remembers of a bundle.
type Note struct {
	ID, School string
	State      State
	Size       int64
	Result     Result
	// Made is when it was written, by its writer's clock; At when it was written or
	// last read here.
	Made, At time.Time
}

// The ways of a note, seen from this side.
const (
	Out = "out"
	In  = "in"
)

// Save writes a note down.
func Save(ctx context.Context, tx db.Tx, way string, n Note) error {
	result, err := json.Marshal(n.Result)
	if err != nil {
		return fmt.Errorf("note a bundle: %w", err)
	}
	_, err = tx.Exec(ctx, upsertBundle, n.ID, way, n.School, string(n.State), n.Size, string(result), n.Made, n.At)
	return err
}

// Find reads the note of a bundle; ok is false when there is none.
func Find(ctx context.Context, tx db.Tx, way, id string) (n Note, ok bool, err error) {
	rows, err := tx.Query(ctx, selectBundle, id, way)
	return one(rows, err)
}

// Last is the newest note of a school; ok is false when there is none.
func Last(ctx context.Context, tx db.Tx, way, school string) (n Note, ok bool, err error) {
	rows, err := tx.Query(ctx, lastBundle, way, school)
	return one(rows, err)
}

// ListParked are the bundles that wait, for what comes before them or for a
// decision, oldest first.
func ListParked(ctx context.Context, tx db.Tx) ([]Note, error) {
	rows, err := tx.Query(ctx, listParked)
	return db.Collect(rows, err, scanNote)
}

// BytesSince is the size of what came for a school since t.
func BytesSince(ctx context.Context, tx db.Tx, school string, t time.Time) (int64, error) {
	rows, err := tx.Query(ctx, sumSince, school, t)
	return db.One(rows, err, db.Scalar[int64])
}

func one(rows db.Rows, err error) (Note, bool, error) {
	n, err := db.One(rows, err, scanNote)
	if errors.Is(err, db.ErrNoRows) {
		return n, false, nil
	}
	return n, err == nil, err
}

func scanNote(r db.Rows) (n Note, err error) {
	var state, result string
	var made, at db.Time
	if err := r.Scan(&n.ID, &n.School, &state, &n.Size, &result, &made, &at); err != nil {
		return n, err
	}
	n.State, n.Made, n.At = State(state), made.Time, at.Time
	return n, json.Unmarshal([]byte(result), &n.Result)
}
