package simtest

import (
	"fmt"
	"time"
)

// strikeDisk wipes, clones or restores a box's disk.
func (w *world) strikeDisk(f Fault, s *school, b *box) {
	if b.retired || b.store == nil || b.epoch == 0 || !w.chance(35) {
		return
	}
	switch f {
	case Wipe:
		w.replaceDisk(b, w.emptyDisk(b))
	case Clone:
		if len(s.boxes) < 3 {
			w.cloneBox(b)
		}
	case Restore:
		if b.older == nil || w.chance(40) {
			b.older = b.store.Clone()
			return
		}
		old := b.older.Clone()
		old.committed = b.store.committed
		w.replaceDisk(b, old)
	}
}

func (w *world) emptyDisk(b *box) *Store {
	s := NewStore(b.store.dialect)
	s.committed, s.lossy = b.store.committed, b.store.lossy
	return s
}

// replaceDisk puts another disk into a box. What was only on the old one is
// excused.
func (w *world) replaceDisk(b *box, disk *Store) {
	w.note("disk", b.label, int64(len(disk.facts.rows)), int64(len(b.store.facts.rows)))
	b.school.damaged = true
	gone := b.store
	b.store, b.disk = disk, disk
	b.up, b.barred, b.epoch = false, false, 0
	b.wanted, b.parts, b.swapped, b.compared = false, nil, time.Time{}, compared{}
	b.life++
	w.check.destroyed(gone)
	b.restartIn(w.between(time.Second, time.Hour))
}

// cloneBox copies a box to a second machine: same disk, same keys.
func (w *world) cloneBox(b *box) {
	s := b.school
	s.damaged = true
	twin := &box{w: w, label: fmt.Sprintf("%s.%d", s.name, len(s.boxes)), school: s, clock: nodeClock{w: w, offset: b.clock.offset}, build: b.build, plan: quiet()}
	twin.store = b.store.Clone()
	twin.store.committed = func() { w.check.edgeCommit(twin) }
	twin.disk = twin.store
	s.boxes = append(s.boxes, twin)
	if w.chance(60) { // it is taken somewhere and comes back with work of its own
		twin.away = w.now.Add(w.between(0, w.o.For/2))
	}
	if w.chance(50) {
		twin.restartIn(w.between(time.Second, time.Hour))
		return
	}
	// Both work at the same moment, from the same point of the same log.
	twin.away = time.Time{}
	twin.start()
	at := w.between(3*time.Second, 8*time.Second)
	for i, x := range []*box{b, twin} {
		w.after(at+w.between(0, 200*time.Millisecond), func() {
			if x.up && x.epoch != 0 && !x.retired {
				x.writeIntents(2 + 3*i)
				x.writeFacts(2 + 3*i)
			}
		})
	}
}

// destroyed excuses what is on no disk any more.
func (c *checker) destroyed(gone *Store) {
	for _, rows := range gone.outbox.rows {
		for _, r := range rows {
			if excused, known := c.saved[r.entity]; known && !excused && !c.exists(r.entity) {
				c.saved[r.entity] = true
				c.w.result.Excused++
			}
		}
	}
}

// exists tells whether a record is in the cloud or in the outbox of any disk.
func (c *checker) exists(entity string) bool {
	if c.inCloud(entity) {
		return true
	}
	for _, s := range c.w.schools {
		for _, b := range s.boxes {
			if b.retired || b.store == nil {
				continue
			}
			if b.store.queued()[entity] {
				return true
			}
		}
	}
	return false
}

// inCloud tells whether the cloud has a record, stored or kept aside.
func (c *checker) inCloud(entity string) bool {
	s := c.w.cloud.store
	if _, ok := s.facts.rows[entity]; ok {
		return true
	}
	if _, ok := s.intents.rows[entity]; ok {
		return true
	}
	if _, ok := s.badges.rows[entity]; ok {
		return true
	}
	return len(ownedBy(s.dead, &s.of.aside, func(d deadRow) string { return d.entity })[entity]) > 0
}

// queued are the records in the outbox.
func (s *Store) queued() map[string]bool {
	if x := &s.of.queued; x.at != s.outbox.version+1 {
		x.at, x.ids = s.outbox.version+1, map[string]bool{}
		for _, rows := range s.outbox.rows {
			for _, r := range rows {
				x.ids[r.entity] = true
			}
		}
	}
	return s.of.queued.ids
}

// rewind puts the cloud's database back to its newest verified backup.
func (c *cloud) rewind() {
	if c.backup == nil || c.store == nil {
		return
	}
	c.w.note("rewind", "cloud", int64(len(c.backup.facts.rows)), int64(len(c.store.facts.rows)))
	gone := c.store
	c.store = c.backup.Clone()
	c.store.committed = gone.committed
	c.disk = c.store
	c.timeline++
	c.w.check.rewound = true
	c.w.check.afterRewind(gone)
	if c.up {
		c.crash()
	}
}

// afterRewind excuses what only the lost part of the cloud had: boxes that were
// wiped since cannot send it again.
func (c *checker) afterRewind(gone *Store) {
	lost := map[string]bool{}
	for _, ids := range []func(func(string) bool){keys(gone.facts), keys(gone.intents), keys(gone.badges)} {
		for id := range ids {
			if !c.inCloud(id) {
				lost[id] = true
			}
		}
	}
	for id := range lost {
		if excused, known := c.saved[id]; known && !excused && !c.exists(id) {
			c.saved[id] = true
			c.w.result.Excused++
		}
	}
}

func keys[K comparable, V any](t *table[K, V]) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range t.rows {
			if !yield(k) {
				return
			}
		}
	}
}
