package syncer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/crash"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
	"urbanhomeschool.org/uhs/syncproto"
)

// Log names one sequence of records: an appliance's uplink by its epoch, or the
// downlink of a school.
type Log struct {
	School string
	Epoch  int64
}

// DownEpoch is the epoch of every school's downlink log. It is one log for the
// life of the cloud's database, whichever box reads it.
const DownEpoch = 1

// Outbox appends to logs and cuts frames from them.
type Outbox struct {
	Hybrid *Hybrid
	Clock  clock.Clock
}

// Append adds one change to log, in the caller's transaction, and gives its
// clock value. The row stays until the other side has applied it.
func (o *Outbox) Append(ctx context.Context, tx db.Tx, log Log, c Change) (syncproto.HLC, error) {
	e := syncproto.Event{Type: c.Spec.Name, Version: c.Spec.Version, Entity: c.Entity, HLC: c.HLC, Deps: c.Deps, Body: c.Body}
	if e.HLC == 0 {
		e.HLC = o.Hybrid.Next()
	}
	return e.HLC, o.appendEvent(ctx, tx, log, c.Spec.Lane, e)
}

func (o *Outbox) appendEvent(ctx context.Context, tx db.Tx, log Log, lane syncproto.Lane, e syncproto.Event) error {
	if len(e.Body) > syncproto.MaxBody {
		return fmt.Errorf("append %s: %w", e.Type, syncproto.ErrTooLarge)
	}
	head, err := lockedMark(ctx, tx, log, lane)
	if err != nil {
		return fmt.Errorf("append %s: %w", e.Type, err)
	}
	hash := e.Hash()
	chain := syncproto.Chain(head.Chain, hash)
	var deps any
	if len(e.Deps) > 0 {
		b, err := json.Marshal(e.Deps)
		if err != nil {
			return err
		}
		deps = string(b)
	}
	if _, err := tx.Exec(ctx, insertOutbox, log.School, log.Epoch, int64(lane), head.Seq+1, e.Type, int64(e.Version), e.Entity, int64(e.HLC),
		deps, e.Body, hash[:], chain[:], o.Clock.Now()); err != nil {
		return fmt.Errorf("append %s: %w", e.Type, err)
	}
	_, err = tx.Exec(ctx, moveHead, log.School, log.Epoch, int64(lane), head.Seq+1, chain[:], int64(e.HLC))
	return err
}

// lockedMark is the head of a lane, locked until the transaction ends; it makes
// the row when it is missing.
func lockedMark(ctx context.Context, tx db.Tx, log Log, lane syncproto.Lane) (syncproto.Mark, error) {
	for range 2 {
		rows, err := tx.Query(ctx, lockHead, log.School, log.Epoch, int64(lane))
		m, err := db.One(rows, err, scanMark)
		if !errors.Is(err, db.ErrNoRows) {
			return m, err
		}
		var zero syncproto.Hash
		if _, err := tx.Exec(ctx, insertHead, log.School, log.Epoch, int64(lane), zero[:]); err != nil {
			return m, err
		}
	}
	return syncproto.Mark{}, errors.New("the head row is gone")
}

func scanMark(r db.Rows) (m syncproto.Mark, err error) {
	var chain []byte
	err = r.Scan(&m.Seq, &chain)
	m.Chain = syncproto.HashOf(chain)
	return m, err
}

// Heads are the marks of a log: its end, what the other side has applied, and
// what of that is backed up.
type Heads struct {
	Out    syncproto.Marks
	Acked  [syncproto.Lanes]int64
	Backed [syncproto.Lanes]int64
}

// Waiting is how many records the other side has not applied.
func (h Heads) Waiting() (n int64) {
	for l, m := range h.Out {
		n += m.Seq - h.Acked[l]
	}
	return n
}

// Urgent is how many of those are control and money.
func (h Heads) Urgent() (n int64) {
	for l, m := range h.Out {
		if syncproto.Lane(l).Urgent() {
			n += m.Seq - h.Acked[l]
		}
	}
	return n
}

// lane is what is known of one lane.
func (h Heads) lane(l syncproto.Lane) talk.Lane {
	return talk.Lane{Head: h.Out[l], Acked: h.Acked[l], Backed: h.Backed[l]}
}

// ReadHeads reads the heads of log.
func ReadHeads(ctx context.Context, tx db.Tx, log Log) (h Heads, err error) {
	rows, err := tx.Query(ctx, listHeads, log.School, log.Epoch)
	if err != nil {
		return h, err
	}
	defer rows.Close()
	for rows.Next() {
		var lane, seq, acked, backed int64
		var chain []byte
		if err := rows.Scan(&lane, &seq, &chain, &acked, &backed); err != nil {
			return h, err
		}
		if lane >= 0 && lane < int64(syncproto.Lanes) {
			h.Out[lane] = syncproto.Mark{Seq: seq, Chain: syncproto.HashOf(chain)}
			h.Acked[lane], h.Backed[lane] = acked, backed
		}
	}
	return h, rows.Err()
}

// ErrPruned is given for a position whose row is no longer kept.
var ErrPruned = errors.New("syncer: that part of the log is pruned")

// ChainAt is the chain of log after seq.
func ChainAt(ctx context.Context, tx db.Tx, log Log, lane syncproto.Lane, seq int64) (syncproto.Hash, error) {
	if seq == 0 {
		return syncproto.Hash{}, nil
	}
	rows, err := tx.Query(ctx, chainAt, log.School, log.Epoch, int64(lane), seq)
	b, err := db.One(rows, err, db.Scalar[[]byte])
	if errors.Is(err, db.ErrNoRows) {
		return syncproto.Hash{}, ErrPruned
	}
	return syncproto.HashOf(b), err
}

// Acknowledge notes what the other side has applied and what of it is backed
// up. A lane moves only if our own chain at that point is the same; otherwise
// nothing is changed and ErrFork is returned.
func (o *Outbox) Acknowledge(ctx context.Context, tx db.Tx, log Log, applied syncproto.Marks, backed [syncproto.Lanes]int64) (moved bool, err error) {
	h, err := ReadHeads(ctx, tx, log)
	if err != nil {
		return false, err
	}
	now := o.Clock.Now()
	for l, m := range applied {
		lane := syncproto.Lane(l)
		due, err := h.lane(lane).Credit(l, m)
		if err != nil {
			return false, err
		}
		if !due {
			continue
		}
		own, err := ChainAt(ctx, tx, log, lane, m.Seq)
		if err != nil {
			return false, err
		}
		if err := talk.Agrees(l, m, own); err != nil {
			return false, err
		}
		n, err := tx.Exec(ctx, moveAcked, log.School, log.Epoch, int64(l), m.Seq, now)
		if err != nil {
			return false, err
		}
		if n > 0 {
			moved = true
			if err := markApplied(ctx, tx, log, lane, m.Seq, now); err != nil {
				return false, err
			}
		}
	}
	for l, b := range backed {
		if b = h.lane(syncproto.Lane(l)).BackUp(b, applied[l].Seq); b > h.Backed[l] {
			if _, err := tx.Exec(ctx, moveBacked, log.School, log.Epoch, int64(l), b); err != nil {
				return moved, err
			}
		}
	}
	return moved, nil
}

// Believe lowers what counts as applied to what the other side says it has, in
// the lanes where it has less: it was restored, or is another box. Where our own
// chain there is another one, ErrFork; where it is no longer kept, nothing is
// changed and the conversation finds out when it has to send from there.
func (o *Outbox) Believe(ctx context.Context, tx db.Tx, log Log, in syncproto.Marks) error {
	h, err := ReadHeads(ctx, tx, log)
	if err != nil {
		return err
	}
	for l, m := range in {
		if m.Seq >= h.Acked[l] {
			continue
		}
		own, err := ChainAt(ctx, tx, log, syncproto.Lane(l), m.Seq)
		if errors.Is(err, ErrPruned) {
			continue
		}
		if err != nil {
			return err
		}
		if err := talk.Agrees(l, m, own); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, lowerAcked, log.School, log.Epoch, int64(l), m.Seq); err != nil {
			return err
		}
	}
	return nil
}

// appliedForever is how long rows that were applied but not yet backed up are
// kept: so long by the clock, and so many days on which something was applied.
// The clock alone would not do: a box whose clock jumps ten years ahead must not
// delete what no backup holds.
const (
	appliedForever = 30 * 24 * time.Hour
	appliedDays    = 30
)

// markApplied remembers when a position was applied, about once a day by the
// box's clock, whichever way that jumps: from then on the 30 days count.
func markApplied(ctx context.Context, tx db.Tx, log Log, lane syncproto.Lane, seq int64, now time.Time) error {
	rows, err := tx.Query(ctx, lastApplied, log.School, log.Epoch, int64(lane))
	at, err := db.One(rows, err, db.Scalar[db.Time])
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return err
	}
	if err == nil && now.Sub(at.Time).Abs() < 24*time.Hour {
		return nil
	}
	_, err = tx.Exec(ctx, insertApplied, log.School, log.Epoch, int64(lane), seq, now)
	return err
}

// Prune deletes a school's rows that can never be asked for again, in the
// present epoch and in those it left: applied and backed up, or applied for 30
// days.
func (o *Outbox) Prune(ctx context.Context, tx db.Tx, school string) (n int64, err error) {
	rows, err := tx.Query(ctx, listEpochs, school)
	epochs, err := db.Collect(rows, err, db.Scalar[int64])
	if err != nil {
		return 0, err
	}
	for _, epoch := range epochs {
		k, err := o.pruneLog(ctx, tx, Log{school, epoch})
		if err != nil {
			return n, fmt.Errorf("prune epoch %d: %w", epoch, err)
		}
		n += k
	}
	if n > 0 {
		crash.Here(crash.PruneBeforeCommit)
	}
	return n, nil
}

func (o *Outbox) pruneLog(ctx context.Context, tx db.Tx, log Log) (n int64, err error) {
	h, err := ReadHeads(ctx, tx, log)
	if err != nil {
		return 0, err
	}
	before := o.Clock.Now().Add(-appliedForever)
	for l := range h.Out {
		rows, err := tx.Query(ctx, appliedBefore, log.School, log.Epoch, int64(l), before, int64(appliedDays))
		old, err := db.One(rows, err, db.Scalar[int64])
		if err != nil {
			return n, err
		}
		// The row at the boundary stays: the next frame needs its chain.
		k, err := tx.Exec(ctx, prune, log.School, log.Epoch, int64(l), h.lane(syncproto.Lane(l)).PruneBelow(old))
		if err != nil {
			return n, err
		}
		n += k
		if _, err := tx.Exec(ctx, forgetApplied, log.School, log.Epoch, int64(l), old); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Resequence moves the rows of from above common into the log to, giving them
// new positions from 1, in one transaction: the way out of a fork. The other
// side has what is below; those rows stay until Prune may take them.
func (o *Outbox) Resequence(ctx context.Context, tx db.Tx, from, to Log, common [syncproto.Lanes]int64) (moved int, err error) {
	for lane := range syncproto.Lanes {
		n, err := o.resequenceLane(ctx, tx, from, to, lane, common[lane])
		if err != nil {
			return moved, err
		}
		moved += n
	}
	return moved, nil
}

func (o *Outbox) resequenceLane(ctx context.Context, tx db.Tx, from, to Log, lane syncproto.Lane, common int64) (moved int, err error) {
	first, err := firstKept(ctx, tx, from, lane)
	if err != nil {
		return 0, err
	}
	// Rows below first are pruned; positions are counted, so start where rows are.
	for after := max(common, first-1); ; {
		prev, err := ChainAt(ctx, tx, from, lane, after)
		if err != nil && !errors.Is(err, ErrPruned) {
			return moved, err
		}
		rows, err := tx.Query(ctx, listOutbox, from.School, from.Epoch, int64(lane), after, int64(syncproto.MaxEvents))
		events, err := db.Collect(rows, err, eventsAfter(prev))
		if err != nil {
			return moved, err
		}
		for _, e := range events {
			if err := o.appendEvent(ctx, tx, to, lane, e); err != nil {
				return moved, err
			}
		}
		moved += len(events)
		after += int64(len(events))
		if len(events) < syncproto.MaxEvents {
			break
		}
	}
	if _, err := tx.Exec(ctx, deleteAbove, from.School, from.Epoch, int64(lane), common); err != nil {
		return moved, err
	}
	if _, err := tx.Exec(ctx, sealHead, from.School, from.Epoch, int64(lane), common); err != nil {
		return moved, err
	}
	return moved, markApplied(ctx, tx, from, lane, common, o.Clock.Now())
}
