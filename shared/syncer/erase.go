package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// What becomes of records when a person is erased: here, in the logs, and when
// they arrive later. The chain of a log covers hashes, so an event that lost its
// content keeps its place.

// Trace is what a record holds of a person.
type Trace int

// The traces.
const (
	// Untouched: nothing, or her id alone.
	Untouched Trace = iota
	// Changed: something that was taken out; the rest stays.
	Changed
	// Gone: the record is about her.
	Gone
)

// Names makes a Forget for records that are about the people whose ids fn gives.
func Names[T any](fn func(T) []string) func(T, string) (T, Trace) {
	return func(v T, person string) (T, Trace) {
		if slices.Contains(fn(v), person) {
			return v, Gone
		}
		return v, Untouched
	}
}

// forget gives the event without what it holds of a person. One that cannot be
// read, and names her, is about her for all we know.
func (e Entity[T]) forget(ev syncproto.Event, person string) (syncproto.Event, Trace) {
	v, err := e.decode(ev)
	if err != nil {
		return ev, Gone
	}
	t := e.of(v)
	if about, ok := e.Audience(t).Learner(); ok && about == person {
		return ev, Gone
	}
	if e.Forget == nil {
		return ev, Untouched
	}
	left, trace := e.Forget(t, person)
	if trace != Changed {
		return ev, trace
	}
	if ev.Body, err = syncproto.EncodeBody(left); err != nil {
		return ev, Gone
	}
	ev.Version = e.Version
	return ev, Changed
}

// Forget gives an event without what it holds of a person.
func (r *Registry) Forget(e syncproto.Event, person string) (syncproto.Event, Trace) {
	if e.IsErased() {
		return e, Untouched
	}
	k, ok := r.kinds[e.Type]
	if !ok {
		return e, Gone
	}
	return k.forget(e, person)
}

// withoutErased gives events without what they hold of people who were erased
// here: what comes late brings nobody back.
func (a *Applier) withoutErased(ctx context.Context, tx db.Tx, events []syncproto.Event) ([]syncproto.Event, error) {
	if a.Erased == nil {
		return events, nil
	}
	gone, err := a.Erased(ctx, tx)
	if err != nil || len(gone) == 0 {
		return events, err
	}
	out := make([]syncproto.Event, len(events))
	for i, e := range events {
		out[i] = e
		if e.IsErased() {
			continue
		}
		for _, person := range syncproto.IDsIn(e.Body) {
			if !gone[person] {
				continue
			}
			left, trace := a.Registry.Forget(out[i], person)
			if trace == Gone {
				out[i] = syncproto.Event{Erased: e.Hash()}
				break
			}
			out[i] = left
		}
	}
	return out, nil
}

// EraseFromLogs takes a person out of what this side has recorded for the other
// and out of what it keeps aside. A row of the outbox keeps its hash and place;
// where something of the record remains, and the other side does not have the row
// yet, that follows as a new one. It gives the number of rows.
func (o *Outbox) EraseFromLogs(ctx context.Context, tx db.Tx, r *Registry, person string) (n int, err error) {
	rows, err := tx.Query(ctx, outboxNaming, person)
	found, err := db.Collect(rows, err, scanNaming)
	if err != nil {
		return 0, err
	}
	for _, row := range found {
		left, trace := r.Forget(row.event, person)
		if trace == Untouched {
			continue
		}
		n++
		if _, err := tx.Exec(ctx, eraseOutbox, row.log.School, row.log.Epoch, int64(row.lane), row.seq, []byte{}); err != nil {
			return n, err
		}
		if trace == Changed && row.seq > row.acked {
			left.HLC = o.Hybrid.Next()
			if err := o.appendEvent(ctx, tx, row.log, row.lane, left); err != nil {
				return n, err
			}
		}
	}
	for _, kept := range []keptAside{
		{lettersNaming, changeLetter, removeLetter, false}, {conflictsNaming, changeConflict, removeConflict, false}, {versionsNaming, changeVersion, removeVersion, true},
	} {
		k, err := kept.erase(ctx, tx, r, person)
		if n += k; err != nil {
			return n, fmt.Errorf("erase what is kept aside: %w", err)
		}
	}
	return n, nil
}

// keptAside are the statements of a table of records beside the logs, and whether
// their bodies lie sealed.
type keptAside struct {
	list, change, remove db.SQL
	sealed               bool
}

func (k keptAside) erase(ctx context.Context, tx db.Tx, r *Registry, person string) (n int, err error) {
	rows, err := tx.Query(ctx, k.list, person)
	found, err := db.Collect(rows, err, func(s db.Rows) (a aside, err error) {
		var version int64
		var body any = &a.event.Body
		if k.sealed {
			body = (*db.SecretBytes)(&a.event.Body)
		}
		err = s.Scan(&a.key, &a.event.Type, &version, &a.event.Entity, body)
		a.event.Version = uint32(version)
		return a, err
	})
	if err != nil {
		return 0, err
	}
	for _, f := range found {
		left, trace := r.Forget(f.event, person)
		switch trace {
		case Untouched:
			continue
		case Changed:
			var body any = left.Body
			if k.sealed {
				body = db.SecretBytes(left.Body)
			}
			_, err = tx.Exec(ctx, k.change, f.key, body)
		case Gone:
			_, err = tx.Exec(ctx, k.remove, f.key)
		}
		if n++; err != nil {
			return n, err
		}
	}
	return n, nil
}

type aside struct {
	key   string
	event syncproto.Event
}

// naming is a row of an outbox that names somebody.
type naming struct {
	log        Log
	lane       syncproto.Lane
	seq, acked int64
	event      syncproto.Event
}

func scanNaming(r db.Rows) (n naming, err error) {
	var lane, version int64
	err = r.Scan(&n.log.School, &n.log.Epoch, &lane, &n.seq, &n.acked, &n.event.Type, &version, &n.event.Entity, &n.event.Body)
	if lane < 0 || lane >= int64(syncproto.Lanes) {
		return n, errors.Join(err, fmt.Errorf("a row of lane %d", lane))
	}
	n.lane, n.event.Version = syncproto.Lane(lane), uint32(version)
	return n, err
}
