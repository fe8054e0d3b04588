package simtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// The thin model of the fleet: who is a school's box, and in which epoch. The
// rules are those of the cloud's fleet package: an epoch is issued by
// compare-and-set, a lost answer can be asked for again with the same nonce.

var (
	errMoved = errors.New("simtest: another box of this school is the active one")
	errNoWay = errors.New("simtest: the cloud cannot be reached")
)

// reach tells whether a request of the school gets through now.
func (s *school) reach(w *world) bool { return w.cloud.up && !s.road.cut && !w.faultNow(20) }

// issue gives the school its next epoch.
func (c *cloud) issue(ctx context.Context, tx db.Tx, school string, last int64, appliance, nonce string) (int64, error) {
	epoch := max(last+1, c.clock.Now().Unix())
	if _, err := tx.Exec(ctx, upsertSchool, school, epoch, appliance, nonce); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, forgetDown, school, int64(syncer.DownEpoch)); err != nil {
		return 0, err
	}
	_, err := tx.Exec(ctx, insertEpoch, school, epoch, appliance)
	return epoch, err
}

// claim makes a fresh box, or a spare, the school's.
func (c *cloud) claim(school, appliance string) (epoch int64, err error) {
	err = c.db.Update(c.w.ctx, func(tx db.Tx) error {
		row, err := c.row(c.w.ctx, tx, school)
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return err
		}
		epoch, err = c.issue(c.w.ctx, tx, school, row.epoch, appliance, "")
		return err
	})
	delete(c.talks, school)
	return epoch, err
}

// answer is what a box gets that asked for a new epoch.
type answer struct {
	epoch    int64
	timeline string
	applied  syncproto.History
}

// byAdmin stands in a school's row when an admin decided whose the school is.
const byAdmin = "an admin decided"

// renew answers a box that asks for the epoch after from.
func (c *cloud) renew(b *box, from int64, nonce string, epochs []int64) (out answer, err error) {
	out = answer{timeline: timelineName(c.timeline), applied: syncproto.History{}}
	err = c.db.Update(c.w.ctx, func(tx db.Tx) error {
		ctx, school := c.w.ctx, b.school.id
		row, err := c.row(ctx, tx, school)
		if errors.Is(err, db.ErrNoRows) {
			row, err = schoolRow{appliance: b.name}, nil
		}
		if err != nil {
			return err
		}
		st := syncer.Standing{Active: row.appliance == b.name, Present: row.epoch}
		if row.nonce == nonce {
			st.Given = row.epoch
		} else if st.Active && row.nonce == byAdmin {
			st.Decided = "activate"
		}
		switch st.Decide(from, false) {
		case syncer.Again:
			out.epoch = st.Given
		case syncer.Issue:
			if out.epoch, err = c.issue(ctx, tx, school, max(row.epoch, from), b.name, nonce); err != nil {
				return err
			}
		case syncer.Hold, syncer.Aside:
			return errMoved
		}
		for _, e := range append(epochs, from) {
			h, err := syncer.History(ctx, tx, syncer.Log{School: school, Epoch: e})
			if err != nil {
				return err
			}
			out.applied[e] = syncproto.HistoryOf(h)
		}
		return nil
	})
	delete(c.talks, b.school.id)
	return out, err
}

// claim asks for the first epoch of this disk.
func (b *box) claim() {
	b.name = b.w.newID()
	b.attempt("claim", func() error {
		epoch, err := b.w.cloud.claim(b.school.id, b.name)
		if b.w.cloud.fell() || err != nil || b.w.faultNow(20) {
			return errNoWay
		}
		err = b.db.Update(b.w.ctx, func(tx db.Tx) error {
			return b.writeState(b.w.ctx, tx, epoch, timelineName(b.w.cloud.timeline))
		})
		return errors.Join(err, b.readStateUnlessFell())
	})
}

func (b *box) readStateUnlessFell() error {
	if b.plan.crashed {
		return nil
	}
	return b.readState()
}

// attempt tries a request, and again until it works; then the box connects.
func (b *box) attempt(what string, fn func() error) {
	b.attemptIn(what, b.w.between(10*time.Millisecond, 5*time.Second), fn)
}

func (b *box) attemptIn(what string, wait time.Duration, fn func() error) {
	life := b.life
	b.w.after(wait, func() {
		if b.life != life || !b.up {
			return
		}
		err := errNoWay
		if b.school.reach(b.w) && !b.w.now.Before(b.away) {
			err = fn()
		}
		b.w.note(what, b.label, b.epoch, outcome(err))
		switch {
		case b.fell():
		case errors.Is(err, errMoved):
			b.renewing, b.barred = false, true
		case err != nil:
			b.attemptIn(what, b.w.between(10*time.Second, 4*time.Minute), fn)
		default:
			b.renewing, b.barred = false, false
			delete(b.w.cloud.talks, b.school.id) // both begin again
			b.connect()
		}
	})
}

func outcome(err error) int64 {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errMoved):
		return 1
	default:
		return 2
	}
}

// renewSoon leaves the present epoch: the logs have forked.
func (b *box) renewSoon(reason string) {
	if b.renewing || b.barred {
		return
	}
	b.renewing, b.moved = true, false
	b.w.note("renew: "+reason[:min(len(reason), 40)], b.label, b.epoch, 0)
	b.attempt("renew", b.renew)
}

// renew is what the agent does: ask, then move the rest into the new epoch in
// one transaction.
func (b *box) renew() error {
	ctx, old := b.w.ctx, b.log()
	if b.moved { // an earlier attempt moved; what failed came after it
		return nil
	}
	nonce, err := b.question(old.Epoch)
	if err != nil {
		return err
	}
	var epochs []int64
	if err := b.db.View(ctx, func(tx db.Tx) (err error) { epochs, err = syncer.ListEpochs(ctx, tx, b.school.id); return err }); err != nil {
		return err
	}
	out, err := b.w.cloud.renew(b, old.Epoch, nonce, epochs)
	if b.w.cloud.fell() || (err != nil && !errors.Is(err, errMoved)) || b.w.faultNow(20) {
		return errNoWay
	}
	if err != nil {
		return err
	}
	err = b.db.Update(ctx, func(tx db.Tx) error {
		report, err := b.outbox.Rejoin(ctx, tx, syncer.Rejoining{To: syncer.Log{School: b.school.id, Epoch: out.epoch}, From: old.Epoch,
			Trusted: out.timeline == b.timeline, Applied: out.applied})
		if err != nil {
			return err
		}
		if report.Rewound {
			if err := syncer.ForgetDownlink(ctx, tx, b.school.id); err != nil {
				return err
			}
		}
		return b.writeState(ctx, tx, out.epoch, out.timeline)
	})
	if err != nil && !passes(err) {
		b.w.violatedf("%s cannot move to its new epoch: %v", b.label, err)
	}
	err = errors.Join(err, b.readStateUnlessFell())
	b.moved = b.epoch != old.Epoch
	return err
}

func (b *box) question(epoch int64) (nonce string, err error) {
	key := fmt.Sprintf("sim.renew.%d", epoch)
	fresh := b.w.newID()
	err = b.db.Update(b.w.ctx, func(tx db.Tx) error {
		if nonce, err = syncer.NodeState(b.w.ctx, tx, key); err != nil || nonce != "" {
			return err
		}
		nonce = fresh
		return syncer.SetNodeState(b.w.ctx, tx, key, nonce)
	})
	return nonce, err
}
