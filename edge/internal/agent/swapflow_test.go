package agent_test

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// Both sides write a thousand records while the box takes snapshot after
// snapshot. Nothing is lost or doubled, and the mirror goes on over each swap:
// it is not stopped, which would cost it up to half a minute with frames on
// their way.
func TestASnapshotWhileBothSidesWriteLosesNothingAndTheMirrorGoesOn(t *testing.T) {
	c := newCloud(t)
	b, school, ann := claimed(t, c)
	eventually(t, "the mirror is in use", func() bool { _, by := b.link.Up(); return by == "mirror" })

	const each = 1000
	var wg sync.WaitGroup
	wg.Go(func() { b.learn(ann, each) })
	wg.Go(func() {
		for n := range each {
			c.learner(school, fmt.Sprintf("Learner %d", n))
		}
	})
	writing := make(chan struct{})
	go func() { wg.Wait(); close(writing) }()
	swaps := 0
	for busy := true; busy; {
		select {
		case <-writing:
			busy = false
		default:
			must(t, b.snaps.Take(t.Context(), "a test"))
			swaps++
			if up, by := b.link.Up(); !up || by != "mirror" {
				t.Errorf("after swap %d the link is %v by %s", swaps, up, by)
			}
		}
	}
	must(t, b.snaps.Take(t.Context(), "the last"))
	done := time.Now()
	all := func() bool {
		return c.activities() == 3+each && b.waiting() == 0 && count(t, b.file, `SELECT count(*) FROM accounts`) == 1+each
	}
	for !all() && time.Since(done) < time.Minute {
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("%d swaps; everything was on both sides %v after the last", swaps, time.Since(done).Round(time.Millisecond))
	if n := c.activities(); n != 3+each {
		t.Errorf("%d records at the cloud", n)
	}
	if n := b.activities(); n != 3+each {
		t.Errorf("%d records at the box", n)
	}
	if n := count(t, b.file, `SELECT count(*) FROM accounts`); n != 1+each {
		t.Errorf("%d people at the box", n)
	}
	for _, table := range []string{"conflict_log", "dead_letters"} {
		if n := count(t, c.db, `SELECT count(*) FROM `+table) + count(t, b.file, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	if _, by := b.link.Up(); by != "mirror" {
		t.Errorf("the link went over to %s", by)
	}
}
