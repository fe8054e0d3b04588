package simtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Comparisons of what a box and the cloud hold. The sums, the search for what
// differs and the sending again are the product's; the two questions between box
// and cloud are played as agent.Comparer and fleet.Digest ask and answer them.

// compared is the outcome of a box's last comparison.
type compared struct{ state, pair string }

// The states, as in agent.Comparer.
const (
	isEqual     = "equal"
	isRepairing = "repairing"
	isDifferent = "differs"
)

// compareNightly compares the boxes of a school with the cloud once a day, or
// more often in a run of hours, and every half hour when the faults have ceased.
func (w *world) compareNightly(s *school) {
	mean := min(24*time.Hour, max(w.o.For/3, 30*time.Minute))
	if w.healed {
		mean = 30 * time.Minute
	}
	healed := w.healed
	w.after(w.between(mean/2, mean), func() {
		if w.healed != healed {
			return // a quicker one has begun
		}
		for _, b := range s.boxes {
			b.compare()
		}
		w.compareNightly(s)
	})
}

func (b *box) compareIn(d time.Duration) {
	life := b.life
	b.w.after(d, func() {
		if b.life == life {
			b.compare()
		}
	})
}

// compare compares once; it does nothing while the two are not at one point.
func (b *box) compare() {
	if !b.up || b.peer == nil || b.barred || b.renewing || b.retired || b.w.now.Before(b.away) || !b.school.reach(b.w) {
		return
	}
	before := b.compared.state
	err := b.compareOnce(b.w.ctx)
	if b.fell() {
		return
	}
	if b.w.cloud.fell() || err != nil {
		if err != nil && !passes(err) {
			b.w.violatedf("%s cannot compare its records: %v", b.label, err)
		}
		return
	}
	if b.compared.state != before {
		b.w.note("compared: "+b.compared.state, b.label, b.epoch, 0)
	}
	if b.compared.state == isRepairing {
		b.compareIn(10 * time.Minute)
	}
}

// standing is where a box is, and what its records add up to.
type standing struct {
	down, up syncproto.Marks
	kinds    []syncproto.KindDigest
	ready    bool
}

func (b *box) scope() syncer.Scope { return syncer.Scope{School: b.school.id, Members: members} }

func (b *box) standing(ctx context.Context) (s standing, err error) {
	err = b.db.View(ctx, func(tx db.Tx) error {
		heads, err := syncer.ReadHeads(ctx, tx, b.log())
		if err != nil || heads.Waiting() > 0 {
			return err
		}
		s.up, s.ready = heads.Out, true
		if s.down, err = syncer.ReadMarks(ctx, tx, b.downLog()); err != nil {
			return err
		}
		s.kinds, err = syncer.Digests(ctx, tx, b.apply.Registry, b.scope())
		return err
	})
	return s, err
}

func (b *box) compareOnce(ctx context.Context) error {
	at, err := b.standing(ctx)
	if err != nil || !at.ready || !b.w.cloud.isActive(b) {
		return err
	}
	differ, same, err := b.w.cloud.differing(ctx, b, at)
	if err != nil || !same {
		return err
	}
	if len(differ) == 0 {
		b.compared = compared{state: isEqual}
		return nil
	}
	b.w.check.differs(b, differ)
	pair := pairOf(at.kinds, differ)
	if b.compared.pair == pair {
		if b.compared.state == isRepairing {
			b.want()
		}
		b.compared = compared{isDifferent, pair}
		return nil
	}
	if err := b.mend(ctx, at, differ); err != nil {
		return err
	}
	b.compared = compared{isRepairing, pair}
	return nil
}

func pairOf(ours, theirs []syncproto.KindDigest) string {
	var out []string
	for _, t := range theirs {
		for _, o := range ours {
			if o.Name == t.Name {
				out = append(out, fmt.Sprintf("%s %x %x", o.Name, o.Root, t.Root))
			}
		}
	}
	return strings.Join(out, "; ")
}

// differing is the cloud's answer to a box's sums. same is false when one side
// has not applied all of the other's log.
func (c *cloud) differing(ctx context.Context, b *box, at standing) (differ []syncproto.KindDigest, same bool, err error) {
	err = c.db.View(ctx, func(tx db.Tx) error {
		if err := syncer.OneMoment(ctx, tx); err != nil {
			return err
		}
		heads, err := syncer.ReadHeads(ctx, tx, b.downLog())
		if err != nil {
			return err
		}
		in, err := syncer.ReadMarks(ctx, tx, b.log())
		if same = heads.Out == at.down && in == at.up; err != nil || !same {
			return err
		}
		ours, err := syncer.Digests(ctx, tx, c.apply.Registry, b.scope())
		for _, o := range ours {
			i := slices.IndexFunc(at.kinds, func(t syncproto.KindDigest) bool { return t.Name == o.Name })
			if i >= 0 && at.kinds[i].Version == o.Version && (at.kinds[i].Root != o.Root || at.kinds[i].Count != o.Count) {
				differ = append(differ, o)
			}
		}
		return err
	})
	return differ, same, err
}

// mend has what differs sent again: by the cloud what the box lacks, by the box
// what the cloud lacks.
func (b *box) mend(ctx context.Context, at standing, differ []syncproto.KindDigest) error {
	c := b.w.cloud
	var items []syncproto.DigestItems
	err := b.db.View(ctx, func(tx db.Tx) error {
		for _, t := range differ {
			i := slices.IndexFunc(at.kinds, func(o syncproto.KindDigest) bool { return o.Name == t.Name })
			in := syncproto.DigestItems{Name: t.Name, Buckets: syncer.Differing(at.kinds[i], t), Records: map[string]uint64{}}
			if err := b.apply.Registry.InBuckets(ctx, tx, b.scope(), in, func(h syncer.Held, sum uint64) error {
				in.Records[h.ID] = sum
				return nil
			}); err != nil {
				return err
			}
			items = append(items, in)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var again []syncer.Held
	err = c.db.View(ctx, func(tx db.Tx) error {
		for _, in := range items {
			if err := c.apply.Registry.InBuckets(ctx, tx, b.scope(), in, func(h syncer.Held, sum uint64) error {
				if was, ok := in.Records[h.ID]; !ok || was != sum {
					again = append(again, h)
				}
				delete(in.Records, h.ID)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.resend(ctx, b.school, again); err != nil {
		return err
	}
	return b.recordAgain(ctx, items)
}

func (c *cloud) resend(ctx context.Context, s *school, again []syncer.Held) error {
	err := c.db.Update(ctx, func(tx db.Tx) error {
		for _, h := range again {
			if err := h.Resend(ctx, tx, s.id); err != nil {
				return err
			}
		}
		return nil
	})
	c.w.note("send again", s.name, int64(len(again)), outcome(err))
	return err
}

func (b *box) recordAgain(ctx context.Context, extra []syncproto.DigestItems) error {
	return b.db.Update(ctx, func(tx db.Tx) error {
		for _, in := range extra {
			for _, id := range slices.Sorted(maps.Keys(in.Records)) {
				if _, err := b.apply.Registry.Again(ctx, tx, in.Name, id, syncproto.EdgeOnly); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
