package personal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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

const (
	erasureColumns = `id, person_id, school_id, by_id, at`
	receiptColumns = `id, erasure_id, school_id, node, at`
	requestColumns = `id, person_id, school_id, asked_by, reason, code, asked_at, due_at, withdrawn_at, done_at`
)

var (
	insertErasure = db.SQL{Both: `INSERT INTO erasures (` + erasureColumns + `) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`}
	selectErasure = db.SQL{Both: `SELECT ` + erasureColumns + ` FROM erasures WHERE id = $1`}
	pageErasures  = db.SQL{Both: `SELECT ` + erasureColumns + ` FROM erasures WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	listErased    = db.SQL{Both: `SELECT DISTINCT person_id FROM erasures`}
	listErasures  = db.SQL{Both: `SELECT ` + erasureColumns + ` FROM erasures WHERE person_id = $1 ORDER BY school_id`}
	// What this node has not confirmed.
	listOpen = db.SQL{Both: `SELECT ` + erasureColumns + ` FROM erasures e WHERE e.school_id = $1
		AND NOT EXISTS (SELECT 1 FROM erasure_receipts r WHERE r.erasure_id = e.id AND r.node = $2) ORDER BY e.id`}

	insertReceipt = db.SQL{Both: `INSERT INTO erasure_receipts (` + receiptColumns + `) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`}
	selectReceipt = db.SQL{Both: `SELECT ` + receiptColumns + ` FROM erasure_receipts WHERE id = $1`}
	pageReceipts  = db.SQL{Both: `SELECT ` + receiptColumns + ` FROM erasure_receipts WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	listReceipts  = db.SQL{Both: `SELECT ` + receiptColumns + ` FROM erasure_receipts WHERE erasure_id = $1 ORDER BY at`}

	insertRequest = db.SQL{Both: `INSERT INTO erasure_requests (` + requestColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`}
	latestRequest = db.SQL{Both: `SELECT ` + requestColumns + ` FROM erasure_requests WHERE person_id = $1 ORDER BY asked_at DESC, id DESC LIMIT 1`}
	requestByCode = db.SQL{Both: `SELECT ` + requestColumns + ` FROM erasure_requests WHERE code = $1`}
	listRequests  = db.SQL{Both: everyRequest + ` ORDER BY 7 DESC, 1 LIMIT $1 OFFSET $2`}
	countRequests = db.SQL{Both: `SELECT count(*) FROM (` + everyRequest + `) every`}
	dueRequests   = db.SQL{Both: `SELECT ` + requestColumns + ` FROM erasure_requests WHERE due_at <= $1 AND withdrawn_at IS NULL AND done_at IS NULL ORDER BY due_at`}
	withdraw      = db.SQL{Both: `UPDATE erasure_requests SET withdrawn_at = $2 WHERE id = $1 AND done_at IS NULL`}
	finish        = db.SQL{Both: `UPDATE erasure_requests SET done_at = $2 WHERE id = $1`}

	// The schools that ever held the person, or a learner whose guardian she is.
	schoolsOf = db.SQL{Both: `SELECT school_id FROM memberships WHERE account_id = $1
		UNION SELECT school_id FROM accounts WHERE id = $1 AND school_id <> ''
		UNION SELECT m.school_id FROM memberships m JOIN guardians g ON g.learner_id = m.account_id WHERE g.account_id = $1`}
	// Of the learner and her duplicates, as who may ask for her is found.
	countGuardians = db.SQL{Both: `SELECT count(*) FROM guardians WHERE NOT ended
		AND learner_id IN (SELECT id FROM accounts WHERE id = $1 OR merged_into_id = $1)`}
	countNamed = db.SQL{Both: `SELECT count(*) FROM schools WHERE named_adult_id = $1`}
	wordsOf    = db.SQL{Both: `SELECT full_name FROM accounts WHERE id = $1 UNION SELECT email FROM accounts WHERE id = $1
		UNION SELECT email FROM logins WHERE account_id = $1 AND email <> '' UNION SELECT phone FROM profiles WHERE account_id = $1
		UNION SELECT phone FROM logins WHERE account_id = $1 AND phone <> ''`}
)

// everyRequest are all erasures but those that were withdrawn. What a school asked
// for at its box stands among the erasures alone.
const everyRequest = `SELECT ` + requestColumns + ` FROM erasure_requests WHERE withdrawn_at IS NULL
		UNION ALL SELECT e.id, e.person_id, '', e.by_id, '', '', e.at, e.at, CAST(NULL AS timestamptz), e.at FROM erasures e
			WHERE e.school_id = '' AND NOT EXISTS (SELECT 1 FROM erasure_requests r WHERE r.person_id = e.person_id AND r.withdrawn_at IS NULL)`

func scanErasure(r db.Rows) (v Erasure, err error) {
	return v, r.Scan(&v.ID, &v.Person, &v.School, &v.By, &v.At)
}

func scanReceipt(r db.Rows) (v Receipt, err error) {
	return v, r.Scan(&v.ID, &v.Erasure, &v.School, &v.Node, &v.At)
}

func scanRequest(r db.Rows) (v Asked, err error) {
	return v, r.Scan(&v.ID, &v.Person, &v.School, &v.By, &v.Reason, &v.Code, &v.AskedAt, &v.DueAt, &v.WithdrawnAt, &v.DoneAt)
}

func first[T any](ctx context.Context, tx db.Tx, q db.SQL, scan func(db.Rows) (T, error), args ...any) (T, error) {
	rows, err := tx.Query(ctx, q, args...)
	return db.One(rows, err, scan)
}

func all[T any](ctx context.Context, tx db.Tx, q db.SQL, scan func(db.Rows) (T, error), args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, q, args...)
	return db.Collect(rows, err, scan)
}

func putErasure(ctx context.Context, tx db.Tx, v Erasure) (bool, error) {
	n, err := tx.Exec(ctx, insertErasure, v.ID, v.Person, v.School, v.By, v.At)
	return n > 0, err
}

func erasureByID(ctx context.Context, tx db.Tx, id string) (Erasure, error) {
	return first(ctx, tx, selectErasure, scanErasure, id)
}

func putReceipt(ctx context.Context, tx db.Tx, v Receipt) (bool, error) {
	n, err := tx.Exec(ctx, insertReceipt, v.ID, v.Erasure, v.School, v.Node, v.At)
	return n > 0, err
}

func receiptByID(ctx context.Context, tx db.Tx, id string) (Receipt, error) {
	return first(ctx, tx, selectReceipt, scanReceipt, id)
}

// Erased gives the people who were erased here, for syncer.Applier.
func Erased(ctx context.Context, tx db.Tx) (map[string]bool, error) {
	ids, err := all(ctx, tx, listErased, db.Scalar[string])
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	out := make(map[string]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

// take deletes or blanks the rows of a place.
func take(d db.Dialect, p Place) db.SQL {
	if p.End == Blanked {
		return both(`UPDATE ` + p.Table + ` SET ` + p.Blank + ` WHERE ` + p.About.For(d))
	}
	return both(`DELETE FROM ` + p.Table + ` WHERE ` + p.About.For(d))
}

// retireRows deletes or blanks the rows of a step, at most $2 when it is bounded.
func retireRows(st step, bounded bool) db.SQL {
	where := st.where
	if bounded {
		where = st.key + ` IN (SELECT ` + st.key + ` FROM ` + st.table + ` WHERE ` + st.where + ` LIMIT $2)`
	}
	if st.set != "" {
		return both(`UPDATE ` + st.table + ` SET ` + st.set + ` WHERE ` + where)
	}
	return both(`DELETE FROM ` + st.table + ` WHERE ` + where)
}

var (
	upsertMoment = db.SQL{Both: `INSERT INTO retention_moments (id, at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET at = excluded.at`}
	latestMoment = db.SQL{Both: `SELECT id, at FROM retention_moments ORDER BY at DESC LIMIT 1`}
	pageMoments  = db.SQL{Both: `SELECT id, at FROM retention_moments WHERE $1 = '' AND id > $2 ORDER BY id LIMIT $3`}

	// Learners who left their last school before $1, whom no guardian with an account
	// looks after, and who did nothing since. A duplicate goes with its survivor, whose
	// schools are those of both; they are gathered once, not looked for by learner.
	leftBefore = db.SQL{Both: `WITH gone AS (
			SELECT CASE WHEN a.merged_into_id = '' THEN a.id ELSE a.merged_into_id END AS id
			FROM memberships m JOIN accounts a ON a.id = m.account_id
			GROUP BY 1 HAVING count(*) = count(m.until) AND max(m.until) < $1)
		SELECT a.id FROM gone JOIN accounts a ON a.id = gone.id WHERE a.role = 'student' AND a.merged_into_id = ''
		AND EXISTS (SELECT 1 FROM memberships m WHERE m.account_id = a.id)
		AND NOT EXISTS (SELECT 1 FROM guardians g WHERE g.learner_id = a.id AND g.account_id <> '')
		AND NOT EXISTS (SELECT 1 FROM learning_activities l WHERE l.learner_id = a.id AND l.at >= $1)
		AND NOT EXISTS (SELECT 1 FROM attempts t WHERE t.learner_id = a.id AND t.submitted_at >= $1)
		AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.account_id = a.id AND s.expires_at >= $1)
		ORDER BY a.id LIMIT $2`}
)

func scanMoment(r db.Rows) (v Moment, err error) { return v, r.Scan(&v.ID, &v.At) }

func putMoment(ctx context.Context, tx db.Tx, v Moment) (bool, error) {
	n, err := tx.Exec(ctx, upsertMoment, v.ID, v.At)
	return n > 0, err
}

// momentOf is the stored moment; zero for none.
func momentOf(ctx context.Context, tx db.Tx) (time.Time, error) {
	m, err := first(ctx, tx, latestMoment, scanMoment)
	if errors.Is(err, db.ErrNoRows) {
		return time.Time{}, nil
	}
	return m.At.Time, err
}
