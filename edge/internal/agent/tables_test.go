package agent

import (
	"slices"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
)

// A snapshot brings a new database file: whoever adds a table says what becomes
// of it then, in one of the lists of sql.go.
func TestEveryTableIsDeclared(t *testing.T) {
	d := dbtest.SQLite(t)
	var tables []string
	if err := d.View(t.Context(), func(tx db.Tx) (err error) {
		rows, err := tx.Query(t.Context(), db.SQL{SQLite: strings.ReplaceAll(listTables, "'old'", "'main'")})
		tables, err = db.Collect(rows, err, db.Scalar[string])
		return err
	}); err != nil {
		t.Fatal(err)
	}
	declared := slices.Concat(presentTables, rebuiltTables, localTables)
	for table := range factTables {
		declared = append(declared, table)
	}
	for _, table := range tables {
		if !slices.Contains(declared, table) {
			t.Errorf("%s is in none of the lists of edge/internal/agent/sql.go: what becomes of it in a snapshot?", table)
		}
	}
	slices.Sort(declared)
	for i, table := range declared {
		if !slices.Contains(tables, table) {
			t.Errorf("%s is declared and does not exist", table)
		}
		if i > 0 && declared[i-1] == table {
			t.Errorf("%s is declared twice", table)
		}
	}
}
