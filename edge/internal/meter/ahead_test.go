package meter

import (
	"testing"
	"time"
)

func TestWhatIsUnderWayFollowsTheLine(t *testing.T) {
	for _, c := range []struct {
		came int
		took time.Duration
		want int
	}{
		{8000, time.Second, leastAhead},           // 64 kbit/s
		{120_000, 1500 * time.Millisecond, 160e3}, // 640 kbit/s
		{100 << 20, time.Second, mostAhead},
		{0, 10 * time.Second, leastAhead},
	} {
		if got := aheadOf(c.came, c.took); got != c.want {
			t.Errorf("%d bytes in %v: %d may be under way, want %d", c.came, c.took, got, c.want)
		}
	}
}

func TestADownloadDoesNotGiveWayForEver(t *testing.T) {
	first := true
	x, now := &turn{first: func() bool { return first }}, time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	after := func(d time.Duration, want bool) {
		t.Helper()
		now = now.Add(d)
		if got := x.waits(now); got != want {
			t.Errorf("at %s it waits: %t", now.Format(time.TimeOnly), got)
		}
	}
	after(0, true)
	after(10*time.Second, true)
	after(11*time.Second, false) // something else holds it up
	after(10*time.Second, false)
	first = false
	after(time.Second, false)
	first = true
	after(time.Second, true)
	after(time.Hour, true)
	after(-2*time.Hour, true) // the clock was put back
	after(21*time.Second, true)
}
