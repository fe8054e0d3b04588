package simtest

import (
	"slices"
	"sort"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// handlers are the answers to all statements, by the statement's text.
var handlers = sync.OnceValue(func() map[string]*handler {
	out := map[string]*handler{}
	for _, part := range []map[db.SQL]handler{logStatements(), logRowStatements(), inStatements(), keptStatements(), letterStatements(), holdStatements(), peerStatements(), domainStatements(), fleetStatements(), pageStatements(), snapshotStatements()} {
		for q, h := range part {
			for _, text := range []string{q.Both, q.Postgres, q.SQLite} {
				if text != "" {
					out[text] = &h
				}
			}
		}
	}
	return out
})

func str(v any) string { s, _ := v.(string); return s }
func num(v any) int64  { n, _ := v.(int64); return n }
func blob(v any) []byte {
	if sealed, ok := v.(db.SecretBytes); ok { // the simulation has no keys
		return sealed
	}
	b, _ := v.([]byte)
	return b
}

func at(v any) time.Time {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Truncate(time.Microsecond)
	case db.Time:
		return v.UTC().Truncate(time.Microsecond)
	}
	return time.Time{}
}

// null is t, or nil for the zero time.
func null(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func laneOf(a []any) lane { return lane{str(a[0]), num(a[1]), num(a[2])} }

// from is the index of the first row above seq.
func from(rows []outRow, seq int64) int {
	if len(rows) == 0 || rows[0].seq > seq {
		return 0
	}
	return sort.Search(len(rows), func(i int) bool { return rows[i].seq > seq })
}

// logStatements are those about a log that is written here.
func logStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		engine["insertHead"]: {exec: func(s *Store, a []any) (int64, error) {
			k := laneOf(a)
			if _, ok := s.heads.rows[k]; ok {
				return 0, nil
			}
			s.heads.set(k, headRow{chain: blob(a[3])})
			return 1, nil
		}},
		engine["lockHead"]: {width: 2, query: func(s *Store, a []any, out *rows) error {
			if h, ok := s.heads.rows[laneOf(a)]; ok {
				out.add(h.seq, h.chain)
			}
			return nil
		}},
		engine["moveHead"]: {exec: func(s *Store, a []any) (int64, error) {
			return s.updateHead(laneOf(a), func(h *headRow) bool { h.seq, h.chain, h.hlc = num(a[3]), blob(a[4]), num(a[5]); return true })
		}},
		engine["insertOutbox"]: {exec: insertOutbox},
		engine["listOutbox"]: {width: 9, query: func(s *Store, a []any, out *rows) error {
			rows := s.outbox.rows[laneOf(a)]
			i := from(rows, num(a[3]))
			for _, r := range rows[i:min(len(rows), i+int(num(a[4])))] {
				out.add(r.seq, r.typ, r.version, r.entity, r.hlc, r.deps, r.body, r.hash, r.chain)
			}
			return nil
		}},
		engine["chainAt"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			rows := s.outbox.rows[laneOf(a)]
			if i := from(rows, num(a[3])-1); i < len(rows) && rows[i].seq == num(a[3]) {
				out.add(rows[i].chain)
			}
			return nil
		}},
		engine["listHeads"]: {width: 5, query: func(s *Store, a []any, out *rows) error {
			for l := range int64(syncproto.Lanes) {
				if h, ok := s.heads.rows[lane{str(a[0]), num(a[1]), l}]; ok {
					out.add(l, h.seq, h.chain, h.acked, h.backed)
				}
			}
			return nil
		}},
		engine["moveAcked"]: {exec: func(s *Store, a []any) (int64, error) {
			return s.updateHead(laneOf(a), func(h *headRow) bool {
				moved := h.acked < num(a[3])
				if moved {
					h.acked, h.ackedAt = num(a[3]), at(a[4])
				}
				return moved
			})
		}},
		engine["lowerAcked"]: {exec: func(s *Store, a []any) (int64, error) {
			return s.updateHead(laneOf(a), func(h *headRow) bool { moved := h.acked > num(a[3]); h.acked = min(h.acked, num(a[3])); return moved })
		}},
		engine["moveBacked"]: {exec: func(s *Store, a []any) (int64, error) {
			return s.updateHead(laneOf(a), func(h *headRow) bool {
				moved := h.backed < num(a[3])
				h.backed = max(h.backed, num(a[3]))
				return moved
			})
		}},
	}
}

// logRowStatements are the rest of them: what is dropped, moved and looked for.
func logRowStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		engine["sealHead"]: {exec: func(s *Store, a []any) (int64, error) {
			return s.updateHead(laneOf(a), func(h *headRow) bool { h.seq, h.acked = num(a[3]), num(a[3]); return true })
		}},
		engine["prune"]: {exec: func(s *Store, a []any) (int64, error) {
			k := laneOf(a)
			rows := s.outbox.rows[k]
			n := from(rows, num(a[3])-1)
			if n > 0 {
				s.outbox.set(k, rows[n:])
			}
			return int64(n), nil
		}},
		engine["deleteAbove"]: {exec: func(s *Store, a []any) (int64, error) {
			k := laneOf(a)
			rows := s.outbox.rows[k]
			i := from(rows, num(a[3]))
			if i < len(rows) {
				s.outbox.set(k, slices.Clip(rows[:i]))
			}
			return int64(len(rows) - i), nil
		}},
		engine["firstOutbox"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var first int64
			if rows := s.outbox.rows[laneOf(a)]; len(rows) > 0 {
				first = rows[0].seq
			}
			out.add(first)
			return nil
		}},
		engine["listEpochs"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var epochs []int64
			for k := range s.heads.rows {
				if k.school == str(a[0]) && !slices.Contains(epochs, k.epoch) {
					epochs = append(epochs, k.epoch)
				}
			}
			slices.Sort(epochs)
			for _, e := range epochs {
				out.add(e)
			}
			return nil
		}},
		engine["selectHLCFloor"]: {width: 1, query: func(s *Store, _ []any, out *rows) error {
			var floor int64
			for _, h := range s.heads.rows {
				floor = max(floor, h.hlc)
			}
			for _, v := range s.versions.rows {
				floor = max(floor, v.hlc)
			}
			out.add(floor)
			return nil
		}},
	}
}

func (s *Store) updateHead(k lane, fn func(*headRow) bool) (int64, error) {
	h, ok := s.heads.rows[k]
	if !ok || !fn(&h) {
		return 0, nil
	}
	s.heads.set(k, h)
	return 1, nil
}

func insertOutbox(s *Store, a []any) (int64, error) {
	k := laneOf(a)
	r := outRow{seq: num(a[3]), typ: str(a[4]), version: num(a[5]), entity: str(a[6]), hlc: num(a[7]), deps: a[8], body: blob(a[9]),
		hash: blob(a[10]), chain: blob(a[11]), created: at(a[12])}
	rows := s.outbox.rows[k]
	i := len(rows)
	if i > 0 && rows[i-1].seq >= r.seq {
		i = from(rows, r.seq-1)
		if rows[i].seq == r.seq {
			return 0, errConstraint
		}
	}
	if r.body == nil { // NOT NULL
		return 0, errConstraint
	}
	if i == len(rows) {
		s.outbox.set(k, append(rows, r))
	} else {
		s.outbox.set(k, slices.Insert(slices.Clone(rows), i, r))
	}
	return 1, nil
}

// inStatements are those about a log that is applied here.
func inStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		engine["insertWatermark"]: {exec: func(s *Store, a []any) (int64, error) {
			k := laneOf(a)
			if _, ok := s.marksIn.rows[k]; ok {
				return 0, nil
			}
			s.marksIn.set(k, markRow{chain: blob(a[3])})
			return 1, nil
		}},
		engine["lockWatermark"]: {width: 2, query: func(s *Store, a []any, out *rows) error {
			if m, ok := s.marksIn.rows[laneOf(a)]; ok {
				out.add(m.seq, m.chain)
			}
			return nil
		}},
		engine["moveWatermark"]: {exec: func(s *Store, a []any) (int64, error) {
			k := laneOf(a)
			if _, ok := s.marksIn.rows[k]; !ok {
				return 0, nil
			}
			s.marksIn.set(k, markRow{num(a[3]), blob(a[4])})
			return 1, nil
		}},
		engine["listWatermarks"]: {width: 3, query: func(s *Store, a []any, out *rows) error {
			for l := range int64(syncproto.Lanes) {
				if m, ok := s.marksIn.rows[lane{str(a[0]), num(a[1]), l}]; ok {
					out.add(l, m.seq, m.chain)
				}
			}
			return nil
		}},
		engine["insertHistory"]: {exec: func(s *Store, a []any) (int64, error) {
			k := laneOf(a)
			rows := s.history.rows[k]
			i := sort.Search(len(rows), func(i int) bool { return rows[i].seq >= num(a[3]) })
			switch {
			case i == len(rows):
				s.history.set(k, append(rows, markRow{num(a[3]), blob(a[4])}))
			case rows[i].seq == num(a[3]):
				return 0, nil
			default:
				s.history.set(k, slices.Insert(slices.Clone(rows), i, markRow{num(a[3]), blob(a[4])}))
			}
			return 1, nil
		}},
		engine["thinHistory"]: {exec: func(s *Store, a []any) (int64, error) {
			k := laneOf(a)
			rows := s.history.rows[k]
			if len(rows) <= 1024 {
				return 0, nil
			}
			floor := rows[len(rows)-1024].seq
			kept := slices.DeleteFunc(slices.Clone(rows), func(m markRow) bool { return m.seq%64 != 0 && m.seq < floor })
			if len(kept) < len(rows) {
				s.history.set(k, kept)
			}
			return int64(len(rows) - len(kept)), nil
		}},
		engine["listHistory"]: {width: 3, query: func(s *Store, a []any, out *rows) error {
			for l := range int64(syncproto.Lanes) {
				for _, m := range slices.Backward(s.history.rows[lane{str(a[0]), num(a[1]), l}]) {
					out.add(l, m.seq, m.chain)
				}
			}
			return nil
		}},
		engine["forgetWatermarks"]: {exec: func(s *Store, a []any) (n int64, err error) {
			for l := range int64(syncproto.Lanes) {
				s.marksIn.del(lane{str(a[0]), num(a[1]), l})
			}
			return 0, nil
		}},
		engine["forgetHistory"]: {exec: func(s *Store, a []any) (n int64, err error) {
			for l := range int64(syncproto.Lanes) {
				s.history.del(lane{str(a[0]), num(a[1]), l})
			}
			return 0, nil
		}},
		engine["selectVersion"]: {width: 3, query: func(s *Store, a []any, out *rows) error {
			if v, ok := s.versions.rows[entityKey{str(a[0]), str(a[1])}]; ok {
				out.add(v.hlc, v.version, v.body)
			}
			return nil
		}},
		engine["upsertVersion"]: {exec: func(s *Store, a []any) (int64, error) {
			s.versions.set(entityKey{str(a[0]), str(a[1])}, versionRow{num(a[2]), num(a[3]), blob(a[4])})
			return 1, nil
		}},
		engine["insertConflict"]: {exec: func(s *Store, a []any) (int64, error) {
			k := entityKey{str(a[2]), str(a[3])}
			s.conflicts.set(k, append(s.conflicts.rows[k], conflictRow{num(a[4]), blob(a[5])}))
			return 1, nil
		}},
	}
}
