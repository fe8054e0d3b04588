package simtest

import (
	"context"
	"errors"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Snapshots are the product's: the cloud's hello says that one is needed
// (syncer.Coverage), the cloud exports its frames, and the box builds a new
// database from them and puts it in place of the one in use. Only what the
// appliance's agent does around that is played here: the parts take their time to
// come, the box works meanwhile, and what is only there is carried over.

// parts are a snapshot on the box's disk, outside its database.
type parts struct {
	snapshot syncproto.Snapshot
	frames   [][]byte
}

// file is a database in use that can be put in place of another.
type file struct{ db.DB }

// want asks for a snapshot; asking again while one is on its way, or just after,
// changes nothing.
func (b *box) want() {
	if b.wanted || b.w.now.Sub(b.swapped) < time.Minute && !b.swapped.IsZero() {
		return
	}
	b.w.note("want a snapshot", b.label, b.epoch, 0)
	b.wanted = true
	b.takeIn(b.w.between(time.Second, time.Minute))
}

func (b *box) takeIn(d time.Duration) {
	life := b.life
	b.w.after(d, func() {
		if b.life == life && b.up && b.wanted {
			b.take()
		}
	})
}

// take fetches what is missing and, once all is there, swaps.
func (b *box) take() {
	w := b.w
	if b.barred || b.renewing || w.now.Before(b.away) {
		b.takeIn(w.between(time.Minute, 20*time.Minute))
		return
	}
	if b.parts == nil {
		p, err := w.cloud.export(w.ctx, b)
		w.note("fetch a snapshot", b.label, int64(len(p.frames)), outcome(err))
		if err != nil {
			b.takeIn(w.between(10*time.Second, 4*time.Minute))
			return
		}
		b.parts = &p
		b.takeIn(w.between(time.Second, 20*time.Minute)) // the download
		return
	}
	err := b.swap(w.ctx, *b.parts)
	w.note("swap", b.label, b.parts.snapshot.Down[4].Seq, outcome(err))
	switch {
	case b.fell():
	case err != nil && !passes(err):
		w.violatedf("%s cannot take its snapshot: %v", b.label, err)
	case err != nil:
		b.takeIn(w.between(10*time.Second, 4*time.Minute))
	default:
		b.wanted, b.parts, b.swapped = false, nil, w.now
		b.connect()
		b.compareIn(w.between(time.Minute, 10*time.Minute))
	}
}

// export writes the present state of a box's school, as the fleet does for the
// school's active box.
func (c *cloud) export(ctx context.Context, b *box) (p parts, err error) {
	if !b.school.reach(c.w) || !c.isActive(b) {
		return p, errNoWay
	}
	x := syncer.Exporter{DB: c.db, Registry: c.apply.Registry, Scope: syncer.Scope{School: b.school.id, Members: members}}
	p.snapshot, err = x.Export(ctx, func(frame []byte) error { p.frames = append(p.frames, frame); return nil })
	if c.fell() || err != nil {
		return p, errNoWay
	}
	p.snapshot.Timeline, p.snapshot.MadeAt = timelineName(c.timeline), c.clock.Now()
	manifest, err := syncproto.EncodeSnapshot(p.snapshot)
	if err == nil {
		p.snapshot, err = syncproto.DecodeSnapshot(manifest)
	}
	c.w.must("write a snapshot", err)
	return p, nil
}

// isActive tells whether the cloud takes a box for its school's.
func (c *cloud) isActive(b *box) bool {
	var row schoolRow
	err := c.db.View(c.w.ctx, func(tx db.Tx) (err error) { row, err = c.row(c.w.ctx, tx, b.school.id); return err })
	return !c.fell() && err == nil && row.epoch == b.epoch && row.appliance == b.name
}

// restorer builds a database from a snapshot.
func (b *box) restorer(p parts, fresh db.DB) syncer.Restorer {
	return syncer.Restorer{Snapshot: p.snapshot, Applier: &syncer.Applier{DB: fresh, Registry: b.apply.Registry, Hybrid: b.apply.Hybrid, Clock: &b.clock, Log: logging.Discard()},
		Belongs: func(ctx context.Context, tx db.Tx, a syncproto.Audience) (bool, error) {
			learner, ok := a.Learner()
			if !ok {
				return true, nil
			}
			return onTheRolls(ctx, tx, learner, b.school.id)
		}}
}

// swap builds the new database beside the one in use and puts it in its place.
func (b *box) swap(ctx context.Context, p parts) error {
	if b.store == nil {
		return errors.New("simtest: snapshots swap stores in memory alone")
	}
	fresh := NewStore(db.SQLite)
	r := b.restorer(p, faulty{fresh, &b.plan})
	for _, f := range p.frames {
		if err := r.Frame(ctx, f); err != nil {
			return err
		}
	}
	if err := r.Seal(ctx); err != nil {
		return err
	}
	if b.plan.full {
		return errFull
	}
	fresh.keep(b.store)
	if _, err := r.Replay(ctx); err != nil {
		return err
	}
	fresh.Sync()
	fresh.committed, fresh.lossy, fresh.lastHLC = b.store.committed, b.store.lossy, b.store.lastHLC
	b.w.check.swapped(b, fresh, p.snapshot)
	b.store, b.disk, b.file.DB = fresh, fresh, fresh
	return nil
}

// keep carries over what only the old database has: facts that the snapshot does
// not know, and what is of the box alone. It is what the agent does in SQL.
func (s *Store) keep(old *Store) {
	here := map[string]bool{}
	for _, p := range s.places.rows {
		here[p.learner] = here[p.learner] || p.here == 1
	}
	keepFacts(s.facts, old.facts, func(f factRow) bool { return here[f.learner] })
	keepFacts(s.intents, old.intents, func(intentRow) bool { return true })
	keepFacts(s.badges, old.badges, func(textRow) bool { return true })
	copyRows(s.heads, old.heads)
	copyRows(s.outbox, old.outbox)
	copyRows(s.applied, old.applied)
	copyRows(s.peers, old.peers)
	copyRows(s.state, old.state)
	for school := range old.deadOf.rows {
		for d := range old.letters(school) {
			s.addLetter(d)
		}
	}
	for k, rows := range old.conflicts.rows {
		s.conflicts.set(k, append(s.conflicts.rows[k], rows...))
	}
}

func keepFacts[V any](to, from *table[string, V], keep func(V) bool) {
	for id, v := range from.rows {
		if _, ok := to.rows[id]; !ok && keep(v) {
			to.set(id, v)
		}
	}
}

func copyRows[K comparable, V any](to, from *table[K, V]) {
	for k, v := range copyTable(from).rows {
		to.set(k, v)
	}
}
