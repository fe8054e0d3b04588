package fleet_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/syncproto"
)

var (
	stormSchools = flag.Int("storm.schools", 12, "how many appliances catch up at once")
	stormEvents  = flag.Int("storm.events", 500, "what each of them has to say")
	stormFrame   = flag.Int("storm.frame", 100, "records of a frame")
)

// stormRoom is how much memory the cloud has for a storm beyond what it holds at
// rest, and frameRoom what the frame takes that each appliance has in its hand,
// since the appliances are in this process too; in bytes.
const (
	stormRoom = 64 << 20
	frameRoom = 150 << 10
)

// stormy is an appliance that has been away: what it says is made as it is said,
// so that the storm itself holds nothing.
type stormy struct {
	school, learner string
	epoch           int64
	mark            syncproto.Mark
	done            time.Duration
}

// next makes the next frame.
func (s *stormy) next(n int) (syncproto.Message, error) {
	f := &syncproto.Frame{School: s.school, Epoch: s.epoch, Lane: syncproto.LaneLearning, First: s.mark.Seq + 1, Prev: s.mark.Chain}
	spec := learning.Activities.Spec
	for i := range n {
		at := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC).Add(time.Duration(s.mark.Seq+int64(i)) * time.Second)
		a := learning.Activity{ID: learning.ActivityID(id.New()), LearnerID: identity.AccountID(s.learner), SchoolID: identity.SchoolID(s.school),
			Kind: learning.TimeSpent, Seconds: 30, At: db.Time{Time: at}}
		body, err := syncproto.EncodeBody(a)
		if err != nil {
			return syncproto.Message{}, err
		}
		f.Events = append(f.Events, syncproto.Event{Type: spec.Name, Version: spec.Version, Entity: string(a.ID), HLC: syncproto.HLCAt(at), Body: body})
	}
	data, err := syncproto.EncodeFrame(f)
	s.mark = syncproto.Mark{Seq: f.End(), Chain: f.Last}
	return syncproto.Message{Kind: syncproto.KindFrame, Lane: f.Lane, Data: data}, err
}

// TestTheStorm lets many appliances catch up at once, each as fast as the cloud
// takes it: nothing is lost, the cloud's memory does not grow with what waits,
// and no school is left behind. `make storm` runs it with a thousand.
func TestTheStorm(t *testing.T) {
	c := fleettest.New(t)
	all := make([]*stormy, *stormSchools)
	for i := range all {
		school := c.School(fmt.Sprintf("STORM-%d", i))
		learner := c.Learner(school.ID, "Ann Akai")
		b := c.Box()
		if p := b.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
			t.Fatal(p)
		}
		all[i] = &stormy{school: string(school.ID), learner: string(learner.ID), epoch: b.Epoch}
	}
	runtime.GC()
	before := resident(t)
	// As GOMEMLIMIT does in production: the garbage of a thousand schools at rest
	// is no room for a storm to grow into. It counts what the runtime holds, which
	// is less than what is resident.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(held() + stormRoom + int64(len(all))*frameRoom))
	var most atomic.Int64
	watched, stop := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	watcher.Go(func() { watch(watched, t, &most) })

	// Half of what all have to say together is applied when the slowest has said
	// at least this much of its own.
	var applied, slowest atomic.Int64
	half := int64(*stormSchools**stormEvents) / 2
	var crew sync.WaitGroup
	progress := make([]atomic.Int64, len(all))
	making := make(chan struct{}, 4) // the boxes' own work is no memory of the cloud
	began := time.Now()
	for i, s := range all {
		crew.Go(func() {
			for s.mark.Seq < int64(*stormEvents) {
				n := min(*stormFrame, *stormEvents-int(s.mark.Seq))
				making <- struct{}{}
				m, err := s.next(n)
				<-making
				if err == nil {
					err = c.Fleet.Mirrored(t.Context(), s.school, s.epoch, m)
				}
				if err != nil {
					t.Errorf("school %d: %v", i, err)
					return
				}
				progress[i].Store(s.mark.Seq)
				if now := applied.Add(int64(n)); now >= half && now-int64(n) < half {
					slowest.Store(least(progress))
				}
			}
			s.done = time.Since(began)
		})
	}
	crew.Wait()
	took := time.Since(began)
	stop()
	watcher.Wait()

	total := int64(*stormSchools * *stormEvents)
	if n := c.Count(`SELECT count(*) FROM learning_activities`); n != total {
		t.Errorf("%d records arrived, want %d", n, total)
	}
	if n := c.Count(`SELECT count(*) FROM dead_letters`); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	slices.SortFunc(all, func(a, b *stormy) int { return int(a.done - b.done) })
	grown := float64(most.Load()-before) / 1e6
	t.Logf("machine: %d processors, load %s; frames of %d, all with real PostgreSQL", runtime.NumCPU(), load(t), *stormFrame)
	t.Logf("%d schools with %d records each: %.1f s, %.0f records/s", *stormSchools, *stormEvents, took.Seconds(), float64(total)/took.Seconds())
	t.Logf("the first school was done after %.1f s, the last after %.1f s; at half of the work the slowest had %.0f %% of its own",
		all[0].done.Seconds(), all[len(all)-1].done.Seconds(), 100*float64(slowest.Load())/float64(*stormEvents))
	t.Logf("memory of the cloud: %.1f MB before, at most %.1f MB more", float64(before)/1e6, grown)

	// Everybody keeps up with at least a fifth of the average, and no school needs
	// memory for what it has not said yet.
	if s := slowest.Load(); s*10 < int64(*stormEvents) {
		t.Errorf("at half of the work the slowest school had %d of its %d records", s, *stormEvents)
	}
	if limit := 64 + 0.25*float64(*stormSchools); grown > limit {
		t.Errorf("the cloud grew by %.1f MB, want at most %.0f", grown, limit)
	}
}

func least(progress []atomic.Int64) int64 {
	low := progress[0].Load()
	for i := range progress {
		low = min(low, progress[i].Load())
	}
	return low
}

func watch(ctx context.Context, t *testing.T, most *atomic.Int64) {
	for ctx.Err() == nil {
		if now := resident(t); now > most.Load() {
			most.Store(now)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// held is what the runtime has of the system's memory.
func held() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

// resident is the memory of this process, which is the cloud.
func resident(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Error(err)
		return 0
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Error(err)
	}
	return pages * int64(os.Getpagesize())
}

func load(t *testing.T) string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Error(err)
	}
	return strings.TrimSpace(string(b))
}
