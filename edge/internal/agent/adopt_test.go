package agent_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	safety "urbanhomeschool.org/uhs/edge/internal/copy"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// copyTo copies the box's database to a stick until everything is there.
func (b *box) copyTo(stick *safety.Dir) {
	b.t.Helper()
	state, _ := b.agent.State()
	id, err := hex.DecodeString(strings.ReplaceAll(state.ApplianceID, "-", ""))
	must(b.t, err)
	r, ok, err := b.agent.KnownRecovery()
	if err != nil || !ok {
		b.t.Fatal("the claim brought no recovery key: ", err)
	}
	to, err := age.ParseX25519Recipient(r.Recipient)
	must(b.t, err)
	s := safety.New(safety.Options{DB: b.file, Path: filepath.Join(b.dir, "school.db"), Dir: filepath.Join(b.dir, "copy"), Media: []safety.Medium{stick},
		Chain: [16]byte(id), Key: b.agent.Keys().Node, Clock: clock.System{}, Log: logging.Discard(), Every: 20 * time.Millisecond,
		Recipients: func(context.Context) ([]age.Recipient, error) { return []age.Recipient{to}, nil }})
	begin := time.Now()
	must(b.t, s.Start(b.t.Context()))
	eventually(b.t, "the copy is complete", func() bool { at, _ := s.Sum(); return at.After(begin) })
	must(b.t, s.Stop(b.t.Context()))
}

func TestASpareBringsWhatOnlyTheDeadBoxHad(t *testing.T) {
	c := newCloud(t)
	school := c.school("KIT-1")
	learner := c.learner(school, "Akinyi")
	first := openBox(t, t.TempDir())
	_, err := first.agent.Claim(t.Context(), c.url, c.code(school))
	must(t, err)
	first.assemble()
	must(t, first.link.Start(t.Context()))
	eventually(t, "the learner comes down", func() bool { return count(t, first.db, `SELECT count(*) FROM accounts`) > 0 })
	first.learn(learner, 5)
	eventually(t, "five arrive", func() bool { return count(t, c.db, `SELECT count(*) FROM learning_activities`) == 5 })
	must(t, first.link.Stop(t.Context()))
	first.learn(learner, 3) // only here

	stick := safety.NewDir(t.TempDir(), first.dir)
	must(t, stick.Prepare())
	first.copyTo(stick)
	must(t, first.file.Close()) // and it is never started again

	spare := openBox(t, t.TempDir())
	_, err = spare.agent.Claim(t.Context(), c.url, c.code(school))
	must(t, err)
	if has, err := spare.agent.HasWork(t.Context()); err != nil || has {
		t.Fatalf("a fresh box has work: %v %v", has, err)
	}
	r, _, err := spare.agent.KnownRecovery()
	must(t, err)
	id, err := age.ParseX25519Identity(r.Identity)
	must(t, err)
	if len(r.NodeKeys) != 1 || !first.agent.Keys().Node.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(r.NodeKeys[0])) {
		t.Fatal("the spare does not know whose copy to trust")
	}
	path := filepath.Join(spare.dir, "restored.db")
	_, err = safety.Restore(t.Context(), stick, path, []age.Identity{id}, []ed25519.PublicKey{r.NodeKeys[0]})
	must(t, err)
	restored, err := sqlite.Open(path)
	must(t, err)
	t.Cleanup(func() { _ = restored.Close() })
	hybrid, err := syncer.OpenHybrid(t.Context(), restored, clock.System{})
	must(t, err)
	adopted, err := spare.agent.Adopt(t.Context(), restored, &syncer.Outbox{Hybrid: hybrid, Clock: clock.System{}})
	must(t, err)
	if adopted.Unsent < 3 || adopted.Unsent > 8 || adopted.Appliance == spare.agent.Log().School {
		t.Errorf("adopted %+v", adopted)
	}

	spare.file = restored
	spare.assemble()
	must(t, spare.link.Start(t.Context()))
	spare.learn(learner, 1)
	eventually(t, "all nine arrive", func() bool { return count(t, c.db, `SELECT count(*) FROM learning_activities`) >= 9 })
	if n := count(t, c.db, `SELECT count(*) FROM learning_activities`); n != 9 {
		t.Errorf("%d activities at the cloud, want 9", n)
	}
	if n := count(t, c.db, `SELECT count(*) FROM dead_letters`) + count(t, c.db, `SELECT count(*) FROM conflict_log`); n != 0 {
		t.Errorf("%d dead letters and conflicts", n)
	}
}
