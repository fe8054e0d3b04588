package simtest

import (
	"slices"
	"time"

	"urbanhomeschool.org/uhs/syncproto"
)

// Fault is a kind of trouble.
type Fault string

// The kinds of trouble.
const (
	Loss      Fault = "loss"      // messages are lost, repeated, delayed and overtaken; carriers are full; answers are lost
	Partition Fault = "partition" // a school's line is cut, with or without a transport that stores
	Crash     Fault = "crash"     // a process ends, at any statement or between two
	Transport Fault = "transport" // all that is under way at a school is wiped
	Clocks    Fault = "clocks"    // a clock jumps by up to ten years, or starts in 1970
	Database  Fault = "database"  // a database fails at any statement, at commit, or after it; or runs a transaction twice
	Full      Fault = "full"      // a disk has no room for some hours
	Poison    Fault = "poison"    // records come that can never be stored
	Builds    Fault = "builds"    // old and new builds on either side, updated one after the other
	Stick     Fault = "stick"     // old frames come late and twice
	Wipe      Fault = "wipe"      // a box's disk is replaced by an empty one
	Clone     Fault = "clone"     // a box's disk is copied to a second machine
	Restore   Fault = "restore"   // a box's disk is put back to an older copy
	Rewind    Fault = "rewind"    // the cloud's database is put back to its newest backup
)

// AllFaults is every kind of trouble.
func AllFaults() []Fault {
	return []Fault{Loss, Partition, Crash, Transport, Clocks, Database, Full, Poison, Builds, Stick, Wipe, Clone, Restore, Rewind}
}

func (w *world) has(f Fault) bool { return slices.Contains(w.o.Faults, f) }

// faultNow is true p times in a hundred while messages are in trouble.
func (w *world) faultNow(p int) bool { return !w.healed && w.has(Loss) && w.chance(p) }

// nemesis schedules the trouble.
func (w *world) nemesis() {
	if w.o.FaultEvery == 0 || len(w.o.Faults) == 0 {
		return
	}
	w.every(w.o.FaultEvery/time.Duration(len(w.schools)), func() {
		s := w.schools[w.rng.IntN(len(w.schools))]
		f := w.o.Faults[w.rng.IntN(len(w.o.Faults))]
		w.result.Faults++
		w.strike(f, s)
	})
	if !w.o.NoBackups {
		w.every(w.o.For/5, func() { w.cloud.makeBackup() })
	}
	w.every(w.o.For/4, func() { w.cloud.resume() })
}

func (w *world) strike(f Fault, s *school) {
	b := s.boxes[w.rng.IntN(len(s.boxes))]
	w.note("fault "+string(f), s.name, 0, 0)
	switch f {
	case Partition:
		s.road.cutFor(w, w.between(time.Minute, 10*time.Hour))
	case Crash:
		w.strikeProcess(b)
	case Transport:
		s.road.wipe()
	case Clocks:
		w.strikeClock(b)
	case Database:
		w.strikeDatabase(b)
	case Full:
		b.plan.full = true
		w.after(w.between(time.Minute, 5*time.Hour), func() { b.plan.full = false })
	case Builds:
		w.upgrade(b)
	case Stick:
		w.bringStick(s)
	case Wipe, Clone, Restore:
		w.strikeDisk(f, s, b)
	case Rewind:
		if w.chance(25) {
			w.cloud.rewind()
		}
	}
}

// cutFor cuts the line of a school.
func (r *road) cutFor(w *world, d time.Duration) {
	if r.cut {
		return
	}
	r.cut, r.stores, r.healAt = true, w.chance(50), w.now.Add(d)
	w.after(d, func() { r.mend(w) })
}

func (r *road) mend(w *world) {
	r.cut = false
	for _, s := range w.schools {
		if &s.road != r {
			continue
		}
		for _, b := range s.boxes {
			if b.up && b.peer != nil {
				b.peer.LinkUp()
				b.wake(100 * time.Millisecond)
			}
		}
	}
}

// strikeProcess ends a process: now, or at one of its next statements.
func (w *world) strikeProcess(b *box) {
	switch {
	case w.chance(20) && w.chance(50):
		w.cloud.crash()
	case w.chance(20):
		w.cloud.plan.failIn, w.cloud.plan.crash = w.rng.IntN(60), true
	case w.chance(30):
		b.crash()
	default:
		b.plan.failIn, b.plan.crash = w.rng.IntN(60), true
	}
}

func (w *world) strikeDatabase(b *box) {
	p := &b.plan
	if w.chance(30) {
		p = &w.cloud.plan
	}
	switch w.rng.IntN(5) {
	case 0:
		p.failIn, p.crash = w.rng.IntN(40), false
	case 4:
		p.busyIn = 1 + w.rng.IntN(40)
	case 1:
		p.commit = commitRefused
	case 2:
		p.commit = commitUnheard
	default:
		p.again = true
	}
}

// strikeClock puts a clock somewhere else.
func (w *world) strikeClock(b *box) {
	c := &b.clock
	if w.chance(15) {
		c = &w.cloud.clock
	}
	const year = 365 * 24 * time.Hour
	switch w.rng.IntN(6) {
	case 0:
		c.offset = 10 * year
	case 1:
		c.offset = -10 * year
	case 2:
		c.offset = time.Unix(1000, 0).Sub(w.now)
	case 3:
		c.offset = w.between(-20*time.Minute, 20*time.Minute)
	default:
		c.offset = 0
	}
	w.note("clock", b.label, int64(c.offset/time.Second), 0)
}

// upgrade updates a box or the cloud to the newer build.
func (w *world) upgrade(b *box) {
	if w.chance(30) && w.cloud.build < 2 {
		w.cloud.build = 2
		if w.cloud.up {
			w.cloud.crash()
		}
		return
	}
	if b.build < 2 && b.up {
		b.build = 2
		b.crash()
	}
}

// bringStick delivers old frames, late, twice and in any order.
func (w *world) bringStick(s *school) {
	for _, d := range []*way{&s.road.up, &s.road.down} {
		frames := slices.Clone(d.carried)
		w.rng.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
		for _, f := range frames[:min(len(frames), 8)] {
			for range 2 {
				w.after(w.between(0, time.Hour), func() { d.deliver(f.epoch, f.m) })
			}
		}
	}
}

// makeBackup copies and verifies the cloud's database; from now on it is what B
// means.
func (c *cloud) makeBackup() {
	if c.store == nil {
		return
	}
	c.backup = c.store.Clone()
	for k, m := range c.backup.marksIn.rows {
		if k.epoch > 1 {
			c.w.check.backed[k] = max(c.w.check.backed[k], m.seq)
		}
	}
	c.w.note("backup", "cloud", int64(len(c.backup.facts.rows)), 0)
}

// resume is the admin who lets paused lanes go on.
func (c *cloud) resume() {
	if !c.up {
		return
	}
	for _, s := range c.w.schools {
		for l := range syncproto.Lanes {
			was, err := c.apply.Resume(c.w.ctx, s.id, l, "admin")
			if c.fell() {
				return
			}
			if err != nil && !passes(err) {
				c.w.must("resume", err)
			}
			if was {
				c.w.note("resume", s.name, int64(l), 0)
			}
		}
	}
}
