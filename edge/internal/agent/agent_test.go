package agent_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestTheBoxsKeysAreItsOwnAndLast(t *testing.T) {
	dir := t.TempDir()
	first := openBox(t, dir).agent.Keys()
	path := filepath.Join(dir, "box.keys")
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("anybody on the box may read the keys: %v", info.Mode())
	}
	second := openBox(t, dir).agent.Keys()
	if !bytes.Equal(first.NodePublic(), second.NodePublic()) || first.NATSUser() != second.NATSUser() || first.Recipient() != second.Recipient() {
		t.Error("the keys are others after a restart")
	}
	if other := openBox(t, t.TempDir()).agent.Keys(); bytes.Equal(first.NodePublic(), other.NodePublic()) {
		t.Error("two boxes have the same keys")
	}
}

func TestDamagedKeysAreAnErrorAndNotReplaced(t *testing.T) {
	dir := t.TempDir()
	b := openBox(t, dir)
	path := filepath.Join(dir, "box.keys")
	for _, damage := range []string{"", "{", `{"node_seed":"AAAA"}`} {
		must(t, os.WriteFile(path, []byte(damage), 0o600))
		if _, err := agent.Open(t.Context(), b.file, dir, "test"); err == nil {
			t.Errorf("a box with the keys %q opens", damage)
		}
		if now, _ := os.ReadFile(path); string(now) != damage {
			t.Error("the file was replaced")
		}
	}
}

func TestClaimingABox(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	dir := t.TempDir()
	b := openBox(t, dir)
	if _, claimed := b.agent.State(); claimed {
		t.Fatal("a fresh box belongs to a school")
	}
	if _, err := b.agent.Claim(t.Context(), c.url, "AAAA-BBBB-CCCC"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a wrong code: %v", err)
	}
	if _, err := b.agent.Claim(t.Context(), "http://"+freeAddress(t), "AAAA-BBBB-CCCC"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("no cloud: %v", err)
	}
	code := c.code(school)
	s, err := b.agent.Claim(t.Context(), c.url+"/", code)
	must(t, err)
	if s.SchoolID != school || s.SchoolName != "School LODWAR-1" || s.CloudURL != c.url || s.Epoch == 0 || len(s.CloudKey) != 32 {
		t.Errorf("got %+v", s)
	}
	if _, err := b.agent.Claim(t.Context(), c.url, code); !errors.Is(err, agent.ErrClaimed) {
		t.Errorf("a second claim: %v", err)
	}
	if _, err := openBox(t, t.TempDir()).agent.Claim(t.Context(), c.url, code); fault.KindOf(err) != fault.Gone {
		t.Errorf("another box with the same code: %v", err)
	}

	again := openBox(t, dir) // after a restart
	kept, claimed := again.agent.State()
	if !claimed || kept.ApplianceID != s.ApplianceID || kept.NATS != s.NATS || len(again.agent.Keys().Pepper()) != 32 {
		t.Errorf("after a restart: %v, %+v", claimed, kept)
	}
	again.agent.Override("https://elsewhere/", "tls://there:1")
	if moved, _ := again.agent.State(); moved.CloudURL != "https://elsewhere" || moved.NATS.LeafURL != "tls://there:1" || moved.NATS.UserJWT != s.NATS.UserJWT {
		t.Errorf("overridden: %+v", moved)
	}
}

func TestWhatIsNotTheCloudChangesNothing(t *testing.T) {
	c := newCloud(t)
	b := openBox(t, t.TempDir())
	page := `<html>Welcome to the hotel's Wi-Fi</html>`
	status := http.StatusOK
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, page)
	}))
	defer portal.Close()
	refuse := func(what string, err error) {
		t.Helper()
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: got %v", what, err)
		}
	}
	answers := map[string]int{page: 200, `{}`: 200, `{"status":"please sign in"}`: 200, `{"epoch":7}`: 200, "bad gateway": 502, `{"detail":"","code":"claim_code_used"}`: 410, "": 511}
	for page, status = range answers {
		_, err := b.agent.Claim(t.Context(), portal.URL, "AAAA-BBBB-CCCC")
		refuse("claim, answered by "+page, err)
	}
	if _, claimed := b.agent.State(); claimed {
		t.Fatal("the portal has claimed the box")
	}

	_, err := b.agent.Claim(t.Context(), c.url, c.code(c.school("LODWAR-1")))
	must(t, err)
	b.assemble()
	before, _ := b.agent.State()
	b.agent.Override(portal.URL, "")
	for page, status = range answers {
		refuse("renew, answered by "+page, b.agent.Renew(t.Context(), b.outbox, syncproto.RenewedForked, "a test"))
	}
	if after, _ := b.agent.State(); after.Epoch != before.Epoch {
		t.Errorf("the portal moved the box from epoch %d to %d", before.Epoch, after.Epoch)
	}
	b.agent.Override(c.url, "")
	must(t, b.agent.Renew(t.Context(), b.outbox, syncproto.RenewedForked, "a test"))
	if after, _ := b.agent.State(); after.Epoch <= before.Epoch {
		t.Errorf("epoch %d after %d", after.Epoch, before.Epoch)
	}
}

// The whole way on real parts: agent, leaf and SQLite here, the cloud's program
// with its hub and Postgres there.
func TestABoxRestoredFromAnOlderCopyHealsByItself(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	dir := t.TempDir()
	b := openBox(t, dir)
	_, err := b.agent.Claim(t.Context(), c.url, c.code(school))
	must(t, err)
	b.assemble()
	must(t, b.link.Start(t.Context()))
	ann := c.learner(school, "Ann Akai")
	eventually(t, "the roster comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 1 })
	activities := func() int64 { return count(t, c.db, `SELECT count(*) FROM learning_activities`) }
	b.learn(ann, 3)
	eventually(t, "the work goes up", func() bool { return activities() == 3 })

	backup := filepath.Join(t.TempDir(), "backup.db")
	_, err = b.file.Writer().ExecContext(t.Context(), "VACUUM INTO ?", backup)
	must(t, err)
	b.learn(ann, 2) // sent, then lost with the disk
	c.learner(school, "Ben Ekiru")
	eventually(t, "both sides have everything", func() bool {
		return activities() == 5 && count(t, b.file, `SELECT count(*) FROM accounts`) == 2
	})
	before, _ := b.agent.State()
	b.stop()

	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(filepath.Join(dir, "school.db"+suffix))
	}
	must(t, os.Rename(backup, filepath.Join(dir, "school.db")))
	b = openBox(t, dir)
	if s, _ := b.agent.State(); s.Epoch != before.Epoch {
		t.Fatalf("the copy is of epoch %d, not %d", s.Epoch, before.Epoch)
	}
	b.assemble()
	b.learn(ann, 4) // after the restore, before the link is up
	must(t, b.link.Start(t.Context()))
	eventually(t, "a new epoch", func() bool { s, _ := b.agent.State(); return s.Epoch > before.Epoch })
	eventually(t, "the work of after the restore goes up", func() bool { return activities() == 9 })
	eventually(t, "what came down after the copy was made comes again", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 2 })
	b.learn(ann, 1)
	eventually(t, "life goes on", func() bool {
		return activities() == 10 && count(t, b.file, `SELECT coalesce(sum(seq - acked_seq), 0) FROM outbox_heads`) == 0
	})
	if _, carrier := b.link.Up(); carrier != "mirror" {
		t.Errorf("by %s, not by the mirror", carrier)
	}
	for _, table := range []string{"conflict_log", "dead_letters"} {
		if n := count(t, c.db, `SELECT count(*) FROM `+table) + count(t, b.file, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	if again := openBox(t, dir); again.agent.Log() != b.agent.Log() {
		t.Errorf("the new epoch is not kept: %+v", again.agent.Log())
	}
	b.stop()
}

func TestASecondBoxTakesTheSchoolOver(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	ann := c.learner(school, "Ann Akai")
	boxes := make([]*box, 2)
	for i := range boxes {
		b := openBox(t, t.TempDir())
		_, err := b.agent.Claim(t.Context(), c.url, c.code(school))
		must(t, err)
		b.assemble()
		must(t, b.link.Start(t.Context()))
		boxes[i] = b
		eventually(t, "the roster comes down to this box", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 1 })
		b.learn(ann, 1)
		eventually(t, "its work goes up", func() bool { return count(t, c.db, `SELECT count(*) FROM learning_activities`) == int64(i)+1 })
	}
	old := boxes[0]
	if err := old.agent.Renew(t.Context(), old.outbox, syncproto.RenewedForked, "a test"); fault.KindOf(err) != fault.Conflict || old.agent.Standing() != agent.Replaced {
		t.Errorf("the replaced box got %v and is %q", err, old.agent.Standing())
	}
	for _, b := range boxes {
		b.stop()
	}
}
