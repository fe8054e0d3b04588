package syncer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Restorer fills a fresh database from a snapshot. Its Applier works on that
// database, has no Echo and no Admit, takes records of both writers (From zero)
// and has only such reactions as build up state here.
type Restorer struct {
	Applier *Applier
	// Snapshot is the verified manifest.
	Snapshot syncproto.Snapshot
	// Belongs tells whether a record about somebody is kept in the new database:
	// the school has no business any more with a learner who is not hers by the
	// snapshot. Nil: all are kept.
	Belongs func(ctx context.Context, tx db.Tx, a syncproto.Audience) (bool, error)
}

// ErrIncomplete says that the frames that were applied are not the whole snapshot.
var ErrIncomplete = errors.New("syncer: the snapshot is not complete")

func (r Restorer) log() Log { return Log{r.Snapshot.School, syncproto.SnapshotEpoch} }

// Frame applies one frame of the snapshot.
func (r Restorer) Frame(ctx context.Context, data []byte) error {
	f, err := syncproto.DecodeFrame(data)
	if err != nil {
		return err
	}
	_, err = r.Applier.Apply(ctx, r.log(), f)
	return err
}

// Seal checks that every frame was applied, by the ends of the chains, and lets
// the downlink go on after the snapshot.
func (r Restorer) Seal(ctx context.Context) error {
	return r.Applier.DB.Update(ctx, func(tx db.Tx) error {
		got, err := ReadMarks(ctx, tx, r.log())
		if err != nil {
			return err
		}
		if got != r.Snapshot.Ends {
			return ErrIncomplete
		}
		school, now := r.Snapshot.School, r.Applier.Clock.Now()
		if _, err := tx.Exec(ctx, sealLetters, school, int64(syncproto.SnapshotEpoch)); err != nil {
			return err
		}
		for _, q := range []db.SQL{dropWatermarks, dropHistory} {
			for _, epoch := range []int64{syncproto.SnapshotEpoch, DownEpoch} {
				if _, err := tx.Exec(ctx, q, school, epoch); err != nil {
					return err
				}
			}
		}
		for l, m := range r.Snapshot.Down {
			if m.Seq == 0 {
				continue
			}
			if _, err := tx.Exec(ctx, setWatermark, school, int64(DownEpoch), int64(l), m.Seq, m.Chain[:], now); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, insertHistory, school, int64(DownEpoch), int64(l), m.Seq, m.Chain[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Replay puts what the school has written and the snapshot does not have yet:
// the rows of its own outbox, which was copied here, above the marks of the
// snapshot. They stay in the outbox, also those that do not belong here any more:
// the cloud decides about them. It gives their number.
func (r Restorer) Replay(ctx context.Context) (n int, err error) {
	school := r.Snapshot.School
	err = r.Applier.DB.Update(ctx, func(tx db.Tx) error {
		n = 0
		if err := r.supersede(ctx, tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, listEpochs, school)
		epochs, err := db.Collect(rows, err, db.Scalar[int64])
		if err != nil {
			return err
		}
		for _, epoch := range epochs {
			applied := r.Snapshot.Applied(epoch)
			for lane := range syncproto.Lanes {
				k, err := r.replayLane(ctx, tx, Log{school, epoch}, syncproto.Position{Lane: lane, Seq: applied[lane].Seq})
				if err != nil {
					return fmt.Errorf("replay epoch %d: %w", epoch, err)
				}
				n += k
			}
		}
		return nil
	})
	return n, err
}

// supersede ends what the log before the snapshot, or an earlier snapshot, has left
// aside here. Only what no snapshot brings is kept for a later build, and what was
// put aside of this one.
func (r Restorer) supersede(ctx context.Context, tx db.Tx) error {
	school := r.Snapshot.School
	held := map[string]bool{}
	for _, c := range r.Snapshot.Counts {
		held[c.Name] = true
	}
	for _, k := range r.Applier.Registry.order {
		if k.lists() {
			held[k.Declared().Name] = true
		}
	}
	for _, epoch := range []int64{DownEpoch, syncproto.SnapshotEpoch} {
		if _, err := tx.Exec(ctx, supersedeDead, school, epoch); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(held)) {
			if _, err := tx.Exec(ctx, supersedeType, school, epoch, name); err != nil {
				return err
			}
		}
	}
	_, err := tx.Exec(ctx, openSealed, school, int64(syncproto.SnapshotEpoch))
	return err
}

func (r Restorer) replayLane(ctx context.Context, tx db.Tx, log Log, from syncproto.Position) (n int, err error) {
	for after := from.Seq; ; {
		rows, err := tx.Query(ctx, listOutbox, log.School, log.Epoch, int64(from.Lane), after, int64(syncproto.MaxEvents))
		events, err := db.Collect(rows, err, scanPlaced)
		if err != nil {
			return n, err
		}
		if len(events) > 0 {
			f := syncproto.Frame{Lane: from.Lane, First: events[0].seq}
			for _, e := range events {
				after = e.seq
				if f.Events, err = r.keep(ctx, tx, f.Events, e.Event); err != nil {
					return n, err
				}
			}
			if err := r.Applier.store(ctx, tx, log, f, 0); err != nil {
				return n, err
			}
		}
		n += len(events)
		if len(events) < syncproto.MaxEvents {
			return n, nil
		}
	}
}

// keep adds e to events, as an erased one when it does not belong here: that
// keeps its place and has no effect. What cannot be read is left to the applier.
func (r Restorer) keep(ctx context.Context, tx db.Tx, events []syncproto.Event, e syncproto.Event) ([]syncproto.Event, error) {
	if r.Belongs == nil || e.IsErased() {
		return append(events, e), nil
	}
	known, err := r.Applier.decode(e)
	if err != nil {
		return append(events, e), nil //nolint:nilerr // it is put aside with its reason
	}
	belongs, err := r.Belongs(ctx, tx, known.kind.audience(known.value))
	if err == nil && !belongs {
		e = syncproto.Event{Erased: e.Hash()}
	}
	return append(events, e), err
}

// placed is an event with its sequence number: below the floor there are gaps.
type placed struct {
	syncproto.Event
	seq int64
}

func scanPlaced(rows db.Rows) (p placed, err error) {
	p.Event, err = scanEvent(seqReader{rows, &p.seq})
	return p, err
}

// seqReader keeps the first column, which scanEvent has no use for.
type seqReader struct {
	db.Rows
	seq *int64
}

// Scan implements db.Rows.
func (s seqReader) Scan(dest ...any) error {
	err := s.Rows.Scan(dest...)
	if n, ok := dest[0].(*int64); ok {
		*s.seq = *n
	}
	return err
}
