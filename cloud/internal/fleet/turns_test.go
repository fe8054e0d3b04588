package fleet_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/syncproto"
)

// slowly marks the contexts whose transactions a stuck database holds up.
type slowly struct{}

// stuck is a database that works on nothing marked until it is let go. It counts
// what has come to it.
type stuck struct {
	db.DB
	arrived atomic.Int64
	free    chan struct{}
}

// Update implements db.DB.
func (s *stuck) Update(ctx context.Context, fn func(db.Tx) error) error {
	if ctx.Value(slowly{}) != nil {
		s.arrived.Add(1)
		<-s.free
	}
	return s.DB.Update(ctx, fn)
}

// However many schools come back at once, eight frames are worked on: the others
// wait as the bytes they came as. Control, money and hellos do not wait.
func TestFramesOfManySchoolsTakeTurnsAndMoneyWaitsForNone(t *testing.T) {
	const schools, turns = 20, 8
	d := &stuck{DB: dbtest.Postgres(t), free: make(chan struct{})}
	let := sync.OnceFunc(func() { close(d.free) })
	defer let()
	c := fleettest.Open(t, fleettest.Setup{Pool: d, Clock: clock.NewFake(time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)), Timeline: fleettest.Timeline})
	all := make([]*stormy, schools)
	for i := range all {
		school := c.School(fmt.Sprintf("TURN-%d", i))
		learner := c.Learner(school.ID, "Ann Akai")
		b := c.Box()
		if p := b.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
			t.Fatal(p)
		}
		all[i] = &stormy{school: string(school.ID), learner: string(learner.ID), epoch: b.Epoch}
	}
	held := context.WithValue(t.Context(), slowly{}, true)
	var crew sync.WaitGroup
	for _, s := range all {
		m, err := s.next(100)
		c.Must(err)
		crew.Go(func() {
			if err := c.Fleet.Mirrored(held, s.school, s.epoch, m); err != nil {
				t.Error(err)
			}
		})
	}
	for until := time.Now().Add(30 * time.Second); d.arrived.Load() < turns && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(300 * time.Millisecond) // the next one would come now
	if n := d.arrived.Load(); n != turns {
		t.Errorf("%d frames are worked on at once, want %d", n, turns)
	}

	soon, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	last := all[schools-1]
	for _, lane := range []syncproto.Lane{syncproto.LaneControl, syncproto.LaneMoney} {
		f := &syncproto.Frame{School: last.school, Epoch: last.epoch, Lane: lane, First: 1,
			Events: []syncproto.Event{{Type: "test.urgent", Version: 1, Entity: id.New(), HLC: syncproto.HLCAt(c.Clock.Now()), Body: []byte{0xa0}}}}
		data, err := syncproto.EncodeFrame(f)
		c.Must(err)
		if err := c.Fleet.Mirrored(soon, last.school, last.epoch, syncproto.Message{Kind: syncproto.KindFrame, Lane: lane, Data: data}); err != nil {
			t.Errorf("%s: %v", lane, err)
		}
	}
	hello, err := syncproto.EncodeHello(syncproto.Hello{Epoch: last.epoch, Timeline: fleettest.Timeline})
	c.Must(err)
	if err := c.Fleet.Mirrored(soon, last.school, last.epoch, hello); err != nil {
		t.Errorf("a hello: %v", err)
	}
	if n := c.Count(`SELECT count(*) FROM watermarks WHERE school = $1 AND epoch = $2 AND lane < 2 AND seq = 1`, last.school, last.epoch); n != 2 {
		t.Errorf("%d of 2 urgent frames were applied while the others waited", n)
	}

	let()
	crew.Wait()
	if n := c.Count(`SELECT count(*) FROM learning_activities`); n != schools*100 {
		t.Errorf("%d records, want %d", n, schools*100)
	}
}
