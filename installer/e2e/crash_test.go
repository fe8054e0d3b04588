package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// crashCase is one point at one side. Prepare brings about what passes it, while
// the program runs; once means that it is passed once per start.
type crashCase struct {
	point   string
	side    string // box or cloud
	once    bool
	prepare func(t *testing.T, k *work)
	stopped func(t *testing.T, k *work) // when the program has ended
}

// crashCases are all points of shared/crash, at each side that has them. The
// tests know them by name only, as they know everything else from outside.
func crashCases() []crashCase {
	var out []crashCase
	for _, p := range []string{"frame.cut", "frame.sent", "apply.before-commit", "apply.after-commit", "ack.before-commit", "ack.after-commit"} {
		out = append(out, crashCase{point: p, side: "box"}, crashCase{point: p, side: "cloud"})
	}
	return append(out,
		crashCase{point: "outbox.before-commit", side: "box"},
		crashCase{point: "outbox.after-commit", side: "box"},
		crashCase{point: "prune.before-commit", side: "box", once: true, prepare: coverByBackup},
		crashCase{point: "renew.before-commit", side: "box", once: true, stopped: looksRestored},
		crashCase{point: "snapshot.before-rename", side: "box", once: true, stopped: downlinkDiffers},
		crashCase{point: "snapshot.after-rename", side: "box", once: true, stopped: downlinkDiffers},
	)
}

// TestEveryCrashPointHasACase reads the names from the source: a point that
// somebody adds is not forgotten here.
func TestEveryCrashPointHasACase(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "..", "shared", "crash", "crash.go"))
	must(t, err)
	covered := map[string]bool{}
	for _, c := range crashCases() {
		covered[c.point] = true
	}
	names := regexp.MustCompile(`(?m)^\t\w+ += "([a-z.-]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(names) < len(covered) {
		t.Errorf("%d points in the source, %d in the cases", len(names), len(covered))
	}
	for _, n := range names {
		if !covered[n[1]] {
			t.Errorf("the point %s has no case", n[1])
		}
	}
}

// seeded is a source of chances that can be had again.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := time.Now().UnixNano()
	if s := os.Getenv("UHS_SEED"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		must(t, err)
		seed = n
	}
	t.Logf("seed %d (set UHS_SEED to repeat the order)", seed)
	return rand.New(rand.NewSource(seed))
}

// TestCrashPoints ends the box or the cloud at every named point, at a random one
// of its first ten passes, while a school works. Whatever was answered with
// success is on the other side, once.
func TestCrashPoints(t *testing.T) {
	random := seeded(t)
	rounds := 1
	if full := os.Getenv("UHS_FULL"); full != "" {
		n, err := strconv.Atoi(full)
		must(t, err)
		rounds = n
	}
	w, dir, err := startWorldWith(t.Context(), world.Options{CrashPoints: true})
	t.Cleanup(func() {
		if err := leave(w, dir, t.Failed()); err != nil {
			t.Error(err)
		}
	})
	must(t, err)
	s := schoolOf(t, w, "lodwar")
	k := startWork(t, w, s, newAudit())

	var all []crashCase
	for range rounds {
		all = append(all, crashCases()...)
	}
	if only := os.Getenv("UHS_ONLY"); only != "" { // one point, to look into it
		all = slices.DeleteFunc(all, func(c crashCase) bool { return !strings.HasPrefix(c.point, only) })
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	crashes := map[string]int{}
	for i, c := range all {
		nth := 1 + random.Intn(10)
		if c.once {
			nth = 1
		}
		started := time.Now()
		if err := c.run(t, k, nth); err != nil {
			t.Fatalf("crash %d, %s at the %s, pass %d: %v", i+1, c.point, c.side, nth, err)
		}
		crashes[c.point+" "+c.side]++
		t.Logf("%3d/%d %-22s at the %-5s pass %2d, %5.1f s", i+1, len(all), c.point, c.side, nth, time.Since(started).Seconds())
	}
	for _, p := range []*world.Program{w.Cloud, s.Edge} {
		p.Set("UHS_CRASH_AT", "")
		p.Kill()
		must(t, p.Start(t.Context()))
	}
	k.verify(t)
	t.Logf("%d crashes at %d places", len(all), len(crashes))
}

// run starts the program with the crash armed and waits for it; then it is
// started again, unarmed, as a person or systemd would.
func (c crashCase) run(t *testing.T, k *work, nth int) error {
	p := k.school.Edge
	if c.side == "cloud" {
		p = k.w.Cloud
	}
	if c.prepare != nil {
		c.prepare(t, k)
	}
	p.Kill()
	if c.stopped != nil {
		c.stopped(t, k)
	}
	before, err := crashesIn(p.Log(), c.point)
	if err != nil {
		return err
	}
	p.Set("UHS_CRASH_AT", c.point+":"+strconv.Itoa(nth))
	started := p.Start(t.Context()) // it may die before it serves
	select {
	case <-p.Done():
	case <-time.After(2 * time.Minute):
		return errors.Join(errors.New("the point was not passed within two minutes"), started)
	case <-t.Context().Done():
		return t.Context().Err()
	}
	after, err := crashesIn(p.Log(), c.point)
	if err != nil {
		return err
	}
	if after != before+1 {
		return errors.Join(errors.New("it ended, but not at the point"), started)
	}
	p.Set("UHS_CRASH_AT", "")
	return p.Start(t.Context())
}

// crashesIn counts the crashes at a point that the log tells of.
func crashesIn(log, point string) (int, error) {
	b, err := os.ReadFile(log)
	return strings.Count(string(b), "crash point "+point+"\n"), err
}

// coverByBackup takes and verifies backups of what the cloud has until the box
// knows of one: then it may prune. One is not enough when the box has just taken a
// new epoch, of which the cloud has nothing yet; there the count begins again.
func coverByBackup(t *testing.T, k *work) {
	before, err := backedUp(t.Context(), k.school)
	must(t, err)
	var taken time.Time
	must(t, world.Await(t.Context(), 2*time.Minute, "the box knows of the backup", func(ctx context.Context) (bool, error) {
		if time.Since(taken) > 10*time.Second {
			takeBackup(t, k.w)
			taken = time.Now()
		}
		now, err := backedUp(ctx, k.school)
		return now > before+1 || now > 1 && now < before, err
	}))
}

// takeBackup takes and verifies a backup of the cloud while it serves.
func takeBackup(t *testing.T, w *world.World) (file string) {
	t.Helper()
	dir := filepath.Join(filepath.Dir(w.Cloud.Dir()), "backups")
	must(t, os.MkdirAll(dir, 0o700))
	_, err := w.Cloud.Do(t.Context(), "backup", dir)
	must(t, err)
	found, err := filepath.Glob(filepath.Join(dir, "*.uhsbackup"))
	must(t, err)
	if len(found) == 0 {
		t.Fatal("no backup was written")
	}
	file = slices.Max(found) // their names begin with the time
	_, err = w.Cloud.Do(t.Context(), "verify", file)
	must(t, err)
	return file
}

// backedUp adds up what the box knows to be backed up, from the lines
// "lane 4: head 9, applied 9, backed up 7" of its status.
func backedUp(ctx context.Context, s *world.School) (sum int64, err error) {
	out, err := s.Edge.Do(ctx, "status")
	for line := range strings.Lines(out) {
		var lane, head, applied, backed int64
		if n, _ := fmt.Sscanf(line, "lane %d: head %d, applied %d, backed up %d", &lane, &head, &applied, &backed); n == 4 {
			sum += backed
		}
	}
	return sum, err
}

// looksRestored makes the box find its database older than what it remembers
// beside it, as after the restore of a copy: it must take a new epoch.
func looksRestored(t *testing.T, k *work) {
	file := filepath.Join(k.school.Edge.Dir(), "box.witness")
	b, err := os.ReadFile(file)
	must(t, err)
	var seen map[string]any
	must(t, json.Unmarshal(b, &seen))
	seen["counter"] = seen["counter"].(float64) + 10
	b, err = json.Marshal(seen)
	must(t, err)
	must(t, os.WriteFile(file, b, 0o600))
}

// downlinkDiffers gives the cloud another history of what went to the school's
// people, equal in everything but its chain: the box must take a snapshot.
func downlinkDiffers(t *testing.T, k *work) {
	conn, err := pgx.Connect(t.Context(), k.w.DatabaseURL())
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	must(t, pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
		for _, table := range []string{"outbox_heads", "outbox"} { // the head first, as the cloud locks it
			_, err := tx.Exec(t.Context(), "UPDATE "+table+" SET chain = decode(md5(encode(chain, 'hex')), 'hex') WHERE school = $1 AND epoch = 1 AND lane = 2", k.school.ID)
			if err != nil {
				return err
			}
		}
		return nil
	}))
	// What it prepared from the history that never was: within one life of its
	// database a cloud does not doubt it.
	must(t, os.RemoveAll(filepath.Join(k.w.Cloud.Dir(), "snapshots", k.school.ID)))
}
