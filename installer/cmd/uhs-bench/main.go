// Command uhs-bench measures what the product promises, on a world of its own:
// how long everything takes to arrive when the internet is back, after a day and
// after weeks and after a large school's month; what an appliance holds in memory,
// idle and while it catches up; how long a class of sixty waits that signs in at once,
// and what being signed in costs a request; what an idle month costs on a metered line; how
// long from its start to the first page; and, by uhs-rates, what the engine of the
// sync does by itself. It prints the machine with the figures. It is what
// `make bench` runs; nothing is asserted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

func main() {
	bin := flag.String("bin", "bin", "where the built binaries are")
	content := flag.String("content", "installer/content", "where the course folders are")
	backlog := flag.Int("backlog", 20000, "records of the backlog that is saved by requests")
	month := flag.Int("month", 600000, "records of the backlog of a large school's month")
	facts := flag.Int("facts", 1_000_000, "facts in the snapshot of a large school")
	only := flag.String("only", "", "what to measure, by name and with commas between: "+strings.Join(names, ", ")+"; empty: everything")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *bin, *content, sizes{*backlog, *month, *facts, *only})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "uhs-bench:", err)
		os.Exit(1)
	}
}

// sizes are how many records the two backlogs and the snapshot have, and what is
// measured.
type sizes struct {
	weeks, month, facts int
	only                string
}

// names are the measurements in their order.
var names = []string{"start", "memory", "sign-ins", "idle", "rates", "day", "weeks", "month", "snapshot"}

func (s sizes) wanted(name string) bool {
	return s.only == "" || slices.Contains(strings.Split(s.only, ","), name)
}

// bench is a world under measurement.
type bench struct {
	bin, dir string
	w        *world.World
	school   *world.School
	db       *pgx.Conn
	learners []*world.Client
	course   course
}

type course struct {
	ID      string `json:"id"`
	Slug    string `json:"slug"`
	Lessons []struct {
		ID           string `json:"id"`
		AssessmentID string `json:"assessment_id"`
	} `json:"lessons"`
}

func run(ctx context.Context, bin, content string, backlog sizes) (err error) {
	dir, err := os.MkdirTemp("/var/tmp", "uhs-bench-")
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // #nosec G302 -- PostgreSQL's user walks through it to its own 0700 folder
		return err
	}
	courses, err := filepath.Glob(filepath.Join(content, "*", "course.yaml"))
	if err != nil {
		return err
	}
	for i, c := range courses {
		if courses[i], err = filepath.Abs(filepath.Dir(c)); err != nil {
			return err
		}
	}
	fmt.Println(machine())
	// PostgreSQL with fsync, as in production: that is part of what is measured.
	w, err := world.Start(ctx, world.Options{Dir: dir, Bin: bin})
	defer func() { err = errors.Join(err, w.Stop(), world.Remove(dir)) }()
	if err == nil {
		err = w.Populate(ctx, []world.SchoolPlan{plan()}, courses)
	}
	if err != nil {
		return err
	}
	b := &bench{bin: bin, dir: dir, w: w, school: w.Schools[0]}
	if b.db, err = pgx.Connect(ctx, w.DatabaseURL()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.db.Close(context.WithoutCancel(ctx))) }()
	for i, measure := range []func(context.Context) error{
		b.firstPage, b.idleMemory, b.signIns, b.idleMonth, b.rates, b.schoolDay, func(ctx context.Context) error { return b.weeks(ctx, backlog.weeks) },
		func(ctx context.Context) error { return b.month(ctx, backlog.month) },
		func(ctx context.Context) error { return b.snapshot(ctx, backlog.facts) },
	} {
		if !backlog.wanted(names[i]) {
			continue
		}
		if err := measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
	}
	return nil
}

// pupils is how many learners work at the measured school.
const pupils = 100

// plan is the first school of the demo with a hundred learners.
func plan() world.SchoolPlan {
	p := world.Schools()[0]
	for i := len(p.Learners); i < pupils; i++ {
		p.Learners = append(p.Learners, world.Person{Name: fmt.Sprintf("Learner %d", i+1), Grade: "Grade 4", Class: fmt.Sprintf("4 %c", 'A'+i%4), PIN: "2650"})
	}
	return p
}

func tell(what, figure, aim string) { fmt.Printf("%-58s %10s   aim %s\n", what, figure, aim) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// firstPage starts the claimed appliance five times; the median counts.
func (b *bench) firstPage(ctx context.Context) error {
	var took []time.Duration
	for range 5 {
		if err := b.school.Edge.Stop(); err != nil {
			return err
		}
		began := time.Now()
		if err := b.school.Edge.Start(ctx); err != nil {
			return err
		}
		if err := b.school.Page(ctx); err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	tell("appliance: start to the first page (median of 5)", seconds(took[2]), "2 s")
	return nil
}

func (b *bench) idleMemory(ctx context.Context) error {
	if err := b.settled(ctx); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Second):
	}
	bytes, err := b.school.Edge.RSS()
	if err != nil {
		return err
	}
	tell("appliance: memory when idle for 20 s, connected (RSS)", fmt.Sprintf("%.1f MB", float64(bytes)/1e6), "80 MB")
	return nil
}

// openCourse signs the learners in and finds the course, before the clock runs.
func (b *bench) openCourse(ctx context.Context) error {
	if len(b.learners) > 0 {
		return nil
	}
	for _, who := range b.w.People().Learners {
		c := world.NewClient(b.school.Edge.URL)
		if err := c.SignInPIN(ctx, who.ID, who.PIN); err != nil {
			return err
		}
		b.learners = append(b.learners, c)
	}
	var list struct{ Courses []course }
	if err := b.learners[0].Get(ctx, "/api/v1/courses/", &list); err != nil {
		return err
	}
	for _, c := range list.Courses {
		if c.Slug == "grade-4-mathematics" {
			return b.learners[0].Get(ctx, "/api/v1/courses/"+c.ID, &b.course)
		}
	}
	return errors.New("the course is not on the shelf")
}

// settled waits until nothing waits at the box.
func (b *bench) settled(ctx context.Context) error {
	return world.Await(ctx, time.Hour, "nothing waits", func(ctx context.Context) (bool, error) {
		st, err := b.school.Status(ctx)
		return st.Link == "up" && st.Waiting == 0, err
	})
}

func (b *bench) count(ctx context.Context, query string) (n int64, err error) {
	return n, b.db.QueryRow(ctx, query).Scan(&n)
}

// patience names what is waited for, how long at most, and the aim.
type patience struct {
	What  string
	Limit time.Duration
	Aim   string
}

// applied is how many records the cloud has applied in the lane of learning.
const applied = "SELECT coalesce(sum(seq), 0)::bigint FROM watermarks WHERE lane = 4"

// arrival plugs the cable in and measures until query gives want, and until the
// box knows it.
func (b *bench) arrival(ctx context.Context, p patience, query string, want int64) error {
	what := p.What
	// Counting rows would be a part of the load; the lane's mark is one row.
	rows, err := b.count(ctx, query)
	if err != nil {
		return err
	}
	mark, err := b.count(ctx, applied)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.school.Link.Plug(); err != nil {
		return err
	}
	err = world.Await(ctx, p.Limit, what, func(ctx context.Context) (bool, error) {
		if n, err := b.count(ctx, applied); err != nil || n-mark < want-rows {
			return false, err
		}
		n, err := b.count(ctx, query)
		return n >= want, err
	})
	if err != nil {
		return err
	}
	tell(what+": link up to all applied", seconds(time.Since(began)), p.Aim)
	if err := b.settled(ctx); err != nil {
		return err
	}
	tell(what+": link up to the box knows it", seconds(time.Since(began)), "-")
	n, err := b.count(ctx, query)
	if err == nil && n != want {
		err = fmt.Errorf("%s: %d rows, not %d", what, n, want)
	}
	return err
}
