package simtest

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// letterStatements are those about dead letters.
func letterStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		engine["insertDead"]: {exec: func(s *Store, a []any) (int64, error) {
			if blob(a[10]) == nil {
				return 0, errConstraint
			}
			s.addLetter(deadRow{id: str(a[0]), lane: laneOf(a[1:]), seq: num(a[4]), typ: str(a[5]), version: num(a[6]),
				entity: str(a[7]), hlc: num(a[8]), deps: a[9], body: blob(a[10]), kind: str(a[11]), waitsFor: str(a[12]), reason: str(a[13]), at: at(a[14]),
				open: true, state: "open"})
			return 1, nil
		}},
		engine["countDead"]: countOpen(func(d deadRow, _ []any) bool { return d.kind != "unknown" && d.kind != "waiting" }),
		engine["deadEntity"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			out.add(int64(len(s.openAbout(aboutKey{str(a[0]), str(a[1]), str(a[2])}))))
			return nil
		}},
		engine["listAside"]: {width: 5, query: func(s *Store, a []any, out *rows) error {
			for d := range s.letters(str(a[0])) {
				if d.open && int64(len(out.vals)) < 5*num(a[1]) {
					out.add(d.id, d.typ, d.entity, d.kind, d.waitsFor)
				}
			}
			return nil
		}},
		engine["nextLetters"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var ids []string
			for id, d := range s.dead.rows {
				if id > str(a[4]) && chosen(d, a) {
					ids = append(ids, id)
				}
			}
			slices.Sort(ids)
			for _, id := range ids[:min(len(ids), 500)] {
				out.add(id)
			}
			return nil
		}},
		engine["selectLetter"]: {width: 22, query: func(s *Store, a []any, out *rows) error {
			if d, ok := s.dead.rows[str(a[0])]; ok {
				out.addLetter(d)
			}
			return nil
		}},
		engine["firstLetter"]: {width: 22, query: func(s *Store, a []any, out *rows) error {
			if open := s.openAbout(aboutKey{str(a[0]), str(a[1]), str(a[2])}); len(open) > 0 {
				out.addLetter(slices.MinFunc(open, func(x, y deadRow) int {
					return cmp.Or(cmp.Compare(age(x), age(y)), cmp.Compare(x.seq, y.seq))
				}))
			}
			return nil
		}},
		engine["closeLetter"]: {exec: func(s *Store, a []any) (int64, error) {
			return s.updateLetter(str(a[0]), func(d *deadRow) { d.state, d.open, d.fixed = str(a[1]), str(a[1]) == "open", blob(a[2]) })
		}},
		engine["changeKind"]: {exec: func(s *Store, a []any) (int64, error) {
			return s.updateLetter(str(a[0]), func(d *deadRow) { d.kind, d.waitsFor, d.reason = str(a[1]), str(a[2]), str(a[3]) })
		}},
		engine["expireWaiting"]: {exec: func(s *Store, a []any) (n int64, err error) {
			for _, school := range slices.Sorted(maps.Keys(s.deadOf.rows)) {
				for d := range s.letters(school) {
					if d.open && d.kind == "waiting" && d.at.Before(at(a[0])) {
						if _, err := s.updateLetter(d.id, func(d *deadRow) { d.kind = "poison" }); err != nil {
							return n, err
						}
						n++
					}
				}
			}
			return n, nil
		}},
	}
}

// chosen applies the filter of the statements: school, kind, type, state.
func chosen(d deadRow, a []any) bool {
	is := func(v string, want any) bool { return str(want) == "" || str(want) == v }
	return is(d.lane.school, a[0]) && is(d.kind, a[1]) && is(d.typ, a[2]) && is(d.state, a[3])
}

func (r *rows) addLetter(d deadRow) {
	var fixed any
	if d.fixed != nil {
		fixed = d.fixed
	}
	r.add(d.id, d.lane.school, d.lane.epoch, d.lane.lane, d.seq, d.typ, d.version, d.entity, d.hlc, d.deps, d.body, d.kind, d.waitsFor, d.reason, d.state, d.at,
		fixed, nil, nil, nil, nil, nil)
}

func (s *Store) addLetter(d deadRow) {
	s.dead.set(d.id, d)
	s.deadOf.set(d.lane.school, append(s.deadOf.rows[d.lane.school], d.id))
	s.deadAbout.set(d.about(), append(s.deadAbout.rows[d.about()], d.id))
}

// age orders letters: what a snapshot left aside is older than all that came
// after it.
func age(d deadRow) int64 {
	if d.lane.epoch == syncproto.SnapshotEpoch {
		return 0
	}
	return d.lane.epoch
}

// letters are those of a school in the order of their arrival.
func (s *Store) letters(school string) iter.Seq[deadRow] {
	return func(yield func(deadRow) bool) {
		for _, id := range s.deadOf.rows[school] {
			if !yield(s.dead.rows[id]) {
				return
			}
		}
	}
}

// openAbout are the open letters about one record.
func (s *Store) openAbout(k aboutKey) (open []deadRow) {
	for _, id := range s.deadAbout.rows[k] {
		if d := s.dead.rows[id]; d.open {
			open = append(open, d)
		}
	}
	return open
}

func (s *Store) updateLetter(id string, fn func(*deadRow)) (int64, error) {
	d, ok := s.dead.rows[id]
	if !ok {
		return 0, nil
	}
	fn(&d)
	s.dead.set(id, d)
	return 1, nil
}

func countOpen(which func(d deadRow, a []any) bool) handler {
	return handler{width: 1, query: func(s *Store, a []any, out *rows) error {
		var n int64
		for d := range s.letters(str(a[0])) {
			if d.open && which(d, a) {
				n++
			}
		}
		out.add(n)
		return nil
	}}
}

// holdStatements are those about paused lanes.
func holdStatements() map[db.SQL]handler {
	key := func(a []any) holdKey { return holdKey{str(a[0]), num(a[1])} }
	return map[db.SQL]handler{
		engine["pausedLane"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			out.add(one(s.holds.rows[key(a)].paused))
			return nil
		}},
		engine["listPaused"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			for l := range int64(5) {
				if s.holds.rows[holdKey{str(a[0]), l}].paused {
					out.add(l)
				}
			}
			return nil
		}},
		engine["selectHold"]: {width: 5, query: func(s *Store, a []any, out *rows) error {
			if h, ok := s.holds.rows[key(a)]; ok {
				out.add(one(h.paused), h.dead, h.waiting, h.epoch, h.after)
			}
			return nil
		}},
		engine["weighLane"]: {width: 3, query: func(s *Store, a []any, out *rows) error {
			var dead, recent, waiting int64
			for d := range s.letters(str(a[0])) {
				switch {
				case !d.open || d.lane.lane != num(a[1]):
				case d.kind == "waiting":
					waiting++
				case d.kind == "poison":
					dead++
					if d.lane.epoch == num(a[2]) && d.seq > num(a[3]) {
						recent++
					}
				}
			}
			out.add(dead, recent, waiting)
			return nil
		}},
		engine["newestMark"]: {width: 2, query: func(s *Store, a []any, out *rows) error {
			var newest lane
			found := false
			for k := range s.marksIn.rows {
				if k.school == str(a[0]) && k.lane == num(a[1]) && (!found || k.epoch > newest.epoch) {
					newest, found = k, true
				}
			}
			if found {
				out.add(newest.epoch, s.marksIn.rows[newest].seq)
			}
			return nil
		}},
		engine["pauseLane"]: {exec: func(s *Store, a []any) (int64, error) {
			h := s.holds.rows[key(a)]
			h.paused = true
			s.holds.set(key(a), h)
			return 1, nil
		}},
		engine["unpauseLane"]: {exec: func(s *Store, a []any) (int64, error) {
			h, ok := s.holds.rows[key(a)]
			if ok {
				h.paused = false
				s.holds.set(key(a), h)
			}
			return one(ok), nil
		}},
		engine["resumeLane"]: {exec: func(s *Store, a []any) (int64, error) {
			h := s.holds.rows[key(a)]
			if !h.paused {
				return 0, nil
			}
			s.holds.set(key(a), holdRow{dead: num(a[2]), waiting: num(a[3]), epoch: num(a[4]), after: num(a[5])})
			return 1, nil
		}},
	}
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
