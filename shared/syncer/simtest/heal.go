package simtest

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// converge is how long the nodes may take to agree once the faults have ceased.
const converge = 24 * time.Hour

// heal ends all trouble, lets every box have its say, and checks that the
// nodes agree and nothing is lost.
func (w *world) heal() {
	w.healed = true
	w.note("heal", "", 0, 0)
	w.cloud.plan = quiet()
	if w.cloud.build < 2 || w.chance(50) || !w.cloud.up {
		w.cloud.build = 2
		w.cloud.up = false
		w.cloud.start()
	}
	restart := w.chance(50)
	for _, s := range w.schools {
		s.road.cut = false
		for _, b := range s.boxes {
			b.plan, b.away = quiet(), time.Time{}
			if b.retired {
				continue
			}
			if restart || b.build < 2 || !b.up {
				b.build = 2
				b.start()
			}
		}
		s.road.mend(w)
		w.greet(s)
		w.compareNightly(s)
	}
	if !w.settled(converge) {
		return
	}
	w.handOver()
	if w.failed == "" {
		w.check.final()
	}
	w.result.State = w.state()
}

// settled runs until every active box and the cloud have nothing left to say.
func (w *world) settled(bound time.Duration) bool {
	end := w.now.Add(bound)
	for _, s := range w.schools {
		for _, b := range s.boxes {
			b.compared = compared{} // it counts from here
		}
	}
	for w.failed == "" {
		w.cloud.resume()
		w.runUntil(w.now.Add(20 * time.Minute)) // longer than from hello to hello
		why := w.unsettled()
		if why == "" {
			return true
		}
		if w.now.After(end) {
			w.violatedf("[5] %s after the faults ceased: %s", bound, why)
		}
	}
	return false
}

// unsettled says what is still under way; "" when nothing is.
func (w *world) unsettled() string {
	if !w.cloud.up {
		return "the cloud is down"
	}
	for _, s := range w.schools {
		for _, b := range s.boxes {
			if b.retired || b.barred {
				continue
			}
			switch {
			case !b.up || b.peer == nil || b.renewing:
				return b.label + " has no conversation"
			case b.wanted:
				return b.label + " waits for a snapshot"
			case b.waiting():
				return b.label + " has records that wait"
			case b.compared.state == "" || b.compared.state == isRepairing:
				return b.label + " has not compared its records"
			}
		}
		if why := w.cloud.unsettled(s); why != "" {
			return why
		}
	}
	return ""
}

func (c *cloud) unsettled(s *school) (why string) {
	b := s.active()
	if b == nil {
		return ""
	}
	there, err := positions(c.w.ctx, c.disk, b.log(), b.downLog())
	c.w.must("look at the cloud", err)
	here, err := positions(c.w.ctx, b.disk, b.downLog(), b.log())
	c.w.must("look at "+b.label, err)
	switch {
	case here.in != there.out:
		return b.label + " has not applied all of the cloud's records"
	case here.out != there.in:
		return b.label + " has records that the cloud has not applied"
	}
	return ""
}

type standpoint struct{ in, out syncproto.Marks }

// positions are how far one log is applied in a database, and where another one
// ends.
func positions(ctx context.Context, d db.DB, in, out syncer.Log) (p standpoint, err error) {
	err = d.View(ctx, func(tx db.Tx) error {
		if p.in, err = syncer.ReadMarks(ctx, tx, in); err != nil {
			return err
		}
		heads, err := syncer.ReadHeads(ctx, tx, out)
		p.out = heads.Out
		return err
	})
	return p, err
}

// active is the box that is the school's, as it believes.
func (s *school) active() *box {
	for _, b := range s.boxes {
		if !b.retired && !b.barred {
			return b
		}
	}
	return nil
}

// handOver is what an admin does at the end: every box that was barred gets a
// turn as the active one, until all it had is in the cloud; then it is retired
// and the school's first box goes on.
func (w *world) handOver() {
	for _, s := range w.schools {
		for _, b := range s.boxes {
			if b.retired || !b.barred || w.failed != "" {
				continue
			}
			w.note("hand over", b.label, b.epoch, 0)
			for _, other := range s.boxes {
				other.barred = other != b
			}
			w.makeActive(s, b)
			if !w.settled(converge) {
				return
			}
		}
	}
	for _, s := range w.schools {
		if a := s.active(); a != nil && len(s.boxes) > 1 {
			for _, b := range s.boxes {
				b.retired = b != a
			}
		}
	}
}

// makeActive is the admin's word that this box is the school's.
func (w *world) makeActive(s *school, b *box) {
	err := w.cloud.db.Update(w.ctx, func(tx db.Tx) error {
		row, err := w.cloud.row(w.ctx, tx, s.id)
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return err
		}
		_, err = tx.Exec(w.ctx, upsertSchool, s.id, max(row.epoch, b.epoch), b.name, byAdmin)
		return err
	})
	w.must("make "+b.label+" active", err)
	delete(w.cloud.talks, s.id)
	b.barred = false
	b.renewSoon("an admin decided")
}

// final checks what must be true when all is quiet.
func (c *checker) final() {
	cl := c.w.cloud.store
	if cl == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(c.saved)) {
		excused := c.saved[id]
		if !excused && !c.inCloud(id) {
			c.w.violatedf("[1] %s was committed at a school and is nowhere", id)
			return
		}
	}
	totals := map[string]int64{}
	for _, i := range cl.intents.rows {
		totals[i.school] += i.amount
	}
	if !maps.Equal(totals, cl.totals.rows) {
		c.w.violatedf("[2] the totals are not the sums of the intents")
	}
	for _, s := range c.w.schools {
		if b := s.active(); b != nil && c.w.failed == "" {
			c.agree(s, b)
		}
	}
}

// agree compares a box's synced tables with the cloud's rows of its scope.
func (c *checker) agree(s *school, b *box) {
	cl, have := c.w.cloud.store, b.store
	here := map[string]bool{}
	for _, p := range cl.places.rows {
		if p.school == s.id && p.here == 1 {
			here[p.learner] = true
		}
	}
	aside := map[string]bool{} // what the cloud keeps aside of this school
	for d := range cl.letters(s.id) {
		aside[d.entity] = aside[d.entity] || d.open
	}
	c.aside = aside
	same(c, b, "fact", cl.facts, have.facts, func(id string, f factRow) bool { return here[f.learner] && !c.poison[id] })
	same(c, b, "note", cl.notes, have.notes, func(id string, n textRow) bool { return n.school == s.id && !c.poison[id] })
	same(c, b, "order", cl.orders, have.orders, func(_ string, n textRow) bool { return n.school == s.id })
	same(c, b, "badge", cl.badges, have.badges, func(_ string, n textRow) bool { return n.school == s.id })
	same(c, b, "intent", cl.intents, have.intents, func(_ string, i intentRow) bool { return i.school == s.id })
	same(c, b, "place", cl.places, have.places, func(_ string, p placeRow) bool { return p.school == s.id })
}

func same[V comparable](c *checker, b *box, what string, cloud, edge *table[string, V], in func(string, V) bool) {
	for id, want := range cloud.rows {
		if got, ok := edge.rows[id]; in(id, want) && (!ok || got != want) {
			c.w.violatedf("[5] %s: %s %s is %v at the cloud and %v here", b.label, what, id, want, got)
			return
		}
	}
	for id, got := range edge.rows {
		if want, ok := cloud.rows[id]; !c.poison[id] && !c.aside[id] && (!ok || !in(id, want)) {
			c.w.violatedf("[5,6] %s: %s %s is here (%v) and not in the cloud's scope (%v)", b.label, what, id, got, want)
			return
		}
	}
}

// state is a hash of what all synced tables hold.
func (w *world) state() uint64 {
	if w.cloud.store == nil {
		return 0
	}
	h := fnv.New64a()
	stores := []*Store{w.cloud.store}
	for _, s := range w.schools {
		if b := s.active(); b != nil {
			stores = append(stores, b.store)
		}
	}
	for _, s := range stores {
		var b bytes.Buffer
		for _, id := range slices.Sorted(maps.Keys(s.facts.rows)) {
			b.WriteString(id)
		}
		for _, id := range slices.Sorted(maps.Keys(s.notes.rows)) {
			b.WriteString(id + s.notes.rows[id].text)
		}
		_, _ = h.Write(b.Bytes())
	}
	return h.Sum64()
}
