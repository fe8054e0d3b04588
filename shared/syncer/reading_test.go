package syncer_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// counted counts the rows that are read in a transaction.
type counted struct {
	db.Tx
	rows *int
}

func (c counted) Query(ctx context.Context, q db.SQL, args ...any) (db.Rows, error) {
	r, err := c.Tx.Query(ctx, q, args...)
	return countedRows{r, c.rows}, err
}

type countedRows struct {
	db.Rows
	n *int
}

func (c countedRows) Next() bool {
	ok := c.Rows.Next()
	if ok {
		*c.n++
	}
	return ok
}

// A frame of a thin line holds some dozens of a long backlog, and about as many
// are read for it; frame by frame all of them come, each once and in order.
func TestAFrameReadsAboutAsMuchOfTheBacklogAsItHolds(t *testing.T) {
	w := newWorld(t)
	const backlog = 900
	var saved []string
	w.do(w.edge.db, func(tx db.Tx) error {
		for n := range int64(backlog) {
			f := fact{ID: id.New(), Learner: id.New(), Points: n, At: db.Time{Time: w.clock.Now()}}
			saved = append(saved, f.ID)
			if _, err := w.edge.facts.Save(t.Context(), tx, f); err != nil {
				return err
			}
		}
		return nil
	})
	var got []string
	read, frames := 0, 0
	w.must(w.edge.db.View(t.Context(), func(tx db.Tx) error {
		for at := int64(0); ; frames++ {
			rows := 0
			f, data, err := syncer.Cut(t.Context(), counted{tx, &rows}, syncer.Log{School: w.school, Epoch: w.epoch}, syncer.Piece{Lane: syncproto.LaneLearning, After: at, MaxBytes: 4000})
			if err != nil || f == nil {
				return err
			}
			if len(data) > 4000 || rows > 4*len(f.Events)+2 {
				t.Errorf("%d rows were read for a frame of %d records and %d bytes", rows, len(f.Events), len(data))
			}
			for _, e := range f.Events {
				got = append(got, e.Entity)
			}
			at, read = f.End(), read+rows
		}
	}))
	if !slices.Equal(got, saved) {
		t.Errorf("%d of %d records came, or in another order", len(got), len(saved))
	}
	t.Logf("%d rows read for %d records in %d frames", read, len(got), frames)
}

// The events of a frame are decoded on several processors at the same moment, and
// stored and told in their order.
func TestAFrameIsDecodedOnSeveralProcessorsAndStoredInItsOrder(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	w := newWorld(t)
	var inside, most atomic.Int64
	both, meet := make(chan struct{}), sync.Once{}
	newer := w.cloud.facts
	newer.Version = 2
	newer.Upcast = map[uint32]func([]byte) ([]byte, error){1: func(b []byte) ([]byte, error) {
		n := inside.Add(1)
		defer inside.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n > 1 {
			meet.Do(func() { close(both) })
		}
		select {
		case <-both: // two have met
		case <-time.After(5 * time.Second):
		}
		return b, nil
	}}
	var told []string
	reg, err := syncer.NewRegistry(newer)
	w.must(err)
	hybrid, err := syncer.OpenHybrid(t.Context(), w.cloud.db, w.clock)
	w.must(err)
	a := &syncer.Applier{DB: w.cloud.db, Registry: reg, Hybrid: hybrid, Clock: w.clock, Log: logging.Discard(), From: syncproto.EdgeOnly,
		Reactions: []syncer.Reaction{syncer.On(newer, func(_ context.Context, _ db.Tx, in []fact) error {
			for _, f := range in {
				told = append(told, f.ID)
			}
			return nil
		})}}
	f := syncproto.Frame{School: w.school, Epoch: w.epoch, Lane: syncproto.LaneLearning, First: 1}
	var sent []string
	for n := range int64(203) { // parts of different length
		v := fact{ID: id.New(), Learner: id.New(), Points: n, At: db.Time{Time: w.clock.Now()}}
		body, err := syncproto.EncodeBody(v)
		w.must(err)
		f.Events = append(f.Events, syncproto.Event{Type: "test.fact", Version: 1, Entity: v.ID, HLC: syncproto.HLCAt(w.clock.Now()), Body: body})
		sent = append(sent, v.ID)
	}
	data, err := syncproto.EncodeFrame(&f)
	w.must(err)
	f, err = syncproto.DecodeFrame(data)
	w.must(err)
	_, err = a.Apply(t.Context(), syncer.Log{School: w.school, Epoch: w.epoch}, f)
	w.must(err)
	if n := most.Load(); n < 2 || n > 4 {
		t.Errorf("%d were decoded at the same moment, want 2 to 4", n)
	}
	if !slices.Equal(told, sent) {
		t.Errorf("%d of %d records were told, or in another order", len(told), len(sent))
	}
	if n := w.count(w.cloud, `SELECT count(*) FROM facts`); n != 203 {
		t.Errorf("%d records are stored", n)
	}
}
