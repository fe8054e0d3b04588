package simtest

import (
	"context"
	"errors"

	"urbanhomeschool.org/uhs/shared/db"
)

// plan is what goes wrong in the next transactions of a node's database.
type plan struct {
	// failIn counts statements down; at zero the connection is gone for the rest
	// of the transaction. Negative: no fault.
	failIn int
	// crash makes that fault the end of the process.
	crash bool
	// busyIn counts statements down as well; at zero one statement fails for a
	// moment, as on a lock that is held: the savepoint around it can be left and
	// the rest goes on. Zero: no fault.
	busyIn int
	// commit says what happens at the next commit.
	commit commitFault
	// full refuses every write: the disk has no room.
	full bool
	// again runs the next transaction twice: a serialisation failure at its end.
	again bool
	// crashed is set when the process has ended.
	crashed bool
}

type commitFault uint8

const (
	commitWell commitFault = iota
	commitRefused
	commitUnheard // committed, but the answer was lost
)

func quiet() plan { return plan{failIn: -1} }

var (
	errAway  = errors.New("simtest: the database is away")
	errBusy  = errors.New("simtest: another transaction holds the row")
	errFull  = errors.New("simtest: the disk is full")
	errCrash = errors.New("simtest: the process has ended")
)

// faulty is a database that does what its plan says. It works around any
// database: the same faults hit the stores in memory and the real ones.
type faulty struct {
	db.DB
	plan *plan
}

func (f faulty) View(ctx context.Context, fn func(db.Tx) error) error {
	if f.plan.crashed {
		return errCrash
	}
	return f.DB.View(ctx, func(tx db.Tx) error { return fn(&faultyTx{Tx: tx, p: f.plan}) })
}

func (f faulty) Update(ctx context.Context, fn func(db.Tx) error) error {
	if f.plan.crashed {
		return errCrash
	}
	commit, again := f.plan.commit, f.plan.again
	f.plan.commit, f.plan.again = commitWell, false
	if again {
		err := f.DB.Update(ctx, func(tx db.Tx) error {
			if err := fn(&faultyTx{Tx: tx, p: f.plan}); err != nil {
				return err
			}
			return errAway
		})
		if err != nil && !errors.Is(err, errAway) {
			return err
		}
		if f.plan.crashed {
			return errCrash
		}
	}
	var after []func()
	err := f.DB.Update(ctx, func(tx db.Tx) error {
		after = after[:0]
		x := &faultyTx{Tx: tx, p: f.plan, after: &after}
		if err := fn(x); err != nil {
			return err
		}
		if x.gone != nil { // nobody commits on a connection that is gone
			return x.gone
		}
		if x.busy {
			return errBusy
		}
		if commit == commitRefused {
			return errAway
		}
		return nil
	})
	if err != nil {
		return err
	}
	if f.plan.crashed { // between the commit and its answer
		return errCrash
	}
	if commit == commitUnheard {
		return errAway
	}
	for _, f := range after {
		f()
	}
	return nil
}

type faultyTx struct {
	db.Tx
	p     *plan
	after *[]func()
	gone  error
	busy  bool // a statement failed for a moment, and its savepoint is not left yet
}

// trouble is the fault of this statement, if any.
func (x *faultyTx) trouble(write bool) error {
	if x.gone != nil {
		return x.gone
	}
	if x.p.failIn == 0 {
		x.p.failIn, x.gone = -1, errAway
		if x.p.crash {
			x.p.crashed, x.gone = true, errCrash
		}
		return x.gone
	}
	if x.p.failIn > 0 {
		x.p.failIn--
	}
	if x.p.busyIn > 0 {
		x.p.busyIn--
		x.busy = x.busy || x.p.busyIn == 0
	}
	if x.busy {
		return errBusy
	}
	if write && x.p.full {
		return errFull
	}
	return nil
}

func (x *faultyTx) AfterCommit(fn func()) {
	if x.after != nil {
		*x.after = append(*x.after, fn)
	}
}

func (x *faultyTx) Exec(ctx context.Context, q db.SQL, args ...any) (int64, error) {
	if err := x.trouble(true); err != nil {
		return 0, err
	}
	return x.Tx.Exec(ctx, q, args...)
}

func (x *faultyTx) Query(ctx context.Context, q db.SQL, args ...any) (db.Rows, error) {
	if err := x.trouble(false); err != nil {
		return nil, err
	}
	return x.Tx.Query(ctx, q, args...)
}

func (x *faultyTx) Savepoint(ctx context.Context, fn func(db.Tx) error) error {
	if err := x.trouble(false); err != nil {
		return err
	}
	err := x.Tx.Savepoint(ctx, func(db.Tx) error { return fn(x) })
	if err != nil {
		x.busy = false
	}
	return err
}

func (x *faultyTx) BulkInsert(ctx context.Context, table string, columns []string, rows [][]any) error {
	if err := x.trouble(true); err != nil {
		return err
	}
	return x.Tx.BulkInsert(ctx, table, columns, rows)
}

func (x *faultyTx) BulkUpsert(ctx context.Context, table string, columns []string, rows [][]any) ([]string, error) {
	if err := x.trouble(true); err != nil {
		return nil, err
	}
	return x.Tx.BulkUpsert(ctx, table, columns, rows)
}
