package simtest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/syncproto"
)

// quietWorld is one school and its cloud without any trouble but what the test
// makes.
func quietWorld(ctx context.Context, t *testing.T) (*world, *box) {
	t.Helper()
	w := &world{o: Options{Seed: 5, Schools: 1, For: 240 * time.Hour, Writes: 1, Batch: 1}, ctx: ctx, rng: rand.New(rand.NewPCG(5, 0x5eed)), now: epochOfTime, frame: 16 << 10}
	w.check = newChecker(w)
	if err := w.begin(); err != nil {
		t.Fatal(err)
	}
	w.pass(t, 10*time.Minute)
	return w, w.schools[0].boxes[0]
}

func (w *world) pass(t *testing.T, d time.Duration) {
	t.Helper()
	w.runUntil(w.now.Add(d))
	if err := w.failure(); err != nil {
		t.Fatal(err)
	}
}

// wiped gives the box an empty disk and lets it be claimed and take its snapshot.
func (w *world) wiped(t *testing.T, b *box) {
	t.Helper()
	w.replaceDisk(b, w.emptyDisk(b))
	w.pass(t, 3*time.Hour)
	if b.wanted || b.peer == nil || b.epoch == 0 {
		t.Fatalf("the box is not back: epoch %d, a snapshot is wanted: %t", b.epoch, b.wanted)
	}
}

// atBox counts which of the facts the box has.
func atBox(b *box, facts map[string]bool) (n int) {
	for id := range facts {
		if _, ok := b.store.facts.rows[id]; ok {
			n++
		}
	}
	return n
}

func written(t *testing.T, b *box, n int) map[string]bool {
	t.Helper()
	before := map[string]bool{}
	for id := range b.store.facts.rows {
		before[id] = true
	}
	b.writeFacts(n)
	out := map[string]bool{}
	for id := range b.store.facts.rows {
		if !before[id] {
			out[id] = true
		}
	}
	if len(out) != n {
		t.Fatalf("%d facts were written, want %d", len(out), n)
	}
	return out
}

// A cloud of an older build keeps facts aside; the box that wrote them is wiped
// and claimed, so its snapshot does not have them; then the cloud is updated. The
// box gets them with the next comparison.
func TestFactsThatTheCloudUnderstoodLateReachTheClaimedBox(t *testing.T) {
	w, b := quietWorld(t.Context(), t)
	w.cloud.build, b.build = 1, 2
	w.cloud.crash()
	b.crash()
	w.pass(t, time.Hour)
	facts := written(t, b, 5)
	w.pass(t, time.Hour)
	if n := len(w.cloud.store.dead.rows); n < 5 {
		t.Fatalf("the older cloud keeps %d records aside, want 5", n)
	}
	w.wiped(t, b)
	if n := atBox(b, facts); n != 0 {
		t.Fatalf("the box has %d of the facts already", n)
	}
	w.cloud.build = 2
	w.cloud.crash()
	w.pass(t, 49*time.Hour)
	if n := atBox(b, facts); n != 5 {
		t.Errorf("the box has %d of the 5 facts after the nightly comparison", n)
	}
}

// A frame of a sealed epoch comes by hand after the box was wiped and claimed: the
// cloud takes it, and the box, whose snapshot is older, gets it with the next
// comparison.
func TestWhatASealedEpochBringsLateReachesTheClaimedBox(t *testing.T) {
	w, b := quietWorld(t.Context(), t)
	b.school.road.cut = true
	epoch, facts := b.epoch, written(t, b, 5)
	var frames []syncproto.Message
	msgs, err := b.peer.Outgoing(t.Context(), w.frame)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range msgs {
		if m.Kind == syncproto.KindFrame {
			frames = append(frames, m)
		}
	}
	if len(frames) == 0 {
		t.Fatalf("nothing to carry: %d messages", len(msgs))
	}
	b.school.road.cut = false
	w.wiped(t, b)
	for _, m := range frames {
		if w.cloud.deliver(b.school, epoch, m) {
			t.Fatal("the cloud did not take the late frame")
		}
	}
	for id := range facts {
		if _, ok := w.cloud.store.facts.rows[id]; !ok {
			t.Fatalf("the cloud does not have %s", id)
		}
	}
	if n := atBox(b, facts); n != 0 {
		t.Fatalf("the box has %d of the facts already", n)
	}
	w.pass(t, 49*time.Hour)
	if n := atBox(b, facts); n != 5 {
		t.Errorf("the box has %d of the 5 facts after the nightly comparison", n)
	}
}
