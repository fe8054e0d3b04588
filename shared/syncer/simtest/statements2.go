package simtest

import (
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// keptStatements are those about dead letters and about what is waiting.
func keptStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		engine["insertApplied"]: {exec: func(s *Store, a []any) (int64, error) {
			k := laneOf(a)
			rows := s.applied.rows[k]
			if slices.ContainsFunc(rows, func(r appliedRow) bool { return r.seq == num(a[3]) }) {
				return 0, nil
			}
			s.applied.set(k, append(rows, appliedRow{num(a[3]), at(a[4])}))
			return 1, nil
		}},
		engine["lastApplied"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var newest appliedRow
			for _, r := range s.applied.rows[laneOf(a)] {
				if r.seq >= newest.seq {
					newest = r
				}
			}
			if len(s.applied.rows[laneOf(a)]) > 0 {
				out.add(newest.at)
			}
			return nil
		}},
		engine["appliedBefore"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var seq int64
			rows := s.applied.rows[laneOf(a)]
			for _, r := range rows {
				newer := int64(0)
				for _, n := range rows {
					if n.seq > r.seq {
						newer++
					}
				}
				if r.at.Before(at(a[3])) && newer >= num(a[4]) {
					seq = max(seq, r.seq)
				}
			}
			out.add(seq)
			return nil
		}},
		engine["forgetApplied"]: {exec: func(s *Store, a []any) (int64, error) {
			k := laneOf(a)
			rows := s.applied.rows[k]
			kept := slices.DeleteFunc(slices.Clone(rows), func(r appliedRow) bool { return r.seq < num(a[3]) })
			if len(kept) < len(rows) {
				s.applied.set(k, kept)
			}
			return int64(len(rows) - len(kept)), nil
		}},
	}
}

// peerStatements are those about the conversation and small facts.
func peerStatements() map[db.SQL]handler {
	return map[db.SQL]handler{
		engine["countWaiting"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var n int64
			for l := range int64(syncproto.Lanes) {
				h := s.heads.rows[lane{str(a[0]), num(a[1]), l}]
				n += h.seq - h.acked
			}
			out.add(n)
			return nil
		}},
		engine["oldestWaiting"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var oldest time.Time
			for l := range int64(syncproto.Lanes) {
				k := lane{str(a[0]), num(a[1]), l}
				rows := s.outbox.rows[k]
				for _, r := range rows[from(rows, s.heads.rows[k].acked):] {
					if oldest.IsZero() || r.created.Before(oldest) {
						oldest = r.created
					}
				}
			}
			out.add(null(oldest))
			return nil
		}},
		engine["lastAcked"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			var last time.Time
			for l := range int64(syncproto.Lanes) {
				if h := s.heads.rows[lane{str(a[0]), num(a[1]), l}]; h.ackedAt.After(last) {
					last = h.ackedAt
				}
			}
			out.add(null(last))
			return nil
		}},
		engine["upsertPeer"]: {exec: func(s *Store, a []any) (int64, error) {
			p := s.peers.rows[str(a[0])]
			p.epoch, p.appliance, p.software, p.carrier, p.timeline = num(a[1]), str(a[2]), str(a[3]), str(a[4]), str(a[5])
			p.head, p.offset, p.seen, p.report = blob(a[6]), num(a[7]), at(a[8]), blob(a[9])
			s.peers.set(str(a[0]), p)
			return 1, nil
		}},
		engine["caughtUpPeer"]: {exec: func(s *Store, a []any) (int64, error) {
			p, ok := s.peers.rows[str(a[0])]
			if !ok {
				return 0, nil
			}
			p.caught = at(a[1])
			s.peers.set(str(a[0]), p)
			return 1, nil
		}},
		engine["selectPeer"]: {width: 10, query: func(s *Store, a []any, out *rows) error {
			if p, ok := s.peers.rows[str(a[0])]; ok {
				out.add(p.epoch, p.appliance, p.software, p.carrier, p.timeline, p.head, p.offset, p.seen, null(p.caught), p.report)
			}
			return nil
		}},
		engine["selectState"]: {width: 1, query: func(s *Store, a []any, out *rows) error {
			if v, ok := s.state.rows[str(a[0])]; ok {
				out.add(v)
			}
			return nil
		}},
		engine["upsertState"]: {exec: func(s *Store, a []any) (int64, error) {
			s.state.set(str(a[0]), str(a[1]))
			return 1, nil
		}},
	}
}
