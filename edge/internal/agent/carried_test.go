package agent_test

import (
	"crypto/ed25519"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"urbanhomeschool.org/uhs/edge/internal/bundles"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// command runs the cloud's program as an operator does.
func (c *cloud) command(args ...string) {
	c.t.Helper()
	bin, err := cloudProgram()
	must(c.t, err)
	cmd := exec.CommandContext(c.t.Context(), bin, args...)
	cmd.Env = c.env
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("uhs-cloud %v: %v\n%s", args, err, out)
	}
}

// sticks are the box's carried files.
func (b *box) sticks() *bundles.Service {
	b.t.Helper()
	reg, err := registry.All()
	must(b.t, err)
	applier := &syncer.Applier{DB: b.db, Registry: reg, Hybrid: b.outbox.Hybrid, Clock: clock.System{}, Log: logging.Discard(), From: syncproto.CloudOnly}
	return bundles.New(bundles.Options{DB: b.db, Applier: applier, Outbox: b.outbox, Anew: b.snaps, Client: func() *http.Client { return b.agent.Client() }, Arrived: func() {},
		Dir: b.t.TempDir(), Clock: clock.System{}, Log: logging.Discard(), Box: func() bundles.Box {
			s, _ := b.agent.State()
			k := b.agent.Keys()
			return bundles.Box{School: s.SchoolID, SchoolName: s.SchoolName, Appliance: s.ApplianceID, Epoch: s.Epoch, Timeline: s.Timeline,
				CloudURL: s.CloudURL, CloudKey: ed25519.PublicKey(s.CloudKey), CloudRecipient: s.CloudRecipient, Node: k.Node, Age: k.Age}
		}})
}

// A box has been without a line for longer than the cloud keeps records. Somebody
// carries a stick to and fro: its work goes up, a snapshot comes down, the box
// takes it without a line, and the next sticks carry records as before.
func TestABoxThatWasAwayForAYearIsHealedByAStickAlone(t *testing.T) {
	c := newCloud(t)
	b, school, ann := claimed(t, c)
	s, folder := b.sticks(), t.TempDir()
	_, stick, err := s.ExportFile(t.Context(), folder, nil) // it learns whom to write for
	must(t, err)
	must(t, b.link.Stop(t.Context()))
	b.agent.Override("http://127.0.0.1:1", "") // no line from here on
	for _, name := range []string{"Ben Ekiru", "Cid Lokol"} {
		c.learner(school, name)
	}
	must(t, c.db.Update(t.Context(), func(tx db.Tx) error {
		_, err := tx.Exec(t.Context(), db.SQL{Postgres: `DELETE FROM outbox o WHERE epoch = 1 AND seq < (SELECT max(seq) FROM outbox n WHERE n.school = o.school AND n.epoch = 1 AND n.lane = o.lane)`})
		return err
	}))
	b.learn(ann, 5)
	up := func() {
		t.Helper()
		_, stick, err = s.ExportFile(t.Context(), folder, nil)
		must(t, err)
		c.command("bundle", "import", stick)
	}
	down := func() (path string) {
		t.Helper()
		path = filepath.Join(folder, "down.uhs")
		c.command("bundle", "export", "--school", "LODWAR-1", path)
		return path
	}
	people := func() int64 { return count(t, b.file, `SELECT count(*) FROM accounts`) }

	up()
	if n := c.activities(); n != 8 {
		t.Fatalf("%d of 8 records came up", n)
	}
	first := down()
	whole, err := os.ReadFile(first)
	must(t, err)
	torn := filepath.Join(folder, "torn.uhs")
	must(t, os.WriteFile(torn, whole[:len(whole)-1], 0o600))
	if n, err := s.Desk().Read(t.Context(), torn, nil); err == nil && n.Result.Anew {
		t.Error("a torn file counts as the whole snapshot")
	}
	must(t, b.snaps.Start(t.Context()))
	b.learn(ann, 1) // while it is on its way
	n, err := s.Desk().Read(t.Context(), first, nil)
	must(t, err)
	if n.State != bundle.Applied || !n.Result.Anew || n.Result.Confirmed != 5 {
		t.Errorf("the stick brought %s %+v", n.State, n.Result)
	}
	eventually(t, "everybody is there", func() bool { return people() == 3 })
	if a, w := b.activities(), b.waiting(); a != 9 || w != 1 {
		t.Errorf("%d of 9 records are at the box, %d wait, want 1", a, w)
	}

	up()
	if n := c.activities(); n != 9 {
		t.Errorf("%d of 9 records came up", n)
	}
	c.learner(school, "Dan Ewoi")
	n, err = s.Desk().Read(t.Context(), down(), nil)
	must(t, err)
	if people() != 4 || n.Result.Anew || n.Result.New == 0 {
		t.Errorf("the next stick brought %+v; %d people", n.Result, people())
	}
	must(t, os.WriteFile(first, whole, 0o600))
	if n, err := s.Desk().Read(t.Context(), first, nil); err != nil || n.Result.Anew || people() != 4 {
		t.Errorf("the first stick again: %+v, %v; %d people", n.Result, err, people())
	}
}
