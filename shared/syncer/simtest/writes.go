package simtest

import (
	"context"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func (b *box) work() {
	w := b.w
	n := 1 + w.rng.IntN(w.o.Batch)
	switch p := w.rng.IntN(100); {
	case w.has(Poison) && p < 8:
		b.writePoison()
	case p < 70:
		b.writeFacts(n)
	case p < 84:
		b.writeNote()
	case p < 94 || b.build < 2:
		b.writeIntents(min(n, 3))
	default:
		badge := Note{w.newID(), b.school.id, fmt.Sprintf("badge %d", w.rng.IntN(1000))}
		b.save("badge", 1, func(tx db.Tx) error { _, err := b.kit.badges.Save(w.ctx, tx, badge); return err })
	}
}

func (w *world) fact(l *learner, s *school) Fact {
	return Fact{ID: w.newID(), Learner: l.id, School: s.id, Points: w.rng.Int64N(100), At: db.Time{Time: w.now.Truncate(time.Microsecond)}, Bonus: w.rng.Int64N(3)}
}

func (b *box) writeFacts(n int) {
	w := b.w
	l := b.school.learners[w.rng.IntN(len(b.school.learners))]
	facts := make([]Fact, n)
	for i := range facts {
		facts[i] = w.fact(l, b.school)
		if b.build < 2 {
			facts[i].Bonus = 0
		}
	}
	b.save("facts", int64(n), func(tx db.Tx) error {
		here, err := onTheRolls(w.ctx, tx, l.id, b.school.id)
		if err != nil || !here {
			return err
		}
		for _, f := range facts {
			if _, err := b.kit.facts.Save(w.ctx, tx, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// onTheRolls tells whether a box knows a learner as one of its school.
func onTheRolls(ctx context.Context, tx db.Tx, learner, school string) (bool, error) {
	gone, err := hasLeft(ctx, tx, learner)
	if err != nil || gone {
		return false, err
	}
	rows, err := tx.Query(ctx, placeOf, placeID(learner, school))
	n, err := db.One(rows, err, db.Scalar[int64])
	return n > 0, err
}

// text is a new text of one of the school's notes.
func (b *box) text() Note {
	w := b.w
	return Note{b.school.notes[w.rng.IntN(2)], b.school.id, fmt.Sprintf("%s %d", b.label, w.rng.IntN(1_000_000))}
}

func (b *box) writeNote() {
	w := b.w
	edits := []Note{b.text()}
	if w.chance(60) { // what was just written is put right at once: both edits travel in one frame
		edits = append(edits, Note{edits[0].ID, b.school.id, b.text().Text})
	}
	b.save("note", int64(len(edits)), func(tx db.Tx) error {
		for _, n := range edits {
			if _, err := b.kit.notes.Save(w.ctx, tx, n); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *box) writeIntents(n int) {
	w := b.w
	l := b.school.learners[w.rng.IntN(len(b.school.learners))]
	intents := make([]Intent, n)
	for i := range intents {
		intents[i] = Intent{w.newID(), b.school.id, l.id, 1 + w.rng.Int64N(5000)}
	}
	b.save("intents", int64(n), func(tx db.Tx) error {
		here, err := onTheRolls(w.ctx, tx, l.id, b.school.id)
		if err != nil || !here {
			return err
		}
		for _, i := range intents {
			if _, err := b.kit.intents.Save(w.ctx, tx, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// writePoison writes what the cloud can never store, as a broken build would,
// and sometimes a healthy later version of the same record.
func (b *box) writePoison() {
	w := b.w
	c := syncer.Change{Spec: b.kit.facts.Spec, Entity: w.newID()}
	l := b.school.learners[w.rng.IntN(len(b.school.learners))]
	f := w.fact(l, b.school)
	f.ID = c.Entity
	kind := []int{0, 1, 1, 2, 3, 4, 4, 5, 5}[w.rng.IntN(9)]
	if kind == 5 {
		b.writePoisonedRun(l)
		return
	}
	switch kind {
	case 0:
		c.Body = []byte{0xff, 0x00}
	case 1:
		f.Points = tooMany + 1 // only the database sees it
		c.Body, _ = syncproto.EncodeBody(f)
	case 2:
		f.Points = -1
		c.Body, _ = syncproto.EncodeBody(f)
	case 3:
		f.Learner = "00000000-0000-7000-8000-000000057a90"
		c.Body, _ = syncproto.EncodeBody(f)
	default:
		c.Spec = b.kit.notes.Spec
		c.Body, _ = syncproto.EncodeBody(Note{c.Entity, b.school.id, badText})
	}
	w.check.poison[c.Entity] = true
	healthy, _ := syncproto.EncodeBody(Note{c.Entity, b.school.id, "mended"})
	beside := w.fact(l, b.school)
	beside.Bonus = 0
	b.save("poison", int64(kind), func(tx db.Tx) error {
		here, err := onTheRolls(w.ctx, tx, l.id, b.school.id)
		if err == nil && here { // one run with a healthy record
			_, err = b.kit.facts.Save(w.ctx, tx, beside)
		}
		if err != nil {
			return err
		}
		return b.appendRaw(w.ctx, tx, c)
	})
	if kind == 4 && w.chance(60) {
		c.Body = healthy
		b.save("mended", 1, func(tx db.Tx) error { return b.appendRaw(w.ctx, tx, c) })
	}
}

// writePoisonedRun writes good intents with one behind them that the cloud
// refuses, all in one frame: what went well before the bad one is undone and done
// again, and each counts once.
func (b *box) writePoisonedRun(l *learner) {
	w := b.w
	bad := Intent{w.newID(), b.school.id, l.id, -1}
	c := syncer.Change{Spec: b.kit.intents.Spec, Entity: bad.ID}
	c.Body, _ = syncproto.EncodeBody(bad)
	w.check.poison[bad.ID] = true
	good := make([]Intent, 11)
	for i := range good {
		good[i] = Intent{w.newID(), b.school.id, l.id, 1 + w.rng.Int64N(5000)}
	}
	b.save("poisoned run", int64(len(good)), func(tx db.Tx) error {
		for _, i := range good {
			if _, err := b.kit.intents.Save(w.ctx, tx, i); err != nil {
				return err
			}
		}
		return b.appendRaw(w.ctx, tx, c)
	})
}

func (b *box) appendRaw(ctx context.Context, tx db.Tx, c syncer.Change) error {
	_, err := b.outbox.Append(ctx, tx, b.log(), c)
	b.wake(50 * time.Millisecond)
	return err
}

// unstorable tells whether the cloud refuses this very event of a poisoned
// record.
func (c *checker) unstorable(r outRow) bool {
	if r.typ != "sim.note" {
		return true
	}
	var n Note
	return syncproto.DecodeBody(r.body, &n) != nil || n.Text == badText
}
