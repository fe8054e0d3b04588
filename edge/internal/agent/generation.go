package agent

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// generation is a database file that is built beside the one in use: first from
// the snapshot, while the school works, then, while writers wait, with what is
// only here.
type generation struct {
	path     string
	file     *sqlite.DB
	restorer syncer.Restorer
	// rows is how far each table of facts was gone through before the lock.
	rows map[string]int64
	// settle ends again what the present file still has; nil for nothing.
	settle func(context.Context, db.Tx) error
}

// begin makes an empty file with the present schema. What an earlier attempt
// left is dropped: the parts are on the disk, building again costs no download.
func begin(ctx context.Context, path string, r syncer.Restorer) (*generation, error) {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	file, err := sqlite.Open(path)
	if err != nil {
		return nil, err
	}
	keys, err := db.SealerOf(ctx, r.Applier.DB)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	file.Seal(keys)
	g := &generation{path: path, file: file, rows: map[string]int64{}}
	// Nothing is lost with a half-built file; it is flushed as a whole at the end.
	_, err = file.Writer().ExecContext(ctx, dontWait)
	if err == nil {
		err = migrate.Up(ctx, file.Writer(), goose.DialectSQLite3, migrations.SQLite())
	}
	if err != nil {
		return nil, errors.Join(err, g.drop())
	}
	a := *r.Applier
	a.DB = file
	g.restorer = syncer.Restorer{Applier: &a, Snapshot: r.Snapshot, Belongs: belongs}
	return g, nil
}

// belongs tells whether a record about somebody is kept in the new file: about
// the school, or about a person who is a member by the snapshot.
func belongs(ctx context.Context, tx db.Tx, a syncproto.Audience) (bool, error) {
	person, ok := a.Learner()
	if !ok {
		return true, nil
	}
	rows, err := tx.Query(ctx, isMember, person)
	n, err := db.One(rows, err, db.Scalar[int64])
	return n > 0, err
}

// drop removes the file.
func (g *generation) drop() error {
	err := g.file.Close()
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if rerr := os.Remove(g.path + suffix); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}

// load applies the parts, frame by frame, as long as there is room.
func (g *generation) load(ctx context.Context, store *pack.Store, room func(n int64) error) error {
	for _, p := range g.restorer.Snapshot.Parts {
		if err := g.loadPart(ctx, store, hex.EncodeToString(p.SHA256), room); err != nil {
			return err
		}
	}
	return g.restorer.Seal(ctx)
}

func (g *generation) loadPart(ctx context.Context, store *pack.Store, sha string, room func(n int64) error) error {
	path, ok := store.Path(sha)
	if !ok {
		return fmt.Errorf("%w: a part is gone", syncer.ErrIncomplete)
	}
	f, err := os.Open(path) //nolint:gosec // the store gives only paths of its own blobs
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for r := syncproto.NewReadPart(f); ; {
		frame, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = room(syncproto.MaxFrame)
		}
		if err == nil {
			err = g.restorer.Frame(ctx, frame)
		}
		if err != nil {
			return err
		}
	}
}

// attached runs fn in one transaction of the new file with the present one
// beside it as "old".
//
// The transaction begins deferred: an immediate one, as the driver makes them
// here, would lock the attached file too, and the school could not write.
func (g *generation) attached(ctx context.Context, old string, fn func(*sql.Conn) error) error {
	conn, err := g.file.Writer().Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, attachOld, old); err != nil {
		return err
	}
	err = inTransaction(ctx, conn, fn)
	_, derr := conn.ExecContext(context.WithoutCancel(ctx), detachOld)
	return errors.Join(err, derr)
}

func inTransaction(ctx context.Context, conn *sql.Conn, fn func(*sql.Conn) error) error {
	if _, err := conn.ExecContext(ctx, `BEGIN DEFERRED`); err != nil {
		return err
	}
	err := fn(conn)
	if err == nil {
		_, err = conn.ExecContext(ctx, `COMMIT`)
	}
	if err != nil {
		_, rerr := conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		return errors.Join(err, rerr)
	}
	return nil
}

// keepFacts copies the facts that the snapshot does not have. It is done twice:
// before the lock for the many, in it for the few that came meanwhile.
func (g *generation) keepFacts(ctx context.Context, tx *sql.Conn) error {
	for table, condition := range factTables {
		columns, err := columnsOf(ctx, tx, table)
		if err != nil {
			return err
		}
		var newest int64
		if err := tx.QueryRowContext(ctx, newestRow+table).Scan(&newest); err != nil {
			return fmt.Errorf("keep %s: %w", table, err)
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(keepNewFacts, table, columns, condition), g.rows[table]); err != nil {
			return fmt.Errorf("keep %s: %w", table, err)
		}
		g.rows[table] = newest
	}
	return nil
}

// copyLocal copies what is of this box alone.
func copyLocal(ctx context.Context, tx *sql.Conn) error {
	tables, err := texts(tx.QueryContext(ctx, listTables))
	if err != nil {
		return err
	}
	for _, table := range tables {
		if slices.Contains(presentTables, table) || slices.Contains(rebuiltTables, table) || factTables[table] != "" {
			continue
		}
		columns, err := columnsOf(ctx, tx, table)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(copyTable, table, columns)); err != nil {
			return fmt.Errorf("copy %s: %w", table, err)
		}
	}
	return nil
}

// fill brings what is only here, while no writer can change it, and closes the
// file with everything in it.
func (g *generation) fill(ctx context.Context, old string) error {
	err := g.attached(ctx, old, func(tx *sql.Conn) error {
		if err := g.keepFacts(ctx, tx); err != nil {
			return err
		}
		return copyLocal(ctx, tx)
	})
	if err != nil {
		return err
	}
	if _, err := g.restorer.Replay(ctx); err != nil {
		return err
	}
	if g.settle != nil {
		if err := g.file.Update(ctx, func(tx db.Tx) error { return g.settle(ctx, tx) }); err != nil {
			return err
		}
	}
	if _, err := g.file.Writer().ExecContext(ctx, writeBack); err != nil {
		return err
	}
	return g.file.Close()
}

// check looks the built file over before anybody works on it.
func (g *generation) check(ctx context.Context) error {
	var found string
	if err := g.file.Writer().QueryRowContext(ctx, checkContent).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("the new database is damaged: %s", found)
	}
	return nil
}

// columnsOf are the columns that both files have.
func columnsOf(ctx context.Context, tx *sql.Conn, table string) (string, error) {
	names, err := texts(tx.QueryContext(ctx, listColumns, table))
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", fmt.Errorf("the new database has no table %s", table)
	}
	return strings.Join(names, ", "), nil
}

func texts(rows *sql.Rows, err error) (out []string, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
