package agent_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/registry"
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

// Compare by digests, on real parts: what the box lacks comes again, what the
// cloud lacks is sent again, and what a repair does not mend needs a snapshot.
func TestRecordsThatDifferAreFoundAndMended(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	ann := c.learner(school, "Ann Akai")
	c.learner(school, "Ben Ekiru")
	b := claimedBox(t, c, school, t.TempDir())
	eventually(t, "the roster comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 2 })
	b.learn(ann, 5)
	eventually(t, "the work goes up", func() bool { return count(t, c.db, `SELECT count(*) FROM learning_activities`) == 5 })
	reg, err := registry.All()
	must(t, err)
	wanted := ""
	cmp := agent.NewComparer(agent.ComparerOptions{Agent: b.agent, DB: b.db, Registry: reg, Members: identity.MembersOf, Clock: clock.System{},
		Log: logging.Discard(), Snapshot: func(reason string) { wanted = reason }})
	compare := func(want string) {
		t.Helper()
		eventually(t, "the two sides are at one point", func() bool {
			done, err := cmp.Once(t.Context())
			must(t, err)
			return done
		})
		var r syncproto.Report
		must(t, b.file.View(t.Context(), func(tx db.Tx) error { return cmp.Fill(t.Context(), tx, &r) }))
		if r.Digest != want || r.DigestAt == 0 {
			t.Errorf("the report says %q, want %q", r.Digest, want)
		}
	}
	exec := func(d db.DB, q string) {
		t.Helper()
		must(t, d.Update(t.Context(), func(tx db.Tx) error { _, err := tx.Exec(t.Context(), db.SQL{Both: q}); return err }))
	}
	incidents := func(kind string) int64 {
		return count(t, c.db, `SELECT count(*) FROM incidents WHERE kind = '`+kind+`'`)
	}
	compare("equal")

	exec(b.file, `UPDATE accounts SET full_name = 'Somebody else' WHERE full_name = 'Ben Ekiru'`) // a bit flipped on the disk
	exec(c.db, `DELETE FROM learning_activities WHERE id = (SELECT min(id) FROM learning_activities)`)
	compare("repairing")
	eventually(t, "both are mended", func() bool {
		return count(t, b.file, `SELECT count(*) FROM accounts WHERE full_name = 'Ben Ekiru'`) == 1 && count(t, c.db, `SELECT count(*) FROM learning_activities`) == 5
	})
	compare("equal")
	if n := incidents("digest_repaired"); n != 1 {
		t.Errorf("%d incidents", n)
	}

	exec(b.file, `UPDATE learning_activities SET seconds = 61 WHERE id = (SELECT min(id) FROM learning_activities)`) // a fact is never replaced
	compare("repairing")
	compare("differs")
	if wanted != syncproto.ReasonDigest {
		t.Fatalf("no snapshot was asked for")
	}
	must(t, b.snaps.Take(t.Context(), wanted))
	if n := count(t, b.file, `SELECT count(*) FROM learning_activities WHERE seconds = 60`); n != 5 {
		t.Errorf("%d of 5 facts are right after the snapshot", n)
	}
	compare("equal")
	if n := incidents("digest_snapshot"); n != 1 {
		t.Errorf("%d incidents of the snapshot", n)
	}
	b.stop()
}

// A swap that is cut at any step leaves the school working, and the next
// attempt ends it; what is only here survives.
func TestASwapCanBeCutAtEveryStep(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	ann := c.learner(school, "Ann Akai")
	b := claimedBox(t, c, school, t.TempDir())
	eventually(t, "the roster comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 1 })
	b.learn(ann, 5)
	eventually(t, "the work goes up", func() bool { return count(t, c.db, `SELECT count(*) FROM learning_activities`) == 5 })
	must(t, b.link.Stop(t.Context())) // from here on nothing is sent
	b.learn(ann, 7)
	must(t, b.file.Update(t.Context(), func(tx db.Tx) error {
		for _, q := range []string{
			`INSERT INTO sessions (id, account_id, school_id, created_at, expires_at) VALUES ('s', 'a', 'b', '2026-01-01 00:00:00+00:00', '2027-01-01 00:00:00+00:00')`,
			`INSERT INTO tutor_originals (question_id, text) VALUES ('q', 'what she typed')`,
			`INSERT INTO accounts (id, role, email, full_name, status, school_id, grade, class_name, admission_number, created_at, updated_at)
				SELECT 'ghost', role, email, full_name, status, school_id, grade, class_name, admission_number, created_at, updated_at FROM accounts LIMIT 1`,
		} {
			if _, err := tx.Exec(t.Context(), db.SQL{Both: q}); err != nil {
				return err
			}
		}
		return nil
	}))
	crash := errors.New("crash")
	for _, at := range []string{"downloaded", "built", sqlite.StepLocked, sqlite.StepFilled, sqlite.StepSynced, ""} {
		b.step = func(name string) error {
			if name == at {
				return crash
			}
			return nil
		}
		err := b.snaps.Take(t.Context(), "a test")
		if at == "" {
			must(t, err)
		} else if !errors.Is(err, crash) {
			t.Fatalf("at %s: %v", at, err)
		}
		b.learn(ann, 1) // the school works on
		if n := b.activities(); n < 12 {
			t.Errorf("after %q: %d activities", at, n)
		}
	}
	if n := b.activities(); n != 18 {
		t.Errorf("%d activities, want 18", n)
	}
	for q, want := range map[string]int64{
		`SELECT count(*) FROM sessions`: 1, `SELECT count(*) FROM tutor_originals`: 1, `SELECT count(*) FROM accounts`: 1, `SELECT count(*) FROM dead_letters`: 0,
		`SELECT count(*) FROM outbox`: 18, `SELECT count(*) FROM watermarks WHERE epoch = 2`: 0,
	} {
		if n := count(t, b.file, q); n != want {
			t.Errorf("%s: %d, want %d", q, n, want)
		}
	}
	dir := b.dir
	must(t, b.file.Close())
	must(t, sqlite.Tidy(filepath.Join(dir, "school.db")))
	again := openBox(t, dir)
	again.assemble()
	must(t, again.link.Start(t.Context()))
	eventually(t, "what was unsent goes up", func() bool { return count(t, c.db, `SELECT count(*) FROM learning_activities`) == 18 })
	again.stop()
}

// A snapshot that did not help is followed by another one: the cloud's word that
// came too soon after the first is not lost, and the downlink goes on.
func TestASnapshotThatDidNotHelpIsNotTheLast(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	c.learner(school, "Ann Akai")
	b := claimedBox(t, c, school, t.TempDir())
	eventually(t, "the roster comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 1 })
	must(t, b.snaps.Start(t.Context()))
	defer func() { must(t, b.snaps.Stop(context.Background())) }()
	b.snaps.Want("a test")
	eventually(t, "the first snapshot is taken", func() bool {
		var r syncproto.Report
		b.snaps.Fill(&r)
		return r.Snapshot == "swapped"
	})
	eventually(t, "what is wanted again soon after it is asked about", func() bool {
		b.snaps.Want("a test")
		return b.asked.Load() > 0
	})
	// The cloud's log becomes another one, and what it prepared is gone.
	for _, table := range []string{"outbox_heads", "outbox"} {
		must(t, c.db.Update(t.Context(), func(tx db.Tx) error {
			_, err := tx.Exec(t.Context(), db.SQL{Both: `UPDATE ` + table + ` SET chain = decode(md5(encode(chain, 'hex')), 'hex') WHERE school = $1 AND epoch = 1 AND lane = 2`}, school)
			return err
		}))
	}
	eventually(t, "what was prepared is gone", func() bool { // the cloud may be writing there
		return os.RemoveAll(filepath.Join(c.dir, "snapshots", school)) == nil
	})
	c.learner(school, "Ben Ekiru")
	eventually(t, "the second learner comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 2 })
	b.stop()
}

// What is not the cloud's answer to this box's own question is refused.
func TestASnapshotThatIsNotOursIsRefused(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	b := claimedBox(t, c, school, t.TempDir())
	c.learner(school, "Ann Akai")
	eventually(t, "the roster comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 1 })
	state, _ := b.agent.State()
	var kept syncproto.SnapshotAnswer // an answer to an earlier question
	eventually(t, "a snapshot is built", func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+syncproto.SnapshotPath, strings.NewReader(`{"nonce":"0123456789abcdef","reason":"a test"}`))
		must(t, err)
		resp, err := b.agent.Client().Do(r)
		must(t, err)
		defer func() { _ = resp.Body.Close() }()
		kept = syncproto.SnapshotAnswer{}
		must(t, json.NewDecoder(resp.Body).Decode(&kept))
		return !kept.Building
	})
	must(t, syncproto.VerifySnapshot(state.CloudKey, state.ApplianceID, "0123456789abcdef", kept))
	forger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(kept) }))
	defer forger.Close()
	b.agent.Override(forger.URL, "")
	if err := b.snaps.Take(t.Context(), "a test"); !errors.Is(err, syncproto.ErrSnapshotSignature) {
		t.Errorf("an old answer, played back: %v", err)
	}
	b.agent.Override(c.url, "")

	m, err := syncproto.DecodeSnapshot(kept.Manifest)
	must(t, err)
	part := syncproto.SnapshotPartPath + hex.EncodeToString(m.Parts[0].SHA256)
	get := func(client *http.Client) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+part, nil)
		must(t, err)
		resp, err := client.Do(r)
		must(t, err)
		must(t, resp.Body.Close())
		return resp.StatusCode
	}
	other := openBox(t, t.TempDir())
	_, err = other.agent.Claim(t.Context(), c.url, c.code(c.school("LODWAR-2")))
	must(t, err)
	if own, strange, nobody := get(b.agent.Client()), get(other.agent.Client()), get(http.DefaultClient); own != 200 || strange != 404 || nobody != 401 {
		t.Errorf("a part of a school's snapshot: its box %d, another school's %d, unsigned %d", own, strange, nobody)
	}
	b.stop()
}

// A download that is cut anywhere goes on where it stopped, and a damaged part
// is fetched again.
func TestADownloadResumes(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	ann := c.learner(school, "Ann Akai")
	b := claimedBox(t, c, school, t.TempDir())
	eventually(t, "the roster comes down", func() bool { return count(t, b.file, `SELECT count(*) FROM accounts`) == 1 })
	b.learn(ann, 200)
	eventually(t, "the work goes up", func() bool { return count(t, c.db, `SELECT count(*) FROM learning_activities`) == 200 })
	target, err := url.Parse(c.url)
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	budget, ranges, damaged := 100, 0, false
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, syncproto.SnapshotPartPath) {
			proxy.ServeHTTP(w, r)
			return
		}
		if r.Header.Get("Range") != "" {
			ranges++
		}
		rec := httptest.NewRecorder()
		proxy.ServeHTTP(rec, r)
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		body := rec.Body.Bytes()
		if n := min(len(body), budget); n < len(body) {
			budget *= 3
			_, _ = w.Write(body[:n])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler) // the link is cut
		}
		if !damaged {
			damaged = true
			body[len(body)-1] ^= 1
		}
		_, _ = w.Write(body)
	}))
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer front.Close()
	b.agent.Override(front.URL, "")
	tries := 0
	for err = b.snaps.Take(t.Context(), "a test"); err != nil && tries < 30; tries++ {
		err = b.snaps.Take(t.Context(), "a test")
	}
	must(t, err)
	if ranges < 2 || !damaged || tries < 3 {
		t.Errorf("%d tries, %d of them resumed, damaged %v", tries, ranges, damaged)
	}
	if n := b.activities(); n != 200 {
		t.Errorf("%d activities", n)
	}
	b.stop()
}
