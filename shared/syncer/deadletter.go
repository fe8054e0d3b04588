package syncer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

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
)

// storeOne stores one event of a frame that holds poison. What can never be
// stored becomes a dead letter, and so does what follows it on the same entity.
func (a *Applier) storeOne(ctx context.Context, tx db.Tx, pos syncproto.Position, e syncproto.Event) error {
	if e.IsErased() {
		return nil
	}
	letter := e
	letter.Type, letter.Entity = storable(e.Type), storable(e.Entity)
	rows, err := tx.Query(ctx, deadEntity, pos.School, letter.Type, letter.Entity)
	behind, err := db.One(rows, err, db.Scalar[int64])
	if err != nil {
		return err
	}
	if behind > 0 {
		return a.bury(ctx, tx, pos, letter, deadParked, "waits behind an earlier record of the same entity")
	}
	err = tx.Savepoint(ctx, func(tx db.Tx) error { return a.applyOne(ctx, tx, pos.School, e) })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errUnknown), errors.Is(err, errNewer):
		return a.bury(ctx, tx, pos, letter, deadUnknown, err.Error())
	case a.permanent(err):
		return a.bury(ctx, tx, pos, letter, deadPoison, err.Error())
	default:
		return err
	}
}

func (a *Applier) applyOne(ctx context.Context, tx db.Tx, school string, e syncproto.Event) error {
	r, err := a.open(ctx, tx, school, e, map[syncproto.Audience]bool{})
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

func (a *Applier) bury(ctx context.Context, tx db.Tx, pos syncproto.Position, e syncproto.Event, kind, reason string) error {
	_, err := tx.Exec(ctx, insertDead, newID(), pos.School, pos.Epoch, int64(pos.Lane), pos.Seq, e.Type, int64(e.Version), e.Entity,
		int64(e.HLC), append([]byte{}, e.Body...), kind, strings.ReplaceAll(reason, "\x00", "\uFFFD"), a.Clock.Now())
	if err == nil {
		a.Log.Warn("a record could not be stored and is kept aside", logging.School(pos.School), logging.Lane(int(pos.Lane)),
			slog.Int64("seq", pos.Seq), slog.String("type", e.Type), slog.String("kind", kind), slog.String("reason", reason))
	}
	return err
}

// DeadLetter is an event that could not be stored, with the reason.
type DeadLetter struct {
	ID     string
	At     db.Time
	Pos    syncproto.Position
	Event  syncproto.Event
	Kind   string
	Reason string
}

// ReplayUnknown applies what earlier builds did not understand and this one
// does, and what is parked behind it, in the order of arrival; run once at
// start. It gives the number of records applied.
func (a *Applier) ReplayUnknown(ctx context.Context) (n int, err error) {
	after := "00000000-0000-0000-0000-000000000000"
	for {
		var letters []DeadLetter
		if err := a.DB.View(ctx, func(tx db.Tx) error {
			rows, err := tx.Query(ctx, listDead, after)
			letters, err = db.Collect(rows, err, scanDead)
			return err
		}); err != nil || len(letters) == 0 {
			return n, err
		}
		for _, l := range letters {
			after = l.ID
			done, err := a.replay(ctx, l)
			if err != nil {
				return n, fmt.Errorf("replay %s: %w", l.ID, err)
			}
			if done {
				n++
			}
		}
	}
}

// replay applies one letter, unless an earlier one of its entity is still open
// or this build does not understand it either. A letter that still cannot be
// stored stays open.
func (a *Applier) replay(ctx context.Context, l DeadLetter) (done bool, err error) {
	k, ok := a.Registry.kinds[l.Event.Type]
	if !ok || l.Event.Version > k.Declared().Version {
		return false, nil
	}
	err = a.DB.Update(ctx, func(tx db.Tx) error {
		done = false
		rows, err := tx.Query(ctx, deadBefore, l.Pos.School, l.Event.Type, l.Event.Entity, l.ID)
		before, err := db.One(rows, err, db.Scalar[int64])
		if err != nil || before > 0 {
			return err
		}
		if err := a.applyOne(ctx, tx, l.Pos.School, l.Event); err != nil {
			return err
		}
		done = true
		_, err = tx.Exec(ctx, closeDead, l.ID)
		return err
	})
	if err != nil && a.permanent(err) {
		return false, nil
	}
	return done, err
}

func scanDead(r db.Rows) (l DeadLetter, err error) {
	var lane, version, hlc int64
	err = r.Scan(&l.ID, &l.Pos.School, &l.Pos.Epoch, &lane, &l.Pos.Seq, &l.Event.Type, &version, &l.Event.Entity, &hlc, &l.Event.Body, &l.Kind, &l.Reason, &l.At)
	l.Pos.Lane, l.Event.Version, l.Event.HLC = syncproto.Lane(lane), uint32(version), syncproto.HLC(hlc)
	return l, err
}
