package syncer_test

import (
	"errors"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestARecordThatTheDiskChangedIsNeverSentAsItStands(t *testing.T) {
	for _, c := range []struct {
		name, harm    string
		count, points int64
	}{
		{"a changed body goes as its hash alone", `UPDATE outbox SET body = x'00' || substr(body, 2) WHERE seq = 2`, 2, 101},
		{"a changed id goes as its hash alone", `UPDATE outbox SET entity = substr(entity, 1, 35) || '_' WHERE seq = 2`, 2, 101},
		{"a changed hash loses nothing: the chain vouches for the body", `UPDATE outbox SET hash = zeroblob(16) WHERE seq = 2`, 3, 111},
		{"unreadable dependencies lose nothing", `UPDATE outbox SET deps = '[{' WHERE seq = 2`, 3, 111},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			learner := id.New()
			for _, points := range []int64{1, 10, 100} {
				w.save(w.edge, points, learner)
			}
			_, err := w.edge.file.Writer().ExecContext(t.Context(), c.harm)
			w.must(err)
			w.settle(6)
			if count, points := w.total(w.cloud); count != c.count || points != c.points {
				t.Errorf("the cloud has %d facts of %d points, want %d of %d", count, points, c.count, c.points)
			}
			if n := w.waiting(w.edge, w.epoch); n != 0 || w.edge.forked != nil {
				t.Errorf("%d records wait behind the damaged one, fork: %v", n, w.edge.forked)
			}
		})
	}
}

func TestADamagedRecordStaysBehindWhenTheOthersMoveToANewEpoch(t *testing.T) {
	w := newWorld(t)
	learner := id.New()
	for _, points := range []int64{1, 10, 100} {
		w.save(w.edge, points, learner)
	}
	_, err := w.edge.file.Writer().ExecContext(t.Context(), `UPDATE outbox SET body = x'00' || substr(body, 2) WHERE seq = 2`)
	w.must(err)
	from := syncer.Log{School: w.school, Epoch: w.epoch}
	w.epoch++
	w.must(w.edge.db.Update(t.Context(), func(tx db.Tx) error {
		_, err := w.edge.outbox.Resequence(t.Context(), tx, from, syncer.Log{School: w.school, Epoch: w.epoch}, [syncproto.Lanes]int64{})
		return err
	}))
	w.connect()
	w.settle(6)
	if count, points := w.total(w.cloud); count != 2 || points != 101 {
		t.Errorf("the cloud has %d facts of %d points, want 2 of 101", count, points)
	}
	if errors.Is(w.edge.forked, syncer.ErrFork) {
		t.Error("the moved log forked")
	}
}
