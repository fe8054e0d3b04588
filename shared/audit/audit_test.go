package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

var start = time.Date(2026, 11, 2, 8, 0, 0, 123456789, time.UTC)

func newLog(d db.DB) *audit.Log {
	return audit.New(audit.Options{DB: d, Clock: clock.NewFake(start), Node: audit.Cloud})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, l *audit.Log, n int) {
	t.Helper()
	for i := range n {
		must(t, l.Write(t.Context(), audit.Entry{Action: "user.status", Actor: id.New(), Role: "admin", TargetKind: "user", TargetID: fmt.Sprint(i),
			Before: map[string]string{"status": "active"}, After: map[string]string{"status": "suspended"}}))
	}
}

func exec(t *testing.T, d db.DB, text string, args ...any) error {
	t.Helper()
	return d.Update(t.Context(), func(tx db.Tx) error {
		_, err := tx.Exec(t.Context(), db.SQL{Both: text}, args...)
		return err
	})
}

// unlock takes away what keeps the log append-only, as somebody with the
// database in her hands can.
func unlock(t *testing.T, d db.DB) {
	t.Helper()
	if d.Dialect() == db.Postgres {
		must(t, exec(t, d, `ALTER TABLE audit_entries DISABLE TRIGGER ALL`))
		return
	}
	must(t, exec(t, d, `DROP TRIGGER audit_entries_append_only`))
	must(t, exec(t, d, `DROP TRIGGER audit_entries_not_deleted`))
}

func verify(t *testing.T, l *audit.Log) audit.Report {
	t.Helper()
	reports, err := l.Verify(t.Context())
	must(t, err)
	if len(reports) != 1 {
		t.Fatalf("%d chains", len(reports))
	}
	return reports[0]
}

func TestAWholeChainVerifies(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		const n = 1203 // more than two steps of the walk
		l := newLog(d)
		must(t, d.Update(t.Context(), func(tx db.Tx) error {
			for range n {
				must(t, l.Note(t.Context(), tx, audit.Entry{Action: "x"}))
			}
			return nil
		}))
		if r := verify(t, l); r.Broken != nil || r.Entries != n || r.Last != n || len(r.Forks) != 0 {
			t.Errorf("%+v %+v", r, r.Broken)
		}
	})
}

func TestVerifyNamesTheFirstEntryThatDoesNotHold(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		for name, c := range map[string]struct {
			damage string
			at     int64
		}{
			"another actor":       {`UPDATE audit_entries SET actor_id = 'x' WHERE seq IN (4, 7)`, 4},
			"other details":       {`UPDATE audit_entries SET details = '{}' WHERE seq = 5`, 5},
			"another time":        {`UPDATE audit_entries SET at = '2020-01-01 00:00:00+00:00' WHERE seq = 3`, 3},
			"an entry is missing": {`DELETE FROM audit_entries WHERE seq = 6`, 6},
			"the last is missing": {`DELETE FROM audit_entries WHERE seq = 9`, 9},
			"the first":           {`DELETE FROM audit_entries WHERE seq = 1`, 1},
		} {
			t.Run(name, func(t *testing.T) {
				var e db.DB
				if d.Dialect() == db.Postgres {
					e = dbtest.Postgres(t)
				} else {
					e = dbtest.SQLite(t)
				}
				l := newLog(e)
				write(t, l, 9)
				unlock(t, e)
				must(t, exec(t, e, c.damage))
				if r := verify(t, l); r.Broken == nil || r.Broken.Seq != c.at {
					t.Errorf("%+v, want entry %d", r.Broken, c.at)
				}
			})
		}
	})
}

func TestTheLogIsAppendOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		write(t, newLog(d), 2)
		for _, q := range []string{`UPDATE audit_entries SET role = 'student'`, `UPDATE audit_entries SET details = '', role = 'student'`,
			`UPDATE audit_entries SET details = '{}'`, `DELETE FROM audit_entries`} {
			if err := exec(t, d, q); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", q, err)
			}
		}
	})
}

func TestErasedDetailsLeaveTheChainWhole(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		l, person := newLog(d), id.New()
		must(t, l.Write(t.Context(), audit.Entry{Action: "user.role", TargetID: person, After: map[string]string{"full_name": "Jane Doe"}}))
		write(t, l, 2)
		must(t, d.Update(t.Context(), func(tx db.Tx) error { _, err := audit.Erase(t.Context(), tx, person); return err }))
		page, err := l.List(t.Context(), audit.Filter{Target: person, Limit: 5})
		must(t, err)
		if page.Total != 1 || page.Entries[0].Details != "" {
			t.Errorf("%+v", page)
		}
		if r := verify(t, l); r.Broken != nil || r.Erased != 1 {
			t.Errorf("%+v %+v", r, r.Broken)
		}
	})
}

func TestWritersAtOnceMakeOneChain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		l := newLog(d)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 10 {
					if err := l.Write(context.Background(), audit.Entry{Action: "x"}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if r := verify(t, l); r.Broken != nil || r.Entries != 80 {
			t.Errorf("%+v %+v", r, r.Broken)
		}
	})
}

func TestANoteIsOfItsTransaction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		l := newLog(d)
		write(t, l, 1)
		_ = d.Update(t.Context(), func(tx db.Tx) error {
			must(t, l.Note(t.Context(), tx, audit.Entry{Action: "rolled.back"}))
			return context.Canceled
		})
		write(t, l, 1)
		if r := verify(t, l); r.Broken != nil || r.Entries != 2 {
			t.Errorf("%+v %+v", r, r.Broken)
		}
	})
}

func TestSecretsAreMasked(t *testing.T) {
	l := newLog(dbtest.SQLite(t))
	const word = "Hunter2-Secret"
	must(t, l.Write(t.Context(), audit.Entry{Action: "x", Before: map[string]any{"password": word, "pin": word, "school_password": word, "apiKey": word},
		After: []any{map[string]any{"nested": map[string]any{"refresh_token": word, "new_password": word, "totp_code": word, "pictures": []string{word},
			"login_code": word, "codes": []string{word}}}, strings.Repeat("x", 10000)}}))
	page, err := l.List(t.Context(), audit.Filter{Limit: 5})
	must(t, err)
	if got := page.Entries[0].Details; strings.Contains(got, word) || !strings.Contains(got, audit.Masked) || len(got) > 4000 {
		t.Errorf("got %s", got)
	}
	for name, secret := range map[string]bool{"full_name": false, "status": false, "role": false, "reason": false, "grade": false, "email": false,
		"phone_number": false, "spinning": false, "duties": false, "until": false, "passwordHash": true, "PIN": true, "client_secret": true, "has_pin": true} {
		if audit.IsSecret(name) != secret {
			t.Errorf("%s: secret is %v", name, !secret)
		}
	}
}

func TestANoteCarriesItsRequest(t *testing.T) {
	l := newLog(dbtest.SQLite(t))
	ctx := audit.WithRequest(t.Context(), audit.Request{ID: "r1", IP: "192.0.2.7", UserAgent: "Browser", Actor: "a1", Role: "staff"})
	if audit.Noted(ctx) {
		t.Error("noted before")
	}
	must(t, l.Write(ctx, audit.Entry{Action: "x"}))
	if !audit.Noted(ctx) {
		t.Error("not noted")
	}
	page, err := l.List(t.Context(), audit.Filter{Limit: 5})
	must(t, err)
	e := page.Entries[0]
	if e.RequestID != "r1" || e.IP != "192.0.2.7" || e.UserAgent != "Browser" || e.Actor != "a1" || e.Role != "staff" || !e.At.Equal(start.Truncate(time.Microsecond)) {
		t.Errorf("%+v", e)
	}
}

func TestTheLogIsFilteredAndPaged(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		c := clock.NewFake(start)
		l := audit.New(audit.Options{DB: d, Clock: c, Node: audit.Cloud})
		for i := range 10 {
			must(t, l.Write(t.Context(), audit.Entry{Action: []string{"user.role", "sign_in", "user.restrict"}[i%3], Actor: fmt.Sprint("a", i%2), TargetID: fmt.Sprint("t", i), School: fmt.Sprint("s", i%2)}))
			c.Advance(time.Hour)
		}
		for name, f := range map[string]struct {
			audit.Filter

			want int
		}{
			"all": {audit.Filter{}, 10}, "an action": {audit.Filter{Action: "sign_in"}, 3}, "a family of actions": {audit.Filter{Action: "user."}, 7},
			"an actor": {audit.Filter{Actor: "a1"}, 5}, "a target": {audit.Filter{Target: "t3"}, 1}, "a school": {audit.Filter{School: "s0"}, 5},
			"from": {audit.Filter{From: start.Add(5 * time.Hour)}, 5}, "until": {audit.Filter{Until: start.Add(5 * time.Hour)}, 5},
			"nothing": {audit.Filter{Actor: "%"}, 0},
		} {
			f.Limit = 3
			page, err := l.List(t.Context(), f.Filter)
			must(t, err)
			if page.Total != f.want || len(page.Entries) != min(f.want, 3) {
				t.Errorf("%s: %d of %d, want %d", name, len(page.Entries), page.Total, f.want)
			}
		}
		page, err := l.List(t.Context(), audit.Filter{Skip: 9, Limit: 3})
		must(t, err)
		if len(page.Entries) != 1 || page.Entries[0].TargetID != "t0" {
			t.Errorf("the last page is %+v", page.Entries)
		}
	})
}

// uplink keeps what a box sends.
type uplink struct{ changes []syncer.Change }

func (u *uplink) Record(_ context.Context, _ db.Tx, c syncer.Change) error {
	u.changes = append(u.changes, c)
	return nil
}

func TestABoxsChainIsKeptAtTheCloudToo(t *testing.T) {
	up := &uplink{}
	school, appliance := id.New(), id.New()
	file := syncer.WithJournal(dbtest.SQLite(t), up)
	box := audit.New(audit.Options{DB: file, Clock: clock.NewFake(start), Node: audit.BoxNode(school, appliance), School: school, Travel: audit.Entries.Record})
	write(t, box, 5)

	cloud := dbtest.Postgres(t)
	l := newLog(cloud)
	write(t, l, 2)
	must(t, cloud.Update(t.Context(), func(tx db.Tx) error {
		for _, c := range up.changes {
			var r audit.Record
			must(t, syncproto.DecodeBody(c.Body, &r))
			if _, err := audit.Entries.Put(t.Context(), tx, r); err != nil {
				return err
			}
		}
		return nil
	}))
	reports, err := l.Verify(t.Context())
	must(t, err)
	if len(reports) != 2 || reports[0].Entries+reports[1].Entries != 7 || reports[0].Broken != nil || reports[1].Broken != nil {
		t.Errorf("%+v", reports)
	}

	t.Run("a box cannot write into another chain", func(t *testing.T) {
		for _, node := range []string{audit.Cloud, audit.BoxNode(id.New(), appliance), ""} {
			err := cloud.Update(t.Context(), func(tx db.Tx) error {
				_, err := audit.Entries.Put(t.Context(), tx, audit.Record{ID: id.New(), Node: node, School: school, Seq: 3})
				return err
			})
			if err == nil {
				t.Errorf("an entry of %q was taken", node)
			}
		}
	})
	t.Run("a box restored from an older copy goes on beside what it had written", func(t *testing.T) {
		must(t, exec(t, file, `UPDATE audit_heads SET seq = 3, hash = (SELECT hash FROM audit_entries WHERE seq = 3)`))
		write(t, box, 2)
		if r := verify(t, box); r.Broken != nil || len(r.Forks) != 1 || r.Forks[0] != 3 || r.Entries != 7 {
			t.Errorf("%+v %+v", r, r.Broken)
		}
	})
	t.Run("a box whose file came from a snapshot goes on at the end", func(t *testing.T) {
		must(t, exec(t, file, `DELETE FROM audit_heads`))
		write(t, box, 1)
		if r := verify(t, box); r.Broken != nil || r.Last != 6 {
			t.Errorf("%+v %+v", r, r.Broken)
		}
	})
}
