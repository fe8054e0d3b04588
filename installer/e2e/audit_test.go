package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// told is what the client knows of a value it sent.
type told int

const (
	unknown told = iota // no answer came, or one that promises nothing
	saved               // answered 2xx
	refused             // answered 4xx: it must not be there
)

// audit keeps the unique values that a run sends, each with what its sender was
// told, and compares them at the end with what is there.
type audit struct {
	mu    sync.Mutex
	first int
	kinds map[string]map[string]told
}

// schoolCounter counts through the whole run, so that no test uses a value of
// another one. It begins above what the other tests write.
var schoolCounter atomic.Int64 //nolint:gochecknoglobals // see above

const counterBegins = 5000

func newAudit() *audit {
	return &audit{first: counterBegins + int(schoolCounter.Load()), kinds: map[string]map[string]told{}}
}

// count is the next value of the school counter.
func (a *audit) count() int { return counterBegins + int(schoolCounter.Add(1)) }

// mine tells whether a value is of this audit, as far as its kind shows it.
func (a *audit) mine(kind, value string) bool {
	n, err := strconv.Atoi(strings.TrimPrefix(value, "Counter "))
	return kind != "attempt" && err == nil && n > a.first
}

// send sends one value and notes what the answer was. The note comes before the
// request: a test that dies between them still looks for the value.
func (a *audit) send(kind, value string, do func() error) error {
	a.note(kind, value, unknown)
	err := do()
	switch p := problem(err); {
	case err == nil:
		a.note(kind, value, saved)
	case p != nil && (p.Status < 500 || p.Code == "disk_full"):
		a.note(kind, value, refused)
	}
	return err
}

func (a *audit) note(kind, value string, is told) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kinds[kind] == nil {
		a.kinds[kind] = map[string]told{}
	}
	a.kinds[kind][value] = is
}

// all is how many values of a kind were told to be saved.
func (a *audit) all(kind string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, is := range a.kinds[kind] {
		if is == saved {
			n++
		}
	}
	return n
}

// verdict is one line of the table.
type verdict struct {
	kind                                                     string
	ok, lost, duplicate, unknownThere, unknownNot, refusedOK int
	wrong                                                    []string
}

// judge compares the values of one kind with how often each is there.
func (a *audit) judge(kind string, there map[string]int) (v verdict) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.kind = kind
	for value, is := range a.kinds[kind] {
		n := there[value]
		switch {
		case n > 1:
			v.duplicate++
			v.wrong = append(v.wrong, fmt.Sprintf("%s is there %d times", value, n))
		case is == saved && n == 1:
			v.ok++
		case is == saved:
			v.lost++
			v.wrong = append(v.wrong, value+" is lost")
		case is == unknown && n == 1:
			v.unknownThere++
		case is == unknown:
			v.unknownNot++
		case n == 1:
			v.wrong = append(v.wrong, value+" was refused and is there")
		default:
			v.refusedOK++
		}
	}
	for value, n := range there {
		if _, sent := a.kinds[kind][value]; !sent && a.mine(kind, value) {
			v.wrong = append(v.wrong, fmt.Sprintf("%s is there %d times and nobody sent it", value, n))
		}
	}
	slices.Sort(v.wrong)
	return v
}

// check prints the table and fails the test when a value is lost, there twice or
// there though it was refused.
func (a *audit) check(t *testing.T, there map[string]map[string]int) {
	t.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "%-10s %6s %6s %10s %15s %12s %8s\n", "value", "ok", "lost", "duplicate", "unknown: there", "unknown: not", "refused")
	for _, kind := range []string{"time", "attempt", "learner"} {
		if there[kind] == nil {
			continue
		}
		v := a.judge(kind, there[kind])
		fmt.Fprintf(&table, "%-10s %6d %6d %10d %15d %12d %8d\n", kind, v.ok, v.lost, v.duplicate, v.unknownThere, v.unknownNot, v.refusedOK)
		for _, w := range v.wrong[:min(len(v.wrong), 20)] {
			t.Errorf("%s: %s", kind, w)
		}
		if v.ok == 0 {
			t.Errorf("%s: nothing was saved; the audit means nothing", kind)
		}
	}
	t.Logf("the audit:\n%s", table.String())
}

// atCloud counts how often each value of the school's work is in Postgres, by
// what was written, not by its key.
func atCloud(t *testing.T, w *world.World, school string) map[string]map[string]int {
	t.Helper()
	return map[string]map[string]int{
		"time":    tally(t, w, "SELECT seconds::text, count(*) FROM learning_activities WHERE kind = 'time_spent' AND school_id = $1 GROUP BY 1", school),
		"attempt": tally(t, w, "SELECT id::text, count(*) FROM attempts WHERE school_id = $1 GROUP BY 1", school),
	}
}

// tally reads pairs of a value and how often it is there.
func tally(t *testing.T, w *world.World, query string, args ...any) map[string]int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.DatabaseURL())
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), query, args...)
	must(t, err)
	out := map[string]int{}
	var value string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&value, &n}, func() error { out[value] = n; return nil })
	must(t, err)
	return out
}

// counters are the learners that the audit added at the cloud, as the school's
// box lists them.
func counters(t *testing.T, w *world.World, s *world.School) map[string]int {
	t.Helper()
	var list struct {
		Learners []struct {
			Name string `json:"full_name"`
		} `json:"learners"`
	}
	must(t, headAt(t, w, s).Get(t.Context(), "/api/v1/schools/"+s.ID+"/learners", &list))
	out := map[string]int{}
	for _, l := range list.Learners {
		if strings.HasPrefix(l.Name, "Counter ") {
			out[l.Name]++
		}
	}
	return out
}

// headAt signs the head teacher in at the school's box.
func headAt(t *testing.T, w *world.World, s *world.School) *world.Client {
	t.Helper()
	c := world.NewClient(s.Edge.URL)
	must(t, c.SignIn(t.Context(), w.People().Teacher(s.Key, "head").Email, world.SchoolPassword))
	return c
}
