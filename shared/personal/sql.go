package personal

import (
	"context"
	"fmt"
	"strings"

	"urbanhomeschool.org/uhs/shared/db"
)

func both(condition string) db.SQL { return db.SQL{Both: condition} }

// is matches rows that name the person in one of the columns.
func is(columns ...string) db.SQL {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = c + " = $1"
	}
	return both(strings.Join(parts, " OR "))
}

const (
	// phones are the numbers of the person $1, contacts her addresses too.
	phones = `(SELECT phone FROM logins WHERE account_id = $1 AND phone <> '' UNION SELECT phone FROM profiles WHERE account_id = $1 AND phone <> ''
		UNION SELECT phone FROM guardians WHERE account_id = $1 AND phone <> '')`
	contacts = `(SELECT email FROM logins WHERE account_id = $1 AND email <> '' UNION SELECT email FROM accounts WHERE id = $1 AND email <> ''
		UNION SELECT phone FROM logins WHERE account_id = $1 AND phone <> '' UNION SELECT phone FROM profiles WHERE account_id = $1 AND phone <> ''
		UNION SELECT phone FROM guardians WHERE account_id = $1 AND phone <> '')`
)

// inBody matches records whose bytes name the person: an id is its 16 bytes in
// them.
var inBody = db.SQL{Postgres: `position(decode(replace($1::text, '-', ''), 'hex') IN body) > 0`, SQLite: `instr(body, unhex(replace($1, '-', ''))) > 0`}

var (
	listTables = db.SQL{
		Postgres: `SELECT CAST(table_name AS text) FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1`,
		SQLite:   `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'passages_%' ORDER BY name`,
	}
	listColumns = db.SQL{
		Postgres: `SELECT CAST(column_name AS text) FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`,
		SQLite:   `SELECT name FROM pragma_table_info($1) ORDER BY cid`,
	}
)

// Tables are the tables of a database.
func Tables(ctx context.Context, tx db.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, listTables)
	return db.Collect(rows, err, db.Scalar[string])
}

// Columns are the columns of a table, in order.
func Columns(ctx context.Context, tx db.Tx, table string) ([]string, error) {
	rows, err := tx.Query(ctx, listColumns, table)
	return db.Collect(rows, err, db.Scalar[string])
}

// rowsOf selects columns of the rows of a place; both come from this package and
// the schema, never from a person.
func rowsOf(d db.Dialect, p Place, columns []string) db.SQL {
	return both(`SELECT ` + strings.Join(columns, ", ") + ` FROM ` + p.Table + ` WHERE ` + p.About.For(d))
}

// scanRow reads a row of any columns.
func scanRow(n int) func(db.Rows) ([]any, error) {
	return func(r db.Rows) ([]any, error) {
		values, into := make([]any, n), make([]any, n)
		for i := range values {
			into[i] = &values[i]
		}
		if err := r.Scan(into...); err != nil {
			return nil, fmt.Errorf("scan a row: %w", err)
		}
		return values, nil
	}
}
