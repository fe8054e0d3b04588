package agent_test

import (
	"path/filepath"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// claimedBox is a box of a school that talks to the cloud.
func claimedBox(t *testing.T, c *cloud, school, dir string) *box {
	t.Helper()
	b := openBox(t, dir)
	_, err := b.agent.Claim(t.Context(), c.url, c.code(school))
	must(t, err)
	b.assemble()
	must(t, b.link.Start(t.Context()))
	return b
}

func (b *box) activities() int64 {
	return count(b.t, b.file, `SELECT count(*) FROM learning_activities`)
}

// Test 23: wipe the disk, enrol again.
func TestAWipedBoxGetsTheLearnersHistoryBack(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	ann := c.learner(school, "Ann Akai")
	b := claimedBox(t, c, school, t.TempDir())
	eventually(t, "the roster comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 1 })
	b.learn(ann, 25)
	eventually(t, "the work goes up", func() bool { return count(t, c.db, `SELECT count(*) FROM learning_activities`) == 25 })
	b.stop()

	dir := t.TempDir()
	fresh := claimedBox(t, c, school, dir)
	fresh.learn(ann, 3) // while the snapshot is on its way
	must(t, fresh.snaps.Start(t.Context()))
	eventually(t, "the history comes back", func() bool { return fresh.activities() == 28 })
	eventually(t, "the new work goes up", func() bool { return count(t, c.db, `SELECT count(*) FROM learning_activities`) == 28 })
	c.learner(school, "Ben Ekiru")
	eventually(t, "the tail goes on", func() bool { return count(t, fresh.file, `SELECT count(*) FROM accounts`) == 2 })
	var r syncproto.Report
	fresh.snaps.Fill(&r)
	if r.Snapshot != "swapped" || r.SnapshotOf == 0 || r.SnapshotDone != r.SnapshotOf {
		t.Errorf("the report says %+v", r)
	}
	for _, d := range []db.DB{c.db, fresh.file} {
		for _, table := range []string{"conflict_log", "dead_letters"} {
			if n := count(t, d, `SELECT count(*) FROM `+table); n != 0 {
				t.Errorf("%d rows in %s", n, table)
			}
		}
	}
	fresh.stop()

	again := openBox(t, dir) // the new file is under the old name
	if n := again.activities(); n != 28 {
		t.Errorf("%d activities after a restart", n)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "snapshot*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
