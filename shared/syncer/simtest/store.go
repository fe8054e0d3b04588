package simtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// Store is a database in memory with the crash semantics of the one it stands
// for: a transaction is undone as a whole, a savepoint alone, and on the
// Postgres side a failed statement spoils its transaction until the savepoint
// around it is undone. It answers the statements of package syncer and of this
// package's records, by their text, and no others.
type Store struct {
	tables
	dialect db.Dialect
	// committed is told of every commit before the undo logs are dropped.
	committed func()
	// lossy stores keep what was committed since the last sync undoable: the disk
	// lies about flushing.
	lossy bool
	from  [tableCount]int // where the undo logs of the commit being told begin
	inTx  bool
	// lastHLC is the clock of the newest record that this node wrote itself.
	lastHLC int64
	of      indexes // the ids by owner
}

// change is what undoes one write.
type change[K comparable, V any] struct {
	key K
	old V
	had bool
}

// table is a map with an undo log.
type table[K comparable, V any] struct {
	rows map[K]V
	log  []change[K, V]
	// clip makes a value safe to be held by two tables; nil for plain values.
	clip func(V) V
	// version grows with every change: an index made at one is good while it stays.
	version int
}

func newTable[K comparable, V any]() *table[K, V] { return &table[K, V]{rows: map[K]V{}} }

// listTable is a table of slices that grow at their end.
func listTable[K comparable, R any]() *table[K, []R] {
	return &table[K, []R]{rows: map[K][]R{}, clip: slices.Clip[[]R]}
}

func (t *table[K, V]) set(k K, v V) {
	old, had := t.rows[k]
	t.log = append(t.log, change[K, V]{k, old, had})
	t.rows[k] = v
	t.version++
}

func (t *table[K, V]) del(k K) {
	if old, had := t.rows[k]; had {
		t.log = append(t.log, change[K, V]{k, old, had})
		delete(t.rows, k)
		t.version++
	}
}

func (t *table[K, V]) mark() int { return len(t.log) }

func (t *table[K, V]) undo(to int) {
	for i := len(t.log) - 1; i >= to; i-- {
		if c := t.log[i]; c.had {
			t.rows[c.key] = c.old
		} else {
			delete(t.rows, c.key)
		}
	}
	t.log = t.log[:to]
	t.version++
}

func (t *table[K, V]) forget() {
	clear(t.log)
	t.log = t.log[:0]
}

// copyTable is an independent copy; its undo log is empty.
func copyTable[K comparable, V any](t *table[K, V]) *table[K, V] {
	out := &table[K, V]{rows: make(map[K]V, len(t.rows)), clip: t.clip}
	for k, v := range t.rows {
		if t.clip != nil {
			v = t.clip(v)
			t.rows[k] = v
		}
		out.rows[k] = v
	}
	return out
}

type undoer interface {
	mark() int
	undo(to int)
	forget()
}

// NewStore is an empty database of a dialect.
func NewStore(d db.Dialect) *Store { return &Store{tables: newTables(), dialect: d} }

// Clone is an independent copy of what is committed.
func (s *Store) Clone() *Store {
	return &Store{tables: s.copy(), dialect: s.dialect, lossy: s.lossy, lastHLC: s.lastHLC}
}

// Sync makes everything committed so far durable.
func (s *Store) Sync() {
	for i, t := range s.all() {
		t.forget()
		s.from[i] = 0
	}
}

// Crash loses what was committed and not synced; on an honest disk, nothing.
func (s *Store) Crash() {
	for _, t := range s.all() {
		t.undo(0)
	}
	s.from = [tableCount]int{}
}

// Dialect implements db.DB.
func (s *Store) Dialect() db.Dialect { return s.dialect }

// errConstraint is what a statement gives that breaks a constraint.
var errConstraint = errors.New("simtest: a constraint is violated")

// Permanent implements db.DB.
func (s *Store) Permanent(err error) bool { return errors.Is(err, errConstraint) }

// View implements db.DB.
func (s *Store) View(_ context.Context, fn func(db.Tx) error) error {
	return fn(&tx{s: s, readOnly: true})
}

// Update implements db.DB.
func (s *Store) Update(_ context.Context, fn func(db.Tx) error) error {
	if s.inTx {
		return errors.New("simtest: a transaction inside a transaction: it would wait for ever")
	}
	s.inTx = true
	defer func() { s.inTx = false }()
	x := &tx{s: s, after: new([]func())}
	start := s.marks()
	err := fn(x)
	if err == nil && x.aborted {
		err = errAborted
	}
	if err != nil {
		s.rollback(start)
		return err
	}
	if s.committed != nil {
		s.from = start
		s.committed()
	}
	if !s.lossy {
		for _, t := range s.all() {
			t.forget()
		}
	}
	s.inTx = false
	for _, f := range *x.after {
		f()
	}
	return nil
}

func (s *Store) marks() (m [tableCount]int) {
	for i, t := range s.all() {
		m[i] = t.mark()
	}
	return m
}

func (s *Store) rollback(to [tableCount]int) {
	for i, t := range s.all() {
		t.undo(to[i])
	}
}

type tx struct {
	s        *Store
	after    *[]func()
	readOnly bool
	aborted  bool // Postgres: a statement failed
}

var (
	errAborted  = errors.New("simtest: the transaction is aborted; statements are ignored until its end")
	errReadOnly = errors.New("simtest: a view cannot write")
)

func (x *tx) Dialect() db.Dialect { return x.s.dialect }
func (*tx) Value(any) any         { return nil }

func (x *tx) AfterCommit(fn func()) {
	if x.after != nil {
		*x.after = append(*x.after, fn)
	}
}

// failed notes that a statement gave err: on Postgres that spoils the transaction.
func (x *tx) failed(err error) error {
	if err != nil && x.s.dialect == db.Postgres {
		x.aborted = true
	}
	return err
}

func (x *tx) handler(q db.SQL) (*handler, error) {
	if x.aborted {
		return nil, errAborted
	}
	h, ok := handlers()[q.For(x.s.dialect)]
	if !ok {
		return nil, fmt.Errorf("simtest: the stores do not know this statement; teach them in statements.go: %s", q.For(x.s.dialect))
	}
	if x.readOnly && h.exec != nil && !h.reads {
		return nil, errReadOnly
	}
	return h, nil
}

func (x *tx) Exec(_ context.Context, q db.SQL, args ...any) (int64, error) {
	h, err := x.handler(q)
	if err != nil {
		return 0, err
	}
	n, err := h.exec(x.s, args)
	return n, x.failed(err)
}

func (x *tx) Query(_ context.Context, q db.SQL, args ...any) (db.Rows, error) {
	h, err := x.handler(q)
	if err != nil {
		return nil, err
	}
	r := &rows{at: -1, width: h.width}
	if err := x.failed(h.query(x.s, args, r)); err != nil {
		return nil, err
	}
	return r, nil
}

func (x *tx) Savepoint(_ context.Context, fn func(db.Tx) error) error {
	if x.aborted {
		return errAborted
	}
	start := x.s.marks()
	err := fn(x)
	if err == nil && x.aborted {
		err = errAborted
	}
	if err != nil {
		x.s.rollback(start)
		x.aborted = false
	}
	return err
}

func (x *tx) BulkInsert(ctx context.Context, table string, columns []string, in [][]any) error {
	keys, err := x.BulkUpsert(ctx, table, columns, in)
	if err == nil && len(keys) < len(in) {
		err = x.failed(errConstraint)
	}
	return err
}

func (x *tx) BulkUpsert(_ context.Context, table string, _ []string, in [][]any) ([]string, error) {
	if x.aborted {
		return nil, errAborted
	}
	if x.readOnly {
		return nil, errReadOnly
	}
	insert, ok := bulkTables[table]
	if !ok {
		return nil, fmt.Errorf("simtest: no bulk into %s", table)
	}
	var keys []string
	for _, r := range in {
		n, err := insert(x.s, r)
		if err != nil {
			return nil, x.failed(err)
		}
		if n > 0 {
			keys = append(keys, str(r[0]))
		}
	}
	return keys, nil
}

// handler answers one statement.
type handler struct {
	exec  func(s *Store, a []any) (int64, error)
	query func(s *Store, a []any, out *rows) error
	width int  // columns of a query
	reads bool // exec changes nothing: a view may run it
}

// rows is a result: all values in one slice.
type rows struct {
	vals  []any
	width int
	at    int
}

func (r *rows) add(vals ...any) { r.vals = append(r.vals, vals...) }

func (r *rows) Next() bool { r.at++; return (r.at+1)*r.width <= len(r.vals) }
func (r *rows) Err() error { return nil }
func (r *rows) Close()     {}

func (r *rows) Scan(dest ...any) error {
	if len(dest) != r.width {
		return fmt.Errorf("simtest: %d columns, %d asked for", r.width, len(dest))
	}
	for i, d := range dest {
		if err := assign(d, r.vals[r.at*r.width+i]); err != nil {
			return err
		}
	}
	return nil
}

func assign(dest, v any) error {
	ok := true
	if sealed, is := dest.(*db.SecretBytes); is { // the simulation has no keys
		dest = (*[]byte)(sealed)
	}
	switch d := dest.(type) {
	case *string:
		*d, ok = v.(string)
	case *int64:
		*d, ok = v.(int64)
	case *[]byte:
		if v == nil {
			*d = nil
			return nil
		}
		*d, ok = v.([]byte)
	case **string:
		*d = nil
		if v != nil {
			var text string
			text, ok = v.(string)
			*d = &text
		}
	case *db.Time:
		return d.Scan(v)
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("simtest: cannot scan %T into %T", v, dest)
	}
	return nil
}

var _ db.DB = (*Store)(nil)

// engine are the engine's statements by their name.
var engine = syncer.Statements()
