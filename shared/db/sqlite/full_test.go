package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/fault"
)

func TestAFullDiskIsSaidAndSavesNothing(t *testing.T) {
	d, err := sqlite.Open(filepath.Join(t.TempDir(), "full.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	run := func(ctx context.Context, statements ...string) error {
		return d.Update(ctx, func(tx db.Tx) error {
			for _, s := range statements {
				if _, err := tx.Exec(ctx, db.SQL{Both: s}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	ctx := t.Context()
	if err := run(ctx, "CREATE TABLE notes (body BLOB)"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Writer().ExecContext(ctx, "PRAGMA max_page_count = 10"); err != nil {
		t.Fatal(err)
	}
	err = run(ctx, "INSERT INTO notes VALUES (x'01')", "INSERT INTO notes VALUES (zeroblob(100000))")
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a full disk gave %v", err)
	}
	if _, err := d.Writer().ExecContext(ctx, "PRAGMA max_page_count = 10000"); err != nil {
		t.Fatal(err)
	}
	if err := run(ctx, "INSERT INTO notes VALUES (zeroblob(100000))"); err != nil {
		t.Errorf("with room again: %v", err)
	}
	var rows int
	if err := d.Writer().QueryRowContext(ctx, "SELECT count(*) FROM notes").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v; of the refused write nothing may be there", rows, err)
	}
}
