package fleet

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// backed reads B of one uplink: what the newest verified backup holds of it. It
// goes out in every ack, and the box deletes its own copy up to there.
func backed(school string, epoch int64) func(ctx context.Context, tx db.Tx) ([syncproto.Lanes]int64, error) {
	return func(ctx context.Context, tx db.Tx) (b [syncproto.Lanes]int64, err error) {
		rows, err := tx.Query(ctx, selectBacked, school, epoch)
		if err != nil {
			return b, err
		}
		defer rows.Close()
		for rows.Next() {
			var lane, seq int64
			if err := rows.Scan(&lane, &seq); err != nil {
				return b, err
			}
			if lane >= 0 && lane < int64(syncproto.Lanes) {
				b[lane] = seq
			}
		}
		return b, rows.Err()
	}
}

// Backed is B of one uplink, for acks that are carried by hand.
func Backed(ctx context.Context, tx db.Tx, school string, epoch int64) ([syncproto.Lanes]int64, error) {
	return backed(school, epoch)(ctx, tx)
}

// tellBacked greets the boxes that are being spoken with when a backup was
// verified since the last look, so that B reaches them in the answer. A backup
// is often verified by another process.
func (s *Service) tellBacked(ctx context.Context, known time.Time) (time.Time, error) {
	var newest time.Time
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, lastBacked)
		at, err := db.One(rows, err, db.Scalar[db.Time])
		newest = at.Time
		return err
	})
	if err != nil || !newest.After(known) {
		return known, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.talks {
		c.peer.SayHello()
		c.poke()
	}
	return newest, nil
}

// noteResent writes down what a box says that a lost life of this database had
// applied of its lanes: it comes again now, and payments in it are not executed
// a second time.
func (s *Service) noteResent(ctx context.Context, school string, h syncproto.Hello) {
	if !s.o.Rewound {
		return
	}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		in, err := syncer.ReadMarks(ctx, tx, syncer.Log{School: school, Epoch: h.Epoch})
		if err != nil {
			return err
		}
		for l, m := range h.Acked {
			if m.Seq > in[l].Seq {
				if _, err := tx.Exec(ctx, upsertResent, school, h.Epoch, int64(l), m.Seq, s.o.Clock.Now()); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		s.o.Log.Warn("note what comes again", logging.School(school), logging.Err(err))
	}
}
