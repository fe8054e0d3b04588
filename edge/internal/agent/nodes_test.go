package agent_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/shared/identity"
)

// schoolBoxes is the part of the admin's list that these tests read.
type schoolBoxes struct {
	Boxes []struct {
		ID     string `json:"appliance_id"`
		Status string `json:"status"`
	} `json:"boxes"`
	Held []struct {
		ID, Kind, State          string
		Waiting, Told, Delivered int64
	} `json:"held"`
	Replacements []struct {
		Reason  string
		Missing []struct {
			What  string
			Count int64
		}
		InAll int64 `json:"missing_in_all"`
	} `json:"replacements"`
}

func (c *cloud) boxes(school string) (out schoolBoxes) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+"/api/v1/schools/"+school+"/boxes", nil)
	must(c.t, err)
	r.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := http.DefaultClient.Do(r)
	must(c.t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	must(c.t, err)
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%d %s", resp.StatusCode, answer)
	}
	must(c.t, json.Unmarshal(answer, &out))
	return out
}

func (c *cloud) decide(school, held, action string) {
	c.t.Helper()
	c.call("/api/v1/schools/"+school+"/held-boxes/"+held, map[string]string{"action": action}, &struct{}{})
}

func (c *cloud) activities() int64 {
	return count(c.t, c.db, `SELECT count(*) FROM learning_activities`)
}

func (c *cloud) incidents(kind string) int64 {
	c.t.Helper()
	return count(c.t, c.db, `SELECT count(*) FROM incidents WHERE kind = '`+kind+`'`)
}

// claimed is a running box of a school with one learner and three records that
// have arrived.
func claimed(t *testing.T, c *cloud) (b *box, school string, learner identity.AccountID) {
	t.Helper()
	school = c.school("LODWAR-1")
	learner = c.learner(school, "Ann Akai")
	b = openBox(t, t.TempDir())
	_, err := b.agent.Claim(t.Context(), c.url, c.code(school))
	must(t, err)
	b.start()
	b.learn(learner, 3)
	eventually(t, "the work goes up", func() bool { return c.activities() == 3 && b.waiting() == 0 })
	return b, school, learner
}

func (b *box) start() {
	b.t.Helper()
	b.assemble()
	must(b.t, b.link.Start(b.t.Context()))
}

func (b *box) waiting() int64 {
	return count(b.t, b.file, `SELECT coalesce(sum(seq - acked_seq), 0) FROM outbox_heads`)
}

// copyDir is a clone: everything on the disk, made while the box was off.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	must(t, os.CopyFS(to, os.DirFS(from)))
	return to
}

func TestOfTwoClonesOneServesTheCloudAndTheOthersWorkIsTakenIn(t *testing.T) {
	c := newCloud(t)
	one, school, ann := claimed(t, c)
	one.stop()
	two := openBox(t, copyDir(t, one.dir))
	one = openBox(t, one.dir)
	for _, b := range []*box{one, two} { // both go on without a line
		b.assemble()
		b.learn(ann, 2)
	}
	must(t, one.link.Start(t.Context()))
	eventually(t, "the first one's work goes up", func() bool { return c.activities() == 5 })
	must(t, two.link.Start(t.Context()))
	eventually(t, "one of them has lost the place", func() bool {
		return (one.agent.Standing() == agent.Quarantined) != (two.agent.Standing() == agent.Quarantined)
	})
	loser, winner := one, two
	if two.agent.Standing() == agent.Quarantined {
		loser, winner = two, one
	}
	loser.learn(ann, 3) // it goes on serving its school
	winner.learn(ann, 1)
	eventually(t, "the winner's work goes up", func() bool { return winner.waiting() == 0 })
	list := c.boxes(school)
	if len(list.Held) != 1 || list.Held[0].State != "waiting" || list.Held[0].Kind != "quarantined" || len(list.Boxes) != 1 {
		t.Fatalf("the admin sees %+v", list)
	}
	if n := c.incidents("box_quarantined"); n != 1 {
		t.Errorf("%d incidents", n)
	}

	c.decide(school, list.Held[0].ID, "take_in")
	eventually(t, "all work of both has arrived", func() bool { return c.activities() == 11 })
	eventually(t, "the loser knows", func() bool { return loser.agent.Standing() == agent.Delivering && loser.waiting() == 0 })
	eventually(t, "the admin sees that all of it has arrived", func() bool {
		h := c.boxes(school).Held[0]
		return h.State == "retired" && h.Told == h.Delivered && h.Told >= 3
	})
	loser.stop()
	loser = openBox(t, loser.dir)
	loser.start()
	loser.learn(ann, 1)
	winner.learn(ann, 1)
	eventually(t, "life goes on, on both", func() bool { return c.activities() == 13 })
	if n := count(t, c.db, `SELECT count(*) FROM dead_letters`) + count(t, c.db, `SELECT count(*) FROM conflict_log`); n != 0 {
		t.Errorf("%d records were put aside", n)
	}
	loser.stop()
	winner.stop()
}

func TestACloneCanBeGivenThePlace(t *testing.T) {
	c := newCloud(t)
	one, school, ann := claimed(t, c)
	one.stop()
	two := openBox(t, copyDir(t, one.dir))
	one = openBox(t, one.dir)
	one.start()
	two.start()
	one.learn(ann, 2)
	two.learn(ann, 2)
	var loser, winner *box
	eventually(t, "one of them has lost the place", func() bool {
		loser, winner = one, two
		if two.agent.Standing() == agent.Quarantined {
			loser, winner = two, one
		}
		return loser.agent.Standing() == agent.Quarantined && winner.agent.Standing() == agent.Fine
	})
	c.decide(school, c.boxes(school).Held[0].ID, "activate")
	eventually(t, "it has the place", func() bool { return loser.agent.Standing() == agent.Fine })
	loser.learn(ann, 1)
	eventually(t, "its work arrives", func() bool { return loser.waiting() == 0 })
	eventually(t, "the other one is held now", func() bool { return winner.agent.Standing() == agent.Quarantined })
	winner.learn(ann, 1)
	for _, h := range c.boxes(school).Held {
		if h.State == "waiting" {
			c.decide(school, h.ID, "take_in")
		}
	}
	eventually(t, "nothing of either is lost", func() bool { return c.activities() == 9 && winner.waiting() == 0 })
	one.stop()
	two.stop()
}

func TestABoxRestoredWhileOffLineTakesANewEpochFirst(t *testing.T) {
	c := newCloud(t)
	b, _, ann := claimed(t, c)
	dir := b.dir
	backup := filepath.Join(t.TempDir(), "backup.db")
	_, err := b.file.Writer().ExecContext(t.Context(), "VACUUM INTO ?", backup)
	must(t, err)
	b.learn(ann, 2)
	eventually(t, "the work goes up", func() bool { return c.activities() == 5 && b.waiting() == 0 })
	before, _ := b.agent.State()
	must(t, b.agent.Renew(t.Context(), b.outbox, "logs_forked", "so that the copy is of an older epoch")) // as after a fork
	b.stop()
	b = openBox(t, dir)
	b.start()
	b.learn(ann, 1)
	eventually(t, "the work of the second epoch goes up", func() bool { return c.activities() == 6 && b.waiting() == 0 })
	b.stop()

	restore := func(learn int) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(filepath.Join(dir, "school.db"+suffix))
		}
		content, err := os.ReadFile(backup)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "school.db"), content, 0o600))
		b = openBox(t, dir)
		if s, _ := b.agent.State(); s.Epoch != before.Epoch {
			t.Fatalf("the copy is of epoch %d", s.Epoch)
		}
		b.assemble()
		b.learn(ann, learn)
		must(t, b.link.Start(t.Context()))
	}
	restore(4)
	eventually(t, "it has its place again by itself, and its work arrives", func() bool { return c.activities() == 10 && b.waiting() == 0 })
	if b.agent.Standing() != agent.Fine || c.incidents("box_restored") != 1 {
		t.Errorf("standing %q, %d incidents", b.agent.Standing(), c.incidents("box_restored"))
	}
	eventually(t, "the admin is told what was lost on the box", func() bool {
		return count(t, c.db, `SELECT count(*) FROM incidents WHERE kind = 'box_restored' AND facts->>'missing' = '1' AND facts->>'resent' = '4'`) == 1
	})
	b.stop()
	restore(2) // a second time, from the same copy
	eventually(t, "after a second restore too", func() bool { return c.activities() == 12 && b.waiting() == 0 })
	if n := c.incidents("box_quarantined"); n != 0 {
		t.Errorf("the box was taken for a clone")
	}
	b.stop()
}

func TestAReplacedBoxFromACupboardDeliversItsWork(t *testing.T) {
	c := newCloud(t)
	old, school, ann := claimed(t, c)
	old.stop()
	old = openBox(t, old.dir)
	old.assemble()
	old.learn(ann, 4) // its disk has them, the cloud not
	var code struct{ Code string }
	c.call("/api/v1/schools/"+school+"/replacement", map[string]string{"reason": "fell from the shelf"}, &code)
	spare := openBox(t, t.TempDir())
	_, err := spare.agent.Claim(t.Context(), c.url, code.Code)
	must(t, err)
	spare.start()
	eventually(t, "the spare knows the learners", func() bool { return count(t, spare.file, `SELECT count(*) FROM accounts`) == 1 })
	if r := c.boxes(school).Replacements; len(r) != 1 || r[0].Reason != "fell from the shelf" {
		t.Errorf("got %+v", r)
	}

	must(t, old.link.Start(t.Context()))
	eventually(t, "the old box is told that it was replaced", func() bool { return old.agent.Standing() == agent.Replaced })
	held := c.boxes(school).Held
	if len(held) != 1 || held[0].Kind != "replaced" || held[0].Waiting != 4 {
		t.Fatalf("got %+v", held)
	}
	c.decide(school, held[0].ID, "take_in")
	eventually(t, "its work is taken in", func() bool { return c.activities() == 7 && c.boxes(school).Held[0].State == "retired" })
	spare.learn(ann, 1)
	eventually(t, "the spare still has the place", func() bool { return c.activities() == 8 && spare.agent.Standing() == agent.Fine })
	old.stop()
	spare.stop()
}

func TestABoxTheCloudForgotIsClaimedAgainWithItsData(t *testing.T) {
	c := newCloud(t)
	b, school, ann := claimed(t, c)
	dir := b.dir
	// The cloud comes back from a backup of before the claim.
	for _, table := range []string{"appliances", "school_epochs", "epoch_history", "watermarks", "frame_history", "learning_activities", "peer_states", "incidents"} {
		change(t, c, `DELETE FROM `+table)
	}
	b.stop()
	b = openBox(t, dir)
	b.start()
	b.learn(ann, 2)
	eventually(t, "the box knows that it is not known", func() bool { return b.agent.Standing() == agent.Unknown })
	other := c.school("KAKUMA-1")
	wrong := c.code(other)
	head := identity.Actor{Account: "head", Role: identity.Instructor, Duties: []identity.Duty{identity.Head}}
	for _, who := range []identity.Actor{{}, {Account: "x", Role: identity.Student}, {Account: "x", Role: identity.Instructor, Duties: []identity.Duty{identity.Bursar}}} {
		if _, err := b.link.Reclaim(t.Context(), who, "AAAA-BBBB-CCCC"); codeOf(err) != "forbidden" && codeOf(err) != "sign_in" {
			t.Errorf("%+v may claim the box: %v", who, err)
		}
	}
	if _, err := b.link.Reclaim(t.Context(), head, wrong); codeOf(err) != "claim_other_school" {
		t.Errorf("a code of another school: %v", err)
	}
	if _, err := openBox(t, t.TempDir()).agent.Claim(t.Context(), c.url, wrong); err != nil {
		t.Errorf("that code is used up: %v", err)
	}
	code := c.code(school)
	for range 2 { // the first answer is lost
		_, err := b.link.Reclaim(t.Context(), head, code)
		must(t, err)
	}
	eventually(t, "everything the cloud had and everything new is there", func() bool { return c.activities() == 5 && b.waiting() == 0 })
	if b.agent.Standing() != agent.Fine {
		t.Errorf("the box is %q", b.agent.Standing())
	}
	b.stop()
}
