package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// box is an appliance's file with its journal.
type box struct {
	file  *sqlite.DB
	db    db.DB
	log   syncer.Log
	class *class
}

func openBox(ctx context.Context, path string, log syncer.Log) (*box, error) {
	file, err := sqlite.Open(path) //nolint:contextcheck // the handles live longer than the call
	if err != nil {
		return nil, err
	}
	if err := migrate.Up(ctx, file.Writer(), goose.DialectSQLite3, migrations.SQLite()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	hybrid, err := syncer.OpenHybrid(ctx, file, clock.System{})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	b := &box{file: file, log: log, class: &class{school: identity.SchoolID(log.School)}}
	b.db = syncer.WithJournal(file, &syncer.Uplink{Outbox: &syncer.Outbox{Hybrid: hybrid, Clock: clock.System{}}, Current: func() syncer.Log { return b.log }, Wake: func() {}})
	return b, nil
}

// save stores attempts and their outbox rows in one transaction.
func (b *box) save(ctx context.Context, in []assessment.Attempt) error {
	return b.db.Update(ctx, func(tx db.Tx) error {
		for _, a := range in {
			if _, err := assessment.Attempts.Save(ctx, tx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// saved compares saving an attempt (its row, its outbox row, the lane's head)
// with bare inserts of the same two rows, by prepared statements, in a file with
// the same settings, also with the same synchronous=FULL. The two take turns.
func saved(ctx context.Context, dir string, records int) error {
	log := syncer.Log{School: id.New(), Epoch: 1}
	ours, err := openBox(ctx, filepath.Join(dir, "ours.db"), log)
	if err != nil {
		return err
	}
	defer func() { _ = ours.file.Close() }()
	bare, err := openBox(ctx, filepath.Join(dir, "bare.db"), log)
	if err != nil {
		return err
	}
	defer func() { _ = bare.file.Close() }()
	for range pupils {
		ours.class.learners = append(ours.class.learners, identity.AccountID(id.New()))
	}
	for _, size := range []int{1, 100} {
		n := min(records, 2000*size) / size
		var a, b watch
		for range n {
			in := ours.class.attempts(size)
			if err := a.run(func() error { return ours.save(ctx, in) }); err != nil {
				return err
			}
			if err := b.run(func() error { return bare.insert(ctx, in) }); err != nil {
				return err
			}
		}
		tell(fmt.Sprintf("attempts/s by bare inserts of both rows, %d a commit", size), fmt.Sprintf("%.0f", b.rate(n*size)), "-")
		tell(fmt.Sprintf("attempts/s saved with their outbox rows, %d a commit", size), fmt.Sprintf("%.0f", a.rate(n*size)), "-")
		tell("  ratio", fmt.Sprintf("%.2f", a.rate(1)/b.rate(1)), "0.7")
	}
	return nil
}

// insert stores the same two rows by hand.
func (b *box) insert(ctx context.Context, in []assessment.Attempt) error {
	tx, err := b.file.Writer().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	first, err := tx.PrepareContext(ctx, bareAttempt)
	if err != nil {
		return err
	}
	defer func() { _ = first.Close() }()
	second, err := tx.PrepareContext(ctx, bareOutbox)
	if err != nil {
		return err
	}
	defer func() { _ = second.Close() }()
	for _, a := range in {
		if err := b.insertOne(ctx, first, second, a); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (b *box) insertOne(ctx context.Context, first, second *sql.Stmt, a assessment.Attempt) error {
	if _, err := first.ExecContext(ctx, assessment.Attempts.Bulk.Row(a)...); err != nil {
		return err
	}
	body, err := syncproto.EncodeBody(a)
	if err != nil {
		return err
	}
	b.class.made++
	e, spec := syncproto.Event{Type: assessment.Attempts.Name, Version: 1, Entity: string(a.ID), HLC: 1, Body: body}, assessment.Attempts.Spec
	hash := e.Hash()
	_, err = second.ExecContext(ctx, b.log.School, b.log.Epoch, int64(spec.Lane), b.class.made, spec.Name, 1, string(a.ID), 1, nil, body, hash[:], hash[:], clock.System{}.Now())
	return err
}

// fillFile saves so many attempts of the box's own learners, as if the school
// had worked for weeks without a line.
func fillFile(ctx context.Context, path string, records int) error {
	b, err := openBox(ctx, path, syncer.Log{})
	if err != nil {
		return err
	}
	defer func() { _ = b.file.Close() }()
	err = b.db.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, newestLog)
		if b.log, err = db.One(rows, err, func(r db.Rows) (l syncer.Log, err error) { return l, r.Scan(&l.School, &l.Epoch) }); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, listLearners)
		learners, err := db.Collect(rows, err, db.Scalar[string])
		for _, l := range learners {
			b.class.learners = append(b.class.learners, identity.AccountID(l))
		}
		return err
	})
	if err == nil && len(b.class.learners) == 0 {
		err = errors.New("the file has no learners yet")
	}
	if err != nil {
		return err
	}
	b.class.school = identity.SchoolID(b.log.School)
	for records > 0 {
		n := min(records, 5000)
		if err := b.save(ctx, b.class.attempts(n)); err != nil {
			return err
		}
		records -= n
	}
	return nil
}
