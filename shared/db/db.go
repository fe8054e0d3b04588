// Package db is the one seam between the domain and the two databases: the
// cloud's Postgres and the appliance's SQLite. Statements are written once,
// with $1, $2 … placeholders; where the databases differ the two texts stand
// side by side in one SQL value.
package db

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Dialect names a database.
type Dialect string

// The two databases.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// ErrNoRows is returned by One when the query gave nothing.
var ErrNoRows = errors.New("db: no rows")

// SQL is one statement. Portable text goes in Both; where the databases must
// differ, the two texts stand side by side. Placeholders are $1, $2 … in any
// order, also on SQLite; so no $ with a digit inside a string literal.
type SQL struct{ Both, Postgres, SQLite string }

// For is the text for d.
func (q SQL) For(d Dialect) string {
	switch {
	case q.Both != "":
		return q.Both
	case d == Postgres:
		return q.Postgres
	default:
		return q.SQLite
	}
}

// Rows is an open result. Scan times into Time, and never select a bare
// boolean expression (style of SQLite's driver).
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Tx is a transaction on either database.
type Tx interface {
	Dialect() Dialect
	// Exec runs a statement and gives the number of rows it touched.
	Exec(ctx context.Context, q SQL, args ...any) (int64, error)
	Query(ctx context.Context, q SQL, args ...any) (Rows, error)
	// Savepoint runs fn in a nested transaction: its error undoes only what fn
	// did and is returned.
	Savepoint(ctx context.Context, fn func(Tx) error) error
	// BulkInsert appends rows to table: COPY on Postgres, multi-row INSERT on
	// SQLite. It fails on any constraint; use BulkUpsert for rows that may exist.
	BulkInsert(ctx context.Context, table string, columns []string, rows [][]any) error
	// BulkUpsert appends the rows whose key column (columns[0]) is new and
	// leaves the others alone. It gives the keys that were inserted.
	BulkUpsert(ctx context.Context, table string, columns []string, rows [][]any) ([]string, error)
	// AfterCommit runs fn once the outermost transaction is committed; not at all
	// if it is rolled back.
	AfterCommit(fn func())
	// Value is what the opener of the database attached under key (see With).
	Value(key any) any
}

// DB opens transactions. View is read-only and never waits for a writer on
// SQLite; Update is for writes (BEGIN IMMEDIATE on SQLite). fn may run again
// after a serialisation failure, so it has no effects outside the transaction.
type DB interface {
	Dialect() Dialect
	View(ctx context.Context, fn func(Tx) error) error
	Update(ctx context.Context, fn func(Tx) error) error
	// Permanent tells whether err comes from the data (a constraint, a value out
	// of range), so that the same statement fails for ever; false for trouble of
	// the database itself (connection, lock, disk full), which passes.
	Permanent(err error) bool
}

// Time scans a timestamp from either database, aggregate or not. NULL is the
// zero time. As an argument it is UTC microseconds, the zero time NULL.
type Time struct{ time.Time }

// sqliteLayout is how go-sqlite3 stores a time.Time.
const sqliteLayout = "2006-01-02 15:04:05.999999999-07:00"

// Scan implements sql.Scanner.
func (t *Time) Scan(v any) error {
	switch v := v.(type) {
	case time.Time:
		t.Time = v.UTC()
	case string:
		p, err := time.Parse(sqliteLayout, v)
		if err != nil {
			return fmt.Errorf("db.Time: %w", err)
		}
		t.Time = p.UTC()
	case []byte:
		return t.Scan(string(v))
	case nil:
		t.Time = time.Time{}
	default:
		return fmt.Errorf("db.Time: cannot scan %T", v)
	}
	return nil
}

// Value implements driver.Valuer.
func (t Time) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil //nolint:nilnil // nil is NULL
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// Collect reads all rows with scan and closes them.
func Collect[T any](rows Rows, err error, scan func(Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// One reads the first row with scan; ErrNoRows when there is none.
func One[T any](rows Rows, err error, scan func(Rows) (T, error)) (T, error) {
	out, err := Collect(rows, err, scan)
	if err == nil && len(out) == 0 {
		err = ErrNoRows
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return out[0], nil
}

// First runs q and reads its first row with scan; ErrNoRows when there is none.
func First[T any](ctx context.Context, tx Tx, q SQL, scan func(Rows) (T, error), args ...any) (T, error) {
	rows, err := tx.Query(ctx, q, args...)
	return One(rows, err, scan)
}

// All runs q and reads all its rows with scan.
func All[T any](ctx context.Context, tx Tx, q SQL, scan func(Rows) (T, error), args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, q, args...)
	return Collect(rows, err, scan)
}

// Scalar scans the only column of a row; for One and Collect.
func Scalar[T any](r Rows) (v T, err error) { return v, r.Scan(&v) }

// MarshalCBOR writes Unix microseconds as an integer (RFC 8949, major types 0
// and 1), so that a time has one form on the wire; the zero time is null.
func (t Time) MarshalCBOR() ([]byte, error) {
	if t.IsZero() {
		return []byte{0xf6}, nil
	}
	n, major := t.UnixMicro(), byte(0)
	if n < 0 {
		n, major = -1-n, 0x20
	}
	return binary.BigEndian.AppendUint64([]byte{major | 27}, uint64(n)), nil
}

// UnmarshalCBOR reads what MarshalCBOR wrote.
func (t *Time) UnmarshalCBOR(b []byte) error {
	if len(b) == 1 && b[0] == 0xf6 {
		t.Time = time.Time{}
		return nil
	}
	if len(b) != 9 || b[0]&0x1f != 27 || b[0]>>5 > 1 {
		return errors.New("db.Time: want an 8-byte integer")
	}
	n := int64(binary.BigEndian.Uint64(b[1:]))
	if n < 0 {
		return errors.New("db.Time: out of range")
	}
	if b[0]>>5 == 1 {
		n = -1 - n
	}
	t.Time = time.UnixMicro(n).UTC()
	return nil
}

// With gives d with a value attached that every transaction hands out by
// Tx.Value(key).
func With(d DB, key, value any) DB { return valued{d, key, value} }

type valued struct {
	DB
	key, value any
}

func (v valued) View(ctx context.Context, fn func(Tx) error) error {
	return v.DB.View(ctx, func(tx Tx) error { return fn(valuedTx{tx, v.key, v.value}) })
}

func (v valued) Update(ctx context.Context, fn func(Tx) error) error {
	return v.DB.Update(ctx, func(tx Tx) error { return fn(valuedTx{tx, v.key, v.value}) })
}

type valuedTx struct {
	Tx
	key, value any
}

func (v valuedTx) Value(key any) any {
	if key == v.key {
		return v.value
	}
	return v.Tx.Value(key)
}

func (v valuedTx) Savepoint(ctx context.Context, fn func(Tx) error) error {
	return v.Tx.Savepoint(ctx, func(tx Tx) error { return fn(valuedTx{tx, v.key, v.value}) })
}

// Unwrap gives the transaction below; a driver uses it to reach its own.
func (v valuedTx) Unwrap() Tx { return v.Tx }

// Unwrapper is a Tx around another.
type Unwrapper interface{ Unwrap() Tx }
