package simtest

import "urbanhomeschool.org/uhs/syncproto"

// editKey names a text that a note got in one log.
type editKey struct {
	lane   lane
	entity string
	body   string
}

// edited remembers where in a log a note got a text; of two equal ones the later.
func (c *checker) edited(k lane, r outRow) {
	if r.typ == "sim.note" {
		key := editKey{k, r.entity, string(r.body)}
		c.edits[key] = max(c.edits[key], r.seq)
	}
}

// ordered checks that an edit that was applied has not lost to an earlier one of
// the same log: whoever wrote both holds the later one. A cloud that was put back
// writes other records at positions that boxes know.
func (c *checker) ordered(s *Store, k lane, r outRow, who string, b *box) {
	if r.typ != "sim.note" || (b != nil && c.rewound) {
		return
	}
	now := s.versions.rows[entityKey{r.typ, r.entity}].body
	if seq := c.edits[editKey{k, r.entity, string(now)}]; seq > 0 && seq < r.seq {
		c.w.violatedf("[12] %s: of two edits of %s in %v, at %d and %d, the earlier one won", who, r.entity, k, seq, r.seq)
	}
}

// started checks that a process has tried again, at its start, what an older
// build did not know: only what can never be stored, or is about somebody whom
// the rolls do not have, is still aside for that reason.
func (c *checker) started(s *Store, who string, b *box) {
	if s == nil {
		return
	}
	for _, school := range c.w.schools {
		for d := range s.letters(school.id) {
			r := outRow{seq: d.seq, version: d.version, hlc: d.hlc, typ: d.typ, entity: d.entity, body: d.body}
			if !d.open || d.kind != "unknown" || c.unknown(r, b) {
				continue
			}
			if b == nil && (c.poison[r.entity] && c.unstorable(r) || refused(s, d.lane, r)) {
				continue
			}
			c.w.violatedf("[5] %s: %s %s at %v %d is known to this build and still aside as unknown", who, r.typ, r.entity, d.lane, d.seq)
			return
		}
	}
}

// differs checks that there is a reason for a difference that a comparison found:
// it is there for what a destroyed or copied disk took with it, or a database that
// was put back. Of records that can be replaced even a box that lost its disk has
// the newest, since the cloud tells its boxes what has won.
func (c *checker) differs(b *box, differ []syncproto.KindDigest) {
	for _, d := range differ {
		replaced := d.Name == "sim.note" || d.Name == "sim.order" || d.Name == "sim.place"
		if !c.rewound && (replaced || !b.school.damaged) {
			c.w.violatedf("[5] %s: a comparison found other records of kind %s than at the cloud, and nothing explains it", b.label, d.Name)
		}
	}
}
