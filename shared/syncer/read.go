package syncer

import (
	"context"
	"runtime"
	"sync"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/syncproto"
)

// crewFrom is how many events are worth a second processor: decoding them takes
// longer than to hand them over.
const crewFrom = 64

// readAll decodes a run of events, also into the rows of their tables, on as many
// processors as there are: the database does nothing meanwhile. The first bad
// event fails all.
func (a *Applier) readAll(ctx context.Context, tx db.Tx, b *batch, events []syncproto.Event) ([]record, error) {
	live := make([]syncproto.Event, 0, len(events))
	for _, e := range events {
		if e.IsErased() {
			continue
		}
		if len(b.aside) > 0 && b.aside[entityKey{storable(e.Type), storable(e.Entity)}] {
			return nil, errAside
		}
		live = append(live, e)
	}
	records, errs := make([]record, len(live)), make([]error, len(live))
	inParts(len(live), func(from, to int) {
		for i := from; i < to; i++ {
			if records[i], errs[i] = a.decode(live[i]); errs[i] != nil {
				return
			}
			if _, _, ok := records[i].kind.bulk(); ok {
				records[i].row = records[i].kind.row(records[i].value)
			}
		}
	})
	for i, err := range errs {
		if err != nil {
			return nil, err
		}
		if err := a.awaits(ctx, tx, live[i].Deps); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// inParts gives each processor one part of n things and waits for all.
func inParts(n int, do func(from, to int)) {
	parts := runtime.GOMAXPROCS(0)
	if n < crewFrom || parts < 2 {
		do(0, n)
		return
	}
	var crew sync.WaitGroup
	for p := range parts {
		crew.Go(func() { do(n*p/parts, n*(p+1)/parts) })
	}
	crew.Wait()
}

// read decodes an event, checks who may write it, and what it refers to.
func (a *Applier) read(ctx context.Context, tx db.Tx, e syncproto.Event) (record, error) {
	r, err := a.decode(e)
	if err != nil {
		return record{}, err
	}
	return r, a.awaits(ctx, tx, e.Deps)
}

// decode decodes an event and checks who may write it.
func (a *Applier) decode(e syncproto.Event) (record, error) {
	k, ok := a.Registry.kinds[e.Type]
	if !ok {
		return record{}, errUnknown
	}
	if !a.writes(k.Declared()) {
		return record{}, fault.New(fault.Forbidden, "This side does not write such records.").WithCode("not_the_writer")
	}
	v, err := k.decode(e)
	if err != nil {
		return record{}, err
	}
	return record{event: e, kind: k, value: v}, nil
}

// writes tells whether the side that writes the frames may write such records. A
// fact that only appliances write also comes down: a comparison found that the
// box has lost it, and the cloud gives it back.
func (a *Applier) writes(s syncproto.Spec) bool {
	if s.Writer == syncproto.EdgeOnly && s.Merge == syncproto.AppendOnly && a.From == syncproto.CloudOnly {
		return true
	}
	return s.Writer == syncproto.EitherSide || s.Writer == a.From || a.From == 0
}
