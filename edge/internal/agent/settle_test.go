package agent_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// A box whose database is from before an erasure that it had confirmed, and from
// before a moment of retention, takes a snapshot: what its file brings of her, and
// what had its time, is not in the new one, and nothing of it goes up.
func TestASnapshotOverAnOldCopyBringsNobodyBack(t *testing.T) {
	c := newCloud(t)
	b, school, ann := claimed(t, c)
	ben := c.learner(school, "Ben Ekiru")
	eventually(t, "the roster comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 2 })
	eventually(t, "the moment comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM retention_moments`) == 1 })
	b.stop()
	again := openBox(t, b.dir)
	reg, err := registry.All()
	must(t, err)
	var service *personal.Service
	again.settle = func(ctx context.Context, old, fresh db.DB) (func(context.Context, db.Tx) error, error) {
		return service.Settle(ctx, old, fresh)
	}
	again.assemble()
	box := again.agent.Log()
	state, _ := again.agent.State()
	service = personal.New(personal.Options{DB: again.db, Clock: clock.System{}, Log: logging.Discard(), School: school, Node: state.ApplianceID})
	service.Join(personal.Engine{Outbox: again.outbox, Registry: reg})

	name, now := "Ann Marker Akai", clock.System{}.Now()
	old := db.Time{Time: now.AddDate(-2, 0, 0)}
	must(t, again.db.Update(t.Context(), func(tx db.Tx) error {
		ctx := t.Context()
		if _, err := roster.Changes.Save(ctx, tx, roster.Change{ID: id.New(), School: identity.SchoolID(box.School), Kind: roster.Learner, Account: ann,
			Patch: roster.Patch{FullName: &name}, By: "t", At: db.Time{Time: now}}); err != nil {
			return err
		}
		for _, who := range []identity.AccountID{ann, ben} {
			if _, err := tutor.Questions.Save(ctx, tx, tutor.Question{ID: tutor.QuestionID(id.New()), ConversationID: id.New(), LearnerID: who, SchoolID: identity.SchoolID(school),
				Text: "why, asks " + name, Language: "en", AskedAt: old}); err != nil {
				return err
			}
		}
		return nil
	}))
	if n := len(standsIn(t, again.file, name)); n < 3 {
		t.Fatalf("she stands in %d tables to begin with", n)
	}

	erasure := id.New()
	for _, q := range []string{`DELETE FROM learning_activities WHERE learner_id = $1`, `DELETE FROM memberships WHERE account_id = $1`, `DELETE FROM accounts WHERE id = $1`} {
		change(t, c, q, string(ann))
	}
	change(t, c, `INSERT INTO erasures (id, person_id, school_id, by_id, at) VALUES ($1, $2, $3, '', $4)`, erasure, string(ann), school, now)
	change(t, c, `INSERT INTO erasure_receipts (id, erasure_id, school_id, node, at) VALUES ($1, $2, $3, $4, $5)`, id.New(), erasure, school, state.ApplianceID, now)
	change(t, c, `UPDATE retention_moments SET at = $1`, now.Add(time.Hour))
	must(t, again.snaps.Take(t.Context(), "a test"))

	if left := standsIn(t, again.file, name); !slices.Equal(left, []string{"outbox"}) { // ben's question: it goes up and has its end there
		t.Errorf("the new file has her in %v", left)
	}
	for q, want := range map[string]int64{
		`SELECT count(*) FROM accounts`: 1, `SELECT count(*) FROM tutor_questions`: 0, `SELECT count(*) FROM roster_changes`: 0, `SELECT count(*) FROM learning_activities`: 0,
		`SELECT count(*) FROM outbox WHERE instr(body, CAST('` + name + `' AS BLOB)) > 0`: 1, // ben's
	} {
		if n := count(t, again.file, q); n != want {
			t.Errorf("%d instead of %d: %s", n, want, q)
		}
	}
	must(t, again.link.Start(t.Context()))
	eventually(t, "what it had goes up", func() bool { return again.waiting() == 0 })
	if n := count(t, c.db, `SELECT count(*) FROM tutor_questions`) + count(t, c.db, `SELECT count(*) FROM roster_changes`); n != 0 {
		t.Errorf("%d records of what had its end are back at the cloud", n)
	}
	again.stop()
}

// standsIn lists the tables of the box in which a text stands.
func standsIn(t *testing.T, d db.DB, text string) (out []string) {
	t.Helper()
	must(t, d.View(t.Context(), func(tx db.Tx) error {
		rows, err := tx.Query(t.Context(), db.SQL{SQLite: `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name`})
		columns, err := db.Collect(rows, err, func(r db.Rows) (v [2]string, err error) { return v, r.Scan(&v[0], &v[1]) })
		if err != nil {
			return err
		}
		for _, v := range columns {
			rows, err := tx.Query(t.Context(), db.SQL{SQLite: `SELECT count(*) FROM "` + v[0] + `" WHERE instr(CAST("` + v[1] + `" AS BLOB), CAST($1 AS BLOB)) > 0`}, text)
			n, err := db.One(rows, err, db.Scalar[int64])
			if err != nil {
				return err
			}
			if n > 0 && !slices.Contains(out, v[0]) {
				out = append(out, v[0])
			}
		}
		return nil
	}))
	return out
}
