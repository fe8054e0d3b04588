package simtest

import (
	"bytes"
	"time"

	"urbanhomeschool.org/uhs/syncproto"
)

// outChange is how one lane of an outbox changed in a commit.
type outChange struct {
	lane     lane
	old, now []outRow
	head     headRow // before
	end      int64   // the log's end after the commit
}

// logs checks what a commit did to the logs written here.
func (c *checker) logs(s *Store, who string, b *box) {
	heads := changes(s.heads, s.from[0])
	before := func(k lane) headRow {
		for _, h := range heads {
			if h.key == k {
				return h.old
			}
		}
		return s.heads.rows[k]
	}
	var moved []outChange
	for _, ch := range changes(s.outbox, s.from[1]) {
		moved = append(moved, outChange{ch.key, ch.old, s.outbox.rows[ch.key], before(ch.key), s.heads.rows[ch.key].seq})
	}
	for _, m := range moved {
		c.appended(m, who, b)
	}
	for _, m := range moved {
		c.removed(m, moved, who)
	}
	for _, h := range heads {
		c.head(s, h.key, h.old, s.heads.rows[h.key], who)
	}
}

func (c *checker) appended(m outChange, who string, b *box) {
	last := m.head.seq
	prev := syncproto.HashOf(m.head.chain)
	i := from(m.now, last)
	for _, r := range m.now[i:] {
		if r.seq != last+1 {
			c.w.violatedf("[3] %s: lane %v has %d after %d: a gap in its own log", who, m.lane, r.seq, last)
			return
		}
		c.w.watch(r.entity, "append", who, m.lane.epoch, r.seq)
		c.edited(m.lane, r)
		key := linkKey{m.lane, syncproto.HashOf(r.chain)}
		if c.links[key] == nil {
			c.links[key] = &link{prev: prev, row: r}
		}
		if b != nil {
			c.w.result.Events++
			c.note(r)
			if !b.renewing {
				if r.hlc <= b.store.lastHLC {
					c.w.violatedf("[12] %s: the clock of %s %s is %d, after %d", who, r.typ, r.entity, r.hlc, b.store.lastHLC)
				}
				b.store.lastHLC = r.hlc
			}
		}
		last, prev = r.seq, key.chain
	}
}

// note remembers an event that a school committed.
func (c *checker) note(r outRow) {
	switch r.typ {
	case "sim.fact", "sim.intent", "sim.badge":
		if _, ok := c.saved[r.entity]; !ok && !c.poison[r.entity] {
			c.saved[r.entity] = false
		}
	}
}

// removed checks rows that left an outbox: pruned at the front only when they
// are backed up or long applied, taken from the end only when they were
// given new positions in the same commit.
func (c *checker) removed(m outChange, all []outChange, who string) {
	if len(m.old) == 0 {
		return
	}
	end := m.end // beyond it the log was cut
	first := end + 1
	if len(m.now) > 0 {
		first = m.now[0].seq
	}
	for _, r := range m.old {
		if r.seq > end || r.seq < first {
			c.w.watch(r.entity, "leaves the outbox", who, m.lane.epoch, r.seq)
		}
		switch {
		case r.seq > end:
			if !resequenced(r, all, m.lane) {
				c.w.violatedf("[1] %s: %s %s at %v %d was dropped from the outbox", who, r.typ, r.entity, m.lane, r.seq)
				return
			}
		case r.seq < first:
			c.pruned(m.lane, r, who)
		}
	}
}

func resequenced(r outRow, all []outChange, not lane) bool {
	for _, m := range all {
		if m.lane == not || m.lane.lane != not.lane {
			continue
		}
		for _, n := range m.now {
			if n.entity == r.entity && n.hlc == r.hlc && n.typ == r.typ && bytes.Equal(n.body, r.body) {
				return true
			}
		}
	}
	return false
}

// keepApplied is how long a row stays that was applied and is not backed up.
const keepApplied = 30 * 24 * time.Hour

func (c *checker) pruned(k lane, r outRow, who string) {
	l := c.links[linkKey{k, syncproto.HashOf(r.chain)}]
	switch {
	case l == nil || !l.applied:
		c.w.violatedf("[1] %s: %v %d was pruned and never applied", who, k, r.seq)
	case r.seq > c.backed[k] && c.w.now.Sub(l.at) < keepApplied:
		c.w.violatedf("[4] %s: %v %d was pruned; backed up is %d, applied for %s", who, k, r.seq, c.backed[k], c.w.now.Sub(l.at))
	}
}

// head checks that what the writer believes of the other side is true.
func (c *checker) head(s *Store, k lane, old, now headRow, who string) {
	if now.acked > old.acked {
		rows := s.outbox.rows[k]
		i := from(rows, now.acked-1)
		if i == len(rows) || rows[i].seq != now.acked {
			c.w.violatedf("[4] %s: %v is acknowledged up to %d, which is not in the log", who, k, now.acked)
			return
		}
		if l := c.links[linkKey{k, syncproto.HashOf(rows[i].chain)}]; l == nil || !l.applied {
			c.w.violatedf("[4] %s: %v is acknowledged up to %d, which nobody applied", who, k, now.acked)
		}
	}
	if now.acked > now.seq {
		c.w.violatedf("[4] %s: %v is acknowledged up to %d, beyond its end %d", who, k, now.acked, now.seq)
	}
	if now.backed > old.backed && now.backed > c.backed[k] {
		c.w.violatedf("[4] %s: %v counts as backed up to %d, the backup has %d", who, k, now.backed, c.backed[k])
	}
}
