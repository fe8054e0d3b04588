package syncer_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
	"urbanhomeschool.org/uhs/syncproto"
)

// road is a carrier that ends at the cloud of a world. It can be cut (it knows
// that it is down), clogged (it takes everything and delivers nothing) or full.
type road struct {
	name string
	l    *linked

	mu                  sync.Mutex
	cut, clogged, full  bool
	handler             syncer.Handler
	up                  func()
	sent, purged, ended int
	starts, rests       int
}

func (r *road) Rest() { r.set(func(r *road) { r.rests++ }) }

func (r *road) Name() string { return r.name }

func (r *road) Start(_ context.Context, h syncer.Handler, up func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handler, r.up, r.starts = h, up, r.starts+1
	return nil
}

func (r *road) Connected() bool { r.mu.Lock(); defer r.mu.Unlock(); return !r.cut }

func (r *road) Purge(context.Context, syncproto.Marks) { r.mu.Lock(); defer r.mu.Unlock(); r.purged++ }

func (r *road) Stop(context.Context) error { r.mu.Lock(); defer r.mu.Unlock(); r.ended++; return nil }

// Send brings messages to the cloud and its answers back, by the same road.
func (r *road) Send(ctx context.Context, msgs []syncproto.Message) error {
	r.mu.Lock()
	full, lost := r.full, r.clogged || r.cut
	r.sent += len(msgs)
	r.mu.Unlock()
	if full {
		return syncer.ErrCarrierFull
	}
	if lost {
		return nil
	}
	cloud := r.l.w.cloud.peer
	if r.l.via != r.name { // as the fleet does
		cloud.Takeover()
		r.l.via = r.name
	}
	for _, m := range msgs {
		if err := cloud.Handle(ctx, m); err != nil {
			return err
		}
	}
	answers, err := cloud.Outgoing(ctx, 700)
	if err != nil {
		return err
	}
	for _, m := range answers {
		if err := r.handler(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (r *road) set(change func(r *road)) { r.mu.Lock(); defer r.mu.Unlock(); change(r) }

func (r *road) count() int { r.mu.Lock(); defer r.mu.Unlock(); return r.sent }

// linked is a world whose school has a running link with two carriers.
type linked struct {
	w             *world
	link          *syncer.Link
	mirror, https *road
	via           string // used by the link's goroutine alone
	way           atomic.Int64
}

func newLinked(t *testing.T) *linked {
	t.Helper()
	l := &linked{w: newWorld(t)}
	l.mirror, l.https = &road{name: "mirror", l: l}, &road{name: "https", l: l}
	log := syncer.Log{School: l.w.school, Epoch: l.w.epoch}
	l.link = syncer.NewLink(syncer.LinkOptions{
		Peer: l.w.edge.peer, Carriers: []syncer.Carrier{l.mirror, l.https}, Clock: l.w.clock, Log: logging.Discard(), MaxFrame: 700,
		Waiting: func(ctx context.Context) (all, urgent int64, err error) {
			err = l.w.edge.db.View(ctx, func(tx db.Tx) error {
				h, err := syncer.ReadHeads(ctx, tx, log)
				all, urgent = h.Waiting(), h.Urgent()
				return err
			})
			return all, urgent, err
		},
		Way: func() (talk.Way, time.Duration) { return talk.Way(l.way.Load()), 15 * time.Minute },
	})
	return l
}

// start runs the link and lets the carriers come up, as after a boot.
func (l *linked) start(t *testing.T) {
	t.Helper()
	l.w.must(l.link.Start(t.Context()))
	t.Cleanup(func() { _ = l.link.Stop(context.Background()) })
	l.mirror.up()
}

// until waits for what the link's goroutine brings about.
func (l *linked) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		l.link.Wake()
	}
}

// rest lets the link look around often enough to have done what it would do.
func (l *linked) rest() {
	for range 40 {
		l.link.Wake()
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *linked) drained() bool { return l.w.waiting(l.w.edge, l.w.epoch) == 0 }

func TestTheLinkLeavesACloggedCarrierAndComesBack(t *testing.T) {
	l := newLinked(t)
	l.start(t)
	learner := id.New()
	l.w.save(l.w.edge, 1, learner)
	l.until(t, "the first record arrives by the mirror", l.drained)

	l.mirror.set(func(r *road) { r.clogged = true })
	l.w.save(l.w.edge, 10, learner)
	l.rest() // it is seen waiting: the watchdog's time begins
	l.w.clock.Advance(55 * time.Second)
	l.rest()
	if c := l.link.Carrier(); c != "mirror" {
		t.Fatalf("after 55 s it is on %s: too early", c)
	}
	l.w.clock.Advance(10 * time.Second)
	l.until(t, "the record arrives by https", l.drained)
	if c := l.link.Carrier(); c != "https" {
		t.Fatalf("it is on %s", c)
	}

	// The mirror delivers again: a hello goes over it when it has connected, and
	// the answer that comes that way brings the link back.
	l.mirror.set(func(r *road) { r.clogged = false })
	l.rest()
	if c := l.link.Carrier(); c != "https" {
		t.Fatalf("it is on %s before the mirror has delivered anything", c)
	}
	l.mirror.up()
	l.until(t, "back on the mirror", func() bool { return l.link.Carrier() == "mirror" })
	l.rest() // what was under way by https has ended
	before := l.https.count()
	l.w.save(l.w.edge, 100, learner)
	l.until(t, "the third record arrives by the mirror", l.drained)
	if l.https.count() != before {
		t.Error("https carried it")
	}
	if count, points := l.w.total(l.w.cloud); count != 3 || points != 111 {
		t.Errorf("the cloud has %d facts of %d points, want 3 of 111", count, points)
	}
}

func TestTheLinkStaysWhenNothingWaits(t *testing.T) {
	l := newLinked(t)
	l.start(t)
	l.w.save(l.w.edge, 1, id.New())
	l.until(t, "the record arrives", l.drained)
	l.mirror.set(func(r *road) { r.clogged = true })
	l.w.clock.Advance(10 * time.Minute)
	l.rest()
	if c := l.link.Carrier(); c != "mirror" {
		t.Errorf("it is on %s with nothing to send", c)
	}
}

func TestTheLinkOnlyWaitsWhenNoCarrierHasALine(t *testing.T) {
	l := newLinked(t)
	l.mirror.set(func(r *road) { r.cut = true })
	l.https.set(func(r *road) { r.cut = true })
	l.start(t)
	l.w.save(l.w.edge, 1, id.New())
	l.w.clock.Advance(10 * time.Minute)
	l.rest()
	if c := l.link.Carrier(); c != "mirror" || l.link.Up() || l.mirror.count()+l.https.count() != 0 {
		t.Errorf("on %s, up: %v, sent %d and %d", c, l.link.Up(), l.mirror.count(), l.https.count())
	}

	l.https.set(func(r *road) { r.cut = false }) // only https gets through
	l.rest()
	if c := l.link.Carrier(); c != "mirror" {
		t.Fatalf("on %s: the mirror had no time to connect", c)
	}
	l.w.clock.Advance(10 * time.Second)
	l.until(t, "the record arrives by https", l.drained)
	if c := l.link.Carrier(); c != "https" || !l.link.Up() {
		t.Errorf("on %s, up: %v", c, l.link.Up())
	}
}

func TestAFullCarrierLosesNothing(t *testing.T) {
	l := newLinked(t)
	l.mirror.set(func(r *road) { r.full = true })
	l.start(t)
	learner := id.New()
	for range 30 {
		l.w.save(l.w.edge, 1, learner)
	}
	l.rest()
	if l.drained() {
		t.Fatal("nothing can have arrived")
	}
	l.mirror.set(func(r *road) { r.full = false })
	l.until(t, "everything arrives", l.drained)
	if count, _ := l.w.total(l.w.cloud); count != 30 {
		t.Errorf("the cloud has %d facts", count)
	}
}

func TestWhatComesDownReachesTheSchoolByEitherCarrier(t *testing.T) {
	for _, clogged := range []bool{false, true} {
		l := newLinked(t)
		l.start(t)
		l.mirror.set(func(r *road) { r.clogged = clogged })
		n := note{ID: id.New(), School: l.w.school, Text: "from the cloud"}
		l.w.do(l.w.cloud.db, func(tx db.Tx) error { _, err := notes.Save(t.Context(), tx, n); return err })
		l.w.save(l.w.edge, 1, id.New())
		l.rest()
		l.w.clock.Advance(65 * time.Second)
		l.until(t, "the note is at the school", func() bool { return l.w.count(l.w.edge, `SELECT count(*) FROM notes`) == 1 })
	}
}

func TestBadMessagesAreSwallowedAndTransientOnesComeAgain(t *testing.T) {
	l := newLinked(t)
	l.start(t)
	if err := l.mirror.handler(t.Context(), syncproto.Message{Kind: syncproto.KindFrame, Data: []byte("junk")}); err != nil {
		t.Errorf("junk would be delivered for ever: %v", err)
	}
	f := syncproto.Frame{School: l.w.school, Epoch: down, Lane: syncproto.LaneLearning, First: 1}
	body, err := syncproto.EncodeBody(fact{ID: id.New(), Learner: brokenLearner, At: db.Time{Time: l.w.clock.Now()}})
	l.w.must(err)
	one := fact{}
	l.w.must(syncproto.DecodeBody(body, &one))
	f.Events = []syncproto.Event{{Type: "test.fact", Version: 1, Entity: one.ID, HLC: 1 << 20, Body: body}}
	data, err := syncproto.EncodeFrame(&f)
	l.w.must(err)
	l.w.edge.broken = true
	if err := l.mirror.handler(t.Context(), syncproto.Message{Kind: syncproto.KindFrame, Lane: f.Lane, Data: data}); err == nil {
		t.Error("a frame was dropped because the database was away")
	}
	l.w.edge.broken = false
	if err := l.mirror.handler(t.Context(), syncproto.Message{Kind: syncproto.KindFrame, Lane: f.Lane, Data: data}); err != nil {
		t.Error(err)
	}
	if count, _ := l.w.total(l.w.edge); count != 1 {
		t.Errorf("%d facts, want 1", count)
	}
}

func TestProgressLetsEveryCarrierFreeItsCopies(t *testing.T) {
	l := newLinked(t)
	l.start(t)
	l.link.Drained(t.Context(), syncproto.Marks{})
	if l.mirror.purged != 1 || l.https.purged != 1 {
		t.Errorf("purged %d and %d times", l.mirror.purged, l.https.purged)
	}
	l.w.must(l.link.Stop(t.Context()))
	if l.mirror.ended != 1 || l.https.ended != 1 {
		t.Errorf("stopped %d and %d times", l.mirror.ended, l.https.ended)
	}
}
