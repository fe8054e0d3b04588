package syncer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestARestoredBoxGetsTheDownlinkAgain(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	learner := id.New()
	edgeFile := w.edge.file
	for range 5 {
		w.save(w.cloud, 1, learner)
	}
	w.settle(4)
	backup := filepath.Join(t.TempDir(), "backup.db")
	_, err := edgeFile.Writer().ExecContext(ctx, "VACUUM INTO ?", backup)
	w.must(err)
	for range 5 {
		w.save(w.cloud, 1, learner)
	}
	w.settle(4)
	restored, err := sqlite.Open(backup)
	w.must(err)
	t.Cleanup(func() { _ = restored.Close() })
	w.edge = w.node(restored, syncproto.CloudOnly)
	w.connect()
	w.save(w.cloud, 1, learner)
	w.settle(60)
	if c, _ := w.total(w.edge); c != 11 {
		t.Errorf("restored box has %d of 11 facts after 180 s; cloud waiting=%d", c, w.waiting(w.cloud, down))
	}
}

func TestWhatARestoredCloudLacksCountsAsWaitingAgain(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for range 5 {
		w.save(w.edge, 1, id.New())
	}
	w.settle(4)
	// The cloud of yesterday: it knows nothing of the learning lane.
	w.do(w.cloud.db, func(tx db.Tx) error {
		for _, q := range []string{"DELETE FROM facts", "DELETE FROM watermarks", "DELETE FROM frame_history"} {
			if _, err := tx.Exec(ctx, db.SQL{Both: q}); err != nil {
				return err
			}
		}
		return nil
	})
	w.connect()
	hello, err := w.cloud.peer.HelloNow(ctx)
	w.must(err)
	w.must(w.edge.peer.Handle(ctx, hello))
	if n := w.waiting(w.edge, w.epoch); n != 5 {
		t.Errorf("%d records wait, want 5", n)
	}
	var pruned int64
	w.do(w.edge.db, func(tx db.Tx) (err error) { pruned, err = w.edge.outbox.Prune(ctx, tx, w.school); return err })
	w.settle(4)
	if c, _ := w.total(w.cloud); c != 5 || pruned != 0 || w.waiting(w.edge, w.epoch) != 0 {
		t.Errorf("%d of 5 arrived again, %d were pruned, %d wait", c, pruned, w.waiting(w.edge, w.epoch))
	}
}

func TestAnEmptyBoxGetsTheWholeDownlink(t *testing.T) {
	w := newWorld(t)
	learner := id.New()
	for range 5 {
		w.save(w.cloud, 1, learner)
	}
	w.settle(4)
	f, err := sqlite.Open(filepath.Join(t.TempDir(), "fresh.db"))
	w.must(err)
	t.Cleanup(func() { _ = f.Close() })
	_, err = w.edge.file.Writer().ExecContext(t.Context(), "VACUUM INTO ?", filepath.Join(t.TempDir(), "x.db"))
	w.must(err)
	// copy the schema only
	b := filepath.Join(t.TempDir(), "b.db")
	_, err = w.edge.file.Writer().ExecContext(t.Context(), "VACUUM INTO ?", b)
	w.must(err)
	fresh, err := sqlite.Open(b)
	w.must(err)
	t.Cleanup(func() { _ = fresh.Close() })
	for _, q := range []string{"DELETE FROM facts", "DELETE FROM watermarks", "DELETE FROM frame_history", "DELETE FROM outbox", "DELETE FROM outbox_heads", "DELETE FROM peer_states"} {
		_, err = fresh.Writer().ExecContext(t.Context(), q)
		w.must(err)
	}
	w.edge = w.node(fresh, syncproto.CloudOnly)
	w.epoch++
	w.connect()
	w.save(w.cloud, 1, learner)
	w.settle(60)
	c, _ := w.total(w.edge)
	if c != 6 {
		t.Errorf("the new box has %d of 6 facts", c)
	}
}

type fakeCarrier struct {
	name string
	mu   sync.Mutex
	n    int
	to   func(syncproto.Message)
}

func (f *fakeCarrier) Name() string { return f.name }
func (f *fakeCarrier) Start(_ context.Context, _ syncer.Handler, up func()) error {
	up()
	return nil
}
func (f *fakeCarrier) Send(_ context.Context, m []syncproto.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range m {
		if x.Kind == syncproto.KindFrame {
			f.n++
		}
		f.to(x)
	}
	return nil
}
func (f *fakeCarrier) Connected() bool                        { return true }
func (f *fakeCarrier) Purge(context.Context, syncproto.Marks) {}
func (f *fakeCarrier) Stop(context.Context) error             { return nil }
func (f *fakeCarrier) frames() int                            { f.mu.Lock(); defer f.mu.Unlock(); return f.n }

func TestTheFirstRecordAfterQuietDoesNotChangeTheCarrier(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.save(w.edge, 1, id.New())
	w.settle(4)
	if n := w.waiting(w.edge, w.epoch); n != 0 {
		t.Fatal(n)
	}
	hold := func(m syncproto.Message) { w.toHub = append(w.toHub, m) }
	a, b := &fakeCarrier{name: "mirror", to: hold}, &fakeCarrier{name: "https", to: hold}
	l := syncer.NewLink(syncer.LinkOptions{Peer: w.edge.peer, Carriers: []syncer.Carrier{a, b}, Clock: w.clock, Log: logging.Discard(),
		Waiting: func(context.Context) (all, urgent int64, err error) { return w.waiting(w.edge, w.epoch), 0, nil }})
	w.must(l.Start(ctx))
	time.Sleep(300 * time.Millisecond)
	w.clock.Advance(90 * time.Second) // idle, nothing waits
	time.Sleep(1300 * time.Millisecond)
	if l.Carrier() != "mirror" {
		t.Fatal("changed while idle")
	}
	w.save(w.edge, 1, id.New())
	l.Wake()
	time.Sleep(1500 * time.Millisecond) // the clock stands still: nothing is stalled
	if l.Carrier() != "mirror" {
		t.Errorf("the watchdog changed to %s at once; frames mirror=%d https=%d", l.Carrier(), a.frames(), b.frames())
	}
	w.must(l.Stop(ctx))
}

func (w *world) frame(first int64, prev syncproto.Hash, ev ...syncproto.Event) (syncproto.Message, syncproto.Hash) {
	w.t.Helper()
	f := syncproto.Frame{School: w.school, Epoch: w.epoch, Lane: syncproto.LaneLearning, First: first, Prev: prev, Events: ev}
	data, err := syncproto.EncodeFrame(&f)
	w.must(err)
	return syncproto.Message{Kind: syncproto.KindFrame, Lane: f.Lane, Data: data}, f.Last
}

func TestNoPoisonIsRefusedByTheTableThatKeepsIt(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	big := make([]byte, 9000)
	for i := range big {
		big[i] = byte('a' + rnd.IntN(26))
	}
	for name, e := range map[string]syncproto.Event{
		"no body":      {Type: "test.fact", Version: 1, Entity: id.New(), HLC: 1},
		"NUL entity":   {Type: "test.fact", Version: 1, Entity: "a\x00b", HLC: 1, Body: []byte{0xa0}},
		"NUL type":     {Type: "te\x00st", Version: 1, Entity: id.New(), HLC: 1, Body: []byte{0xa0}},
		"long entity":  {Type: "test.fact", Version: 1, Entity: string(big), HLC: 1, Body: []byte{0xa0}},
		"unknown, nil": {Type: "test.future", Version: 1, Entity: id.New(), HLC: 1},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			w := newWorld(t)
			m, _ := w.frame(1, syncproto.Hash{}, e)
			err := w.cloud.peer.Handle(t.Context(), m)
			n := w.count(w.cloud, `SELECT count(*) FROM dead_letters`)
			if err != nil || n != 1 {
				t.Errorf("%s: err=%v refused=%v dead=%d", name, err, errors.Is(err, syncer.ErrRefused), n)
			}
		})
	}
	t.Run("hello", func(t *testing.T) {
		w := newWorld(t)
		m, err := syncproto.EncodeHello(syncproto.Hello{School: w.school, Epoch: w.epoch, Software: "x\x00", Sent: w.clock.Now()})
		w.must(err)
		err = w.cloud.peer.Handle(t.Context(), m)
		if err != nil && !errors.Is(err, syncer.ErrRefused) {
			t.Errorf("hello: transient: %v", err)
		}
	})
}

func TestASingleRecordParksBehindItsDeadLetter(t *testing.T) {
	for _, n := range []int{1, 2} {
		w := newWorld(t)
		e := id.New()
		enc := func(f fact) []byte { b, err := syncproto.EncodeBody(f); w.must(err); return b }
		bad := syncproto.Event{Type: "test.fact", Version: 1, Entity: e, HLC: 1, Body: enc(fact{ID: e, Learner: id.New(), Points: -1, At: db.Time{Time: w.clock.Now()}})}
		good := syncproto.Event{Type: "test.fact", Version: 1, Entity: e, HLC: 2, Body: enc(fact{ID: e, Learner: id.New(), Points: 5, At: db.Time{Time: w.clock.Now()}})}
		m, last := w.frame(1, syncproto.Hash{}, bad)
		w.must(w.cloud.peer.Handle(t.Context(), m))
		evs := []syncproto.Event{good}
		if n == 2 {
			x := id.New()
			evs = append(evs, syncproto.Event{Type: "test.fact", Version: 1, Entity: x, HLC: 3, Body: enc(fact{ID: x, Learner: id.New(), Points: 1, At: db.Time{Time: w.clock.Now()}})})
		}
		m, _ = w.frame(2, last, evs...)
		w.must(w.cloud.peer.Handle(t.Context(), m))
		parked := w.count(w.cloud, `SELECT count(*) FROM dead_letters WHERE kind = 'parked'`)
		if parked != 1 {
			t.Errorf("frame of %d events: %d parked, want 1", n, parked)
		}
	}
}

func TestWhatIsParkedBehindAnUnknownRecordIsReplayedToo(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	n := note{ID: id.New(), School: w.school, Text: "first"}
	enc := func(n note) []byte { b, err := syncproto.EncodeBody(n); w.must(err); return b }
	one := enc(n)
	n.Text = "second, the present truth"
	two := enc(n)
	old, err := syncer.NewRegistry(w.cloud.facts)
	w.must(err)
	full := w.cloud.applier.Registry
	w.cloud.applier.Registry = old
	h := syncproto.HLCAt(w.clock.Now())
	// two in one frame (else T4 hides it by burying both as unknown)
	m, _ := w.frame(1, syncproto.Hash{}, syncproto.Event{Type: "test.note", Version: 1, Entity: n.ID, HLC: h, Body: one},
		syncproto.Event{Type: "test.note", Version: 1, Entity: n.ID, HLC: h + 1, Body: two})
	w.must(w.cloud.peer.Handle(ctx, m))
	w.cloud.applier.Registry = full
	got, err := w.cloud.applier.ReplayUnknown(ctx)
	w.must(err)
	c := w.count(w.cloud, `SELECT count(*) FROM notes WHERE text LIKE 'second%'`)
	if c != 1 {
		t.Errorf("replayed %d, second text stored %d, open letters %d", got, c, w.count(w.cloud, `SELECT count(*) FROM dead_letters WHERE state='open'`))
	}
}

func TestThirtyDaysCountFromWhenARecordWasApplied(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for range 5 {
		w.save(w.edge, 1, id.New())
	}
	w.clock.Advance(40 * 24 * time.Hour) // no internet
	w.settle(4)
	var n int64
	w.do(w.edge.db, func(tx db.Tx) (err error) { n, err = w.edge.outbox.Prune(ctx, tx, w.school); return err })
	if n != 0 {
		t.Errorf("%d rows pruned a few seconds after they were applied; B is 0", n)
	}
}

func TestALaneThatLostAFrameDoesNotWaitForTheOthers(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.settle(3)
	w.save(w.edge, 1, id.New()) // lane 4
	_, err := w.edge.peer.Outgoing(ctx, 700)
	w.must(err)
	for range 100 { // 300 s: a note (lane 2) every 3 s
		w.do(w.edge.db, func(tx db.Tx) error {
			_, err := notes.Save(ctx, tx, note{ID: id.New(), School: w.school, Text: "x"})
			return err
		})
		w.settle(1)
	}
	if c, _ := w.total(w.cloud); c != 1 {
		t.Errorf("the lost frame of lane 4 was not sent again in 300 s while lane 2 moved")
	}
}

func TestASlowLineCarriesEverythingAboutOnce(t *testing.T) {
	for _, rate := range []int{8 << 10, 16 << 10} {
		w := newWorld(t)
		ctx := t.Context()
		w.settle(3)
		rnd := rand.New(rand.NewPCG(1, 2))
		// incompressible notes, 100 of 8 KB = 800 KB: 100 s at 8 kB/s
		total := 0
		for range 100 {
			b := make([]byte, 8000)
			for i := range b {
				b[i] = byte(' ' + rnd.IntN(95))
			}
			total += len(b)
			w.do(w.edge.db, func(tx db.Tx) error {
				_, err := notes.Save(ctx, tx, note{ID: id.New(), School: w.school, Text: string(b)})
				return err
			})
		}
		type item struct {
			m    syncproto.Message
			left int
		}
		var q []item
		sent := 0
		secs := 0
		for ; secs < 3000; secs++ {
			out, err := w.edge.peer.Outgoing(ctx, syncproto.MaxFrame)
			w.must(err)
			for _, m := range out {
				q = append(q, item{m, len(m.Data)})
				sent += len(m.Data)
			}
			budget := rate
			for len(q) > 0 && budget > 0 {
				n := min(budget, q[0].left)
				q[0].left -= n
				budget -= n
				if q[0].left == 0 {
					_ = w.cloud.peer.Handle(ctx, q[0].m)
					q = q[1:]
				}
			}
			back, err := w.cloud.peer.Outgoing(ctx, syncproto.MaxFrame)
			w.must(err)
			for _, m := range back {
				_ = w.edge.peer.Handle(ctx, m)
			}
			w.clock.Advance(time.Second)
			if w.count(w.cloud, `SELECT count(*) FROM notes`) == 100 {
				break
			}
		}
		if n := w.count(w.cloud, `SELECT count(*) FROM notes`); n != 100 || sent > total+total/2 {
			t.Errorf("%d of 100 arrived; %d bytes were sent for %d", n, sent, total)
		}
	}
}

func TestASchoolCannotTakeOverARecordOfAnother(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.cloud.applier.Admit = func(_ context.Context, _ db.Tx, school string, a syncproto.Audience) error {
		if s, ok := a.School(); ok && s != school {
			return fault.New(fault.Forbidden, "another school")
		}
		return nil
	}
	other := id.New()
	n := note{ID: id.New(), School: other, Text: "of school B"}
	w.do(w.cloud.db, func(tx db.Tx) error { _, err := notes.Save(ctx, tx, n); return err })
	b, err := syncproto.EncodeBody(note{ID: n.ID, School: w.school, Text: "taken"})
	w.must(err)
	m, _ := w.frame(1, syncproto.Hash{}, syncproto.Event{Type: "test.note", Version: 1, Entity: n.ID, HLC: syncproto.HLCAt(w.clock.Now().Add(time.Minute)), Body: b})
	w.must(w.cloud.peer.Handle(ctx, m))
	if w.count(w.cloud, `SELECT count(*) FROM notes WHERE text = 'taken'`) == 1 {
		t.Errorf("school A replaced a record of school B")
	}
}

func TestAClockThatIsPutBackDoesNotStopTheSending(t *testing.T) {
	w := newWorld(t)
	w.save(w.edge, 1, id.New())
	w.settle(4)
	w.clock.Set(time.Unix(1000, 0)) // a box that starts without a clock
	w.save(w.edge, 1, id.New())
	out, err := w.edge.peer.Outgoing(t.Context(), 700) // and what it sends is lost
	w.must(err)
	if len(out) == 0 {
		t.Fatal("nothing was sent")
	}
	w.settle(20)
	if n := w.waiting(w.edge, w.epoch); n != 0 {
		t.Errorf("%d records wait for the year to come back", n)
	}
}
