package syncer

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/syncproto"
)

// batch is the storing of one frame's new events.
type batch struct {
	log  Log
	lane syncproto.Lane
	// first is the position of events[0].
	first  int64
	events []syncproto.Event
	// aside are the entities with an open dead letter: what follows on them parks.
	// many: there are too many to hold; each event asks the table.
	aside map[entityKey]bool
	many  bool
	// waiting are the letters that wait for a record, by its id.
	waiting map[string][]string
	buried  int
}

type entityKey struct{ typ, entity string }

// maxAside bounds what is remembered of open letters; the cap of a lane keeps
// their number far below.
const maxAside = 5_000

// store stores the events of a frame above skip: as a whole, with bulk inserts;
// and if anything in it is poison, by halves, so that the good records around a
// bad one still go in bulk.
func (a *Applier) store(ctx context.Context, tx db.Tx, log Log, f syncproto.Frame, skip int) error {
	events, err := a.withoutErased(ctx, tx, f.Events[skip:])
	if err != nil {
		return err
	}
	b := &batch{log: log, lane: f.Lane, first: f.First + int64(skip), events: events, aside: map[entityKey]bool{}, waiting: map[string][]string{}}
	rows, err := tx.Query(ctx, listAside, log.School, int64(maxAside))
	open, err := db.Collect(rows, err, func(r db.Rows) (o [5]string, err error) { return o, r.Scan(&o[0], &o[1], &o[2], &o[3], &o[4]) })
	if err != nil {
		return err
	}
	b.many = len(open) == maxAside
	for _, o := range open {
		b.aside[entityKey{o[1], o[2]}] = true
		if o[3] == deadWaiting {
			b.waiting[o[4]] = append(b.waiting[o[4]], o[0])
		}
	}
	if err := a.storeRange(ctx, tx, b, 0, len(b.events)); err != nil {
		return err
	}
	if err := a.arrived(ctx, tx, b); err != nil || b.buried == 0 {
		return err
	}
	return a.maybePause(ctx, tx, log, f.Lane, f.End())
}

// oneByOne is the length of a run below which halving it saves nothing.
const oneByOne = 8

// storeRange stores events[from:to].
func (a *Applier) storeRange(ctx context.Context, tx db.Tx, b *batch, from, to int) error {
	if to-from >= oneByOne && !b.many {
		err := tx.Savepoint(ctx, func(tx db.Tx) error { return a.storeWhole(ctx, tx, b, b.events[from:to]) })
		if err == nil || !a.permanent(err) {
			return err
		}
		middle := from + (to-from)/2
		if err := a.storeRange(ctx, tx, b, from, middle); err != nil {
			return err
		}
		return a.storeRange(ctx, tx, b, middle, to)
	}
	for i := from; i < to; i++ {
		if err := a.storeOne(ctx, tx, b, i); err != nil {
			return err
		}
	}
	return nil
}

// storeWhole stores a run of events; the first bad one fails all.
func (a *Applier) storeWhole(ctx context.Context, tx db.Tx, b *batch, events []syncproto.Event) error {
	records, err := a.readAll(ctx, tx, b, events)
	if err != nil {
		return err
	}
	if err := a.admitRun(ctx, tx, b.log.School, records); err != nil {
		return err
	}
	var inserted []record
	for len(records) > 0 {
		n := sameKind(records)
		got, err := a.putRun(ctx, tx, b.log.School, records[:n])
		if err != nil {
			return err
		}
		inserted = append(inserted, got...)
		records = records[n:]
	}
	return a.react(ctx, tx, inserted)
}

// errAside ends a run that holds a record to be parked.
var errAside = fault.New(fault.Conflict, "A record waits behind an earlier one.").WithCode("behind_another")
