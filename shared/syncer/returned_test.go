package syncer_test

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// A comparison finds that a box has lost facts that only boxes write, and the
// cloud gives them back. Were they refused, the box would keep them aside, hold
// the lane, and never come to the point at which it can be compared again.
func TestFactsComeBackToTheBoxThatLostThem(t *testing.T) {
	onBoth(t, func(t *testing.T, r *receiver) {
		own := r.node.facts
		own.Writer = syncproto.EdgeOnly
		reg, err := syncer.NewRegistry(own, orders)
		r.must(err)
		r.applier.Registry, r.applier.From = reg, syncproto.CloudOnly
		lost := []syncproto.Event{r.fact(id.New(), 3), r.fact(id.New(), 4)}
		r.must(r.take(syncproto.LaneLearning, lost...))
		if n := r.facts(); n != 2 {
			t.Errorf("%d facts are back, want 2", n)
		}
		if l := r.letters(syncer.Filter{}); len(l) != 0 {
			t.Errorf("kept aside: %+v", l)
		}
	})
}

// What can be replaced does not come back this way: an older version would take
// the place of a newer one.
func TestWhatCanBeReplacedIsRefusedFromTheOtherSide(t *testing.T) {
	onBoth(t, func(t *testing.T, r *receiver) {
		own := notes
		own.Writer = syncproto.EdgeOnly
		reg, err := syncer.NewRegistry(own)
		r.must(err)
		r.applier.Registry, r.applier.From = reg, syncproto.CloudOnly
		n := note{id.New(), r.school, "forged"}
		body, err := syncproto.EncodeBody(n)
		r.must(err)
		r.must(r.take(syncproto.LaneRoster, syncproto.Event{Type: own.Name, Version: 1, Entity: n.ID, HLC: syncproto.HLCAt(r.clock.Now()), Body: body}))
		if l := r.letters(syncer.Filter{}); len(l) != 1 || l[0].Reason == "" {
			t.Errorf("letters: %+v", l)
		}
	})
}
