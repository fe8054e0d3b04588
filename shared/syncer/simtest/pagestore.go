package simtest

import (
	"cmp"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
)

// index lists a table's ids by their owner, in order. It is made anew when it is
// asked after a change.
type index struct {
	at  int // the table's version it was made at, plus one
	ids map[string][]string
}

// indexes are those of a store's paged tables.
type indexes struct {
	facts, notes, orders, badges, intents, places index

	aside  index // letters by their record
	queued struct {
		at  int
		ids map[string]bool
	}
}

func ownedBy[V any](t *table[string, V], x *index, owner func(V) string) map[string][]string {
	if x.at != t.version+1 {
		x.at, x.ids = t.version+1, map[string][]string{}
		for id, v := range t.rows {
			x.ids[owner(v)] = append(x.ids[owner(v)], id)
		}
		for _, ids := range x.ids {
			slices.Sort(ids)
		}
	}
	return x.ids
}

// page answers a statement with an owner, the id to go on after and a limit.
func page[V any](width int, pick func(*Store) (*table[string, V], *index), owner func(V) string, add func(out *rows, id string, v V)) handler {
	return handler{width: width, query: func(s *Store, a []any, out *rows) error {
		t, x := pick(s)
		ids := ownedBy(t, x, owner)[str(a[0])]
		i, found := slices.BinarySearch(ids, str(a[1]))
		if found {
			i++
		}
		for _, id := range ids[i:min(len(ids), i+limit(a[2]))] {
			add(out, id, t.rows[id])
		}
		return nil
	}}
}

func limit(v any) int { n, _ := v.(int); return n }

func ofText(t textRow) string { return t.school }

func addText(out *rows, id string, t textRow) { out.add(id, t.school, t.text) }

// pageStatements are those that snapshots and comparisons list the records with.
func pageStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		pageFacts: page(6, func(s *Store) (*table[string, factRow], *index) { return s.facts, &s.of.facts },
			func(f factRow) string { return f.learner },
			func(out *rows, id string, f factRow) { out.add(id, f.learner, f.school, f.points, f.at, f.bonus) }),
		pageNotes:  page(3, func(s *Store) (*table[string, textRow], *index) { return s.notes, &s.of.notes }, ofText, addText),
		pageOrders: page(3, func(s *Store) (*table[string, textRow], *index) { return s.orders, &s.of.orders }, ofText, addText),
		pageBadges: page(3, func(s *Store) (*table[string, textRow], *index) { return s.badges, &s.of.badges }, ofText, addText),
		pageIntents: page(4, func(s *Store) (*table[string, intentRow], *index) { return s.intents, &s.of.intents },
			func(i intentRow) string { return i.school },
			func(out *rows, id string, i intentRow) { out.add(id, i.school, i.learner, i.amount) }),
		pagePlaces: page(4, func(s *Store) (*table[string, placeRow], *index) { return s.places, &s.of.places }, ofPlace,
			func(out *rows, id string, p placeRow) { out.add(id, p.learner, p.school, p.here) }),
		membersOf: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var learners []string
			for _, id := range ownedBy(s.places, &s.of.places, ofPlace)[str(a[0])] {
				if p := s.places.rows[id]; p.here == 1 && p.learner > str(a[1]) {
					learners = append(learners, p.learner)
				}
			}
			slices.Sort(learners)
			for _, l := range learners[:min(len(learners), limit(a[2]))] {
				out.add(l)
			}
			return nil
		}},
	}
}

func ofPlace(p placeRow) string { return p.school }

// snapshotStatements are the engine's about snapshots; some have the text of
// another one, and its answer.
func snapshotStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		engine["oneMoment"]: {reads: true, exec: func(*Store, []any) (int64, error) { return 0, nil }},
		engine["listUplinks"]: {width: 4, query: func(s *Store, a []any, out *rows) error {
			for _, k := range s.uplinks(str(a[0])) {
				m := s.marksIn.rows[k]
				out.add(k.epoch, k.lane, m.seq, m.chain)
			}
			return nil
		}},
		engine["countUplinked"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var n int64
			for _, k := range s.uplinks(str(a[0])) {
				n += one(s.marksIn.rows[k].seq > 0)
			}
			out.add(n)
			return nil
		}},
		engine["setWatermark"]: {exec: func(s *Store, a []any) (int64, error) {
			s.marksIn.set(laneOf(a), markRow{num(a[3]), blob(a[4])})
			return 1, nil
		}},
		engine["supersedeType"]: changeLetters("open", "replayed", func(d deadRow, a []any) bool { return d.typ == str(a[2]) }),
		engine["supersedeDead"]: changeLetters("open", "replayed", func(d deadRow, _ []any) bool { return d.kind == "poison" || d.kind == "parked" }),
		engine["sealLetters"]:   changeLetters("open", "sealed", func(deadRow, []any) bool { return true }),
		engine["openSealed"]:    changeLetters("sealed", "open", func(deadRow, []any) bool { return true }),
	}
}

// changeLetters gives the letters of a school and an epoch another state.
func changeLetters(from, to string, which func(d deadRow, a []any) bool) handler {
	return handler{exec: func(s *Store, a []any) (n int64, err error) {
		for d := range s.letters(str(a[0])) {
			if d.state != from || d.lane.epoch != num(a[1]) || !which(d, a) {
				continue
			}
			k, err := s.updateLetter(d.id, func(d *deadRow) { d.state, d.open = to, to == "open" })
			if err != nil {
				return n, err
			}
			n += k
		}
		return n, nil
	}}
}

// uplinks are a school's marks of what is applied here, by epoch and lane.
func (s *Store) uplinks(school string) (out []lane) {
	for k := range s.marksIn.rows {
		if k.school == school {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b lane) int { return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.lane, b.lane)) })
	return out
}
