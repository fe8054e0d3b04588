package simtest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// begin builds the cloud and the schools and schedules their days.
func (w *world) begin() error {
	w.cloud = &cloud{w: w, clock: nodeClock{w: w}, build: w.buildAtStart(), plan: quiet()}
	var err error
	if w.cloud.store, w.cloud.disk, err = w.open(db.Postgres, w.check.cloudCommit); err != nil {
		return err
	}
	w.cloud.start()
	for i := range w.o.Schools {
		s := &school{id: w.newID(), name: fmt.Sprintf("school%d", i)}
		s.road.up.deliver = func(epoch int64, m syncproto.Message) bool { return w.cloud.deliver(s, epoch, m) }
		s.road.down.deliver = s.arrive
		for range 2 + w.rng.IntN(4) {
			s.learners = append(s.learners, &learner{id: w.newID(), home: s})
		}
		for range 2 {
			s.notes, s.orders = append(s.notes, w.newID()), append(s.orders, w.newID())
		}
		w.schools = append(w.schools, s)
		if err := w.cloud.enter(s); err != nil {
			return err
		}
		if _, err := w.newBox(s); err != nil {
			return err
		}
		w.work(s)
		w.greet(s)
		w.prune(s)
		w.compareNightly(s)
	}
	w.cloudWork()
	w.nemesis()
	return nil
}

func (w *world) buildAtStart() uint32 {
	if w.has(Builds) && w.chance(50) {
		return 1
	}
	return 2
}

func (w *world) open(d db.Dialect, committed func()) (*Store, db.DB, error) {
	if w.o.Open != nil {
		opened, err := w.o.Open(d)
		return nil, opened, err
	}
	s := NewStore(d)
	s.committed = committed
	s.lossy = w.o.Lossy && d == db.SQLite
	return s, s, nil
}

// newBox gives the school another box with an empty disk.
func (w *world) newBox(s *school) (*box, error) {
	b := &box{w: w, label: fmt.Sprintf("%s.%d", s.name, len(s.boxes)), school: s, clock: nodeClock{w: w}, build: w.buildAtStart(), plan: quiet()}
	var err error
	b.store, b.disk, err = w.open(db.SQLite, func() { w.check.edgeCommit(b) })
	if err != nil {
		return nil, err
	}
	s.boxes = append(s.boxes, b)
	b.start()
	return b, nil
}

// arrive gives a message of the cloud to every box of the school that listens
// in its epoch.
func (s *school) arrive(epoch int64, m syncproto.Message) (again bool) {
	for _, b := range s.boxes {
		if b.up && !b.barred && !b.retired && b.epoch == epoch && !b.w.now.Before(b.away) {
			b.w.note("arrive down", b.label, int64(m.Kind), epoch)
			again = b.deliver(m) || again
		}
	}
	return again
}

// enter puts a school's learners on the rolls.
func (c *cloud) enter(s *school) error {
	return c.db.Update(c.w.ctx, func(tx db.Tx) error {
		for _, l := range s.learners {
			if _, err := c.kit.places.Save(c.w.ctx, tx, Place{placeID(l.id, s.id), l.id, s.id, 1}); err != nil {
				return err
			}
		}
		return nil
	})
}

// every calls fn again and again until the faults cease.
func (w *world) every(mean time.Duration, fn func()) {
	w.after(w.between(mean/10, 2*mean-mean/10), func() {
		if w.healed {
			return
		}
		fn()
		w.every(mean, fn)
	})
}

// work is what happens at a school all day.
func (w *world) work(s *school) {
	mean := time.Duration(float64(24*time.Hour) * float64(w.o.Batch+1) / 2 / float64(w.o.Writes))
	w.every(mean, func() {
		if b := s.someBox(w); b != nil {
			b.work()
		}
	})
}

// someBox is a box of the school that runs, or nil.
func (s *school) someBox(w *world) *box {
	var up []*box
	for _, b := range s.boxes {
		if b.up && !b.retired && b.epoch != 0 {
			up = append(up, b)
		}
	}
	if len(up) == 0 {
		return nil
	}
	return up[w.rng.IntN(len(up))]
}

// cloudWork is what happens at the cloud all day.
func (w *world) cloudWork() {
	mean := time.Duration(float64(24*time.Hour) * 5 / float64(w.o.Writes) / float64(w.o.Schools) * float64(w.o.Batch+1) / 2)
	w.every(mean, func() {
		if w.cloud.up {
			w.cloud.work(w.schools[w.rng.IntN(len(w.schools))])
		}
	})
}

func (c *cloud) work(s *school) {
	w := c.w
	l := s.learners[w.rng.IntN(len(s.learners))]
	text := fmt.Sprintf("cloud %d", w.rng.IntN(1_000_000))
	note, order := Note{s.notes[w.rng.IntN(2)], s.id, text}, Note{s.orders[w.rng.IntN(2)], s.id, text}
	fact, to := w.fact(l, s), w.schools[w.rng.IntN(len(w.schools))]
	if c.build < 2 {
		fact.Bonus = 0
	}
	p := w.rng.IntN(100)
	err := c.db.Update(w.ctx, func(tx db.Tx) (err error) {
		switch {
		case p < 35:
			_, err = c.kit.notes.Save(w.ctx, tx, note)
		case p < 60:
			_, err = c.kit.orders.Save(w.ctx, tx, order)
		case p < 95 || len(w.schools) < 2:
			_, err = c.kit.facts.Save(w.ctx, tx, fact)
		default:
			err = c.move(w.ctx, tx, l, to)
		}
		return err
	})
	w.note("cloud work", s.name, int64(p), 0)
	if c.fell() {
		return
	}
	if err != nil && !passes(err) {
		w.violatedf("cloud work: %v", err)
	}
}

// move takes a learner from its school to another: the old one loses its
// audience, the new one gets the history. The rolls in the database decide.
func (c *cloud) move(ctx context.Context, tx db.Tx, l *learner, to *school) error {
	rows, err := tx.Query(ctx, placeOf, placeID(l.id, to.id))
	been, err := db.One(rows, err, db.Scalar[int64])
	if err != nil || been > 0 {
		return err
	}
	rows, err = tx.Query(ctx, schoolsOf, l.id)
	homes, err := db.Collect(rows, err, db.Scalar[string])
	if err != nil {
		return err
	}
	for _, h := range homes {
		if _, err := c.kit.places.Save(ctx, tx, Place{placeID(l.id, h), l.id, h, 0}); err != nil {
			return err
		}
	}
	if _, err := c.kit.places.Save(ctx, tx, Place{placeID(l.id, to.id), l.id, to.id, 1}); err != nil {
		return err
	}
	rows, err = tx.Query(ctx, listFactsOf, l.id)
	facts, err := db.Collect(rows, err, scanFact)
	if err != nil {
		return err
	}
	for _, f := range facts {
		if err := c.kit.facts.Record(ctx, tx, f); err != nil {
			return err
		}
	}
	to.joined(l)
	return nil
}

// joined adds a learner to the people a school writes about. A rolled-back move
// leaves a name on the list that the rolls do not have: the school's box asks
// the rolls it has.
func (s *school) joined(l *learner) {
	if !slices.Contains(s.learners, l) {
		s.learners = append(s.learners, l)
	}
}

// greet lets every box say hello from time to time, as its link does.
func (w *world) greet(s *school) {
	every := 4 * time.Hour
	if w.healed {
		every = 15 * time.Minute
	}
	w.after(w.between(every/2, every), func() {
		for _, b := range s.boxes {
			if b.up && b.peer != nil && !b.barred && !b.renewing {
				b.peer.SayHello()
				b.wake(10 * time.Millisecond)
			}
		}
		w.greet(s)
	})
}

// prune is the housekeeping of every box.
func (w *world) prune(s *school) {
	w.every(min(w.o.For/5, 12*time.Hour), func() {
		for _, b := range s.boxes {
			if !b.up || b.retired || b.epoch == 0 {
				continue
			}
			var n int64
			err := b.db.Update(w.ctx, func(tx db.Tx) (err error) {
				n, err = b.outbox.Prune(w.ctx, tx, s.id)
				return err
			})
			w.note("prune", b.label, n, outcome(err))
			b.fell()
		}
	})
}
