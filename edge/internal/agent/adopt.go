package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// Adopted is what a spare took over from the box whose database it was given.
type Adopted struct {
	// Appliance and Epoch are the dead box's; Unsent its records that the cloud had
	// not confirmed. They are sent in the spare's own epoch.
	Appliance string
	Epoch     int64
	Unsent    int
}

// Errors of taking over.
var (
	errNotClaimed  = fault.New(fault.Conflict, "This box belongs to no school yet: claim it first.").WithCode("not_claimed")
	errOtherSchool = fault.New(fault.Conflict, "This copy is of another school.").WithCode("copy_other_school")
)

// HasWork tells whether anything was written here that the cloud has not
// confirmed, or by anybody of the school at all.
func (a *Agent) HasWork(ctx context.Context) (has bool, err error) {
	s, ok := a.State()
	if !ok {
		return false, errNotClaimed
	}
	err = a.db.View(ctx, func(tx db.Tx) error {
		h, err := syncer.ReadHeads(ctx, tx, s.Log())
		for _, m := range h.Out {
			has = has || m.Seq > 0
		}
		return err
	})
	return has, err
}

// Adopt makes restored, the database of a dead box of the same school, this
// box's: the box stays who it is (appliance, epoch, addresses), and every record
// of the dead box's epochs that the cloud has not confirmed moves into the
// box's own epoch. A record that had arrived after all changes nothing there:
// its id is known. All of it is one transaction.
func (a *Agent) Adopt(ctx context.Context, restored db.DB, outbox *syncer.Outbox) (out Adopted, err error) {
	own, ok := a.State()
	if !ok {
		return out, errNotClaimed
	}
	err = restored.Update(ctx, func(tx db.Tx) error {
		text, err := syncer.NodeState(ctx, tx, stateKey)
		if err != nil {
			return err
		}
		var dead State
		if text == "" || json.Unmarshal([]byte(text), &dead) != nil {
			return errors.New("the copy is not of a claimed box")
		}
		if dead.SchoolID != own.SchoolID {
			return errOtherSchool
		}
		out.Appliance, out.Epoch = dead.ApplianceID, dead.Epoch
		epochs, err := syncer.ListEpochs(ctx, tx, own.SchoolID)
		if err != nil {
			return err
		}
		for _, epoch := range epochs {
			if epoch == own.Epoch {
				continue
			}
			from := syncer.Log{School: own.SchoolID, Epoch: epoch}
			heads, err := syncer.ReadHeads(ctx, tx, from)
			if err != nil {
				return err
			}
			n, err := outbox.Resequence(ctx, tx, from, own.Log(), heads.Acked)
			if err != nil {
				return fmt.Errorf("take over epoch %d: %w", epoch, err)
			}
			out.Unsent += n
		}
		if err := a.disown(ctx, tx); err != nil {
			return err
		}
		return writeState(ctx, tx, a.stored())
	})
	return out, err
}

// stored is the state without the overrides of this start.
func (a *Agent) stored() State { a.mu.Lock(); defer a.mu.Unlock(); return *a.state }
