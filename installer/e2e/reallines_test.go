package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/e2e/netns"
	"urbanhomeschool.org/uhs/installer/internal/world"
)

// realLines starts a world whose cloud and schools each have a network of their
// own, with real cables between them.
func realLines(t *testing.T, keys ...string) (*world.World, *netns.Net) {
	t.Helper()
	n, err := netns.Lay(keys...)
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatalf("network namespaces cannot be made, and a build server needs them: %v", err)
	case err != nil:
		t.Skipf("network namespaces cannot be made: %v", err)
	}
	w, dir, err := startWorldWith(t.Context(), world.Options{Network: &world.Network{
		Cloud: world.Place{Namespace: n.Namespace(netns.Cloud), Address: n.Address(netns.Cloud)},
		School: func(key string) (world.Place, string, error) {
			l := n.Line(key)
			if l == nil {
				return world.Place{}, "", fmt.Errorf("no cable was laid to %s", key)
			}
			return world.Place{Namespace: n.Namespace(key), Address: n.Address(key)}, l.CloudAddress(), nil
		},
	}})
	t.Cleanup(func() {
		if err := leave(w, dir, t.Failed()); err != nil {
			t.Error(err)
		}
	})
	must(t, err)
	return w, n
}

// TestRealLines spoils the line between processes in network namespaces of their
// own, by the kernel's means: packets wait, are lost, or disappear without a word.
// What is saved at the schools meanwhile is at the cloud afterwards, once.
func TestRealLines(t *testing.T) {
	w, n := realLines(t, "lodwar", "nakuru", "wajir", "isiolo", "lamu", "voi")
	pay := payOverPacks(t, w, n.Line("lodwar"))
	for _, c := range []struct {
		name, school string
		do           func(*testing.T, *opened, *netns.Line)
	}{
		{"64 kbit/s, and every fifth packet is lost", "wajir", thinAndLossy},
		{"the cable is pulled while packets are on it", "isiolo", pulled},
		{"the mirror's line is half open: the cloud hears the box, the box hears nothing", "lamu", halfOpen((*netns.Line).Deafen)},
		{"the mirror's line is half open: the box hears the cloud, the cloud hears nothing", "voi", halfOpen((*netns.Line).Mute)},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := openSchool(t, w, world.SchoolPlan{Key: c.school, Name: "School of " + c.school, Code: strings.ToUpper(c.school) + "-1", County: "Kenya"})
			settled(t, o.school)
			t.Parallel()
			c.do(t, o, n.Line(c.school))
			within(t, 2*time.Minute, "everything is at the cloud", o.nothingWaits)
			o.audit.check(t, map[string]map[string]int{"time": atCloud(t, w, o.school.ID)["time"]})
			if n := count(t, w, "SELECT count(*) FROM dead_letters WHERE school = $1", o.school.ID); n != 0 {
				t.Errorf("%d records were kept aside", n)
			}
		})
	}
	t.Run("a payment overtakes a course and a month's backlog on 64 kbit/s", func(t *testing.T) { t.Parallel(); pay(t) })
}

// within is await with a limit of its own.
func within(t *testing.T, limit time.Duration, what string, ok func(ctx context.Context) (bool, error)) {
	t.Helper()
	must(t, world.Await(t.Context(), limit, what, ok))
}

func (o *opened) nothingWaits(ctx context.Context) (bool, error) {
	st, err := o.school.Status(ctx)
	return st.Waiting == 0, err
}

// arrived tells whether every value that was told to be saved is at the cloud.
func (o *opened) arrived(ctx context.Context) (bool, error) {
	n, err := number(ctx, o.w, "SELECT count(*) FROM learning_activities WHERE kind = 'time_spent' AND school_id = $1", o.school.ID)
	return n >= int64(o.audit.all("time")), err
}

// on is the carrier in use.
func (o *opened) on(carrier string) func(ctx context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		st, err := o.school.Status(ctx)
		return st.Carrier == carrier && st.Link == "up", err
	}
}

func thinAndLossy(t *testing.T, o *opened, l *netns.Line) {
	must(t, l.Shape(64, time.Second))
	must(t, l.Lose(0.2))
	began := time.Now()
	for range 60 {
		must(t, o.spend(t.Context(), o.learner))
		pause(t.Context(), 100*time.Millisecond)
	}
	within(t, 2*time.Minute, "work arrives while packets are lost", o.arrived)
	lost, err := l.Dropped()
	must(t, err)
	t.Logf("60 values were at the cloud after %.1f s; %d packets were lost on the way", time.Since(began).Seconds(), lost)
	if lost < 10 {
		t.Errorf("%d packets were lost: the line was not bad", lost)
	}
	within(t, 2*time.Minute, "the box knows it while packets are lost", o.nothingWaits)
}

// pulledBacklog is more than the line carries before it is pulled.
const pulledBacklog = 6_000

func pulled(t *testing.T, o *opened, l *netns.Line) {
	o.spends(t, 1) // the uplink exists from the first record on
	settled(t, o.school)
	must(t, o.school.Edge.Stop())
	must(t, l.Down())
	fillBox(t, o.w, o.school, pulledBacklog)
	must(t, l.Shape(256, time.Second))
	must(t, o.school.Edge.Start(t.Context()))
	must(t, o.learner.signIn(t.Context(), o.school))
	must(t, l.Up())
	attempts := func(ctx context.Context) (int64, error) {
		return number(ctx, o.w, "SELECT count(*) FROM attempts WHERE school_id = $1", o.school.ID)
	}
	for i := range int64(3) {
		within(t, 2*time.Minute, "the backlog goes on", func(ctx context.Context) (bool, error) {
			n, err := attempts(ctx)
			return n > i*pulledBacklog/4, err
		})
		within(t, time.Minute, "packets are on the line", func(context.Context) (bool, error) {
			up, _, err := l.Load()
			return up.Waiting > 1000, err
		})
		must(t, l.Down())
		o.spends(t, 5)
		pause(t.Context(), time.Duration(1+2*i)*time.Second)
		must(t, l.Up())
	}
	if n, err := attempts(t.Context()); err != nil || n >= pulledBacklog {
		t.Errorf("%d attempts had arrived before the cable was in for good, %v", n, err)
	}
	// Half open, the whole line: the cloud hears everything and the box does not know.
	must(t, l.Deafen(0))
	o.spends(t, 5)
	pause(t.Context(), 5*time.Second)
	must(t, l.Hear())
	must(t, l.Mute(0))
	o.spends(t, 5)
	pause(t.Context(), 5*time.Second)
	must(t, l.Hear())
	within(t, 2*time.Minute, "the backlog is at the cloud", func(ctx context.Context) (bool, error) {
		n, err := attempts(ctx)
		return n == pulledBacklog, err
	})
}

// halfOpen silences one direction of the mirror's connections; HTTPS is well. The
// box finds out by itself, goes by HTTPS, and comes back to the mirror.
func halfOpen(silence func(*netns.Line, int) error) func(*testing.T, *opened, *netns.Line) {
	return func(t *testing.T, o *opened, l *netns.Line) {
		within(t, time.Minute, "the mirror is in use", o.on("mirror"))
		must(t, silence(l, o.w.LeafPort()))
		began := time.Now()
		o.spends(t, 10)
		within(t, 2*time.Minute, "the box goes by https", o.on("https"))
		changed := time.Since(began)
		o.spends(t, 10)
		within(t, time.Minute, "everything is at the cloud by https", o.nothingWaits)
		there := time.Since(began)
		if dropped, err := l.Dropped(); err != nil || dropped == 0 {
			t.Errorf("%d packets disappeared, %v: the line was well", dropped, err)
		}
		must(t, l.Hear())
		within(t, 2*time.Minute, "the box is back on the mirror", o.on("mirror"))
		t.Logf("by https after %.0f s, everything there after %.0f s, back on the mirror after %.0f s", changed.Seconds(), there.Seconds(), time.Since(began).Seconds())
		o.spends(t, 5)
	}
}
