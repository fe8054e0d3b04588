package clock_test

import (
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
)

func TestEveryClockTellsUTCInMicroseconds(t *testing.T) {
	nairobi := time.FixedZone("EAT", 3*3600)
	for name, c := range map[string]clock.Clock{
		"the machine's": clock.System{},
		"a fake one":    clock.NewFake(time.Date(2026, 5, 4, 10, 0, 0, 123456789, nairobi)),
	} {
		now := c.Now()
		if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
			t.Errorf("%s gave %v", name, now)
		}
	}
}

func TestAFakeClockMovesOnlyWhenTold(t *testing.T) {
	start := time.Date(2026, 5, 4, 7, 0, 0, 0, time.UTC)
	c := clock.NewFake(start)
	if first, second := c.Now(), c.Now(); !first.Equal(start) || !second.Equal(start) {
		t.Error("it moved by itself")
	}
	c.Advance(90 * time.Second)
	if got := c.Now().Sub(start); got != 90*time.Second {
		t.Errorf("it moved by %v", got)
	}
	c.Set(start.Add(-time.Hour))
	if got := c.Now().Sub(start); got != -time.Hour {
		t.Errorf("set back, it shows %v", got)
	}
}
