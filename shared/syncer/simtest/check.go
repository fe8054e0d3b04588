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
	poison  map[string]bool // entities whose record the cloud can never store
	saved   map[string]bool // facts, intents and badges committed at a school; true: excused
	backed  map[lane]int64  // the furthest verified backup of each uplink log
	newest  int64           // the furthest clock that the cloud may have come to
	aside   map[string]bool // what the cloud keeps aside of the school that is looked at
	rewound bool            // a cloud's database was put back at least once
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
		backed: map[lane]int64{}}
}

// outChange is how one lane of an outbox changed in a commit.
type outChange struct {
	lane     lane
	old, now []outRow
	head     headRow // before
	end      int64   // the log's end after the commit
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

// swapped looks at a database that a snapshot was built into, before it takes the
// other one's place.
func (c *checker) swapped(b *box, fresh *Store, s syncproto.Snapshot) {
	for l, m := range s.Down {
		c.arrived(lane{s.School, syncer.DownEpoch, int64(l)}, markRow{m.Seq, m.Chain[:]})
	}
	for id, f := range fresh.facts.rows {
		if !c.granted[[2]string{f.learner, b.school.id}] {
			c.w.violatedf("[6] %s holds the fact %s of learner %s that never was at its school", b.label, id, f.learner)
		}
	}
	for k, rows := range b.store.outbox.rows {
		if len(fresh.outbox.rows[k]) != len(rows) || fresh.heads.rows[k].seq != b.store.heads.rows[k].seq {
			c.w.violatedf("[1] %s: the snapshot took rows of the outbox of %v away", b.label, k)
		}
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
		for _, r := range s.dead.rows[d.key][len(d.old):] {
			if r.lane == k {
				if out == nil {
					out = map[int64]deadRow{}
				}
				out[r.seq] = r
			}
		}
	}
	return out
}

// effect checks that one applied event is stored, or was rightly kept aside.
func (c *checker) effect(s *Store, k lane, r outRow, buried map[int64]deadRow, who string, b *box) {
	c.w.watch(r.entity, "applied", who, k.epoch, r.seq)
	letter, aside := buried[r.seq]
	behind := false
	for _, d := range s.dead.rows[k.school] {
		if d.open && d.typ == r.typ && d.entity == r.entity && (d.lane != k || d.seq < r.seq) {
			behind = true
		}
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
	}
}

// refused tells whether the cloud's rolls do not have the learner that a record
// is about: they were put back to before the learner came.
func refused(s *Store, k lane, r outRow) bool {
	var learner string
	switch r.typ {
	case "sim.fact":
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
