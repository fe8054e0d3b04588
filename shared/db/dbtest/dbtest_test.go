package dbtest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
)

var (
	put  = db.SQL{Both: `INSERT INTO node_state (value, key) VALUES ($2, $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value`}
	list = db.SQL{Both: `SELECT value FROM node_state ORDER BY key`}
	mark = db.SQL{Both: `INSERT INTO watermarks (school, epoch, lane, seq, chain, applied_at) VALUES ($1, 1, 0, 1, $2, $3)`}
	last = db.SQL{Both: `SELECT max(applied_at) FROM watermarks`}
)

func values(t *testing.T, d db.DB) (out []string) {
	t.Helper()
	if err := d.View(t.Context(), func(tx db.Tx) (err error) {
		rows, err := tx.Query(t.Context(), list)
		out, err = db.Collect(rows, err, db.Scalar[string])
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSeam(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, boom := context.Background(), errors.New("boom")
		t.Run("placeholders may stand in any order", func(t *testing.T) {
			if err := d.Update(ctx, func(tx db.Tx) error { _, err := tx.Exec(ctx, put, "a", "1"); return err }); err != nil {
				t.Fatal(err)
			}
			if got := values(t, d); !slices.Equal(got, []string{"1"}) {
				t.Errorf("got %v", got)
			}
		})
		t.Run("a savepoint undoes only its own work", func(t *testing.T) {
			committed := false
			err := d.Update(ctx, func(tx db.Tx) error {
				tx.AfterCommit(func() { committed = true })
				if _, err := tx.Exec(ctx, put, "b", "2"); err != nil {
					return err
				}
				err := tx.Savepoint(ctx, func(tx db.Tx) error {
					if _, err := tx.Exec(ctx, put, "c", "3"); err != nil {
						return err
					}
					return boom
				})
				if !errors.Is(err, boom) {
					t.Errorf("savepoint gave %v", err)
				}
				return nil
			})
			if err != nil || !committed {
				t.Fatalf("%v, after commit ran: %v", err, committed)
			}
			if got := values(t, d); !slices.Equal(got, []string{"1", "2"}) {
				t.Errorf("got %v", got)
			}
		})
		t.Run("an error undoes everything and runs nothing after", func(t *testing.T) {
			err := d.Update(ctx, func(tx db.Tx) error {
				tx.AfterCommit(func() { t.Error("ran after a rollback") })
				_, _ = tx.Exec(ctx, put, "z", "9")
				return boom
			})
			if !errors.Is(err, boom) || len(values(t, d)) != 2 {
				t.Errorf("%v, %v", err, values(t, d))
			}
		})
		t.Run("bulk upsert reports what was new", func(t *testing.T) {
			var keys []string
			rows := [][]any{{"a", "other"}, {"k1", "x"}, {"k2", "y"}, {"k1", "again"}}
			if err := d.Update(ctx, func(tx db.Tx) (err error) {
				keys, err = tx.BulkUpsert(ctx, "node_state", []string{"key", "value"}, rows)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			slices.Sort(keys)
			if !slices.Equal(keys, []string{"k1", "k2"}) {
				t.Errorf("got %v", keys)
			}
		})
		t.Run("times keep microseconds, also through an aggregate", func(t *testing.T) {
			at := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.FixedZone("EAT", 3*3600))
			var got db.Time
			if err := d.Update(ctx, func(tx db.Tx) error {
				if _, err := tx.Exec(ctx, mark, "s", []byte{1}, at); err != nil {
					return err
				}
				rows, err := tx.Query(ctx, last)
				got, err = db.One(rows, err, db.Scalar[db.Time])
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if !got.Equal(at.Truncate(time.Microsecond)) {
				t.Errorf("got %v, want %v", got, at)
			}
		})
		t.Run("a view cannot write", func(t *testing.T) {
			if err := d.View(ctx, func(tx db.Tx) error { _, err := tx.Exec(ctx, put, "v", "1"); return err }); err == nil {
				t.Error("a view wrote")
			}
		})
	})
}
