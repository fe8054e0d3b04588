package simtest

import (
	"context"
	"strings"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// The records of the simulated schools. Together they use every rule of the
// engine: append-only facts about learners that both sides write, a note that
// both sides edit, orders of the cloud alone, intents with totals, places that
// grant and revoke an audience, and badges that only newer builds know.

// Fact is something a learner did. Version 2 of its body has Bonus.
type Fact struct {
	ID      string  `cbor:"1,keyasint"`
	Learner string  `cbor:"2,keyasint"`
	School  string  `cbor:"3,keyasint"`
	Points  int64   `cbor:"4,keyasint"`
	At      db.Time `cbor:"5,keyasint"`
	Bonus   int64   `cbor:"6,keyasint,omitempty"`
}

// Note is a text that both sides edit.
type Note struct {
	ID     string `cbor:"1,keyasint"`
	School string `cbor:"2,keyasint"`
	Text   string `cbor:"3,keyasint"`
}

// Intent is a wish to pay; the cloud adds it to its school's total once.
type Intent struct {
	ID      string `cbor:"1,keyasint"`
	School  string `cbor:"2,keyasint"`
	Learner string `cbor:"3,keyasint"`
	Amount  int64  `cbor:"4,keyasint"`
}

// Place says that a learner is at a school, or was.
type Place struct {
	ID      string `cbor:"1,keyasint"`
	Learner string `cbor:"2,keyasint"`
	School  string `cbor:"3,keyasint"`
	Here    int64  `cbor:"4,keyasint"`
}

// tooMany points break a CHECK of the table: poison that only the database sees.
const tooMany = 1_000_000

// badText is what the rule of a note refuses.
const badText = "poison"

// side is what the entities of one node depend on.
type side struct {
	cloud bool
	// build is the software's age: 1 knows facts of version 1 and no badges, 2
	// knows all.
	build uint32
}

// kit are the entities of one node.
type kit struct {
	facts   syncer.Entity[Fact]
	notes   syncer.Entity[Note]
	orders  syncer.Entity[Note]
	intents syncer.Entity[Intent]
	places  syncer.Entity[Place]
	badges  syncer.Entity[Note]
}

func newKit(s side) kit {
	k := kit{facts: factEntity(s), intents: intentEntity(), places: placeEntity(s)}
	k.notes = syncer.Entity[Note]{
		Spec:     syncproto.Spec{Name: "sim.note", Version: 1, Lane: syncproto.LaneRoster, Writer: syncproto.EitherSide, Merge: syncproto.LastWriter},
		ID:       func(n Note) string { return n.ID },
		Audience: func(n Note) syncproto.Audience { return syncproto.OfSchool(n.School) },
		School:   func(n Note) string { return n.School },
		Put: func(ctx context.Context, tx db.Tx, n Note) (bool, error) {
			if s.cloud && strings.HasPrefix(n.Text, badText) {
				return false, fault.New(fault.Invalid, "This text is refused.")
			}
			_, err := tx.Exec(ctx, upsertNote, n.ID, n.School, n.Text)
			return true, err
		},
		List: syncer.ListOf(&pageNotes, scanNote),
	}
	k.orders = k.notes
	k.orders.Spec = syncproto.Spec{Name: "sim.order", Version: 1, Lane: syncproto.LaneControl, Writer: syncproto.CloudOnly, Merge: syncproto.LastWriter}
	k.orders.Put = func(ctx context.Context, tx db.Tx, n Note) (bool, error) {
		_, err := tx.Exec(ctx, upsertOrder, n.ID, n.School, n.Text)
		return true, err
	}
	k.orders.List = syncer.ListOf(&pageOrders, scanNote)
	k.badges = k.notes
	k.badges.Spec = syncproto.Spec{Name: "sim.badge", Version: 1, Lane: syncproto.LaneTutor, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly}
	k.badges.Put = func(ctx context.Context, tx db.Tx, n Note) (bool, error) {
		done, err := tx.Exec(ctx, insertBadge, n.ID, n.School, n.Text)
		return done > 0, err
	}
	k.badges.Get = func(ctx context.Context, tx db.Tx, id string) (Note, error) {
		rows, err := tx.Query(ctx, getBadge, id)
		return db.One(rows, err, scanNote)
	}
	k.badges.List = syncer.ListOf(&pageBadges, scanNote)
	return k
}

func scanNote(r db.Rows) (n Note, err error) { return n, r.Scan(&n.ID, &n.School, &n.Text) }

func scanFact(r db.Rows) (f Fact, err error) {
	return f, r.Scan(&f.ID, &f.Learner, &f.School, &f.Points, &f.At, &f.Bonus)
}

func scanIntent(r db.Rows) (i Intent, err error) {
	return i, r.Scan(&i.ID, &i.School, &i.Learner, &i.Amount)
}

func scanPlace(r db.Rows) (p Place, err error) {
	return p, r.Scan(&p.ID, &p.Learner, &p.School, &p.Here)
}

// members are the learners of a school.
func members(ctx context.Context, tx db.Tx, school string, p syncer.Page) ([]string, error) {
	rows, err := tx.Query(ctx, membersOf, school, p.After, p.Limit)
	return db.Collect(rows, err, db.Scalar[string])
}

// registry is what a build knows.
func (k kit) registry(s side) (*syncer.Registry, error) {
	kinds := []syncer.Kind{k.places, k.orders, k.notes, k.facts, k.intents}
	if s.build >= 2 {
		kinds = append(kinds, k.badges)
	}
	return syncer.NewRegistry(kinds...)
}

func factEntity(s side) syncer.Entity[Fact] {
	e := syncer.Entity[Fact]{
		Spec:     syncproto.Spec{Name: "sim.fact", Version: s.build, Lane: syncproto.LaneLearning, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly},
		ID:       func(f Fact) string { return f.ID },
		Audience: func(f Fact) syncproto.Audience { return syncproto.OfLearner(f.Learner) },
		Put: func(ctx context.Context, tx db.Tx, f Fact) (bool, error) {
			if f.Points < 0 {
				return false, fault.New(fault.Invalid, "Points are never negative.")
			}
			if !s.cloud {
				gone, err := hasLeft(ctx, tx, f.Learner)
				if err != nil || gone {
					return gone, err // what may not be kept here counts as stored
				}
			}
			n, err := tx.Exec(ctx, insertFact, f.ID, f.Learner, f.School, f.Points, f.At, f.Bonus)
			return n > 0, err
		},
		Get: func(ctx context.Context, tx db.Tx, id string) (Fact, error) {
			rows, err := tx.Query(ctx, getFact, id)
			return db.One(rows, err, scanFact)
		},
		List: syncer.ListOf(&pageFacts, scanFact),
	}
	if s.build >= 2 {
		e.Upcast = map[uint32]func([]byte) ([]byte, error){1: func(b []byte) ([]byte, error) { return b, nil }}
	}
	if s.cloud {
		e.Bulk = &syncer.Bulk[Fact]{Table: "sim_facts", Columns: []string{"id", "learner", "school", "points", "at", "bonus"},
			Row: func(f Fact) []any { return []any{f.ID, f.Learner, f.School, f.Points, f.At, f.Bonus} }}
	}
	return e
}

func hasLeft(ctx context.Context, tx db.Tx, learner string) (bool, error) {
	rows, err := tx.Query(ctx, learnerLeft, learner)
	n, err := db.One(rows, err, db.Scalar[int64])
	return n > 0, err
}

func intentEntity() syncer.Entity[Intent] {
	return syncer.Entity[Intent]{
		Spec:     syncproto.Spec{Name: "sim.intent", Version: 1, Lane: syncproto.LaneMoney, Writer: syncproto.EdgeOnly, Merge: syncproto.AppendOnly},
		ID:       func(i Intent) string { return i.ID },
		Audience: func(i Intent) syncproto.Audience { return syncproto.OfSchool(i.School) },
		School:   func(i Intent) string { return i.School },
		Put: func(ctx context.Context, tx db.Tx, i Intent) (bool, error) {
			if i.Amount <= 0 {
				return false, fault.New(fault.Invalid, "Nobody pays less than nothing.")
			}
			n, err := tx.Exec(ctx, insertIntent, i.ID, i.School, i.Learner, i.Amount)
			return n > 0, err
		},
		Get: func(ctx context.Context, tx db.Tx, id string) (Intent, error) {
			rows, err := tx.Query(ctx, getIntent, id)
			return db.One(rows, err, scanIntent)
		},
		List: syncer.ListOf(&pageIntents, scanIntent),
	}
}

func placeEntity(s side) syncer.Entity[Place] {
	return syncer.Entity[Place]{
		Spec:     syncproto.Spec{Name: "sim.place", Version: 1, Lane: syncproto.LaneControl, Writer: syncproto.CloudOnly, Merge: syncproto.LastWriter},
		ID:       func(p Place) string { return p.ID },
		Audience: func(p Place) syncproto.Audience { return syncproto.OfSchool(p.School) },
		Put: func(ctx context.Context, tx db.Tx, p Place) (bool, error) {
			if _, err := tx.Exec(ctx, upsertPlace, p.ID, p.Learner, p.School, p.Here); err != nil {
				return false, err
			}
			if s.cloud || p.Here == 1 {
				return true, nil
			}
			_, err := tx.Exec(ctx, forgetLearner, p.Learner) // the school has no business with this child any more
			return true, err
		},
		List: syncer.ListOf(&pagePlaces, scanPlace),
	}
}
