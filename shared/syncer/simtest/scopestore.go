package simtest

import (
	"cmp"
	"maps"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
)

// scopeStatements are those of the simulated snapshot.
func scopeStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		scopeFacts: {width: 6, query: func(s *Store, a []any, out *rows) error {
			here := map[string]bool{}
			for _, p := range s.places.rows {
				here[p.learner] = here[p.learner] || (p.school == str(a[0]) && p.here == 1)
			}
			for _, id := range slices.Sorted(maps.Keys(s.facts.rows)) {
				if f := s.facts.rows[id]; here[f.learner] {
					out.add(id, f.learner, f.school, f.points, f.at, f.bonus)
				}
			}
			return nil
		}},
		scopeNotes:  listTexts(func(s *Store) *table[string, textRow] { return s.notes }),
		scopeOrders: listTexts(func(s *Store) *table[string, textRow] { return s.orders }),
		scopeBadges: listTexts(func(s *Store) *table[string, textRow] { return s.badges }),
		scopeIntents: {width: 4, query: func(s *Store, a []any, out *rows) error {
			for _, id := range slices.Sorted(maps.Keys(s.intents.rows)) {
				if i := s.intents.rows[id]; i.school == str(a[0]) {
					out.add(id, i.school, i.learner, i.amount)
				}
			}
			return nil
		}},
		scopePlaces: {width: 4, query: func(s *Store, a []any, out *rows) error {
			for _, id := range slices.Sorted(maps.Keys(s.places.rows)) {
				if p := s.places.rows[id]; p.school == str(a[0]) {
					out.add(id, p.learner, p.school, p.here)
				}
			}
			return nil
		}},
		scopeVersions: {width: 5, query: func(s *Store, a []any, out *rows) error {
			keys := slices.SortedFunc(maps.Keys(s.versions.rows), func(x, y entityKey) int {
				return cmp.Or(cmp.Compare(x.typ, y.typ), cmp.Compare(x.entity, y.entity))
			})
			for _, k := range keys {
				if s.notes.rows[k.entity].school == str(a[0]) || s.orders.rows[k.entity].school == str(a[0]) || s.places.rows[k.entity].school == str(a[0]) {
					v := s.versions.rows[k]
					out.add(k.typ, k.entity, v.hlc, v.version, v.body)
				}
			}
			return nil
		}},
		clearFacts:    {exec: func(s *Store, _ []any) (int64, error) { return wipe(s.facts) }},
		clearNotes:    {exec: func(s *Store, _ []any) (int64, error) { return wipe(s.notes) }},
		clearOrders:   {exec: func(s *Store, _ []any) (int64, error) { return wipe(s.orders) }},
		clearBadges:   {exec: func(s *Store, _ []any) (int64, error) { return wipe(s.badges) }},
		clearIntents:  {exec: func(s *Store, _ []any) (int64, error) { return wipe(s.intents) }},
		clearPlaces:   {exec: func(s *Store, _ []any) (int64, error) { return wipe(s.places) }},
		clearVersions: {exec: func(s *Store, _ []any) (int64, error) { return wipe(s.versions) }},
	}
}

func listTexts(pick func(*Store) *table[string, textRow]) handler {
	return handler{width: 3, query: func(s *Store, a []any, out *rows) error {
		for _, id := range slices.Sorted(maps.Keys(pick(s).rows)) {
			if n := pick(s).rows[id]; n.school == str(a[0]) {
				out.add(id, n.school, n.text)
			}
		}
		return nil
	}}
}

func wipe[K comparable, V any](t *table[K, V]) (int64, error) {
	n := int64(len(t.rows))
	for k := range t.rows {
		t.del(k)
	}
	return n, nil
}
