package roster

import (
	"context"
	"errors"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/syncproto"
)

func isNoRows(err error) bool { return errors.Is(err, db.ErrNoRows) }

// Classes and terms.

const (
	classColumns = `SELECT id, school_id, name, grade, stream, teacher_id, active, updated_at FROM classes `
	termColumns  = `SELECT id, school_id, year, number, first_day, last_day, updated_at FROM school_terms `
)

var (
	upsertClass = db.SQL{Both: `
		INSERT INTO classes (id, school_id, name, grade, stream, teacher_id, active, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, grade = excluded.grade, stream = excluded.stream,
			teacher_id = excluded.teacher_id, active = excluded.active, updated_at = excluded.updated_at`}
	selectClass  = db.SQL{Both: classColumns + `WHERE id = $1`}
	classesOf    = db.SQL{Both: classColumns + `WHERE school_id = $1 ORDER BY name, id`}
	pageClasses  = db.SQL{Both: classColumns + `WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	countInClass = db.SQL{Both: `SELECT class_name, count(*) FROM accounts
		WHERE school_id = $1 AND role = 'student' AND merged_into_id = '' GROUP BY class_name ORDER BY class_name`}

	upsertTerm = db.SQL{Both: `
		INSERT INTO school_terms (id, school_id, year, number, first_day, last_day, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET first_day = excluded.first_day, last_day = excluded.last_day, updated_at = excluded.updated_at`}
	termsOf   = db.SQL{Both: termColumns + `WHERE school_id = $1 AND year = $2 ORDER BY number`}
	pageTerms = db.SQL{Both: termColumns + `WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
)

func putClass(ctx context.Context, tx db.Tx, v Class) (bool, error) {
	_, err := tx.Exec(ctx, upsertClass, v.ID, v.School, v.Name, v.Grade, v.Stream, v.Teacher, v.Active, v.UpdatedAt)
	return err == nil, err
}

func scanClass(r db.Rows) (v Class, err error) {
	err = r.Scan(&v.ID, &v.School, &v.Name, &v.Grade, &v.Stream, &v.Teacher, &v.Active, &v.UpdatedAt)
	return v, err
}

func classByID(ctx context.Context, tx db.Tx, id string) (Class, error) {
	return db.First(ctx, tx, selectClass, scanClass, id)
}

type headcount struct {
	class string
	n     int
}

func scanHeadcount(r db.Rows) (v headcount, err error) {
	err = r.Scan(&v.class, &v.n)
	return v, err
}

func putTerm(ctx context.Context, tx db.Tx, v Term) (bool, error) {
	_, err := tx.Exec(ctx, upsertTerm, v.ID, v.School, v.Year, v.Number, v.First, v.Last, v.UpdatedAt)
	return err == nil, err
}

func scanTerm(r db.Rows) (v Term, err error) {
	err = r.Scan(&v.ID, &v.School, &v.Year, &v.Number, &v.First, &v.Last, &v.UpdatedAt)
	return v, err
}

// Changes are kept as they travel, beside what they are looked up by.

var (
	insertChange = db.SQL{Both: `INSERT INTO roster_changes (id, school_id, kind, account_id, other_id, body, by_id, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`}
	selectChange = db.SQL{Both: `SELECT body FROM roster_changes WHERE id = $1`}
	pageChanges  = db.SQL{Both: `SELECT body FROM roster_changes WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	// Merges that touch an account, and what took them back, without refused ones.
	selectMerges = db.SQL{Both: `SELECT c.body FROM roster_changes c WHERE (c.account_id = $1 OR c.other_id = $1)
		AND c.kind IN ('merge', 'unmerge')
		AND NOT EXISTS (SELECT 1 FROM roster_verdicts v WHERE v.change_id = c.id AND v.refused) ORDER BY c.id`}
	// The same, of what the cloud has said yes to. A run of changes is stored before
	// the first is judged, so that what was not refused may still be.
	settledMerges = db.SQL{Both: `SELECT c.body FROM roster_changes c JOIN roster_verdicts v ON v.change_id = c.id
		WHERE (c.account_id = $1 OR c.other_id = $1) AND c.kind IN ('merge', 'unmerge') AND NOT v.refused ORDER BY c.id`}
	// What has no verdict yet: of a school, or about one account.
	openAt = db.SQL{Both: `SELECT c.body FROM roster_changes c WHERE c.school_id = $1
		AND NOT EXISTS (SELECT 1 FROM roster_verdicts v WHERE v.change_id = c.id) ORDER BY c.at, c.id`}
	openOf = db.SQL{Both: `SELECT c.body FROM roster_changes c WHERE (c.account_id = $1 OR c.other_id = $1)
		AND NOT EXISTS (SELECT 1 FROM roster_verdicts v WHERE v.change_id = c.id) ORDER BY c.at, c.id`}
	// The merges of a school, and what took them back, without refused ones.
	mergesAt = db.SQL{Both: `SELECT c.body FROM roster_changes c WHERE c.school_id = $1 AND c.kind IN ('merge', 'unmerge')
		AND NOT EXISTS (SELECT 1 FROM roster_verdicts v WHERE v.change_id = c.id AND v.refused) ORDER BY c.at DESC, c.id DESC`}
	// Answers that say more than yes and that nobody has seen.
	selectTodos = db.SQL{Both: `SELECT c.body, v.refused, v.code, v.at FROM roster_verdicts v JOIN roster_changes c ON c.id = v.change_id
		WHERE v.school_id = $1 AND v.code <> ''
		AND NOT EXISTS (SELECT 1 FROM roster_changes s WHERE s.school_id = v.school_id AND s.kind = 'seen' AND s.other_id = c.id)
		ORDER BY v.at DESC, v.id DESC LIMIT 200`}
)

func changeRow(v Change) ([]any, error) {
	body, err := syncproto.EncodeBody(v)
	other := string(v.Other)
	if v.Kind == Seen {
		other = v.Of
	}
	return []any{v.ID, v.School, v.Kind, v.Account, other, db.SecretBytes(body), v.By, v.At}, err
}

func putChange(ctx context.Context, tx db.Tx, v Change) (bool, error) {
	row, err := changeRow(v)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, insertChange, row...)
	return n > 0, err
}

func scanChange(r db.Rows) (v Change, err error) {
	var body []byte
	if err := r.Scan((*db.SecretBytes)(&body)); err != nil {
		return v, err
	}
	return v, syncproto.DecodeBody(body, &v)
}

func changeByID(ctx context.Context, tx db.Tx, id string) (Change, error) {
	return db.First(ctx, tx, selectChange, scanChange, id)
}

func openChanges(ctx context.Context, tx db.Tx, account identity.AccountID) ([]Change, error) {
	return db.All(ctx, tx, openOf, scanChange, account)
}

func openChangesAt(ctx context.Context, tx db.Tx, school identity.SchoolID) ([]Change, error) {
	return db.All(ctx, tx, openAt, scanChange, school)
}

func scanTodo(r db.Rows) (v Matter, err error) {
	var body []byte
	if err := r.Scan((*db.SecretBytes)(&body), &v.Refused, &v.Code, &v.At); err != nil {
		return v, err
	}
	return v, syncproto.DecodeBody(body, &v.Change)
}

const verdictColumns = `SELECT id, school_id, change_id, account_id, refused, code, at FROM roster_verdicts `

var (
	insertVerdict = db.SQL{Both: `INSERT INTO roster_verdicts (id, school_id, change_id, account_id, refused, code, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`}
	selectVerdict = db.SQL{Both: verdictColumns + `WHERE id = $1`}
	pageVerdicts  = db.SQL{Both: verdictColumns + `WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
)

func putVerdict(ctx context.Context, tx db.Tx, v Verdict) (bool, error) {
	n, err := tx.Exec(ctx, insertVerdict, v.ID, v.School, v.Change, v.Account, v.Refused, v.Code, v.At)
	return n > 0, err
}

func scanVerdict(r db.Rows) (v Verdict, err error) {
	err = r.Scan(&v.ID, &v.School, &v.Change, &v.Account, &v.Refused, &v.Code, &v.At)
	return v, err
}

func verdictByID(ctx context.Context, tx db.Tx, id string) (Verdict, error) {
	return db.First(ctx, tx, selectVerdict, scanVerdict, id)
}

// Codes.

const (
	codeColumns = `SELECT id, school_id, learner_id, kind, hash, by_id, at, expires_at FROM roster_codes `
	useColumns  = `SELECT id, school_id, code_id, learner_id, by_id, at FROM roster_code_uses `
)

var (
	insertCode = db.SQL{Both: `INSERT INTO roster_codes (id, school_id, learner_id, kind, hash, by_id, at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`}
	selectCode     = db.SQL{Both: codeColumns + `WHERE id = $1`}
	selectCodeHash = db.SQL{Both: codeColumns + `WHERE hash = $1 ORDER BY id LIMIT 1`}
	pageCodes      = db.SQL{Both: codeColumns + `WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}

	insertUse = db.SQL{Both: `INSERT INTO roster_code_uses (id, school_id, code_id, learner_id, by_id, at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`}
	selectUse = db.SQL{Both: useColumns + `WHERE id = $1`}
	pageUses  = db.SQL{Both: useColumns + `WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
)

func putCode(ctx context.Context, tx db.Tx, v Code) (bool, error) {
	n, err := tx.Exec(ctx, insertCode, v.ID, v.School, v.Learner, v.Kind, v.Hash, v.By, v.At, v.ExpiresAt)
	return n > 0, err
}

func scanCode(r db.Rows) (v Code, err error) {
	err = r.Scan(&v.ID, &v.School, &v.Learner, &v.Kind, &v.Hash, &v.By, &v.At, &v.ExpiresAt)
	return v, err
}

func codeByID(ctx context.Context, tx db.Tx, id string) (Code, error) {
	return db.First(ctx, tx, selectCode, scanCode, id)
}

func codeByHash(ctx context.Context, tx db.Tx, hash string) (Code, error) {
	return db.First(ctx, tx, selectCodeHash, scanCode, hash)
}

func putUse(ctx context.Context, tx db.Tx, v Use) (bool, error) {
	n, err := tx.Exec(ctx, insertUse, v.ID, v.School, v.Code, v.Learner, v.By, v.At)
	return n > 0, err
}

func scanUse(r db.Rows) (v Use, err error) {
	err = r.Scan(&v.ID, &v.School, &v.Code, &v.Learner, &v.By, &v.At)
	return v, err
}

func useByID(ctx context.Context, tx db.Tx, id string) (Use, error) {
	return db.First(ctx, tx, selectUse, scanUse, id)
}

// Sealed are the columns that lie sealed.
func Sealed() []db.SealedColumn {
	return []db.SealedColumn{{Table: "roster_changes", Column: "body", Bytes: true}}
}
