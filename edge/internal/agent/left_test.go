package agent_test

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
)

// A learner leaves while her school is off line. With the snapshot the box gives
// up what it has of her, also what it has not sent yet, which still goes up; what
// the others did stays.
func TestASnapshotKeepsNothingOfALearnerWhoHasLeftAndHerWorkStillGoesUp(t *testing.T) {
	c := newCloud(t)
	b, school, ann := claimed(t, c)
	ben := c.learner(school, "Ben Ekiru")
	eventually(t, "the roster comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 2 })
	must(t, b.link.Stop(t.Context()))
	b.learn(ann, 5)
	b.learn(ben, 10) // more than are stored one by one
	of := func(d db.DB, learner string) int64 {
		return count(t, d, `SELECT count(*) FROM learning_activities WHERE learner_id = '`+learner+`'`)
	}
	must(t, c.db.Update(t.Context(), func(tx db.Tx) error {
		for _, q := range []string{`UPDATE memberships SET until = now() WHERE account_id = $1`, `UPDATE accounts SET school_id = '' WHERE id = $1`} {
			if _, err := tx.Exec(t.Context(), db.SQL{Postgres: q}, string(ben)); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, b.snaps.Take(t.Context(), "a test"))
	if a, left := of(b.file, string(ann)), of(b.file, string(ben)); a != 8 || left != 0 {
		t.Errorf("the box has %d activities of the learner who stayed, want 8, and %d of the one who left", a, left)
	}
	if n := b.waiting(); n != 15 {
		t.Errorf("%d records wait, want 15", n)
	}
	dir := b.dir
	must(t, b.file.Close())
	again := openBox(t, dir)
	again.start()
	eventually(t, "all of it goes up", func() bool { return of(c.db, string(ann)) == 8 && of(c.db, string(ben)) == 10 && again.waiting() == 0 })
	for _, table := range []string{"conflict_log", "dead_letters"} {
		if n := count(t, c.db, `SELECT count(*) FROM `+table) + count(t, again.file, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	again.stop()
}
