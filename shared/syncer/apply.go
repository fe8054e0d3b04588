package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/crash"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
	"urbanhomeschool.org/uhs/syncproto"
)

// Applier applies the other side's frames.
type Applier struct {
	DB       db.DB
	Registry *Registry
	Hybrid   *Hybrid
	Clock    clock.Clock
	Log      *slog.Logger
	// From is the side that writes the frames: records that only the other side may
	// write are refused, but for facts that come back to the box that lost them.
	// Zero, for a snapshot, takes them all.
	From syncproto.Writer
	// Admit refuses records about people that the school may not write about. The
	// appliance, which trusts the cloud, has none.
	Admit func(ctx context.Context, tx db.Tx, school string, a syncproto.Audience) error
	// AdmitAll gives those of many that Admit would not refuse, at once; optional.
	// What it leaves out is asked one by one.
	AdmitAll func(ctx context.Context, tx db.Tx, school string, about []syncproto.Audience) ([]syncproto.Audience, error)
	// Echo sends the winner of a last-writer record back to everybody, the writer
	// too. Only the cloud has one.
	Echo Journal
	// Erased gives the people who were erased here: of records about them nothing is
	// stored; optional.
	Erased func(ctx context.Context, tx db.Tx) (map[string]bool, error)
	// Reactions run for inserted rows, in the applying transaction.
	Reactions []Reaction
	// Paused is told, in the applying transaction, that a lane takes nothing more;
	// optional.
	Paused func(ctx context.Context, tx db.Tx, p Pause) error
}

// Errors of Apply that the conversation acts on; see talk.
var (
	ErrGap     = talk.ErrGap
	ErrForeign = talk.ErrForeign
	ErrFork    = talk.ErrFork
)

// thinEvery records of a lane its history of frames is thinned: that reads a
// thousand entries, which is too much for every frame.
const thinEvery = 1 << 14

// Apply stores the events of f that are above the watermark of log and moves
// the watermark, all in one transaction. A frame seen before changes nothing.
// Records that can never be stored go to dead_letters and the lane moves on;
// transient errors change nothing and are returned.
func (a *Applier) Apply(ctx context.Context, log Log, f syncproto.Frame) (syncproto.Mark, error) {
	if f.School != log.School || f.Epoch != log.Epoch {
		return syncproto.Mark{}, ErrForeign
	}
	var mark syncproto.Mark
	err := a.DB.Update(ctx, func(tx db.Tx) error {
		w, err := a.lockWatermark(ctx, tx, log, f.Lane)
		if err != nil {
			return err
		}
		mark = w
		skip, err := talk.Place(w, f)
		if err != nil || skip == len(f.Events) {
			return err
		}
		if err := a.refusePaused(ctx, tx, log.School, f.Lane); err != nil {
			return err
		}
		if err := a.store(ctx, tx, log, f, skip); err != nil {
			return err
		}
		mark = syncproto.Mark{Seq: f.End(), Chain: f.Last}
		if _, err := tx.Exec(ctx, moveWatermark, log.School, log.Epoch, int64(f.Lane), mark.Seq, mark.Chain[:], a.Clock.Now()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertHistory, log.School, log.Epoch, int64(f.Lane), mark.Seq, mark.Chain[:]); err != nil {
			return err
		}
		if w.Seq/thinEvery != mark.Seq/thinEvery {
			_, err = tx.Exec(ctx, thinHistory, log.School, log.Epoch, int64(f.Lane))
		}
		crash.Here(crash.ApplyBeforeCommit)
		return err
	})
	crash.Here(crash.ApplyAfterCommit)
	return mark, err
}

func (a *Applier) lockWatermark(ctx context.Context, tx db.Tx, log Log, lane syncproto.Lane) (syncproto.Mark, error) {
	var zero syncproto.Hash
	if _, err := tx.Exec(ctx, insertWatermark, log.School, log.Epoch, int64(lane), zero[:], a.Clock.Now()); err != nil {
		return syncproto.Mark{}, err
	}
	rows, err := tx.Query(ctx, lockWatermark, log.School, log.Epoch, int64(lane))
	return db.One(rows, err, scanMark)
}

// permanent tells poison from trouble that passes.
func (a *Applier) permanent(err error) bool {
	if _, missing := missingID(err); missing {
		return true // as it stands now; it waits
	}
	switch fault.KindOf(err) {
	case fault.Internal:
		return a.DB.Permanent(err) || errors.Is(err, syncproto.ErrMalformed) || errors.Is(err, syncproto.ErrTooLarge)
	case fault.Unavailable, fault.TooMany:
		return false
	default:
		return true
	}
}

// record is one decoded event.
type record struct {
	event syncproto.Event
	kind  Kind
	value any
	row   []any // of a kind that is stored in bulk, when it was read in a run
}

// open decodes an event and checks who may write it and about whom.
func (a *Applier) open(ctx context.Context, tx db.Tx, school string, e syncproto.Event) (record, error) {
	r, err := a.read(ctx, tx, e)
	if err != nil {
		return record{}, err
	}
	return r, a.admit(ctx, tx, school, r, map[syncproto.Audience]bool{})
}

// admit refuses a record about somebody the school may not write about; those in
// admitted were asked about before.
func (a *Applier) admit(ctx context.Context, tx db.Tx, school string, r record, admitted map[syncproto.Audience]bool) error {
	if a.Admit == nil {
		return nil
	}
	if named := r.kind.school(r.value); named != "" && named != school {
		return fault.New(fault.Forbidden, "The record names another school.").WithCode("not_your_school")
	}
	about := r.kind.audience(r.value)
	if admitted[about] {
		return nil
	}
	if err := a.Admit(ctx, tx, school, about); err != nil {
		return err
	}
	admitted[about] = true
	return nil
}

// admitRun refuses a run of records if one of them is to be refused.
func (a *Applier) admitRun(ctx context.Context, tx db.Tx, school string, records []record) error {
	admitted := map[syncproto.Audience]bool{}
	if a.Admit != nil && a.AdmitAll != nil {
		asked := map[syncproto.Audience]bool{}
		var about []syncproto.Audience
		for _, r := range records {
			if w := r.kind.audience(r.value); !asked[w] {
				asked[w], about = true, append(about, w)
			}
		}
		good, err := a.AdmitAll(ctx, tx, school, about)
		if err != nil {
			return err
		}
		for _, w := range good {
			admitted[w] = true
		}
	}
	for _, r := range records {
		if err := a.admit(ctx, tx, school, r, admitted); err != nil {
			return err
		}
	}
	return nil
}

// errUnknown marks an event of a type this build does not know.
var errUnknown = fault.New(fault.Invalid, "An unknown type of record.").WithCode("unknown_type")

// sameKind is the length of the run of records of one kind at the front.
func sameKind(records []record) int {
	n := 1
	for n < len(records) && records[n].event.Type == records[0].event.Type {
		n++
	}
	return n
}

// putRun stores records of one kind and gives those that were inserted.
func (a *Applier) putRun(ctx context.Context, tx db.Tx, school string, records []record) ([]record, error) {
	table, columns, ok := records[0].kind.bulk()
	if !ok || len(records) < 8 {
		var inserted []record
		for _, r := range records {
			done, err := a.put(ctx, tx, school, r)
			if err != nil {
				return nil, err
			}
			if done {
				inserted = append(inserted, r)
			}
		}
		return inserted, nil
	}
	rows := make([][]any, len(records))
	for i, r := range records {
		if rows[i] = r.row; rows[i] == nil {
			rows[i] = r.kind.row(r.value)
		}
	}
	keys, err := tx.BulkUpsert(ctx, table, columns, rows)
	if err != nil {
		return nil, err
	}
	isNew := make(map[string]bool, len(keys))
	for _, k := range keys {
		isNew[k] = true
	}
	inserted := records[:0:0]
	for _, r := range records {
		if key := r.kind.id(r.value); isNew[key] {
			delete(isNew, key) // a second one of the same id in this run is a repeat
			inserted = append(inserted, r)
		} else if err := a.contradiction(ctx, tx, school, r); err != nil {
			return nil, err
		}
	}
	return inserted, nil
}

// put stores one record by its merge rule and reports whether it was inserted.
func (a *Applier) put(ctx context.Context, tx db.Tx, school string, r record) (bool, error) {
	if r.kind.Declared().Merge == syncproto.LastWriter {
		return a.putLast(ctx, tx, school, r)
	}
	done, err := r.kind.put(ctx, tx, r.value)
	if err == nil && !done {
		err = a.contradiction(ctx, tx, school, r)
	}
	return done, err
}

// contradiction keeps a fact that has the id of another one but differs.
func (a *Applier) contradiction(ctx context.Context, tx db.Tx, school string, r record) error {
	same, err := r.kind.same(ctx, tx, r.value)
	if err != nil || same {
		return err
	}
	return a.conflict(ctx, tx, school, r.event.Type, r.event.Entity, r.event.HLC, r.event.Body)
}

// putLast keeps the record with the later clock; of two with the same clock, the
// greater body, so that both sides choose alike. A losing body, whichever side it
// came from, is kept in conflict_log when both sides may write.
func (a *Applier) putLast(ctx context.Context, tx db.Tx, school string, r record) (bool, error) {
	clockValue := r.event.HLC
	if a.Echo != nil { // only the cloud clamps, and then tells everybody
		clockValue = clockValue.Clamp(a.Clock.Now())
	}
	rows, err := tx.Query(ctx, selectVersion, r.event.Type, r.event.Entity)
	old, err := db.One(rows, err, scanVersion)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return false, err
	}
	known := err == nil
	if known {
		if err := a.admitReplacing(ctx, tx, school, r, old); err != nil {
			return false, err
		}
		if clockValue <= old.hlc && r.event.HLC > old.hlc {
			// The clamp must not turn the order round: the writer holds this one with its
			// own clock and would not take the older one back.
			clockValue = old.hlc + 1
		}
	}
	a.Hybrid.Observe(clockValue)
	shared := r.kind.Declared().Writer == syncproto.EitherSide
	if known && a.Echo == nil && shared && string(old.body) == string(r.event.Body) { // our own, back with its clamped clock
		_, err := tx.Exec(ctx, upsertVersion, r.event.Type, r.event.Entity, int64(clockValue), int64(r.event.Version), db.SecretBytes(r.event.Body))
		return false, err
	}
	if known && (old.hlc > clockValue || old.hlc == clockValue && string(old.body) >= string(r.event.Body)) {
		if shared && string(old.body) != string(r.event.Body) {
			if err := a.conflict(ctx, tx, school, r.event.Type, r.event.Entity, clockValue, r.event.Body); err != nil {
				return false, err
			}
		}
		return false, a.echo(ctx, tx, r, old)
	}
	if known && shared && string(old.body) != string(r.event.Body) {
		if err := a.conflict(ctx, tx, school, r.event.Type, r.event.Entity, old.hlc, old.body); err != nil {
			return false, err
		}
	}
	if _, err := r.kind.put(ctx, tx, r.value); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, upsertVersion, r.event.Type, r.event.Entity, int64(clockValue), int64(r.event.Version), db.SecretBytes(r.event.Body)); err != nil {
		return false, err
	}
	return true, a.echo(ctx, tx, r, version{clockValue, r.event.Version, r.event.Body})
}

// admitReplacing refuses to replace a record about somebody the school may not
// write about, whatever the new one says of itself.
func (a *Applier) admitReplacing(ctx context.Context, tx db.Tx, school string, r record, old version) error {
	if a.Admit == nil {
		return nil
	}
	v, err := r.kind.decode(syncproto.Event{Type: r.event.Type, Version: old.version, Entity: r.event.Entity, Body: old.body})
	if err != nil {
		return err
	}
	return a.Admit(ctx, tx, school, r.kind.audience(v))
}

// echo sends the winner to all schools it concerns. Only records that both
// sides write need it.
func (a *Applier) echo(ctx context.Context, tx db.Tx, r record, winner version) error {
	if a.Echo == nil || r.kind.Declared().Writer != syncproto.EitherSide {
		return nil
	}
	spec := r.kind.Declared()
	spec.Version = winner.version
	return a.Echo.Record(ctx, tx, Change{Spec: spec, Entity: r.event.Entity, Audience: r.kind.audience(r.value), Body: winner.body, HLC: winner.hlc})
}

func (a *Applier) conflict(ctx context.Context, tx db.Tx, school, typ, entity string, hlc syncproto.HLC, body []byte) error {
	_, err := tx.Exec(ctx, insertConflict, newID(), school, typ, entity, int64(hlc), body, a.Clock.Now())
	if err == nil {
		a.Log.Warn("two versions of a record met; the losing one is kept", logging.School(school), slog.String("type", typ), slog.String("entity", entity))
	}
	return err
}

func (a *Applier) react(ctx context.Context, tx db.Tx, inserted []record) error {
	for _, re := range a.Reactions {
		var batch []any
		for _, r := range inserted {
			if r.event.Type == re.name {
				batch = append(batch, r.value)
			}
		}
		if len(batch) > 0 {
			if err := re.run(ctx, tx, batch); err != nil {
				return fmt.Errorf("react to %s: %w", re.name, err)
			}
		}
	}
	return nil
}

type version struct {
	hlc     syncproto.HLC
	version uint32
	body    []byte
}

func scanVersion(r db.Rows) (v version, err error) {
	var hlc, number int64
	err = r.Scan(&hlc, &number, (*db.SecretBytes)(&v.body))
	v.hlc, v.version = syncproto.HLC(hlc), uint32(number)
	return v, err
}
