package personal_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fernet"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/wiring"
	"urbanhomeschool.org/uhs/syncproto"
)

const (
	// marker stands in every text about the person, secret in every column that
	// must not leave.
	marker = "zawadimarker"
	secret = "sealedsecret"
	phone  = "254700111222"
)

var begin = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// noJournal throws away what is recorded.
type noJournal struct{}

func (noJournal) Record(context.Context, db.Tx, syncer.Change) error { return nil }

type world struct {
	*personal.Service
	db     db.DB
	raw    db.DB // db without its journal
	clock  *clock.Fake
	people *identity.Service
	audit  *audit.Log
}

func newWorld(d db.DB) *world { return newNode(d, "", "") }

// newNode is a node of a school, or the cloud when that is empty.
func newNode(d db.DB, school, node string) *world {
	c := clock.NewFake(begin)
	w := &world{raw: d, db: syncer.WithJournal(d, noJournal{}), clock: c}
	w.audit = audit.New(audit.Options{DB: w.db, Clock: c, Node: audit.Cloud})
	w.people = identity.New(identity.Options{DB: w.db, Clock: c, BcryptCost: 4, Audit: w.audit, Passwords: identity.CloudPasswords{},
		Pepper: func(identity.SchoolID) ([]byte, error) { return []byte("pepper"), nil }})
	w.Service = personal.New(personal.Options{DB: w.db, Clock: c, Log: slog.New(slog.DiscardHandler), People: w.people, Audit: w.audit, School: school, Node: node})
	return w
}

// typeOf are the types of a table's columns, in the words of its database.
var typeOf = db.SQL{
	Postgres: `SELECT CAST(column_name AS text), CAST(data_type AS text), CASE WHEN is_generated = 'ALWAYS' THEN 'yes' ELSE 'no' END FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`,
	SQLite: `SELECT name, lower(type), 'no' FROM pragma_table_info($1) ORDER BY cid`,
}

type column struct{ name, kind, generated string }

func columnsOf(t testing.TB, tx db.Tx, table string) []column {
	t.Helper()
	rows, err := tx.Query(t.Context(), typeOf, table)
	out, err := db.Collect(rows, err, func(r db.Rows) (c column, err error) { return c, r.Scan(&c.name, &c.kind, &c.generated) })
	must(t, err)
	return out
}

// person is somebody who stands in every place: one row in each, with the marker
// in every text.
type person struct {
	id, link, school, phone string
	at                      time.Time
}

// hers are the columns that hold a person's id.
const hers = " account_id learner_id actor_id target_id holder_id teacher_id named_adult_id instructor_id opened_by person_id "

// fill makes one row about p in every place. Whatever else is an id is the same
// one, so that rows which are found by way of others are.
func fill(t testing.TB, d db.DB, p person) {
	t.Helper()
	done := map[string]bool{"ledger_transactions": true, "ledger_postings": true} // balanced by triggers; nothing of her is in them
	must(t, d.Update(t.Context(), func(tx db.Tx) error {
		for _, place := range personal.Places() {
			columns := columnsOf(t, tx, place.Table)
			if len(columns) == 0 || done[place.Table] {
				continue
			}
			done[place.Table] = true
			names, marks, values := []string{}, []string{}, []any{}
			for _, c := range columns {
				if c.generated == "yes" {
					continue
				}
				names, marks = append(names, c.name), append(marks, fmt.Sprintf("$%d", len(marks)+1))
				values = append(values, value(p, place, c))
			}
			q := db.SQL{Both: "INSERT INTO " + place.Table + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(marks, ", ") + ")"}
			if _, err := tx.Exec(t.Context(), q, values...); err != nil {
				return fmt.Errorf("%s: %w", place.Table, err)
			}
		}
		return nil
	}))
	seal(t, d)
}

// seal has what is secret of people lie sealed, as it does in earnest; at the cloud
// the numbers that people are looked up by stay bare.
func seal(t testing.TB, d db.DB) {
	t.Helper()
	d.(interface{ Seal(k db.Sealer) }).Seal(fernet.Fields{Ring: fernet.Ring{{1}}, Now: time.Now, Bare: d.Dialect() == db.Postgres})
	soon, later := wiring.Sealed()
	sealed := 0
	for _, c := range slices.Concat(soon, later) {
		n, err := db.SealAnew(t.Context(), d, c)
		must(t, err)
		sealed += n
	}
	if sealed < 7 {
		t.Fatalf("only %d fields are sealed", sealed)
	}
}

func value(p person, place personal.Place, c column) any {
	hidden := " "
	for _, h := range place.Hidden {
		if hiddenEverywhere(place.Table, h) {
			hidden += h + " "
		}
	}
	switch {
	case c.name == "lane", c.name == "epoch", strings.HasPrefix(c.kind, "int"), strings.HasPrefix(c.kind, "bigint"), c.kind == "smallint":
		return int64(1)
	case c.kind == "boolean":
		return false
	case strings.HasPrefix(c.kind, "timestamp"):
		return db.Time{Time: p.at}
	case c.name == "body" && (c.kind == "blob" || c.kind == "bytea"):
		body, err := syncproto.EncodeBody(map[int]string{1: p.id, 2: marker})
		if err != nil {
			panic(err)
		}
		return body
	case c.kind == "blob", c.kind == "bytea":
		if strings.Contains(hidden, " "+c.name+" ") {
			return []byte(secret + p.id)
		}
		return []byte(marker + p.id)
	case place.Table == "accounts" && c.name == "id", place.Table == "consents" && c.name == "guardian_id", strings.Contains(hers, " "+c.name+" "):
		return p.id
	case c.name == "school_id":
		return p.school
	case c.name == "merged_into_id", c.name == "other_id", c.name == "second_id":
		return ""
	case c.name == "id", strings.HasSuffix(c.name, "_id"), c.kind == "uuid", strings.HasSuffix(c.name, "_by"):
		return p.link
	case strings.Contains(hidden, " "+c.name+" "), place.NoExport != "" && (strings.Contains(c.name, "hash") || c.name == "salt"):
		return secret + p.id
	case strings.Contains(c.name, "phone"), c.name == "recipient", c.name == "sender":
		return p.phone
	case c.name == "role", place.Table == "audit_entries" && c.name == "node":
		return map[string]string{"role": "student", "node": "elsewhere"}[c.name]
	case c.name == "status":
		return "active"
	default:
		return marker + p.id
	}
}

// hiddenEverywhere: a table may have two places, of which one shows a column.
func hiddenEverywhere(table, column string) bool {
	return !slices.ContainsFunc(personal.Places(), func(p personal.Place) bool { return p.Table == table && !slices.Contains(p.Hidden, column) })
}

// ofNew is a person with ids of her own.
func ofNew() person {
	return person{id: id.New(), link: id.New(), school: id.New(), phone: phone, at: begin}
}

// tablesWith lists the tables in which text stands, in whatever column.
func tablesWith(t testing.TB, d db.DB, text string) (out []string) {
	t.Helper()
	must(t, d.View(t.Context(), func(tx db.Tx) error {
		tables, err := personal.Tables(t.Context(), tx)
		if err != nil {
			return err
		}
		for _, table := range tables {
			for _, c := range columnsOf(t, tx, table) {
				q := db.SQL{
					Postgres: `SELECT count(*) FROM ` + table + ` WHERE position($1::text IN CAST(` + c.name + ` AS text)) > 0`,
					SQLite:   `SELECT count(*) FROM ` + table + ` WHERE instr(CAST(` + c.name + ` AS TEXT), $1) > 0`,
				}
				if c.kind == "bytea" {
					q = db.SQL{Both: `SELECT count(*) FROM ` + table + ` WHERE position(convert_to($1::text, 'UTF8') IN ` + c.name + `) > 0`}
				}
				rows, err := tx.Query(t.Context(), q, text)
				n, err := db.One(rows, err, db.Scalar[int64])
				if err != nil {
					return fmt.Errorf("%s.%s: %w", table, c.name, err)
				}
				if n > 0 {
					out = append(out, table+"."+c.name)
				}
			}
		}
		return nil
	}))
	return out
}

func contains(body []byte, text string) bool { return strings.Contains(string(body), text) }
