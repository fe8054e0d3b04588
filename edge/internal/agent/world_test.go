package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// The cloud of these tests is the real one: the program, on a database of its
// own.
var cloudProgram = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	dir, err := os.MkdirTemp("", "uhs-cloud")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "uhs-cloud")
	cmd := exec.Command("go", "build", "-tags", "no_web", "-o", bin, "./cmd/uhs-cloud")
	cmd.Dir = filepath.Join(filepath.Dir(here), "../../../cloud")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the cloud: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := cloudProgram(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// cloud is a running uhs-cloud with an admin.
type cloud struct {
	t     *testing.T
	url   string
	db    db.DB
	token string
	dir   string   // the data of the program
	env   []string // of the program
}

const adminPassword = "Matatu-Ziwa-72-Embe"

func newCloud(t *testing.T) *cloud {
	t.Helper()
	bin, err := cloudProgram()
	if err != nil {
		t.Fatal(err)
	}
	pg := dbtest.Postgres(t)
	c := &cloud{t: t, db: pg, dir: t.TempDir(), url: "http://" + freeAddress(t)}
	env := append(os.Environ(), "DATABASE_URL="+pg.Pool.Config().ConnString(), "SECRET_KEY=a secret for tests only, long enough", "DATA_DIR="+c.dir,
		"HTTP_ADDR="+strings.TrimPrefix(c.url, "http://"), "PUBLIC_URL="+c.url, "NATS_LEAF_ADDR="+freeAddress(t), "LOG_LEVEL=error", "BCRYPT_COST=4", "DEMO=true", "RATE_LIMIT_FACTOR=0") // no second factor, and many requests
	c.env = env
	create := exec.CommandContext(t.Context(), bin, "admin", "create", "admin@example.org")
	create.Env, create.Stdin = env, strings.NewReader(adminPassword+"\n")
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("create the admin: %v\n%s", err, out)
	}
	serve := exec.Command(bin, "serve")
	serve.Env, serve.Stdout, serve.Stderr = env, io.Discard, os.Stderr
	must(t, serve.Start())
	t.Cleanup(func() { _ = serve.Process.Kill(); _ = serve.Wait() })
	eventually(t, "the cloud answers", func() bool {
		resp, err := http.Get(c.url + "/health")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	var tokens struct {
		Access string `json:"access_token"`
	}
	c.call("/api/v1/auth/login", map[string]string{"email": "admin@example.org", "password": adminPassword}, &tokens)
	c.token = tokens.Access
	return c
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func (c *cloud) call(path string, in, out any) {
	c.t.Helper()
	body, err := json.Marshal(in)
	must(c.t, err)
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url+path, bytes.NewReader(body))
	must(c.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := http.DefaultClient.Do(r)
	must(c.t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	must(c.t, err)
	if resp.StatusCode >= 300 {
		c.t.Fatalf("%s: %d %s", path, resp.StatusCode, answer)
	}
	must(c.t, json.Unmarshal(answer, out))
}

func (c *cloud) school(code string) (school string) {
	c.t.Helper()
	var s struct{ ID string }
	c.call("/api/v1/schools", map[string]string{"name": "School " + code, "code": code, "county": "Turkana"}, &s)
	return s.ID
}

func (c *cloud) code(school string) string {
	c.t.Helper()
	var out struct{ Code string }
	c.call("/api/v1/schools/"+school+"/claim-codes", map[string]string{}, &out)
	return out.Code
}

func (c *cloud) learner(school, name string) identity.AccountID {
	c.t.Helper()
	var out struct{ ID identity.AccountID }
	c.call("/api/v1/schools/"+school+"/learners", map[string]string{"full_name": name, "grade": "Grade 4"}, &out)
	return out.ID
}

// box is one life of an appliance: from opening its directory to stopping.
type box struct {
	t      *testing.T
	dir    string
	file   *sqlite.DB
	db     db.DB
	agent  *agent.Agent
	link   *agent.Connection
	snaps  *agent.Snapshots
	asked  atomic.Int64       // how often they asked the cloud again
	step   func(string) error // of a swap
	settle func(ctx context.Context, old, fresh db.DB) (func(context.Context, db.Tx) error, error)
	free   int64 // what a snapshot leaves of the disk
	outbox *syncer.Outbox
}

// openBox boots a box from what lies in dir.
func openBox(t *testing.T, dir string) *box {
	t.Helper()
	file, err := sqlite.Open(filepath.Join(dir, "school.db"))
	must(t, err)
	t.Cleanup(func() { _ = file.Close() })
	must(t, migrate.Up(t.Context(), file.Writer(), goose.DialectSQLite3, migrations.SQLite()))
	b := &box{t: t, dir: dir, file: file}
	b.agent, err = agent.Open(t.Context(), file, dir, "test")
	must(t, err)
	return b
}

// connect starts the connection to the cloud.
func (b *box) assemble() {
	b.t.Helper()
	hybrid, err := syncer.OpenHybrid(b.t.Context(), b.file, clock.System{})
	must(b.t, err)
	b.outbox = &syncer.Outbox{Hybrid: hybrid, Clock: clock.System{}}
	b.db = syncer.WithJournal(b.file, &syncer.Uplink{Outbox: b.outbox, Current: b.agent.Log, Wake: func() { b.link.Wake() }})
	reg, err := registry.All()
	must(b.t, err)
	applier := &syncer.Applier{DB: b.db, Registry: reg, Hybrid: hybrid, Clock: clock.System{}, Log: logging.Discard(), From: syncproto.CloudOnly}
	b.snaps = agent.NewSnapshots(agent.SnapshotOptions{Agent: b.agent, File: b.file, Registry: reg, Hybrid: hybrid, Dir: b.dir, Clock: clock.System{},
		Log: logging.Discard(), Again: 50 * time.Millisecond, Between: 10 * time.Second, KeepFree: b.free, Settle: b.settle, Ask: func() { b.asked.Add(1); b.link.Anew() }, Swapped: func() { b.link.Anew() }, Step: func(name string) error {
			if b.step == nil {
				return nil
			}
			return b.step(name)
		}})
	b.link = agent.NewConnection(agent.ConnectionOptions{Agent: b.agent, DB: b.db, Outbox: b.outbox, Applier: applier, Dir: b.dir, Clock: clock.System{},
		Log: logging.Discard(), Heard: func() {}, SnapshotNeeded: func() { b.snaps.Want("a test") }, ProbeEvery: time.Second, AskEvery: 2 * time.Second})
	b.t.Cleanup(func() { _ = b.link.Stop(context.Background()) })
}

// stop ends this life.
func (b *box) stop() {
	b.t.Helper()
	must(b.t, b.snaps.Stop(b.t.Context()))
	must(b.t, b.link.Stop(b.t.Context()))
	must(b.t, b.file.Close())
}

func (b *box) learn(learner identity.AccountID, times int) {
	b.t.Helper()
	for range times {
		a := learning.Activity{ID: learning.ActivityID(id.New()), Kind: learning.TimeSpent, LearnerID: learner, SchoolID: identity.SchoolID(b.agent.Log().School),
			CourseID: "course", LessonID: "lesson", Seconds: 60, At: db.Time{Time: clock.System{}.Now()}}
		must(b.t, b.db.Update(b.t.Context(), func(tx db.Tx) error { _, err := learning.Activities.Save(b.t.Context(), tx, a); return err }))
	}
}

func count(t *testing.T, d db.DB, query string) (n int64) {
	t.Helper()
	must(t, d.View(t.Context(), func(tx db.Tx) error {
		rows, err := tx.Query(t.Context(), db.SQL{Both: query})
		n, err = db.One(rows, err, db.Scalar[int64])
		return err
	}))
	return n
}

// change changes the cloud's database under it, as a restore does.
func change(t *testing.T, c *cloud, query string, args ...any) {
	t.Helper()
	must(t, c.db.Update(t.Context(), func(tx db.Tx) error {
		_, err := tx.Exec(t.Context(), db.SQL{Both: query}, args...)
		return err
	}))
}

func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
