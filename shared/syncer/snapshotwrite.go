package syncer

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Exporter writes the present state of one school as frames.
type Exporter struct {
	DB       db.DB
	Registry *Registry
	Scope    Scope
}

// Export gives everything the school and the cloud hold in common to sink, frame
// by frame, and the marks that belong to it.
//
// It reads records and marks at one moment of the database (repeatable read). A
// record and its place in a log are committed together, so the records are
// exactly the effect of the logs up to the marks, whatever is written meanwhile:
// nothing above the marks is in the frames and nothing below them is missing.
func (x Exporter) Export(ctx context.Context, sink func(frame []byte) error) (s syncproto.Snapshot, err error) {
	s.School = x.Scope.School
	err = x.DB.View(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, oneMoment); err != nil {
			return err
		}
		heads, err := ReadHeads(ctx, tx, Log{s.School, DownEpoch})
		if err != nil {
			return err
		}
		s.Down = heads.Out
		if s.Up, err = uplinks(ctx, tx, s.School); err != nil {
			return err
		}
		w := &snapshotWriter{snapshot: &s, sink: sink}
		if err := x.Registry.Walk(ctx, tx, x.Scope, func(h Held) error { return w.add(ctx, tx, h) }); err != nil {
			return err
		}
		return w.flush()
	})
	if err != nil {
		return s, fmt.Errorf("export a snapshot: %w", err)
	}
	return s, nil
}

// uplinks are the marks of every epoch of a school's uplink.
func uplinks(ctx context.Context, tx db.Tx, school string) (out []syncproto.EpochMarks, err error) {
	rows, err := tx.Query(ctx, listUplinks, school)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var epoch, lane, seq int64
		var chain []byte
		if err := rows.Scan(&epoch, &lane, &seq, &chain); err != nil {
			return nil, err
		}
		if len(out) == 0 || out[len(out)-1].Epoch != epoch {
			out = append(out, syncproto.EpochMarks{Epoch: epoch})
		}
		if lane >= 0 && lane < int64(syncproto.Lanes) {
			out[len(out)-1].Marks[lane] = syncproto.Mark{Seq: seq, Chain: syncproto.HashOf(chain)}
		}
	}
	return out, rows.Err()
}

// rawFrame is how many bytes of records go into one frame: below MaxFrame even
// if nothing of it can be compressed.
const rawFrame = syncproto.MaxFrame - 16<<10

// snapshotWriter gathers records of one kind into frames.
type snapshotWriter struct {
	snapshot *syncproto.Snapshot
	sink     func([]byte) error
	lane     syncproto.Lane
	kind     string
	events   []syncproto.Event
	size     int
}

func (w *snapshotWriter) add(ctx context.Context, tx db.Tx, h Held) error {
	spec := h.Kind.Declared()
	body, err := h.Body()
	if err != nil {
		return err
	}
	e := syncproto.Event{Type: spec.Name, Version: spec.Version, Entity: h.ID, Body: body}
	if e.HLC, err = clockOf(ctx, tx, spec, h.ID); err != nil {
		return err
	}
	size := len(body) + len(e.Type) + len(e.Entity) + 48
	if spec.Name != w.kind || len(w.events) == syncproto.MaxEvents || w.size+size > rawFrame {
		if err := w.flush(); err != nil {
			return err
		}
		w.begin(spec)
	}
	w.events, w.size = append(w.events, e), w.size+size
	w.snapshot.Counts[len(w.snapshot.Counts)-1].N++
	return nil
}

func (w *snapshotWriter) begin(spec syncproto.Spec) {
	if w.kind != spec.Name {
		w.snapshot.Counts = append(w.snapshot.Counts, syncproto.KindCount{Name: spec.Name})
	}
	w.kind, w.lane = spec.Name, spec.Lane
}

func (w *snapshotWriter) flush() error {
	if len(w.events) == 0 {
		return nil
	}
	end := &w.snapshot.Ends[w.lane]
	f := &syncproto.Frame{School: w.snapshot.School, Epoch: syncproto.SnapshotEpoch, Lane: w.lane, First: end.Seq + 1, Prev: end.Chain, Events: w.events}
	data, err := syncproto.EncodeFrame(f)
	if err != nil {
		return err
	}
	*end = syncproto.Mark{Seq: f.End(), Chain: f.Last}
	w.events, w.size = w.events[:0], 0
	return w.sink(data)
}

// clockOf is the clock of the stored record, where two sides may write it. A
// record that only the cloud writes carries none: whatever its log brings after
// the snapshot is later.
func clockOf(ctx context.Context, tx db.Tx, spec syncproto.Spec, entity string) (syncproto.HLC, error) {
	if spec.Merge != syncproto.LastWriter || spec.Writer != syncproto.EitherSide {
		return 0, nil
	}
	rows, err := tx.Query(ctx, selectVersion, spec.Name, entity)
	v, err := db.One(rows, err, scanVersion)
	if errors.Is(err, db.ErrNoRows) {
		return 0, nil
	}
	return v.hlc, err
}
