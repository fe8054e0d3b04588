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
	seedFlag  = flag.Uint64("seed", 0, "run this one seed and print its steps; 0: all")
	watchFlag = flag.String("watch", "", "the id of a record whose way is printed with the steps of -seed")
	seedsFlag = flag.Int("seeds", 300, "how many seeds")
)

func TestSchoolsAndCloudAgreeWhateverHappens(t *testing.T) {
	if *seedFlag != 0 {
		o := Usual(*seedFlag)
		o.Watch = *watchFlag
		if testing.Verbose() {
			o.Trace = func(line string) { t.Log(line) }
		}
		r, err := Run(t.Context(), o)
		t.Logf("%+v", r)
		if err != nil {
			t.Error(err)
		}
		return
	}
	var next, done, steps, events, faults, excused atomic.Int64
	start := time.Now()
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for !t.Failed() {
				seed := next.Add(1)
				if seed > int64(*seedsFlag) {
					return
				}
				r, err := Run(t.Context(), Usual(uint64(seed)))
				if err != nil {
					t.Errorf("%v\nagain: make sim SEED=%d", err, seed)
				}
				done.Add(1)
				steps.Add(r.Steps)
				events.Add(r.Events)
				faults.Add(r.Faults)
				excused.Add(r.Excused)
			}
		})
	}
	wg.Wait()
	t.Logf("%d seeds of 20 schools in %s: %d steps, %d records written, %d faults; %d records were only on a disk that was destroyed",
		done.Load(), time.Since(start).Round(time.Millisecond), steps.Load(), events.Load(), faults.Load(), excused.Load())
}

func TestASeedGivesTheSameRunAgain(t *testing.T) {
	for seed := uint64(1); seed <= uint64(len(mixes)); seed++ {
		first, err1 := Run(t.Context(), Usual(seed))
		second, err2 := Run(t.Context(), Usual(seed))
		if err1 != nil || err2 != nil || first != second {
			t.Errorf("seed %d: %+v (%v), then %+v (%v)", seed, first, err1, second, err2)
		}
	}
}
