package limit_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/limit"
)

func TestACountEndsWithTheMinute(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 2, 8, 0, 10, 0, time.UTC))
	l := limit.New(c, 1000)
	for i := range 3 {
		s := l.Take("a", 3)
		if !s.OK || s.Remaining != 2-i || s.Limit != 3 || s.After != 50*time.Second {
			t.Fatalf("request %d: %+v", i+1, s)
		}
	}
	if s := l.Take("a", 3); s.OK || s.Remaining != 0 {
		t.Errorf("the fourth of three passed: %+v", s)
	}
	if s := l.Take("b", 3); !s.OK {
		t.Error("one key's requests count against another")
	}
	c.Advance(49 * time.Second)
	if s := l.Take("a", 3); s.OK {
		t.Error("the count began anew before its minute was over")
	}
	c.Advance(time.Second)
	if s := l.Take("a", 3); !s.OK || s.Remaining != 2 {
		t.Errorf("the next minute: %+v", s)
	}
}

func TestInventedKeysPushNobodyOutAndTakeNoMemory(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	l := limit.New(c, 160)
	for range 5 {
		l.Take("victim", 5)
	}
	passed := 0
	for i := range 20_000 {
		if l.Take(fmt.Sprint("invented ", i), 5).OK {
			passed++
		}
	}
	if l.Take("victim", 5).OK {
		t.Error("invented keys pushed the count of a real one out")
	}
	// 160 with room of their own, then 16 shards that share 50 times 5.
	if most := 160 + 16*250; passed > most || passed < 160 {
		t.Errorf("%d of 20000 requests with invented keys passed, want at most %d", passed, most)
	}
}

func TestLookingCountsNothing(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	l := limit.New(c, 160)
	for range 3 {
		if s := l.Look("a", 2); !s.OK || s.Remaining != 1 {
			t.Fatalf("%+v", s)
		}
	}
	if l.Keys() != 0 {
		t.Error("looking made a key")
	}
	l.Take("a", 2)
	l.Take("a", 2)
	if s := l.Look("a", 2); s.OK || s.After != time.Minute || l.Keys() != 1 {
		t.Errorf("after two of two: %+v, %d keys", s, l.Keys())
	}
	for i := range 20_000 {
		l.Take(fmt.Sprint("invented ", i), 1)
	}
	if l.Look("one more", 1).OK || l.Keys() != 160 {
		t.Errorf("without room: %d keys", l.Keys())
	}
	c.Advance(time.Minute)
	if l.Keys() != 0 || !l.Look("a", 2).OK {
		t.Error("the next minute")
	}
}

func TestManyAtOnceAreCountedExactly(t *testing.T) {
	l := limit.New(clock.NewFake(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)), 100)
	var wg sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for range 200 {
		wg.Go(func() {
			if l.Take("a", 100).OK {
				mu.Lock()
				passed++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if passed != 100 {
		t.Errorf("%d of 200 passed, want 100", passed)
	}
}
