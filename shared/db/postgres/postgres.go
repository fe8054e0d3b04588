// Package postgres opens the cloud's database.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"urbanhomeschool.org/uhs/shared/db"
)

// DB is a pool of connections. Cloud-only code may use Pool directly.
// Who uses it meets sealed values as they lie.
type DB struct {
	Pool *pgxpool.Pool
	keys db.Sealer
}

// Seal has what is secret sealed with k. Call it before the first transaction.
func (d *DB) Seal(k db.Sealer) { d.keys = k }

// Open connects to url and checks that the server answers.
func Open(ctx context.Context, url string) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open postgres: the DATABASE_URL cannot be read") // its text holds a password
	}
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	return &DB{Pool: pool}, nil
}

// Close ends all connections.
func (d *DB) Close() { d.Pool.Close() }

// Dialect implements db.DB.
func (d *DB) Dialect() db.Dialect { return db.Postgres }

// View implements db.DB with a read-only transaction.
func (d *DB) View(ctx context.Context, fn func(db.Tx) error) error {
	return pgx.BeginTxFunc(ctx, d.Pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(t pgx.Tx) error { return fn(&tx{t: t, keys: d.keys}) })
}

// Update implements db.DB. It runs fn again, at most four times, after a
// serialisation failure or a deadlock.
func (d *DB) Update(ctx context.Context, fn func(db.Tx) error) error {
	var err error
	for range 4 {
		x := &tx{after: new([]func()), keys: d.keys}
		err = pgx.BeginFunc(ctx, d.Pool, func(t pgx.Tx) error { x.t = t; return fn(x) })
		if err == nil {
			for _, f := range *x.after {
				f()
			}
			return nil
		}
		if !Transient(err) {
			return err
		}
	}
	return err
}

// Transient tells whether err is a serialisation failure or a deadlock.
func Transient(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// Permanent implements db.DB: integrity violations (class 23), bad data (22) and
// program limits (54).
func (d *DB) Permanent(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) < 2 {
		return false
	}
	class := pg.Code[:2]
	return class == "22" || class == "23" || class == "54"
}

// Native gives the pgx transaction under tx, for packages that only the cloud
// runs. It panics when tx is not of this package: a wiring mistake.
func Native(t db.Tx) pgx.Tx {
	for {
		if x, ok := t.(*tx); ok {
			return x.t
		}
		t = t.(db.Unwrapper).Unwrap() //nolint:forcetypeassert // as documented
	}
}

// rows is also a pgx.Rows; what is collected by pgx lies as it lies.
type rows struct {
	pgx.Rows
	keys db.Sealer
}

func (r rows) Scan(dest ...any) error { return db.OpenScan(r.keys, r.Rows.Scan, dest) }

type tx struct {
	t     pgx.Tx
	after *[]func()
	keys  db.Sealer
}

func (*tx) Dialect() db.Dialect { return db.Postgres }

func (x *tx) Value(key any) any {
	if key == (db.SealerKey{}) {
		return x.keys
	}
	return nil
}

func (x *tx) AfterCommit(fn func()) {
	if x.after != nil {
		*x.after = append(*x.after, fn)
	}
}

func (x *tx) Exec(ctx context.Context, q db.SQL, args ...any) (int64, error) {
	args, err := db.SealArgs(x.keys, args)
	if err != nil {
		return 0, err
	}
	tag, err := x.t.Exec(ctx, q.For(db.Postgres), args...)
	return tag.RowsAffected(), err
}

func (x *tx) Query(ctx context.Context, q db.SQL, args ...any) (db.Rows, error) {
	args, err := db.SealArgs(x.keys, args)
	if err != nil {
		return nil, err
	}
	r, err := x.t.Query(ctx, q.For(db.Postgres), args...)
	if err != nil {
		return nil, err
	}
	return rows{r, x.keys}, nil
}

func (x *tx) Savepoint(ctx context.Context, fn func(db.Tx) error) error {
	return pgx.BeginFunc(ctx, x.t, func(t pgx.Tx) error { return fn(&tx{t: t, after: x.after, keys: x.keys}) })
}

func (x *tx) BulkInsert(ctx context.Context, table string, columns []string, rows [][]any) error {
	if err := x.seal(rows); err != nil {
		return err
	}
	_, err := x.t.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
	return err
}

func (x *tx) seal(rows [][]any) error {
	for _, r := range rows {
		if _, err := db.SealArgs(x.keys, r); err != nil {
			return err
		}
	}
	return nil
}

// BulkUpsert copies straight into the table, which succeeds when all rows are
// new, as they nearly always are. If one is there already, it copies into a
// temporary table and inserts from there what is new.
func (x *tx) BulkUpsert(ctx context.Context, table string, columns []string, rows [][]any) ([]string, error) {
	if err := x.seal(rows); err != nil {
		return nil, err
	}
	err := pgx.BeginFunc(ctx, x.t, func(t pgx.Tx) error {
		_, err := t.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
		return err
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == uniqueViolation {
		return x.upsert(ctx, table, columns, rows)
	}
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = fmt.Sprint(r[0])
	}
	return keys, nil
}

const uniqueViolation = "23505"

func (x *tx) upsert(ctx context.Context, table string, columns []string, rows [][]any) ([]string, error) {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = pgx.Identifier{c}.Sanitize()
	}
	into, temp, list := pgx.Identifier{table}.Sanitize(), "bulk_"+table, strings.Join(quoted, ", ")
	name := pgx.Identifier{temp}.Sanitize()
	// CREATE TABLE AS and not LIKE: it carries the types and no constraints, so
	// that a row that exists already does not fail the copy.
	create := "CREATE TEMP TABLE IF NOT EXISTS " + name + " ON COMMIT DROP AS SELECT " + list + " FROM " + into + " WITH NO DATA"
	if _, err := x.t.Exec(ctx, create); err != nil {
		return nil, err
	}
	if _, err := x.t.Exec(ctx, "TRUNCATE "+name); err != nil {
		return nil, err
	}
	if _, err := x.t.CopyFrom(ctx, pgx.Identifier{temp}, columns, pgx.CopyFromRows(rows)); err != nil {
		return nil, err
	}
	got, err := x.t.Query(ctx, "INSERT INTO "+into+" ("+list+") SELECT DISTINCT ON ("+quoted[0]+") "+list+" FROM "+name+
		" ON CONFLICT ("+quoted[0]+") DO NOTHING RETURNING "+quoted[0]+"::text")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(got, pgx.RowTo[string])
}
