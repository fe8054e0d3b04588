package simtest

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// snapshotKey is set on a disk that has to take its scope from the cloud.
const snapshotKey = "sim.snapshot"

// scope is all that a school may see, at one moment of the cloud.
type scope struct {
	facts    []Fact
	notes    []Note
	orders   []Note
	badges   []Note
	intents  []Intent
	places   []Place
	versions []versionOf
	down     syncproto.Marks // the end of the school's downlink
	up       syncproto.Marks // how far the school's uplink is applied
}

type versionOf struct {
	typ, entity  string
	hlc, version int64
	body         []byte
}

func scanFact(r db.Rows) (f Fact, err error) {
	return f, r.Scan(&f.ID, &f.Learner, &f.School, &f.Points, &f.At, &f.Bonus)
}

// scopeOf reads a school's scope from a database of either side.
func scopeOf(ctx context.Context, d db.DB, log syncer.Log) (s scope, err error) {
	err = d.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, scopeFacts, log.School)
		if s.facts, err = db.Collect(rows, err, scanFact); err != nil {
			return err
		}
		for _, q := range []struct {
			sql db.SQL
			to  *[]Note
		}{{scopeNotes, &s.notes}, {scopeOrders, &s.orders}, {scopeBadges, &s.badges}} {
			rows, err := tx.Query(ctx, q.sql, log.School)
			if *q.to, err = db.Collect(rows, err, scanNote); err != nil {
				return err
			}
		}
		rows, err = tx.Query(ctx, scopeIntents, log.School)
		if s.intents, err = db.Collect(rows, err, func(r db.Rows) (i Intent, err error) { return i, r.Scan(&i.ID, &i.School, &i.Learner, &i.Amount) }); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, scopePlaces, log.School)
		if s.places, err = db.Collect(rows, err, func(r db.Rows) (p Place, err error) { return p, r.Scan(&p.ID, &p.Learner, &p.School, &p.Here) }); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, scopeVersions, log.School)
		if s.versions, err = db.Collect(rows, err, func(r db.Rows) (v versionOf, err error) {
			return v, r.Scan(&v.typ, &v.entity, &v.hlc, &v.version, &v.body)
		}); err != nil {
			return err
		}
		heads, err := syncer.ReadHeads(ctx, tx, syncer.Log{School: log.School, Epoch: syncer.DownEpoch})
		if err != nil {
			return err
		}
		s.down = heads.Out
		s.up, err = syncer.ReadMarks(ctx, tx, log)
		return err
	})
	return s, err
}

// snapshot takes the scope from the cloud when it is due: it replaces what is
// synced, and what only this disk has is put on top.
func (b *box) snapshot() error {
	var due string
	if err := b.db.View(b.w.ctx, func(tx db.Tx) (err error) {
		due, err = syncer.NodeState(b.w.ctx, tx, snapshotKey)
		return err
	}); err != nil || due == "" {
		return err
	}
	if !b.school.reach(b.w) {
		return errNoWay
	}
	s, err := scopeOf(b.w.ctx, b.w.cloud.db, b.log())
	if b.w.cloud.fell() || err != nil {
		return errNoWay
	}
	b.loading = true
	defer func() { b.loading = false }()
	return b.db.Update(b.w.ctx, func(tx db.Tx) error {
		if err := b.load(b.w.ctx, tx, s); err != nil {
			return err
		}
		return syncer.SetNodeState(b.w.ctx, tx, snapshotKey, "")
	})
}

func (b *box) load(ctx context.Context, tx db.Tx, s scope) error {
	for _, q := range []db.SQL{clearFacts, clearNotes, clearOrders, clearBadges, clearIntents, clearPlaces, clearVersions} {
		if _, err := tx.Exec(ctx, q); err != nil {
			return err
		}
	}
	if err := b.fill(ctx, tx, s); err != nil {
		return err
	}
	for l, m := range s.down {
		at := []any{b.school.id, int64(syncer.DownEpoch), int64(l)}
		if _, err := tx.Exec(ctx, engine["insertWatermark"], append(at[:3:3], make([]byte, syncproto.HashSize), b.clock.Now())...); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, engine["moveWatermark"], append(at[:3:3], m.Seq, m.Chain[:], b.clock.Now())...); err != nil {
			return err
		}
	}
	return b.onTop(ctx, tx, s.up)
}

func (b *box) fill(ctx context.Context, tx db.Tx, s scope) error {
	for _, v := range s.versions {
		if _, err := tx.Exec(ctx, engine["upsertVersion"], v.typ, v.entity, v.hlc, v.version, v.body); err != nil {
			return err
		}
	}
	for _, p := range s.places {
		if _, err := tx.Exec(ctx, upsertPlace, p.ID, p.Learner, p.School, p.Here); err != nil {
			return err
		}
	}
	for _, f := range s.facts {
		if _, err := tx.Exec(ctx, insertFact, f.ID, f.Learner, f.School, f.Points, f.At, f.Bonus); err != nil {
			return err
		}
	}
	for _, i := range s.intents {
		if _, err := tx.Exec(ctx, insertIntent, i.ID, i.School, i.Learner, i.Amount); err != nil {
			return err
		}
	}
	for _, t := range []struct {
		sql  db.SQL
		rows []Note
	}{{upsertNote, s.notes}, {upsertOrder, s.orders}, {insertBadge, s.badges}} {
		for _, n := range t.rows {
			if _, err := tx.Exec(ctx, t.sql, n.ID, n.School, n.Text); err != nil {
				return err
			}
		}
	}
	return nil
}

// onTop puts the records of the outbox that the snapshot does not know.
func (b *box) onTop(ctx context.Context, tx db.Tx, up syncproto.Marks) error {
	for l, m := range up {
		rows, err := tx.Query(ctx, engine["listOutbox"], b.school.id, b.epoch, int64(l), m.Seq, int64(1<<40))
		events, err := db.Collect(rows, err, func(r db.Rows) (e syncproto.Event, err error) {
			var seq, version, hlc int64
			var deps *string
			var hash, chain []byte
			err = r.Scan(&seq, &e.Type, &version, &e.Entity, &hlc, &deps, &e.Body, &hash, &chain)
			e.Version, e.HLC = uint32(version), syncproto.HLC(hlc)
			return e, err
		})
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := b.putOwn(ctx, tx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *box) putOwn(ctx context.Context, tx db.Tx, e syncproto.Event) (err error) {
	if b.w.check.poison[e.Entity] {
		return nil // a broken build wrote it beside the tables
	}
	switch e.Type {
	case "sim.fact":
		var f Fact
		if syncproto.DecodeBody(e.Body, &f) == nil && f.Points >= 0 && f.Points < tooMany {
			_, err = b.kit.facts.Put(ctx, tx, f)
		}
	case "sim.intent":
		var i Intent
		if syncproto.DecodeBody(e.Body, &i) == nil {
			_, err = b.kit.intents.Put(ctx, tx, i)
		}
	case "sim.badge":
		var n Note
		if syncproto.DecodeBody(e.Body, &n) == nil {
			_, err = b.kit.badges.Put(ctx, tx, n)
		}
	case "sim.note":
		var n Note
		if syncproto.DecodeBody(e.Body, &n) != nil {
			return nil //nolint:nilerr // poison is not in a snapshot
		}
		rows, err := tx.Query(ctx, engine["selectVersion"], e.Type, e.Entity)
		old, err := db.Collect(rows, err, func(r db.Rows) (hlc int64, err error) {
			var version int64
			var body []byte
			return hlc, r.Scan(&hlc, &version, &body)
		})
		if err != nil || (len(old) == 1 && old[0] >= int64(e.HLC)) {
			return err
		}
		if _, err := b.kit.notes.Put(ctx, tx, n); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, engine["upsertVersion"], e.Type, e.Entity, int64(e.HLC), int64(e.Version), e.Body)
		return err
	}
	return err
}

// mustLoad tells the boxes of a school that their copy of the downlink is not
// the cloud's: they have to take a snapshot.
func (s *school) mustLoad(w *world, epoch int64) {
	for _, b := range s.boxes {
		if !b.up || b.barred || b.renewing || b.peer == nil || b.epoch != epoch || b.retired {
			continue
		}
		w.note("must load", b.label, epoch, 0)
		b.renewing = true
		b.attempt("load", func() error {
			return b.db.Update(w.ctx, func(tx db.Tx) error { return syncer.SetNodeState(w.ctx, tx, snapshotKey, "due") })
		})
	}
}
