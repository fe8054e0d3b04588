package personal_test

import (
	"path/filepath"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// opened is a line to a school that is opened now, with an empty box.
func (l *line) opened(name string) *line {
	l.t.Helper()
	school, err := l.cloud.people.CreateSchool(l.t.Context(), l.admin, identity.NewSchool{Name: name, County: "Turkana"})
	must(l.t, err)
	return l.to(string(school.ID), "box-9", dbtest.SQLite(l.t))
}

// to is a line from the same cloud to another box, which has heard nothing of it
// yet.
func (l *line) to(school, node string, d db.DB) *line {
	l.t.Helper()
	other, cloud := *l, *l.cloud
	cloud.out, cloud.sent = syncer.Log{School: school, Epoch: syncer.DownEpoch}, [len(cloud.sent)]int64{}
	other.school, other.cloud = school, &cloud
	other.box = other.side(d, school, node)
	other.box.out.Epoch++
	return &other
}

// copied is the box's database as a second medium has it now.
func (l *line) copied() func() db.DB {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), "copy.db")
	file, ok := l.box.raw.(*sqlite.DB)
	if !ok {
		l.t.Fatal("the box has no file")
	}
	_, err := file.Writer().ExecContext(l.t.Context(), `VACUUM INTO ?`, path)
	must(l.t, err)
	return func() db.DB {
		d, err := sqlite.Open(path)
		must(l.t, err)
		l.t.Cleanup(func() { _ = d.Close() })
		return d
	}
}

// A school that is opened, and claimed, after a moment was told has it too, with
// the keys: its first comparison finds the same on both sides.
func TestASchoolThatIsOpenedLaterHasTheMoment(t *testing.T) {
	l := newLine(t)
	l.night(begin)
	late := l.opened("Kakuma")
	late.both()
	late.digests()
	if n := scalar(t, late.box.db, `SELECT count(*) FROM retention_moments`); n != 1 {
		t.Errorf("the new school has %d moments", n)
	}
	l.night(begin.AddDate(0, 0, 7))
	for _, line := range []*line{l, late} {
		line.both()
		line.digests()
	}
}

// A moment is told while a school is being opened: one of the two waits for the
// other, and the school has it.
func TestAMomentIsNotMissedByASchoolThatIsBeingOpened(t *testing.T) {
	l := newLine(t)
	type answer struct {
		school identity.School
		err    error
	}
	done := make(chan answer, 1)
	must(t, l.cloud.db.Update(t.Context(), func(tx db.Tx) error {
		if _, err := personal.Moments.Save(t.Context(), tx, personal.Moment{ID: "00000000-0000-7000-8000-00000000000a", At: db.Time{Time: begin}}); err != nil {
			return err
		}
		go func() {
			s, err := l.cloud.people.CreateSchool(t.Context(), l.admin, identity.NewSchool{Name: "Kakuma", County: "Turkana"})
			done <- answer{s, err}
		}()
		for { // until it waits for this transaction, or has not
			rows, err := tx.Query(t.Context(), db.SQL{Postgres: `SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
				WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted`})
			n, err := db.One(rows, err, db.Scalar[int64])
			if err != nil || n > 0 || len(done) > 0 {
				return err
			}
			time.Sleep(5 * time.Millisecond)
		}
	}))
	opened := <-done
	must(t, opened.err)
	late := l.to(string(opened.school.ID), "box-9", dbtest.SQLite(t))
	late.both()
	late.digests()
	if n := scalar(t, late.box.db, `SELECT count(*) FROM retention_moments`); n != 1 {
		t.Errorf("the school has %d moments", n)
	}
}

// A box is claimed anew, or a copy from before an erasure takes the place of one
// that has confirmed it, under its own name or a spare's: she is erased there again,
// and what the copy had not sent of her brings nobody back.
func TestABoxFromBeforeAnErasureErasesAgain(t *testing.T) {
	for _, c := range []struct {
		name, node string
		empty      bool
	}{{"an empty box", "box-2", true}, {"a spare with the copy", "box-2", false}, {"the same box with its copy", "box-1", false}} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t)
			const name = "Zawadi Marker Ekai"
			her, friend := l.learner(name), l.learner("Faith Friend")
			l.work(her)
			l.both()
			l.work(her) // never sent
			l.work(friend)
			medium, heard := l.copied(), l.cloud.sent
			l.both()

			_, err := l.cloud.Ask(t.Context(), l.admin, personal.Request{Person: her.ID, Reason: "her mother wrote"})
			must(t, err)
			l.clock.Advance(personal.Cooling)
			if n, err := l.cloud.Due(t.Context()); n != 1 || err != nil {
				t.Fatalf("%d erased, %v", n, err)
			}
			l.both()
			if n, err := l.box.Confirm(t.Context()); n != 1 || err != nil {
				t.Fatalf("%d confirmed, %v", n, err)
			}
			l.both()
			l.nothingOf(name)

			var again *line
			if c.empty {
				again = l.to(l.school, c.node, dbtest.SQLite(t))
			} else {
				again = l.to(l.school, c.node, medium())
				again.cloud.sent = heard
				if len(tablesWith(t, again.box.db, name)) < 4 {
					t.Fatal("the copy does not have her")
				}
				// What it had not sent moves into its new epoch, as after any restore.
				must(t, again.box.db.Update(t.Context(), func(tx db.Tx) error {
					_, err := again.box.outbox.Resequence(t.Context(), tx, syncer.Log{School: l.school, Epoch: 7}, again.box.out, [len(heard)]int64{})
					return err
				}))
			}
			again.both()
			n, err := again.box.Confirm(t.Context())
			must(t, err)
			if n != 1 {
				t.Errorf("%d confirmed there", n)
			}
			again.both()
			again.nothingOf(name)
			again.chains()
			if left := scalar(t, again.cloud.db, `SELECT count(*) FROM tutor_questions`); left != 1 {
				t.Errorf("the cloud has %d questions, the friend's is one", left)
			}
			if c.node == "box-1" { // another one is given the receipt of its predecessor by a comparison
				again.digests()
			}
		})
	}
}
