package syncer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestTwoEditsOfflineKeepTheSecond(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	n := note{ID: id.New(), School: w.school}
	for _, s := range []string{"first", "second"} {
		n.Text = s
		w.do(w.edge.db, func(tx db.Tx) error { _, err := notes.Save(ctx, tx, n); return err })
		w.clock.Advance(time.Minute)
	}
	w.clock.Advance(time.Hour)
	w.settle(10)
	for name, side := range map[string]*node{"edge": w.edge, "cloud": w.cloud} {
		if c := w.count(side, `SELECT count(*) FROM notes WHERE text = 'second'`); c != 1 {
			t.Errorf("the second edit is not at the %s; conflicts %d", name, w.count(w.cloud, `SELECT count(*) FROM conflict_log`))
		}
	}
}

func TestABoxWhoseClockRanAheadListensToTheCloudAgain(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.edge.outbox.Hybrid.Observe(syncproto.HLCAt(w.clock.Now().AddDate(10, 0, 0)))
	n := note{ID: id.New(), School: w.school, Text: "from a box in 2036"}
	w.do(w.edge.db, func(tx db.Tx) error { _, err := notes.Save(ctx, tx, n); return err })
	w.settle(6)
	w.clock.Advance(24 * time.Hour)
	n.Text = "the cloud, a day later"
	w.do(w.cloud.db, func(tx db.Tx) error { _, err := notes.Save(ctx, tx, n); return err })
	w.settle(6)
	if c := w.count(w.edge, `SELECT count(*) FROM notes WHERE text LIKE 'the cloud%'`); c != 1 {
		t.Errorf("the box keeps its own text; sides have diverged")
	}
}

func TestTheLinkTriesTheMirrorFromTimeToTime(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	healed := false
	mirrorTries := 0
	var l *syncer.Link
	mirror := &fakeCarrier{name: "mirror", to: func(m syncproto.Message) {
		if healed {
			mirrorTries++
		}
	}}
	https := &fakeCarrier{name: "https"}
	https.to = func(m syncproto.Message) {
		_ = w.cloud.peer.Handle(ctx, m)
		out, _ := w.cloud.peer.Outgoing(ctx, 700)
		for _, o := range out {
			_ = w.edge.peer.Handle(ctx, o)
		}
	}
	l = syncer.NewLink(syncer.LinkOptions{Peer: w.edge.peer, Carriers: []syncer.Carrier{mirror, https}, Clock: w.clock, Log: logging.Discard(),
		Waiting: func(context.Context) (all, urgent int64, err error) { return w.waiting(w.edge, w.epoch), 0, nil }})
	w.must(l.Start(ctx))
	w.save(w.edge, 1, id.New())
	for range 30 {
		w.clock.Advance(5 * time.Second)
		l.Wake()
		time.Sleep(30 * time.Millisecond)
	}
	healed = true
	for range 120 { // one hour
		w.clock.Advance(30 * time.Second)
		l.Wake()
		time.Sleep(20 * time.Millisecond)
	}
	if l.Carrier() != "mirror" && mirrorTries == 0 {
		t.Errorf("an hour later still by %s, the mirror was tried %d times", l.Carrier(), mirrorTries)
	}
	w.must(l.Stop(ctx))
}

type hookDB struct {
	db.DB
	hook *func()
}
type hookTx struct {
	db.Tx
	hook *func()
}

func (h hookDB) View(ctx context.Context, fn func(db.Tx) error) error {
	return h.DB.View(ctx, func(tx db.Tx) error { return fn(&hookTx{Tx: tx, hook: h.hook}) })
}
func (h *hookTx) Query(ctx context.Context, q db.SQL, a ...any) (db.Rows, error) {
	r, err := h.Tx.Query(ctx, q, a...)
	if strings.Contains(q.Both, "FROM watermarks") && *h.hook != nil {
		return &hookRows{r, h.hook}, err
	}
	return r, err
}

type hookRows struct {
	db.Rows
	hook *func()
}

func (r *hookRows) Close() {
	r.Rows.Close()
	if f := *r.hook; f != nil {
		*r.hook = nil
		f()
	}
}

func TestWhatIsAppliedWhileAnAckIsMadeIsAckedToo(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.settle(4)
	var hook func()
	cloud := syncer.NewPeer(syncer.PeerOptions{DB: hookDB{w.cloud.db, &hook}, Outbox: w.cloud.outbox, Applier: w.cloud.applier, Clock: w.clock, Log: logging.Discard(),
		Out: syncer.Log{School: w.school, Epoch: down}, In: syncer.Log{School: w.school, Epoch: w.epoch}, Epoch: w.epoch})
	w.cloud.peer = cloud
	w.settle(4)
	w.edge.peer.SayHello()
	w.settle(4)
	w.save(w.edge, 1, id.New())
	out, err := w.edge.peer.Outgoing(ctx, 700)
	w.must(err)
	hook = func() { // the handler's goroutine, at the wrong moment
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, m := range out {
				_ = cloud.Handle(ctx, m)
			}
		}()
		<-done
	}
	for range 5 {
		back, err := cloud.Outgoing(ctx, 700)
		w.must(err)
		for _, m := range back {
			w.must(w.edge.peer.Handle(ctx, m))
		}
	}
	c, _ := w.total(w.cloud)
	if n := w.waiting(w.edge, w.epoch); n != 0 {
		t.Errorf("applied %d, but the box still waits for %d; the cloud is busy: %v", c, n, cloud.Busy())
	}
}
