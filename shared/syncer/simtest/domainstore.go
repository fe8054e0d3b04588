package simtest

import (
	"sort"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// bulkTables are the tables that frames are copied into.
var bulkTables = map[string]func(s *Store, r []any) (int64, error){"sim_facts": putFact}

func putFact(s *Store, a []any) (int64, error) {
	if num(a[3]) < 0 || num(a[3]) >= tooMany {
		return 0, errConstraint
	}
	if _, ok := s.facts.rows[str(a[0])]; ok {
		return 0, nil
	}
	s.facts.set(str(a[0]), factRow{str(a[1]), str(a[2]), num(a[3]), num(a[5]), at(a[4])})
	return 1, nil
}

func upsertText(pick func(*Store) *table[string, textRow]) handler {
	return handler{exec: func(s *Store, a []any) (int64, error) {
		pick(s).set(str(a[0]), textRow{str(a[1]), str(a[2])})
		return 1, nil
	}}
}

// domainStatements are those about the simulated records.
func domainStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		insertFact: {exec: putFact},
		getFact: {width: 6, query: func(s *Store, a []any, out *rows) error {
			if f, ok := s.facts.rows[str(a[0])]; ok {
				out.add(str(a[0]), f.learner, f.school, f.points, f.at, f.bonus)
			}
			return nil
		}},
		listFactsOf: {width: 6, query: func(s *Store, a []any, out *rows) error {
			for _, id := range s.factsOf(str(a[0])) {
				f := s.facts.rows[id]
				out.add(id, f.learner, f.school, f.points, f.at, f.bonus)
			}
			return nil
		}},
		forgetLearner: {exec: func(s *Store, a []any) (int64, error) {
			ids := s.factsOf(str(a[0]))
			for _, id := range ids {
				s.facts.del(id)
			}
			return int64(len(ids)), nil
		}},
		learnerLeft: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var n int64
			for _, p := range s.places.rows {
				if p.learner == str(a[0]) && p.here == 0 {
					n++
				}
			}
			out.add(n)
			return nil
		}},
		upsertNote:  upsertText(func(s *Store) *table[string, textRow] { return s.notes }),
		upsertOrder: upsertText(func(s *Store) *table[string, textRow] { return s.orders }),
		insertBadge: {exec: func(s *Store, a []any) (int64, error) {
			if _, ok := s.badges.rows[str(a[0])]; ok {
				return 0, nil
			}
			s.badges.set(str(a[0]), textRow{str(a[1]), str(a[2])})
			return 1, nil
		}},
		getBadge: {width: 3, query: func(s *Store, a []any, out *rows) error {
			if b, ok := s.badges.rows[str(a[0])]; ok {
				out.add(str(a[0]), b.school, b.text)
			}
			return nil
		}},
		insertIntent: {exec: func(s *Store, a []any) (int64, error) {
			if _, ok := s.intents.rows[str(a[0])]; ok {
				return 0, nil
			}
			s.intents.set(str(a[0]), intentRow{str(a[1]), str(a[2]), num(a[3])})
			return 1, nil
		}},
		getIntent: {width: 4, query: func(s *Store, a []any, out *rows) error {
			if i, ok := s.intents.rows[str(a[0])]; ok {
				out.add(str(a[0]), i.school, i.learner, i.amount)
			}
			return nil
		}},
		addTotal: {exec: func(s *Store, a []any) (int64, error) {
			s.totals.set(str(a[0]), s.totals.rows[str(a[0])]+num(a[1]))
			return 1, nil
		}},
		upsertPlace: {exec: func(s *Store, a []any) (int64, error) {
			s.places.set(str(a[0]), placeRow{str(a[1]), str(a[2]), num(a[3])})
			return 1, nil
		}},
		placeOf: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var n int64
			if _, ok := s.places.rows[str(a[0])]; ok {
				n = 1
			}
			out.add(n)
			return nil
		}},
		schoolsOf: {width: 1, query: func(s *Store, a []any, out *rows) error {
			for _, school := range s.placesOf(str(a[0])) {
				out.add(school)
			}
			return nil
		}},
	}
}

func (s *Store) factsOf(learner string) (ids []string) {
	for id, f := range s.facts.rows {
		if f.learner == learner {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	return ids
}

func (s *Store) placesOf(learner string) (schools []string) {
	for _, p := range s.places.rows {
		if p.learner == learner && p.here == 1 {
			schools = append(schools, p.school)
		}
	}
	sort.Strings(schools)
	return schools
}

// fleetStatements are those of the simulated fleet: which box is a school's.
func fleetStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		upsertSchool: {exec: func(s *Store, a []any) (int64, error) {
			s.schools.set(str(a[0]), schoolRow{num(a[1]), str(a[2]), str(a[3])})
			return 1, nil
		}},
		getSchool: {width: 3, query: func(s *Store, a []any, out *rows) error {
			if r, ok := s.schools.rows[str(a[0])]; ok {
				out.add(r.epoch, r.appliance, r.nonce)
			}
			return nil
		}},
		insertEpoch: {exec: func(s *Store, a []any) (int64, error) {
			k := epochKey{str(a[0]), num(a[1])}
			if _, ok := s.epochs.rows[k]; ok {
				return 0, nil
			}
			s.epochs.set(k, str(a[2]))
			return 1, nil
		}},
		knownEpoch: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var n int64
			if _, ok := s.epochs.rows[epochKey{str(a[0]), num(a[1])}]; ok {
				n = 1
			}
			out.add(n)
			return nil
		}},
		forgetDown: {exec: func(s *Store, a []any) (n int64, err error) {
			for l := range int64(syncproto.Lanes) {
				k, err := s.updateHead(lane{str(a[0]), num(a[1]), l}, func(h *headRow) bool { h.acked = 0; return true })
				if err != nil {
					return n, err
				}
				n += k
			}
			return n, nil
		}},
	}
}
