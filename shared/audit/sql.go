package audit

import (
	"context"
	"errors"
	"strings"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// The details lie sealed at a school's box, and only there: the log is append-only,
// and at the cloud, whose keys are replaced, nothing of it could be sealed anew. So
// they have the type that the cloud leaves bare.
const columns = `id, node, seq, school_id, at, action, actor_id, role, target_kind, target_id, status, ip, user_agent, request_id, details, details_hash, prev, hash`

var (
	insertEntry = db.SQL{Both: `INSERT INTO audit_entries (` + columns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT (id) DO NOTHING`}
	selectEntry = db.SQL{Both: `SELECT ` + columns + ` FROM audit_entries WHERE id = $1`}

	beginHead = db.SQL{
		Postgres: `INSERT INTO audit_heads (node, seq, hash)
			SELECT $1::text, coalesce(max(seq), 0), coalesce((SELECT hash FROM audit_entries WHERE node = $1::text ORDER BY seq DESC, id DESC LIMIT 1), '')
			FROM audit_entries WHERE node = $1::text ON CONFLICT (node) DO NOTHING`,
		SQLite: `INSERT INTO audit_heads (node, seq, hash)
			SELECT $1, coalesce(max(seq), 0), coalesce((SELECT hash FROM audit_entries WHERE node = $1 ORDER BY seq DESC, id DESC LIMIT 1), '')
			FROM audit_entries WHERE node = $1 ON CONFLICT (node) DO NOTHING`,
	}
	// An appliance has one writer; the cloud's writers queue at the mark.
	lockHead = db.SQL{
		Postgres: `SELECT seq, hash FROM audit_heads WHERE node = $1 FOR UPDATE`,
		SQLite:   `SELECT seq, hash FROM audit_heads WHERE node = $1`,
	}
	readHead = db.SQL{Both: `SELECT seq, hash FROM audit_heads WHERE node = $1`}
	moveHead = db.SQL{Both: `UPDATE audit_heads SET seq = $2, hash = $3 WHERE node = $1`}

	listNodes = db.SQL{Both: `SELECT node FROM audit_entries UNION SELECT node FROM audit_heads ORDER BY node`}
	// The id breaks the tie of two entries with one number, after a restore.
	pageChain = db.SQL{
		Postgres: `SELECT ` + columns + ` FROM audit_entries
			WHERE node = $1 AND (seq, id::text) > ($2::bigint, $3::text) ORDER BY seq, id::text LIMIT $4`,
		SQLite: `SELECT ` + columns + ` FROM audit_entries WHERE node = $1 AND (seq, id) > ($2, $3) ORDER BY seq, id LIMIT $4`,
	}
	pageEntries = db.SQL{Both: `SELECT ` + columns + ` FROM audit_entries
		WHERE school_id = $1 AND node <> 'cloud' AND id > $2 ORDER BY id LIMIT $3`}
	eraseDetails = db.SQL{
		Postgres: `UPDATE audit_entries SET details = '' WHERE details <> '' AND (target_id = $1 OR actor_id = $1 OR position($2::text IN details) > 0)`,
		SQLite:   `UPDATE audit_entries SET details = '' WHERE details <> '' AND (target_id = $1 OR actor_id = $1 OR instr(details, $2) > 0)`,
	}
)

var (
	countEntries = db.SQL{Postgres: `SELECT count(*) FROM audit_entries ` + matchPostgres, SQLite: `SELECT count(*) FROM audit_entries ` + matchSQLite}
	listEntries  = db.SQL{
		Postgres: `SELECT ` + columns + ` FROM audit_entries ` + matchPostgres + ` ORDER BY at DESC, seq DESC, id DESC LIMIT $7 OFFSET $8`,
		SQLite:   `SELECT ` + columns + ` FROM audit_entries ` + matchSQLite + ` ORDER BY at DESC, seq DESC, id DESC LIMIT $7 OFFSET $8`,
	}
)

// A statement of its own for each database: Postgres must be told the types.
const (
	matchPostgres = `WHERE ($1::text = '' OR action = $1 OR ($1 LIKE '%.\%' AND action LIKE $1)) AND ($2::text = '' OR actor_id = $2) AND ($3::text = '' OR target_id = $3)
		AND ($4::text = '' OR school_id = $4) AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)`
	matchSQLite = `WHERE ($1 = '' OR action = $1 OR ($1 LIKE '%.\%' ESCAPE '\' AND action LIKE $1 ESCAPE '\')) AND ($2 = '' OR actor_id = $2) AND ($3 = '' OR target_id = $3)
		AND ($4 = '' OR school_id = $4) AND ($5 IS NULL OR at >= $5) AND ($6 IS NULL OR at < $6)`
)

func row(r Record) []any {
	return []any{r.ID, r.Node, r.Seq, r.School, r.At, r.Action, r.Actor, r.Role, r.TargetKind, r.TargetID, r.Status, r.IP, r.UserAgent,
		r.RequestID, db.Contact(r.Details), r.DetailsHash, r.Prev, r.Hash}
}

func scanRecord(s db.Rows) (r Record, err error) {
	return r, s.Scan(&r.ID, &r.Node, &r.Seq, &r.School, &r.At, &r.Action, &r.Actor, &r.Role, &r.TargetKind, &r.TargetID, &r.Status, &r.IP,
		&r.UserAgent, &r.RequestID, (*db.Contact)(&r.Details), &r.DetailsHash, &r.Prev, &r.Hash)
}

func scanHead(s db.Rows) (h head, err error) { return h, s.Scan(&h.seq, &h.hash) }

// errForeignChain refuses an entry that pretends to be of another node.
var errForeignChain = fault.New(fault.Invalid, "This entry is of another school's chain.").WithCode("invalid")

// putFromBox stores what a box has written. Its chain begins with its school's
// id, and the school is checked by the engine.
func putFromBox(ctx context.Context, tx db.Tx, r Record) (bool, error) {
	if r.School == "" || !strings.HasPrefix(r.Node, r.School+"/") {
		return false, errForeignChain
	}
	n, err := tx.Exec(ctx, insertEntry, row(r)...)
	return n > 0, err
}

func getEntry(ctx context.Context, tx db.Tx, id string) (Record, error) {
	return db.First(ctx, tx, selectEntry, scanRecord, id)
}

// Erase empties the details of every entry by or about a person, and of those
// that name her or say one of words: her name, her phone. Who did what to whom
// stays, as ids; the chain holds.
func Erase(ctx context.Context, tx db.Tx, person string, words ...string) (entries int64, err error) {
	if person == "" {
		return 0, errors.New("erase from the audit log: nobody is named")
	}
	for _, word := range append([]string{person}, words...) {
		n, err := tx.Exec(ctx, eraseDetails, person, word)
		if entries += n; err != nil {
			return entries, err
		}
	}
	return entries, nil
}
