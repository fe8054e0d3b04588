package simtest

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
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
}
