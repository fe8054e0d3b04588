package agent_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/edge/internal/disktest"
	"urbanhomeschool.org/uhs/syncproto"
)

// fillUpTo leaves n bytes of the disk of dir free.
func fillUpTo(t *testing.T, dir string, n int64) {
	t.Helper()
	var st syscall.Statfs_t
	must(t, syscall.Statfs(dir, &st))
	must(t, os.WriteFile(filepath.Join(dir, "others"), make([]byte, max(0, int64(st.Bavail)*st.Bsize-n)), 0o600))
}

// The disk fills before or after a snapshot is downloaded. That is a state that
// the box tells; the school works on with the present database, and the snapshot
// leaves it the room for that. When there is room it goes on by itself.
func TestASnapshotThatTheDiskHasNoRoomForIsAStateAndItGoesOnWhenThereIsRoom(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	ann := c.learner(school, "Ann Akai")
	b := claimedBox(t, c, school, t.TempDir())
	eventually(t, "the roster comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 1 })
	b.learn(ann, 25)
	eventually(t, "the work goes up", func() bool { return c.activities() == 25 })
	b.stop()

	const keep = 8 << 20
	dir := disktest.Small(t, "96m")
	fresh := openBox(t, dir)
	fresh.free = keep
	_, err := fresh.agent.Claim(t.Context(), c.url, c.code(school))
	must(t, err)
	fresh.assemble()
	others := filepath.Join(dir, "others")
	state := func() string {
		var r syncproto.Report
		fresh.snaps.Fill(&r)
		return r.Snapshot
	}
	refused := func(when string) {
		t.Helper()
		before, err := fresh.file.Present()
		must(t, err)
		if err := fresh.snaps.Take(t.Context(), "a test"); !errors.Is(err, agent.ErrNoRoom) || state() != "full" {
			t.Errorf("%s: %v, the state is %q", when, err, state())
		}
		must(t, os.Remove(others))
		if now, err := fresh.file.Present(); err != nil || now != before {
			t.Errorf("%s: the school's database is %s (%v), was %s", when, now, err, before)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "school.db*")); len(files) > 3 { // with its -wal and -shm
			t.Errorf("%s: left behind: %v", when, files)
		}
	}
	fillUpTo(t, dir, keep)
	fresh.learn(ann, 1) // into the room that is kept for it
	refused("before the download")

	fresh.step = func(name string) error {
		if name == "downloaded" {
			fillUpTo(t, dir, keep+256<<10)
		}
		return nil
	}
	refused("after the download")
	if parts, _ := filepath.Glob(filepath.Join(dir, "snapshot", "parts", "??", "*")); len(parts) == 0 {
		t.Error("what was downloaded is gone")
	}
	fresh.learn(ann, 1)

	fresh.step = nil
	fillUpTo(t, dir, keep)
	must(t, fresh.snaps.Start(t.Context())) // as after a restart
	eventually(t, "it is told again", func() bool { return state() == "full" })
	fresh.learn(ann, 1)
	must(t, os.Remove(others))
	eventually(t, "it goes on", func() bool { return state() == "swapped" && fresh.activities() == 28 })
	must(t, fresh.link.Start(t.Context()))
	eventually(t, "the new work goes up", func() bool { return c.activities() == 28 })
	fresh.stop()
}
