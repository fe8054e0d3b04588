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
