// Package sqlite opens the appliance's database: one writer connection and a
// pool of readers on a WAL file with synchronous=FULL, so that what a person
// was told is saved survives a power cut.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// oldestSQLite is the first release without the WAL-reset corruption that
// affects 3.7.0 to 3.51.2 (sqlite.org, release 3.51.3).
const oldestSQLite = 3_051_003

// DB is an open file. Swap gives it another one while it is in use.
type DB struct {
	path string
	// turn is held by the one writer; a channel, so that a wait can be given up.
	turn chan struct{}

	keys atomic.Pointer[db.Sealer]

	mu      sync.Mutex
	files   *handles
	swapped []func()
	closing sync.WaitGroup
}

// handles are the connections to one file.
type handles struct {
	w, r    *sql.DB
	readers sync.WaitGroup
}

// Open opens or makes the file at path. It refuses a SQLite library older than
// 3.51.3 and one built without FTS5.
func Open(path string) (*DB, error) {
	h, err := openHandles(path)
	if err != nil {
		return nil, err
	}
	return &DB{path: path, turn: make(chan struct{}, 1), files: h}, nil
}

func openHandles(path string) (*handles, error) {
	if _, n, _ := sqlite3.Version(); n < oldestSQLite {
		return nil, fmt.Errorf("open sqlite: library %d is older than 3.51.3, which can corrupt WAL files", n)
	}
	common := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_journal_mode=WAL&_foreign_keys=on&_busy_timeout=10000&_synchronous=FULL"
	w, err := sql.Open("sqlite3", common+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	w.SetMaxOpenConns(1)
	if err := check(context.Background(), w); err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("open sqlite %s: %w", path, err)
	}
	r, err := sql.Open("sqlite3", common+"&_query_only=true")
	if err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	r.SetMaxOpenConns(4)
	return &handles{w: w, r: r}, nil
}

func check(ctx context.Context, w *sql.DB) error {
	var mode string
	if err := w.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	var fts bool
	if err := w.QueryRowContext(ctx, "SELECT count(*) > 0 FROM pragma_compile_options WHERE compile_options = 'ENABLE_FTS5'").Scan(&fts); err != nil {
		return err
	}
	if !fts {
		return fmt.Errorf("this binary was built without the tag sqlite_fts5: build it with make")
	}
	return nil
}

// Seal has what is secret sealed with k from now on; in every file this DB has.
func (d *DB) Seal(k db.Sealer) { d.keys.Store(&k) }

// Sealer is what Seal was given; nil before.
func (d *DB) Sealer() db.Sealer {
	if k := d.keys.Load(); k != nil {
		return *k
	}
	return nil
}

// Writer is the writing connection, for migrations.
func (d *DB) Writer() *sql.DB { return d.now().w }

func (d *DB) now() *handles { d.mu.Lock(); defer d.mu.Unlock(); return d.files }

// Close closes the file.
func (d *DB) Close() error {
	err := d.now().close()
	d.closing.Wait()
	return err
}

func (h *handles) close() error {
	rerr := h.r.Close()
	if err := h.w.Close(); err != nil {
		return err
	}
	return rerr
}

// read takes part in the present file until the returned handles' readers is
// told that it is over.
func (d *DB) read() *handles {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files.readers.Add(1)
	return d.files
}

// Dialect implements db.DB.
func (d *DB) Dialect() db.Dialect { return db.SQLite }

// View implements db.DB on a reader: it sees the last commit and waits for nobody.
func (d *DB) View(ctx context.Context, fn func(db.Tx) error) error {
	h := d.read()
	defer h.readers.Done()
	t, err := h.r.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }() // a read has nothing to keep
	return fn(&tx{t: t, keys: d.Sealer()})
}

// ErrFull answers a write when the disk has no room. Nothing of it was saved.
var ErrFull = fault.New(fault.Unavailable, "The disk of this box is full. Nothing was saved.").WithCode("disk_full")

// Update implements db.DB on the one writer. A full disk is ErrFull.
func (d *DB) Update(ctx context.Context, fn func(db.Tx) error) error {
	after, err := d.update(ctx, fn)
	for _, f := range after {
		f()
	}
	if IsFull(err) {
		return ErrFull.Because(err)
	}
	return err
}

// IsFull tells whether a statement failed because the disk has no room.
func IsFull(err error) bool {
	var e sqlite3.Error
	return errors.Is(err, ErrFull) || errors.As(err, &e) && (e.Code == sqlite3.ErrFull || e.SystemErrno == syscall.ENOSPC)
}

// update holds the turn for one transaction and gives what is to run after it.
func (d *DB) update(ctx context.Context, fn func(db.Tx) error) ([]func(), error) {
	if err := d.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer d.endTurn()
	t, err := d.now().w.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = t.Rollback() }() // does nothing after a commit
	x := &tx{t: t, after: new([]func()), keys: d.Sealer()}
	if err := fn(x); err != nil {
		return nil, err
	}
	if err := t.Commit(); err != nil {
		return nil, err
	}
	return *x.after, nil
}

func (d *DB) takeTurn(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *DB) endTurn() { <-d.turn }

// Permanent implements db.DB: constraints, type mismatches and oversized values.
func (d *DB) Permanent(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrConstraint || e.Code == sqlite3.ErrMismatch || e.Code == sqlite3.ErrTooBig)
}

type tx struct {
	t     *sql.Tx
	after *[]func()
	keys  db.Sealer
	// again are the writing statements that ran before in this transaction: nil
	// after the first time, prepared from the second on. They end with it.
	again map[string]*sql.Stmt
}

// $1 is a *named* parameter to SQLite, numbered by first appearance; ?1 is not.
var placeholder = regexp.MustCompile(`\$(\d+)`)

// rewritten keeps what text gave for each statement: they are constants.
var rewritten sync.Map

func text(q db.SQL) string {
	in := q.For(db.SQLite)
	if out, ok := rewritten.Load(in); ok {
		return out.(string) //nolint:forcetypeassert // stored below
	}
	out := placeholder.ReplaceAllString(in, "?$1")
	rewritten.Store(in, out)
	return out
}

// args cuts times to the microseconds Postgres keeps, so that a value read back
// equals the one on the other side.
func (x *tx) args(in []any) ([]any, error) {
	for i, a := range in {
		switch a := a.(type) {
		case time.Time:
			in[i] = a.UTC().Truncate(time.Microsecond)
		case *time.Time:
			if a != nil {
				in[i] = a.UTC().Truncate(time.Microsecond)
			}
		}
	}
	return db.SealArgs(x.keys, in)
}

func (*tx) Dialect() db.Dialect { return db.SQLite }

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

func (x *tx) Exec(ctx context.Context, q db.SQL, a ...any) (int64, error) {
	in, err := x.args(a)
	if err != nil {
		return 0, err
	}
	r, err := x.exec(ctx, text(q), in)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// exec prepares a statement that runs more than once. Queries are not prepared:
// the library would begin an open result of the same statement anew.
func (x *tx) exec(ctx context.Context, q string, a []any) (sql.Result, error) {
	stmt, ran := x.again[q]
	if !ran {
		if x.again == nil {
			x.again = map[string]*sql.Stmt{}
		}
		x.again[q] = nil
		return x.t.ExecContext(ctx, q, a...)
	}
	if stmt == nil {
		var err error
		if stmt, err = x.t.PrepareContext(ctx, q); err != nil {
			return nil, err
		}
		x.again[q] = stmt
	}
	return stmt.ExecContext(ctx, a...)
}

func (x *tx) Query(ctx context.Context, q db.SQL, a ...any) (db.Rows, error) {
	in, err := x.args(a)
	if err != nil {
		return nil, err
	}
	r, err := x.t.QueryContext(ctx, text(q), in...)
	if err != nil {
		return nil, err
	}
	return rows{r, x.keys}, nil
}

var savepoints atomic.Int64

func (x *tx) Savepoint(ctx context.Context, fn func(db.Tx) error) error {
	name := fmt.Sprintf("sp%d", savepoints.Add(1))
	if _, err := x.t.ExecContext(ctx, "SAVEPOINT "+name); err != nil {
		return err
	}
	if err := fn(x); err != nil {
		if _, rerr := x.t.ExecContext(ctx, "ROLLBACK TO "+name); rerr != nil {
			return fmt.Errorf("%w (and the savepoint could not be undone: %w)", err, rerr)
		}
		_, _ = x.t.ExecContext(ctx, "RELEASE "+name)
		return err
	}
	_, err := x.t.ExecContext(ctx, "RELEASE "+name)
	return err
}

// maxVariables is SQLite's default limit of parameters in one statement.
const maxVariables = 32766

func (x *tx) BulkInsert(ctx context.Context, table string, columns []string, in [][]any) error {
	_, err := x.bulk(ctx, table, columns, in, "")
	return err
}

func (x *tx) BulkUpsert(ctx context.Context, table string, columns []string, in [][]any) ([]string, error) {
	return x.bulk(ctx, table, columns, in, " ON CONFLICT ("+columns[0]+") DO NOTHING RETURNING "+columns[0])
}

func (x *tx) bulk(ctx context.Context, table string, columns []string, in [][]any, tail string) ([]string, error) {
	var keys []string
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", len(columns)), ",") + ")"
	per := min(500, maxVariables/len(columns))
	for len(in) > 0 {
		n := min(per, len(in))
		values := make([]any, 0, n*len(columns))
		for _, r := range in[:n] {
			in, err := x.args(r)
			if err != nil {
				return nil, err
			}
			values = append(values, in...)
		}
		// #nosec G202 -- an entity's constants, never input
		q := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES " +
			strings.TrimSuffix(strings.Repeat(one+",", n), ",") + tail
		if tail == "" {
			if _, err := x.t.ExecContext(ctx, q, values...); err != nil {
				return nil, err
			}
		} else {
			r, err := x.t.QueryContext(ctx, q, values...)
			if err != nil {
				return nil, err
			}
			got, err := db.Collect(rows{r, nil}, nil, db.Scalar[string])
			if err != nil {
				return nil, err
			}
			keys = append(keys, got...)
		}
		in = in[n:]
	}
	return keys, nil
}

type rows struct {
	*sql.Rows
	keys db.Sealer
}

func (r rows) Scan(dest ...any) error { return db.OpenScan(r.keys, r.Rows.Scan, dest) }

func (r rows) Close() { _ = r.Rows.Close() }
