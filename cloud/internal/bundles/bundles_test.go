package bundles_test

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/syncer/bundle"
)

func TestWorkGoesUpAndAcksComeBackByHandAlone(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(1200) // more than a frame
	n, err := w.arrive(b.export(up{}))
	w.Must(err)
	if n.State != bundle.Applied || n.Result.New != 1200 || n.Result.Known != 0 || w.activities() != 1200 {
		t.Errorf("got %+v, %d activities", n, w.activities())
	}
	if b.waiting() != 1200 {
		t.Errorf("%d wait at the box: writing a bundle confirms nothing", b.waiting())
	}
	back, err := b.back()
	w.Must(err)
	if back.State != bundle.Applied || back.Result.Confirmed != 1200 || b.waiting() != 0 {
		t.Errorf("got %+v, %d wait", back, b.waiting())
	}
	if b.Count("SELECT count(*) FROM accounts") == 0 {
		t.Error("the learner's account did not come down")
	}

	again, err := b.back()
	w.Must(err)
	if again.State != bundle.Known || again.Result.New != 0 || again.Result.Confirmed != 0 {
		t.Errorf("twice: %+v", again)
	}
	// The next bundle from the box tells the cloud what is there; the one after that
	// down is empty.
	_, err = w.arrive(b.export(up{}))
	w.Must(err)
	if n := w.Count("SELECT coalesce(sum(seq - acked_seq), 0)::bigint FROM outbox_heads WHERE epoch = 1"); n != 0 {
		t.Errorf("%d records of the cloud count as unconfirmed", n)
	}
}
