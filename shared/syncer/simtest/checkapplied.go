package simtest

import (
	"bytes"

	"urbanhomeschool.org/uhs/syncproto"
)

// applied checks what a commit did to the logs applied here: the watermark
// moved over events of that log, one after the other, and each has had its
// effect or has been kept aside.
func (c *checker) applied(s *Store, who string, b *box) {
	for _, m := range changes(s.marksIn, s.from[3]) {
		now, ok := s.marksIn.rows[m.key]
		if !ok {
			continue // the downlink was forgotten: it comes again
		}
		if now.seq == m.old.seq && bytes.Equal(now.chain, orZero(m.old.chain)) {
			continue
		}
		if now.seq <= m.old.seq {
			c.w.violatedf("[3] %s: the watermark of %v moved from %d to %d", who, m.key, m.old.seq, now.seq)
			return
		}
		c.walk(s, m.key, m.old, now, who, b)
	}
}

// arrived notes that all of a log up to now has arrived with a snapshot.
func (c *checker) arrived(k lane, now markRow) {
	at := syncproto.HashOf(now.chain)
	for seq := now.seq; seq > 0; seq-- {
		l := c.links[linkKey{k, at}]
		if l == nil || l.applied {
			return
		}
		l.applied, l.at = true, c.w.now
		at = l.prev
	}
}

func orZero(chain []byte) []byte {
	if len(chain) == 0 {
		return zeroChain
	}
	return chain
}

func (c *checker) walk(s *Store, k lane, old, now markRow, who string, b *box) {
	buried := buriedIn(s, k)
	stop, at := syncproto.HashOf(orZero(old.chain)), syncproto.HashOf(now.chain)
	for seq := now.seq; seq > old.seq; seq-- {
		l := c.links[linkKey{k, at}]
		if l == nil || l.row.seq != seq {
			c.w.violatedf("[3] %s: applied %v up to %d with a chain that no log has at %d", who, k, now.seq, seq)
			return
		}
		if !l.applied {
			l.applied, l.at = true, c.w.now
		}
		c.effect(s, k, l.row, buried, who, b)
		at = l.prev
	}
	if at != stop {
		c.w.violatedf("[3] %s: %v went from %d to %d over a fork", who, k, old.seq, now.seq)
	}
}

// buriedIn are the dead letters of a lane that this commit added, by position.
func buriedIn(s *Store, k lane) map[int64]deadRow {
	var out map[int64]deadRow
	for _, d := range changes(s.dead, s.from[6]) {
		if r := s.dead.rows[d.key]; !d.had && r.lane == k {
			if out == nil {
				out = map[int64]deadRow{}
			}
			out[r.seq] = r
		}
	}
	return out
}

// effect checks that one applied event is stored, or was rightly kept aside.
func (c *checker) effect(s *Store, k lane, r outRow, buried map[int64]deadRow, who string, b *box) {
	c.w.watch(r.entity, "applied", who, k.epoch, r.seq)
	letter, aside := buried[r.seq]
	behind := false
	for _, d := range s.openAbout(aboutKey{k.school, r.typ, r.entity}) {
		behind = behind || d.lane != k || d.seq < r.seq
	}
	poison := b == nil && (c.poison[r.entity] && c.unstorable(r) || refused(s, k, r))
	unknown := c.unknown(r, b)
	switch {
	case aside && !behind && !poison && !unknown:
		c.w.violatedf("[3] %s: a healthy %s %s at %v %d was kept aside: %s", who, r.typ, r.entity, k, r.seq, letter.reason)
	case !aside && behind:
		c.w.violatedf("[3] %s: %s %s at %v %d did not wait behind the dead letter of its record", who, r.typ, r.entity, k, r.seq)
	case !aside && (poison || unknown):
		c.w.violatedf("[3] %s: %s %s at %v %d cannot be stored and was not kept aside", who, r.typ, r.entity, k, r.seq)
	case !aside && !stored(s, r, b):
		c.w.violatedf("[3] %s: %s %s at %v %d counts as applied and is not there", who, r.typ, r.entity, k, r.seq)
	case !aside:
		c.ordered(s, k, r, who, b)
	}
}

// refused tells whether the cloud's rolls do not have the learner that a record
// is about: they were put back to before the learner came.
func refused(s *Store, k lane, r outRow) bool {
	var learner string
	if r.typ == "sim.fact" {
		var f Fact
		if syncproto.DecodeBody(r.body, &f) == nil {
			learner = f.Learner
		}
	}
	if learner == "" {
		return false
	}
	_, ok := s.places.rows[placeID(learner, k.school)]
	return !ok
}

func (c *checker) unknown(r outRow, b *box) bool {
	build := c.w.cloud.build
	if b != nil {
		build = b.build
	}
	return build < 2 && (r.typ == "sim.badge" || (r.typ == "sim.fact" && r.version > 1))
}

// stored tells whether an event of a kind has had its effect.
func stored(s *Store, r outRow, b *box) (ok bool) {
	switch r.typ {
	case "sim.fact":
		_, ok = s.facts.rows[r.entity]
		if !ok && b != nil { // the learner has left this school
			var f Fact
			if syncproto.DecodeBody(r.body, &f) == nil {
				for _, p := range s.places.rows {
					ok = ok || (p.learner == f.Learner && p.here == 0)
				}
			}
		}
	case "sim.intent":
		_, ok = s.intents.rows[r.entity]
	case "sim.badge":
		_, ok = s.badges.rows[r.entity]
	case "sim.order", "sim.place":
		ok = s.versions.rows[entityKey{r.typ, r.entity}].hlc >= r.hlc
	case "sim.note":
		k := entityKey{r.typ, r.entity}
		ok = bytes.Equal(s.versions.rows[k].body, r.body)
		for _, x := range s.conflicts.rows[k] {
			ok = ok || bytes.Equal(x.body, r.body)
		}
	}
	return ok
}
