package simtest

import (
	"bytes"
	"time"

	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// checker holds what must be true after every step. It reads the stores' undo
// logs at each commit, so it looks only at what changed, and trusts nothing the
// engine says of itself.
type checker struct {
	w *world
	// links are all events ever committed to a log, by the chain there.
	links map[linkKey]*link
	// granted are the schools that a learner is or was at.
	granted map[[2]string]bool
	poison  map[string]bool   // entities whose record the cloud can never store
	saved   map[string]bool   // facts, intents and badges committed at a school; true: excused
	backed  map[lane]int64    // the furthest verified backup of each uplink log
	newest  int64             // the furthest clock that the cloud may have come to
	aside   map[string]bool   // what the cloud keeps aside of the school that is looked at
	rewound bool              // a cloud's database was put back at least once
	edits   map[editKey]int64 // the positions of texts of notes
}

type linkKey struct {
	lane  lane
	chain syncproto.Hash
}

// link is one event of a log.
type link struct {
	prev    syncproto.Hash
	row     outRow
	applied bool      // a receiver committed it
	at      time.Time // when first
}

func newChecker(w *world) *checker {
	return &checker{w: w, links: map[linkKey]*link{}, granted: map[[2]string]bool{}, poison: map[string]bool{}, saved: map[string]bool{},
		backed: map[lane]int64{}, edits: map[editKey]int64{}}
}

// changes gives each key of a table that changed since from, with its value
// before the first change.
func changes[K comparable, V any](t *table[K, V], from int) []change[K, V] {
	log := t.log[from:]
	switch len(log) {
	case 0:
		return nil
	case 1:
		return log
	}
	var out []change[K, V]
	seen := make(map[K]bool, len(log))
	for _, c := range log {
		if !seen[c.key] {
			seen[c.key] = true
			out = append(out, c)
		}
	}
	return out
}

// swapped looks at a database that a snapshot was built into, before it takes the
// other one's place.
func (c *checker) swapped(b *box, fresh *Store, s syncproto.Snapshot) {
	for l, m := range s.Down {
		c.arrived(lane{s.School, syncer.DownEpoch, int64(l)}, markRow{m.Seq, m.Chain[:]})
	}
	for id, f := range fresh.facts.rows {
		if !c.poison[id] && !c.granted[[2]string{f.learner, b.school.id}] {
			c.w.violatedf("[6] %s holds the fact %s of learner %s that never was at its school", b.label, id, f.learner)
		}
	}
	for k, rows := range b.store.outbox.rows {
		if len(fresh.outbox.rows[k]) != len(rows) || fresh.heads.rows[k].seq != b.store.heads.rows[k].seq {
			c.w.violatedf("[1] %s: the snapshot took rows of the outbox of %v away", b.label, k)
		}
	}
}

// edgeCommit checks a commit of a box.
func (c *checker) edgeCommit(b *box) {
	s := b.store
	c.logs(s, b.label, b)
	c.applied(s, b.label, b)
	for _, ch := range s.facts.log[s.from[10]:] {
		f, ok := s.facts.rows[ch.key]
		if ok && !c.granted[[2]string{f.learner, b.school.id}] {
			c.w.violatedf("[6] %s holds the fact %s of learner %s that never was at its school", b.label, ch.key, f.learner)
		}
	}
	c.monotonic(s, b)
}

// monotonic checks that no record that was read at a box goes back to an older
// version: each step of the commit, since the clamped clock of its own record
// and a newer version may come together.
func (c *checker) monotonic(s *Store, b *box) {
	log := s.versions.log[s.from[5]:]
	for i, v := range log {
		now := s.versions.rows[v.key]
		for _, later := range log[i+1:] {
			if later.key == v.key {
				now = later.old
				break
			}
		}
		if v.had && now.hlc < v.old.hlc && !bytes.Equal(now.body, v.old.body) {
			c.w.violatedf("[7] %s: %s %s went back from %d to %d", b.label, v.key.typ, v.key.entity, v.old.hlc, now.hlc)
		}
	}
}

// cloudCommit checks a commit of the cloud.
func (c *checker) cloudCommit() {
	cl := c.w.cloud
	s := cl.store
	c.logs(s, "cloud", nil)
	c.applied(s, "cloud", nil)
	var due, got int64
	for _, ch := range s.intents.log[s.from[13]:] {
		due += s.intents.rows[ch.key].amount
	}
	for _, ch := range changes(s.totals, s.from[14]) {
		got += s.totals.rows[ch.key] - ch.old
	}
	if due != got {
		c.w.violatedf("[2] cloud: intents of %d were stored and %d was added to the totals", due, got)
	}
	c.clamped(s)
	for _, p := range s.places.log[s.from[16]:] {
		row := s.places.rows[p.key]
		c.granted[[2]string{row.learner, row.school}] = true
	}
}

// clamped checks that no clock in the cloud runs further ahead than the clamp
// allows: what one school's clock says must not bind the others for years.
func (c *checker) clamped(s *Store) {
	const slack = 1000 << 16 // a second of steps
	bound := max(int64(syncproto.HLCAt(c.w.cloud.clock.Now().Add(syncproto.MaxHLCSkew))), c.newest) + slack
	for _, v := range changes(s.versions, s.from[5]) {
		now := s.versions.rows[v.key]
		if now.hlc > bound {
			c.w.violatedf("[12] cloud: %s %s has the clock %s, beyond the clamp", v.key.typ, v.key.entity, syncproto.HLC(now.hlc).Time())
		}
		c.newest = max(c.newest, min(now.hlc, bound-slack))
	}
	c.newest = max(c.newest, int64(syncproto.HLCAt(c.w.cloud.clock.Now())))
}
