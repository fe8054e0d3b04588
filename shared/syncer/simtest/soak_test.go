package simtest

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var (
	soakFlag = flag.Int("soak", 20, "how many virtual schools")
	daysFlag = flag.Int("days", 2, "for how many days")
	fromFlag = flag.Uint64("from", 1, "the first seed")
)

// slice is how many schools share one simulated cloud.
const slice = 20

func TestManySchoolsForManyDays(t *testing.T) {
	var next, schools, events, frames, faults, excused atomic.Int64
	start := time.Now()
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for !t.Failed() {
				n := next.Add(1)
				if (n-1)*slice >= int64(*soakFlag) {
					return
				}
				seed := *fromFlag + uint64(n) - 1
				r, err := Run(t.Context(), Soaked(seed, slice, *daysFlag))
				if err != nil {
					t.Errorf("%v\nagain: make soak SCHOOLS=20 DAYS=%d FROM=%d", err, *daysFlag, seed)
				}
				events.Add(r.Events)
				frames.Add(r.Frames)
				faults.Add(r.Faults)
				excused.Add(r.Excused)
				if done := schools.Add(slice); done%1000 == 0 {
					t.Logf("%6d schools after %s: %d records", done, time.Since(start).Round(time.Second), events.Load())
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d schools, %d days each, in %s: %d records written, %d messages taken, %d faults; %d records were only on a disk that was destroyed",
		schools.Load(), *daysFlag, time.Since(start).Round(time.Millisecond), events.Load(), frames.Load(), faults.Load(), excused.Load())
	if n := schools.Load(); n > 0 && *daysFlag > 0 {
		perDay, memory := spent(t, n*int64(*daysFlag))
		const all, days = 50_000, 30
		t.Logf("%s of a processor per school and day, at most %d MB of memory; at this rate %d schools over %d days take %.1f processor hours",
			perDay.Round(10*time.Microsecond), memory>>20, all, days, (perDay * all * days).Hours())
	}
}

// spent is the processor time of this process per unit of work, and its largest
// memory. Other work on the machine does not count.
func spent(t *testing.T, units int64) (per time.Duration, memory int64) {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration((u.Utime.Nano() + u.Stime.Nano()) / units), u.Maxrss << 10
}
