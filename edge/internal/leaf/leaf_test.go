package leaf

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/service"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestFramesGoBothWaysInOrder(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a, b := newBox(t, h, "school-a", 7), newBox(t, h, "school-b", 9)
	a.start()
	b.start()
	a.connected()
	b.connected()

	a.send(numbered("a", 1, 300)...)
	b.send(numbered("b", 1, 50)...)
	a.sendDown(numbered("da", 1, 300)...)
	b.sendDown(numbered("db", 1, 50)...)

	eventually(t, "all frames of A", func() bool { return slices.Equal(h.from("school-a"), numbered("a", 1, 300)) })
	eventually(t, "all frames of B", func() bool { return slices.Equal(h.from("school-b"), numbered("b", 1, 50)) })
	eventually(t, "all frames to A", func() bool { return slices.Equal(a.got(), numbered("da", 1, 300)) })
	eventually(t, "all frames to B", func() bool { return slices.Equal(b.got(), numbered("db", 1, 50)) })

	eventually(t, "the counters tell it", func() bool {
		s := a.stats()
		return s.UpHandled == 300 && s.DownPublished == 300 && s.UpMirrored > 0 && s.DownMirrored == s.DownLast && s.Connected
	})
}

func TestFramesSentWhileTheLineIsCutArriveAfterwards(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.start()
	a.connected()
	a.send("before")
	a.sendDown("down before")
	eventually(t, "the first frame", func() bool { return len(h.from("school-a")) == 1 && len(a.got()) == 1 })
	ups := a.ups()

	a.line.setCut(true)
	eventually(t, "the cut is noticed", func() bool { return !a.leaf.Connected() })
	a.send(numbered("up", 1, 200)...)
	a.sendDown(numbered("down", 1, 200)...)
	time.Sleep(3 * time.Second) // the mirrors' first retries fail
	if got := len(h.from("school-a")); got != 1 {
		t.Fatalf("%d frames went through a cut line", got-1)
	}
	a.line.setCut(false)

	eventually(t, "the frames up", func() bool {
		return slices.Equal(h.from("school-a"), append([]string{"before"}, numbered("up", 1, 200)...))
	})
	eventually(t, "the frames down", func() bool {
		return slices.Equal(a.got(), append([]string{"down before"}, numbered("down", 1, 200)...))
	})
	eventually(t, "linkUp is called for the new connection", func() bool { return a.ups() > ups })
}

func TestKilledHubLosesNothingThatTheSchoolSends(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.start()
	a.connected()
	a.send("before")
	a.sendDown("down before")
	eventually(t, "the first frames", func() bool { return len(h.from("school-a")) == 1 && len(a.got()) == 1 })

	h.kill()
	a.send(numbered("up", 1, 100)...)
	h.start()
	h.must(order{Op: "restore", Enrolments: []enrolment{a.who}})
	a.sendDown(numbered("down", 1, 100)...)

	eventually(t, "the frames up", func() bool { return contains(h.from("school-a"), numbered("up", 1, 100)) })
	eventually(t, "the frames down", func() bool { return contains(a.got(), numbered("down", 1, 100)) })
}

func TestWipedHubIsRestoredFromTheDatabase(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.start()
	a.connected()
	a.send(numbered("up", 1, 20)...)
	a.sendDown(numbered("down", 1, 20)...)
	eventually(t, "the first frames", func() bool { return len(h.from("school-a")) == 20 && len(a.got()) == 20 })

	h.kill()
	if err := os.RemoveAll(h.dir); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.must(order{Op: "restore", Enrolments: []enrolment{a.who}})
	// The streams there are new; the numbers they give must not be old ones.
	a.sendDown(numbered("down again", 1, 20)...)
	a.send(numbered("up again", 1, 20)...)

	eventually(t, "the frames up", func() bool { return contains(h.from("school-a"), numbered("up again", 1, 20)) })
	eventually(t, "the frames down", func() bool { return contains(a.got(), numbered("down again", 1, 20)) })
}

func TestWipedBoxIsHeardAgainInTheSameEpoch(t *testing.T) {
	t.Parallel()
	for what, wipe := range map[string]func(t *testing.T, a *box){
		"the store": func(t *testing.T, a *box) { remove(t, a.leaf.storeDir()) },
		"all of it": func(t *testing.T, a *box) { remove(t, a.dir) },
	} {
		t.Run(what, func(t *testing.T) {
			h := newHub(t)
			a := newBox(t, h, "school-a", 7)
			a.start()
			a.connected()
			a.send(numbered("up", 1, 200)...)
			a.sendDown(numbered("down", 1, 20)...)
			eventually(t, "the first frames", func() bool { return len(h.from("school-a")) == 200 && len(a.got()) == 20 })

			if err := a.leaf.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			wipe(t, a)
			a.start()
			a.send(numbered("up again", 1, 20)...)
			a.sendDown(numbered("down again", 1, 20)...)

			eventually(t, "the frames up", func() bool { return contains(h.from("school-a"), numbered("up again", 1, 20)) })
			eventually(t, "the frames down", func() bool { return contains(a.got(), numbered("down again", 1, 20)) })
		})
	}
}

func TestWipedStoreWithAClockThatWentBackIsHeard(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.start()
	a.connected()
	a.send(numbered("up", 1, 50)...)
	eventually(t, "the first frames", func() bool { return len(h.from("school-a")) == 50 })
	if err := a.leaf.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	remove(t, a.leaf.storeDir())

	opts := a.options()
	opts.Clock = clock.NewFake(time.Unix(60, 0)) // a minute after the beginning of 1970
	a.startWith(opts)
	a.send("after")
	eventually(t, "the frame after", func() bool { return contains(h.from("school-a"), []string{"after"}) })
}

func TestStoreRolledBackByAPowerCutIsHeard(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.start()
	a.connected()
	a.send(numbered("up", 1, 20)...)
	eventually(t, "the first frames", func() bool { return len(h.from("school-a")) == 20 })
	if err := a.leaf.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := t.TempDir()
	if err := os.CopyFS(old, os.DirFS(a.dir)); err != nil {
		t.Fatal(err)
	}

	a.start()
	a.send(numbered("lost", 1, 100)...)
	eventually(t, "what the power cut loses", func() bool { return len(h.from("school-a")) == 120 })
	if err := a.leaf.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	remove(t, a.dir)
	if err := os.CopyFS(a.dir, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	a.start()
	a.send(numbered("again", 1, 10)...)
	eventually(t, "the frames after", func() bool { return contains(h.from("school-a"), numbered("again", 1, 10)) })
}

func TestNewEpochReplacesTheOldUserAndItsStreams(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.start()
	a.connected()
	a.send("old")
	eventually(t, "the old frame", func() bool { return len(h.from("school-a")) == 1 })
	old := a.options()

	a.enrol("school-a", "box-school-a", 8)
	eventually(t, "the old user is out", func() bool {
		return !a.leaf.Connected() && !h.must(order{Op: "connected", School: "school-a"}).Connected
	})
	if got := h.do(order{Op: "send", School: "school-a", Epoch: 7, Messages: opaque("x")}); got.Err == "" {
		t.Error("the hub still sends to the old epoch")
	}
	if got := h.do(order{Op: "enrol", Enrolments: []enrolment{{"school-a", "box-school-a", 7, a.who.UserKey}}}); got.Err == "" {
		t.Error("the hub went back to the old epoch")
	}
	a.stop()
	a.start()
	a.connected()
	a.send("new")
	a.sendDown("down new")
	eventually(t, "the new frames", func() bool {
		return contains(h.from("school-a"), []string{"new"}) && contains(a.got(), []string{"down new"})
	})
	names, err := streamNames(t, a.leaf)
	if err != nil || !slices.Equal(names, []string{"DOWN_8", "UP_8"}) {
		t.Errorf("streams %v, %v", names, err)
	}

	a.stop()
	a.startWith(old)
	stays(t, "the old user stays out", func() bool { return !a.leaf.Connected() })
}

func TestRevokedBoxDropsAndStaysOut(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	b := newBox(t, h, "school-b", 7)
	a.start()
	b.start()
	a.connected()
	b.connected()

	h.must(order{Op: "revoke", School: "school-a", UserKey: a.who.UserKey})
	eventually(t, "A drops", func() bool {
		return !a.leaf.Connected() && !h.must(order{Op: "connected", School: "school-a"}).Connected
	})
	stays(t, "A stays out", func() bool { return !a.leaf.Connected() })
	b.connected()

	// After a restart nobody tells the hub of A, and that must be enough.
	h.kill()
	h.start()
	h.must(order{Op: "restore", Enrolments: []enrolment{b.who}})
	b.connected()
	stays(t, "A stays out over a restart", func() bool { return !a.leaf.Connected() })

	h.must(order{Op: "enrol", Enrolments: []enrolment{a.who}})
	a.connected()
}

func TestForeignAuthorityIsNotTrusted(t *testing.T) {
	t.Parallel()
	h, other := newHub(t), newHub(t, "-hub.secret", "another secret for tests")
	a, b := newBox(t, h, "school-a", 7), newBox(t, other, "school-b", 7)
	opts := a.options()
	opts.CAPEM = b.creds.CAPEM
	a.startWith(opts)
	stays(t, "no link", func() bool { return !a.leaf.Connected() })
}

func TestFullStreamSaysSoAndRecovers(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.bytes = 1 << 20
	a.line.setCut(true)
	a.start()

	var accepted int64
	var err error
	for err == nil && accepted < 100 {
		if err = a.leaf.Send(t.Context(), []syncproto.Message{frame(t, syncproto.LaneLearning, accepted+1, 1, 40<<10)}); err == nil {
			accepted++
		}
	}
	if !errors.Is(err, syncer.ErrCarrierFull) {
		t.Fatalf("after %d frames: %v", accepted, err)
	}
	a.line.setCut(false)
	eventually(t, "what fitted arrives", func() bool { return len(h.from("school-a")) == int(accepted) })

	// The hub has a copy now, so there is room without any word from the cloud.
	eventually(t, "there is room again", func() bool {
		return a.leaf.Send(t.Context(), []syncproto.Message{frame(t, syncproto.LaneLearning, accepted+1, 1, 40<<10)}) == nil
	})
	eventually(t, "the next arrives", func() bool { return len(h.from("school-a")) == int(accepted)+1 })
}

func TestFullDownlinkSaysSo(t *testing.T) {
	t.Parallel()
	h := newHub(t, "-hub.bytes", strconv.Itoa(1<<20))
	a := newBox(t, h, "school-a", 7)
	var got answer
	for i := 0; i < 100 && got.Err == ""; i++ {
		got = h.do(order{Op: "send", School: "school-a", Epoch: 7, Messages: []syncproto.Message{frame(t, syncproto.LaneRoster, int64(i+1), 1, 40<<10)}})
	}
	if !got.Full {
		t.Fatalf("error %q", got.Err)
	}
	before := a.stats().DownMessages
	var applied syncproto.Marks
	applied[syncproto.LaneRoster].Seq = 3
	h.must(order{Op: "purge", School: "school-a", Epoch: 7, Applied: applied})
	if after := a.stats().DownMessages; after != before-3 {
		t.Errorf("%d frames left of %d, want 3 less", after, before)
	}
}

func TestPurgeFreesEachLaneByItself(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.line.setCut(true)
	a.start()
	for i := range int64(5) {
		msgs := []syncproto.Message{frame(t, syncproto.LaneControl, i*2+1, 2, 10), frame(t, syncproto.LaneLearning, i*2+1, 2, 10)}
		if err := a.leaf.Send(t.Context(), msgs); err != nil {
			t.Fatal(err)
		}
	}
	var applied syncproto.Marks
	applied[syncproto.LaneLearning].Seq = 7 // the fourth frame is applied in part only
	a.leaf.Purge(t.Context(), applied)
	if n := upMessages(t, a.leaf); n != 7 {
		t.Errorf("%d frames are kept, want 5 of control and 2 of learning", n)
	}

	// A part of the stream is gone before the mirror saw it; the rest must pass.
	a.line.setCut(false)
	eventually(t, "the rest arrives", func() bool { return len(h.from("school-a")) == 7 })
}

func TestHellosAndAcksDoNotPileUp(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.start()
	a.connected()
	loose := []syncproto.Message{{Kind: syncproto.KindHello, Data: []byte("h")}, {Kind: syncproto.KindAck, Data: []byte("a")}}
	for range 500 {
		if err := a.leaf.Send(t.Context(), loose); err != nil {
			t.Fatal(err)
		}
		h.must(order{Op: "send", School: "school-a", Epoch: 7, Messages: loose})
	}
	eventually(t, "all arrive", func() bool { return len(h.from("school-a")) == 1000 && len(a.got()) == 1000 })
	eventually(t, "they are freed", func() bool {
		var none syncproto.Marks
		a.send() // nothing
		if err := a.leaf.Send(t.Context(), loose); err != nil {
			t.Fatal(err)
		}
		a.leaf.Purge(t.Context(), none)
		h.must(order{Op: "send", School: "school-a", Epoch: 7, Messages: loose})
		h.must(order{Op: "purge", School: "school-a", Epoch: 7})
		return upMessages(t, a.leaf) < 200 && a.stats().DownMessages < 200
	})
}

func TestRefusedMessageComesAgainBeforeTheNext(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.refuse = 2
	h.must(order{Op: "refuse", Refuse: 2})
	a.start()
	a.send(numbered("up", 1, 10)...)
	a.sendDown(numbered("down", 1, 10)...)
	eventually(t, "the frames up, in order and once", func() bool { return slices.Equal(h.from("school-a"), numbered("up", 1, 10)) })
	eventually(t, "the frames down, in order and once", func() bool { return slices.Equal(a.got(), numbered("down", 1, 10)) })
}

// Not parallel: it counts goroutines and files.
func TestStopEndsEverythingAndStartBeginsAgain(t *testing.T) {
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.start()
	a.connected()
	leaf := a.leaf
	if err := leaf.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for i := range 4 {
		if err := leaf.Start(t.Context(), a.handle, a.up); err != nil {
			t.Fatal(err)
		}
		a.connected()
		a.send("round " + strconv.Itoa(i))
		if err := leaf.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "no goroutine is left over", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	eventually(t, "no file is left open", func() bool { return openFiles(t) <= files+2 })
	if err := leaf.Send(t.Context(), opaque("late")); err == nil {
		t.Error("a stopped leaf took a message")
	}
}

func TestUnreadableStoreIsWiped(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	if err := errors.Join(os.WriteFile(filepath.Join(a.dir, "store"), []byte("not a directory"), 0o600), service.Ended(a.dir)); err != nil {
		t.Fatal(err)
	}
	a.start()
	a.send("up")
	eventually(t, "the frame", func() bool { return len(h.from("school-a")) == 1 })
}

func TestTheStoreOfAKilledRunIsMadeAnew(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	mark := filepath.Join(a.dir, "store", "mark")
	there := func() bool { _, err := os.Stat(mark); return err == nil }
	a.start()
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.leaf.Stop(t.Context()), a.leaf.Start(t.Context(), a.handle, a.up)); err != nil || !there() {
		t.Errorf("after a stop the store is another: %v", err)
	}
	if err := errors.Join(a.leaf.Stop(t.Context()), os.Remove(filepath.Join(a.dir, "ended-well")), a.leaf.Start(t.Context(), a.handle, a.up)); err != nil || there() {
		t.Errorf("after a kill the store is the old one: %v", err)
	}
	a.send("up")
	eventually(t, "the frame", func() bool { return len(h.from("school-a")) == 1 })
}

func TestStoreThatGaveUpIsStartedAgain(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := newBox(t, h, "school-a", 7)
	a.start()
	a.connected()
	a.leaf.current().server.Shutdown() // as it looks after a full disk
	eventually(t, "it sends again", func() bool { return a.leaf.Send(t.Context(), opaque("after")) == nil })
	eventually(t, "the frame", func() bool { return contains(h.from("school-a"), []string{"after"}) })
}

func TestCredentialsThatDoNotBelongTogetherAreRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a, b := newBox(t, h, "school-a", 7), newBox(t, h, "school-b", 7)
	opts := a.options()
	opts.UserSeed = b.seed
	if _, err := Open(opts); err == nil {
		t.Error("a key of another user was taken")
	}
	opts = a.options()
	opts.AccountKey = b.creds.AccountKey
	if _, err := Open(opts); err == nil {
		t.Error("a token of another account was taken")
	}
}

// contains tells whether want is in got in this order; others may be between.
func contains(got, want []string) bool {
	for _, g := range got {
		if len(want) > 0 && g == want[0] {
			want = want[1:]
		}
	}
	return len(want) == 0
}

// stays watches for some seconds: a refused box tries again each second.
func stays(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 60 {
		if !ok() {
			t.Fatal("not so: " + what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func remove(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

func streamNames(t *testing.T, l *Leaf) ([]string, error) {
	t.Helper()
	var out []string
	names := l.current().out.js.StreamNames(t.Context())
	for n := range names.Name() {
		out = append(out, n)
	}
	slices.Sort(out)
	return out, names.Err()
}

func upMessages(t *testing.T, l *Leaf) uint64 {
	t.Helper()
	o := l.current().out
	s, err := o.js.Stream(t.Context(), upStream(o.epoch))
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("no list of open files on this system: %v", err)
	}
	return len(entries)
}
