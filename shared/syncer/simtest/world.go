package simtest

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

// Options are what a run is made of; the same options give the same run.
type Options struct {
	Seed    uint64
	Schools int
	// For is how long the schools work before the faults cease, in virtual time.
	For time.Duration
	// Writes is how many records a school writes a day, on average; Batch is how
	// many of them one transaction takes at most.
	Writes, Batch int
	// Faults are the kinds of fault that happen; FaultEvery is how often one
	// happens to a school, on average.
	Faults     []Fault
	FaultEvery time.Duration
	// Frame is the largest frame in bytes; zero: drawn from the seed.
	Frame int
	// Open makes the database of a node; nil: a Store.
	Open func(d db.Dialect) (db.DB, error)
	// NoBackups leaves the cloud without backups: nothing is pruned early.
	NoBackups bool
	// Lossy makes the appliances' disks lie about flushing: a set-up that the
	// checks must not forgive.
	Lossy bool
	// Trace, when set, is given every step.
	Trace func(line string)
	// Watch is the id of a record whose way is traced.
	Watch string
}

// Result is what a run gives.
type Result struct {
	// Hash is of every step taken: equal hashes, equal runs.
	Hash  uint64
	Steps int64
	// Events were written by the schools and the cloud, Frames delivered.
	Events, Frames, Faults int64
	// Excused records were only on a disk that was destroyed.
	Excused int64
	// State is the final content of the synced tables of every node.
	State uint64
}

// Failure is a broken invariant.
type Failure struct {
	Seed   uint64
	Reason string
	Last   []string
}

// Error implements error.
func (f *Failure) Error() string {
	return fmt.Sprintf("seed %d: %s\nthe last steps:\n  %s", f.Seed, f.Reason, strings.Join(f.Last, "\n  "))
}

// epochOfTime is when the simulated world begins.
var epochOfTime = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

// world is one run.
type world struct {
	o       Options
	ctx     context.Context
	rng     *rand.Rand
	now     time.Time
	queue   []event
	order   uint64
	schools []*school
	cloud   *cloud
	check   *checker
	healed  bool // the faults have ceased
	frame   int

	trace  [64]step
	steps  int64
	hash   uint64
	result Result
	failed string
}

// step is one line of the trace.
type step struct {
	at   time.Time
	what string
	who  string
	n, m int64
}

func (s step) String() string {
	return fmt.Sprintf("%s %-22s %-14s %d %d", s.at.Format("02 15:04:05.000"), s.what, s.who, s.n, s.m)
}

// event is something that will happen.
type event struct {
	at    time.Time
	order uint64
	run   func()
}

// at schedules fn after d.
func (w *world) after(d time.Duration, fn func()) {
	w.order++
	w.queue = append(w.queue, event{w.now.Add(d), w.order, fn})
	for i := len(w.queue) - 1; i > 0; {
		up := (i - 1) / 2
		if !w.queue[i].before(w.queue[up]) {
			break
		}
		w.queue[i], w.queue[up] = w.queue[up], w.queue[i]
		i = up
	}
}

func (e event) before(o event) bool {
	if !e.at.Equal(o.at) {
		return e.at.Before(o.at)
	}
	return e.order < o.order
}

func (w *world) next() (e event, ok bool) {
	n := len(w.queue) - 1
	if n < 0 {
		return e, false
	}
	e = w.queue[0]
	w.queue[0] = w.queue[n]
	w.queue[n] = event{}
	w.queue = w.queue[:n]
	for i := 0; ; {
		least := i
		for _, c := range [2]int{2*i + 1, 2*i + 2} {
			if c < n && w.queue[c].before(w.queue[least]) {
				least = c
			}
		}
		if least == i {
			return e, true
		}
		w.queue[i], w.queue[least] = w.queue[least], w.queue[i]
		i = least
	}
}

// note writes a step into the trace.
func (w *world) note(what, who string, n, m int64) {
	w.trace[w.steps%int64(len(w.trace))] = step{w.now, what, who, n, m}
	w.steps++
	if w.o.Trace != nil {
		w.o.Trace(step{w.now, what, who, n, m}.String())
	}
	h := fnv.New64a()
	var b [32]byte
	binary.LittleEndian.PutUint64(b[:], w.hash)
	binary.LittleEndian.PutUint64(b[8:], uint64(w.now.UnixMicro()))
	binary.LittleEndian.PutUint64(b[16:], uint64(n))
	binary.LittleEndian.PutUint64(b[24:], uint64(m))
	_, _ = h.Write(b[:])
	_, _ = h.Write([]byte(what))
	_, _ = h.Write([]byte(who))
	w.hash = h.Sum64()
}

// watch traces what happens to the watched record; it is no step.
func (w *world) watch(entity, what, who string, n, m int64) {
	if w.o.Watch == entity && w.o.Trace != nil {
		w.o.Trace(step{w.now, "* " + what, who, n, m}.String())
	}
}

// violated notes the first broken invariant; the run then ends.
func (w *world) violatedf(format string, args ...any) {
	if w.failed == "" {
		w.failed = fmt.Sprintf(format, args...)
	}
}

func (w *world) failure() error {
	if w.failed == "" {
		return nil
	}
	f := &Failure{Seed: w.o.Seed, Reason: w.failed}
	for i := max(0, w.steps-int64(len(w.trace))); i < w.steps; i++ {
		f.Last = append(f.Last, w.trace[i%int64(len(w.trace))].String())
	}
	return f
}

// chance is true p times in a hundred.
func (w *world) chance(p int) bool { return w.rng.IntN(100) < p }

// between is a random time from lo to hi.
func (w *world) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rng.Int64N(int64(hi-lo)+1))
}

// newID is an id in UUID form that the seed gives.
func (w *world) newID() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], w.rng.Uint64())
	binary.LittleEndian.PutUint64(b[8:], w.rng.Uint64())
	out := make([]byte, 0, 36)
	for i, p := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			out = append(out, '-')
		}
		out = hex.AppendEncode(out, p)
	}
	return string(out)
}

// nodeClock is the clock of one node: the true time and how wrong it is.
type nodeClock struct {
	w      *world
	offset time.Duration
}

// Now implements clock.Clock.
func (c *nodeClock) Now() time.Time { return c.w.now.Add(c.offset).Truncate(time.Microsecond) }

// Run plays one world to its end and gives the first broken invariant as a
// *Failure.
func Run(ctx context.Context, o Options) (Result, error) {
	w, err := play(ctx, o)
	return w.result, err
}

func play(ctx context.Context, o Options) (*world, error) {
	// #nosec G404 -- a simulation that a seed repeats
	w := &world{o: o, ctx: ctx, rng: rand.New(rand.NewPCG(o.Seed, 0x5eed)), now: epochOfTime, frame: o.Frame}
	if w.frame == 0 {
		w.frame = []int{900, 2000, 8000, 16 << 10}[w.rng.IntN(4)]
	}
	w.check = newChecker(w)
	if err := w.begin(); err != nil {
		return w, err
	}
	w.runUntil(epochOfTime.Add(o.For))
	if w.failed == "" {
		w.heal()
	}
	w.result.Hash, w.result.Steps = w.hash, w.steps
	return w, w.failure()
}

func (w *world) runUntil(end time.Time) {
	for w.failed == "" {
		if len(w.queue) == 0 || w.queue[0].at.After(end) {
			w.now = end
			return
		}
		e, _ := w.next()
		w.now = e.at
		e.run()
	}
}

// must stops the run on an error that no simulated fault explains.
func (w *world) must(what string, err error) {
	if err != nil {
		w.violatedf("%s: %v", what, err)
	}
}
