package syncer_test

import (
	"context"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
	"urbanhomeschool.org/uhs/syncproto"
)

// coin is a record of the money lane.
var coins = syncer.Entity[note]{
	Spec: syncproto.Spec{Name: "test.coin", Version: 1, Lane: syncproto.LaneMoney, Writer: syncproto.EitherSide, Merge: syncproto.LastWriter},
	ID:   notes.ID, Audience: notes.Audience, Put: notes.Put,
}

func (l *linked) pay(t *testing.T) {
	t.Helper()
	l.w.do(l.w.edge.db, func(tx db.Tx) error {
		_, err := coins.Save(context.Background(), tx, note{ID: id.New(), School: l.w.school, Text: "coin"})
		return err
	})
}

func (l *linked) coins() int64 {
	return l.w.count(l.w.cloud, `SELECT count(*) FROM notes WHERE text = 'coin'`)
}

func TestALineOnDemandIsUsedWhenSomethingWaitsAndOtherwiseSeldom(t *testing.T) {
	l := newLinked(t)
	l.way.Store(int64(talk.OnDemand))
	l.w.must(l.link.Start(t.Context()))
	t.Cleanup(func() { _ = l.link.Stop(context.Background()) })
	l.until(t, "the first hello", func() bool { return l.https.count() > 0 })
	l.rest()
	if l.mirror.up != nil {
		t.Fatal("the mirror was started")
	}
	l.https.set(func(r *road) {
		if r.rests == 0 {
			t.Error("the line is not left alone after the hello")
		}
	})
	quiet := l.https.count()
	l.w.clock.Advance(14 * time.Minute)
	l.rest()
	if l.https.count() != quiet {
		t.Errorf("%d messages went without need", l.https.count()-quiet)
	}
	l.w.clock.Advance(time.Minute)
	l.until(t, "the quarter of an hour", func() bool { return l.https.count() > quiet })
	l.rest() // what it says has ended

	l.w.save(l.w.edge, 1, id.New())
	l.rest()
	if l.drained() {
		t.Error("a fact did not wait for company")
	}
	l.pay(t)
	l.until(t, "the payment, and the fact with it", l.drained)
	l.w.save(l.w.edge, 1, id.New())
	l.w.clock.Advance(time.Minute)
	l.until(t, "the fact after a minute", l.drained)
}

func TestALineToBeSparedCarriesMoneyAloneAndOpensAgain(t *testing.T) {
	l := newLinked(t)
	l.start(t)
	l.w.save(l.w.edge, 1, id.New())
	l.until(t, "the first record", l.drained)
	l.way.Store(int64(talk.Sparing))
	l.until(t, "the mirror is given up", func() bool { return l.link.Carrier() == "https" })
	l.mirror.set(func(r *road) {
		if r.ended != 1 {
			t.Errorf("the mirror was stopped %d times", r.ended)
		}
	})
	for range 20 {
		l.w.save(l.w.edge, 1, id.New())
	}
	l.pay(t)
	l.until(t, "the payment", func() bool { return l.coins() == 1 })
	l.w.clock.Advance(20 * time.Minute)
	l.rest()
	if c, _ := l.w.total(l.w.cloud); c != 1 {
		t.Errorf("%d facts went over a line to be spared", c-1)
	}
	l.way.Store(int64(talk.Open))
	l.until(t, "the mirror is started again", func() bool {
		l.mirror.mu.Lock()
		defer l.mirror.mu.Unlock()
		return !l.mirror.cut && l.mirror.starts == 2
	})
	l.mirror.up()
	l.until(t, "everything arrives", l.drained)
	if c, _ := l.w.total(l.w.cloud); c != 21 {
		t.Errorf("%d of 21 facts arrived", c)
	}
}
