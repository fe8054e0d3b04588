package syncer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/syncproto"
)

func newID() string { return id.New() }

// The kinds of dead letter.
const (
	deadPoison  = "poison"  // can never be stored as it is
	deadParked  = "parked"  // waits behind an earlier dead letter of its entity
	deadUnknown = "unknown" // a type or version this build does not know yet
	deadWaiting = "waiting" // refers to a record that is not here yet
)

// waitsAtMost is how long a record waits for the one it refers to before it
// counts as poison.
const waitsAtMost = 7 * 24 * time.Hour

// missing is the error of a record that refers to one that is not here.
type missing struct{ id string }

func (m *missing) Error() string { return "a record it refers to is not here yet" }

// Missing is what Put, Admit or a reaction wraps to say that the record with
// this id is not here yet. That is no poison: the record is kept aside and
// tried again when the other arrives.
func Missing(entity string) error { return &missing{entity} }

// IsMissing tells whether err says so.
func IsMissing(err error) bool { _, ok := missingID(err); return ok }

func missingID(err error) (entity string, ok bool) {
	if m, ok := errors.AsType[*missing](err); ok {
		return m.id, true
	}
	return "", false
}

// awaits looks for the records that an event names as its dependencies.
func (a *Applier) awaits(ctx context.Context, tx db.Tx, deps []string) error {
	for _, dep := range deps {
		typ, entity, ok := strings.Cut(dep, "/")
		k, known := a.Registry.kinds[typ]
		if !ok || !known {
			continue // nothing that this build could wait for
		}
		here, err := k.here(ctx, tx, entity)
		if err != nil {
			return err
		}
		if !here {
			return Missing(entity)
		}
	}
	return nil
}

// storeOne stores one event of a frame that holds poison. What can never be
// stored becomes a dead letter, and so does what follows it on the same entity.
func (a *Applier) storeOne(ctx context.Context, tx db.Tx, b *batch, i int) error {
	e := b.events[i]
	if e.IsErased() {
		return nil
	}
	letter := e
	letter.Type, letter.Entity = storable(e.Type), storable(e.Entity)
	key := entityKey{letter.Type, letter.Entity}
	behind := b.aside[key]
	if b.many && !behind {
		rows, err := tx.Query(ctx, deadEntity, b.log.School, letter.Type, letter.Entity)
		n, err := db.One(rows, err, db.Scalar[int64])
		if err != nil {
			return err
		}
		behind = n > 0
	}
	kind, waitsFor, reason := deadParked, "", "waits behind an earlier record of the same entity"
	if !behind {
		err := tx.Savepoint(ctx, func(tx db.Tx) error { return a.applyOne(ctx, tx, b.log.School, e) })
		if err == nil || !a.permanent(err) {
			return err
		}
		kind, waitsFor = kindOf(err)
		reason = err.Error()
	}
	pos := syncproto.Position{School: b.log.School, Epoch: b.log.Epoch, Lane: b.lane, Seq: b.first + int64(i)}
	letterID, err := a.bury(ctx, tx, pos, letter, burial{kind, waitsFor, reason})
	b.aside[key] = true
	if kind == deadWaiting {
		b.waiting[waitsFor] = append(b.waiting[waitsFor], letterID)
	}
	if kind == deadPoison || kind == deadWaiting {
		b.buried++
	}
	return err
}

func kindOf(err error) (kind, waitsFor string) {
	if entity, ok := missingID(err); ok {
		return deadWaiting, storable(entity)
	}
	if errors.Is(err, errUnknown) || errors.Is(err, errNewer) {
		return deadUnknown, ""
	}
	return deadPoison, ""
}

func (a *Applier) applyOne(ctx context.Context, tx db.Tx, school string, e syncproto.Event) error {
	r, err := a.open(ctx, tx, school, e)
	if err != nil {
		return err
	}
	inserted, err := a.put(ctx, tx, school, r)
	if err != nil || !inserted {
		return err
	}
	return a.react(ctx, tx, []record{r})
}

// storable is s as every database can keep and index it: without NUL, and cut
// with its hash behind it when it is long. What is sent by mistake or malice
// must never be refused by the table that keeps it.
func storable(s string) string {
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	if len(s) > 200 {
		sum := sha256.Sum256([]byte(s))
		s = strings.ToValidUTF8(s[:100], "") + "#" + hex.EncodeToString(sum[:])
	}
	return s
}

func clean(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

type burial struct{ kind, waitsFor, reason string }

func (a *Applier) bury(ctx context.Context, tx db.Tx, pos syncproto.Position, e syncproto.Event, why burial) (letter string, err error) {
	var deps any
	if len(e.Deps) > 0 {
		b, err := json.Marshal(e.Deps)
		if err != nil {
			return "", err
		}
		deps = strings.ReplaceAll(string(b), `\u0000`, `\ufffd`)
	}
	letter = newID()
	reason := clean(why.reason)
	_, err = tx.Exec(ctx, insertDead, letter, pos.School, pos.Epoch, int64(pos.Lane), pos.Seq, e.Type, int64(e.Version), e.Entity,
		int64(e.HLC), deps, append([]byte{}, e.Body...), why.kind, why.waitsFor, reason, a.Clock.Now())
	if err == nil {
		a.Log.Warn("a record could not be stored and is kept aside", logging.School(pos.School), logging.Lane(int(pos.Lane)),
			slog.Int64("seq", pos.Seq), slog.String("type", e.Type), slog.String("kind", why.kind), slog.String("reason", reason))
	}
	return letter, err
}

// arrived tries again what waited for a record of this frame.
func (a *Applier) arrived(ctx context.Context, tx db.Tx, b *batch) error {
	if len(b.waiting) == 0 {
		return nil
	}
	for _, e := range b.events {
		came := []string{e.Entity}
		if k, ok := a.Registry.kinds[e.Type]; ok {
			came = append(came, k.brings(e)...)
		}
		for _, entity := range came {
			for _, letter := range b.waiting[entity] {
				if _, err := a.retry(ctx, tx, letter); err != nil {
					return err
				}
			}
			delete(b.waiting, entity)
		}
	}
	return nil
}

// ReplayUnknown applies what earlier builds did not understand and this one
// does, and what is parked behind it, in the order of arrival; run once at
// start. It gives the number of records applied.
func (a *Applier) ReplayUnknown(ctx context.Context) (n int, err error) {
	for _, kind := range []string{deadUnknown, deadParked} {
		done, err := a.replayAll(ctx, Filter{State: StateOpen, Kind: kind})
		if n += done; err != nil {
			return n, err
		}
	}
	return n, nil
}

// Sweep tries again what waits for other records: they may have come another
// way than by the lane. What waited too long becomes poison. It gives the number
// of records applied.
func (a *Applier) Sweep(ctx context.Context) (n int, err error) {
	if n, err = a.replayAll(ctx, Filter{State: StateOpen, Kind: deadWaiting}); err != nil {
		return n, err
	}
	return n, a.DB.Update(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, expireWaiting, a.Clock.Now().Add(-waitsAtMost))
		return err
	})
}

// replayAll tries every letter of a filter, oldest first, each in a transaction
// of its own.
func (a *Applier) replayAll(ctx context.Context, f Filter) (n int, err error) {
	for after := zeroID; ; {
		var ids []string
		if err := a.DB.View(ctx, func(tx db.Tx) (err error) { ids, err = letterIDs(ctx, tx, f, after); return err }); err != nil || len(ids) == 0 {
			return n, err
		}
		for _, letter := range ids {
			after = letter
			done := 0
			if err := a.DB.Update(ctx, func(tx db.Tx) (err error) { done, err = a.retry(ctx, tx, letter); return err }); err != nil {
				return n, fmt.Errorf("replay %s: %w", letter, err)
			}
			n += done
		}
	}
}

// retry applies a letter, unless an earlier one of its entity is still open or
// this build does not understand it either, and what is parked behind it. A
// letter that still cannot be stored stays open.
func (a *Applier) retry(ctx context.Context, tx db.Tx, letter string) (n int, err error) {
	l, err := readLetter(ctx, tx, letter)
	if err != nil || l.State != StateOpen {
		return 0, err
	}
	first, err := a.firstOfEntity(ctx, tx, l)
	if err != nil || first.ID != l.ID {
		return 0, err
	}
	err = tx.Savepoint(ctx, func(tx db.Tx) error { return a.applyOne(ctx, tx, l.Pos.School, l.Event) })
	if err != nil {
		if a.permanent(err) {
			return 0, nil
		}
		return 0, err
	}
	if err := a.close(ctx, tx, &l, closing{state: StateReplayed}); err != nil {
		return 0, err
	}
	return 1 + l.behind, nil
}
