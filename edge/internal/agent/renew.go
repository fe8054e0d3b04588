package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"urbanhomeschool.org/uhs/shared/crash"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Standing is how the cloud answered when this box last asked for its place.
type Standing string

// The standings. Whatever it is, the box goes on serving its school.
const (
	// Fine: it has its place, or the cloud was not heard yet.
	Fine Standing = ""
	// Quarantined: another box has the same keys, or its place; an admin decides.
	Quarantined Standing = "quarantined"
	// Replaced: an admin put another box in its place.
	Replaced Standing = "replaced"
	// Unknown: the cloud does not know this box: it was rewound to before the claim.
	Unknown Standing = "unknown"
	// Delivering: it gives what it has to the cloud, beside the school's new box.
	Delivering Standing = "delivering"
)

const (
	standingKey = "agent.standing"
	movedKey    = "agent.moved" // reports the cloud has not confirmed, a JSON list
)

// Standing tells whether this box has its school's place.
func (a *Agent) Standing() Standing { a.mu.Lock(); defer a.mu.Unlock(); return a.standing }

func (a *Agent) readStanding(ctx context.Context) error {
	return a.db.View(ctx, func(tx db.Tx) error {
		text, err := syncer.NodeState(ctx, tx, standingKey)
		a.standing = Standing(text)
		return err
	})
}

// standingOf is what the cloud's refusal means; ok is false for trouble that
// passes.
func standingOf(err error) (s Standing, ok bool) {
	var f *fault.Error
	if !errors.As(err, &f) {
		return Fine, false
	}
	switch f.Code {
	case "box_quarantined":
		return Quarantined, true
	case "box_replaced":
		return Replaced, true
	case "appliance_signature":
		return Unknown, true
	}
	return Fine, false
}

// setStanding writes s down when it is another one than before.
func (a *Agent) setStanding(ctx context.Context, s Standing) error {
	if a.Standing() == s {
		return nil
	}
	err := a.db.Update(ctx, func(tx db.Tx) error { return syncer.SetNodeState(ctx, tx, standingKey, string(s)) })
	if err == nil {
		a.mu.Lock()
		a.standing = s
		a.mu.Unlock()
	}
	return err
}

// Renew gets a new epoch and moves everything the cloud has not applied into
// it, in one transaction. Nothing else may write to the outbox meanwhile: SQLite
// has one writer, and the log that Save asks for changes with the commit. Kind
// is one of syncproto's Renewed words, reason is for the operator.
//
// A box that lost its place gets an error that Standing remembers; asked again
// after an admin has decided, it may get an epoch beside the school's.
func (a *Agent) Renew(ctx context.Context, outbox *syncer.Outbox, kind, reason string) error {
	old, err := a.reload(ctx)
	if err != nil {
		return fmt.Errorf("renew: %w", err)
	}
	in, err := a.question(ctx, old, kind, reason)
	if err != nil {
		return err
	}
	var out syncproto.EpochAnswer
	if err := post(ctx, a.Client(), old.CloudURL+syncproto.EpochPath, in, &out); err != nil {
		if s, refused := standingOf(err); refused {
			err = errors.Join(err, a.setStanding(ctx, s))
		}
		return err
	}
	if out.Epoch <= in.From || out.NATS.UserJWT == "" && !out.Side { // JSON, but not the cloud's
		return errNotTheCloud
	}
	if out.Applied == nil { // from an older cloud
		out.Applied = syncproto.History{in.From: out.History}
	}
	fresh := old
	fresh.Epoch, fresh.NATS, fresh.Side = out.Epoch, out.NATS, out.Side
	if out.Timeline != "" {
		fresh.Timeline = out.Timeline
	}
	return a.move(ctx, outbox, fresh, syncer.Rejoining{To: fresh.Log(), From: in.From, Trusted: fresh.Timeline == old.Timeline, Applied: out.Applied})
}

// Reclaim claims a box again that belongs to the code's school already: the cloud
// was rewound to before its claim, or another box had taken its place. All its
// data stays, and what the cloud does not have is sent again. A code of another
// school is refused and stays good.
func (a *Agent) Reclaim(ctx context.Context, outbox *syncer.Outbox, code string) (State, error) {
	old, err := a.reload(ctx)
	if err != nil {
		return old, fmt.Errorf("reclaim: %w", err)
	}
	in := syncproto.ClaimRequest{Code: code, School: old.SchoolID}
	err = a.db.View(ctx, func(tx db.Tx) (err error) {
		in.Epochs, err = syncer.ListEpochs(ctx, tx, old.SchoolID)
		return err
	})
	if err != nil {
		return old, err
	}
	fresh, out, err := a.askClaim(ctx, old.CloudURL, in)
	if err != nil {
		return old, err
	}
	if fresh.Epoch == old.Epoch { // the same answer again
		return old, a.setStanding(ctx, Fine)
	}
	err = a.move(ctx, outbox, fresh, syncer.Rejoining{To: fresh.Log(), From: old.Epoch, Trusted: fresh.Timeline == old.Timeline, Applied: out.Applied})
	return fresh, err
}

// move goes into a new epoch. The state changes inside the transaction, while
// SQLite's one writer is held: no Save can ask for the old log after the rows
// have moved.
func (a *Agent) move(ctx context.Context, outbox *syncer.Outbox, fresh State, r syncer.Rejoining) error {
	old, _ := a.State()
	standing := Fine
	if fresh.Side {
		standing = Delivering
	}
	err := a.db.Update(ctx, func(tx db.Tx) error {
		report, err := outbox.Rejoin(ctx, tx, r)
		if err != nil {
			return err
		}
		if report.Rewound {
			if err := syncer.ForgetDownlink(ctx, tx, fresh.SchoolID); err != nil {
				return err
			}
		}
		if err := noteMoved(ctx, tx, report); err != nil {
			return err
		}
		if err := syncer.SetNodeState(ctx, tx, standingKey, string(standing)); err != nil {
			return err
		}
		if err := syncer.SetNodeState(ctx, tx, restoredKey, ""); err != nil {
			return err
		}
		if err := writeState(ctx, tx, fresh); err != nil {
			return err
		}
		a.setState(fresh)
		crash.Here(crash.RenewBeforeCommit)
		return nil
	})
	if err != nil {
		a.setState(old)
		if holds, rerr := a.reload(context.WithoutCancel(ctx)); rerr != nil || holds.Epoch != fresh.Epoch {
			return errors.Join(err, rerr)
		}
		// The commit was reported as failed and is there all the same.
	}
	a.mu.Lock()
	a.standing = standing
	a.mu.Unlock()
	return a.Witness(ctx)
}

// question is what the box asks to leave its epoch with.
func (a *Agent) question(ctx context.Context, s State, kind, reason string) (in syncproto.EpochRequest, err error) {
	in = syncproto.EpochRequest{From: a.highest(), Kind: kind, Reason: reason, Side: s.Side}
	if in.Nonce, err = a.nonce(ctx, in.From); err != nil {
		return in, err
	}
	err = a.db.View(ctx, func(tx db.Tx) error {
		if in.Epochs, err = syncer.ListEpochs(ctx, tx, s.SchoolID); err != nil {
			return err
		}
		back, err := syncer.ReadBacklog(ctx, tx, s.Log())
		if in.Waiting = back.Waiting; back.Waiting > 0 {
			in.Oldest = back.Oldest.Unix()
		}
		return err
	})
	return in, err
}

// renewalPending tells whether the box asked to leave its present epoch and has
// not moved: a crash came between the cloud's commit and ours, or it was told to
// wait.
func (a *Agent) renewalPending(ctx context.Context) (pending bool, err error) {
	if _, ok := a.State(); !ok {
		return false, nil
	}
	err = a.db.View(ctx, func(tx db.Tx) error {
		nonce, err := syncer.NodeState(ctx, tx, renewalKey(a.highest()))
		pending = nonce != ""
		return err
	})
	return pending, err
}

func renewalKey(epoch int64) string { return fmt.Sprintf("agent.renew.%d", epoch) }

// nonce is that of the request to leave an epoch, stored before it is first
// sent, so that a lost answer can be asked for again. It also tells this box
// from a clone of it.
func (a *Agent) nonce(ctx context.Context, epoch int64) (nonce string, err error) {
	key := renewalKey(epoch)
	err = a.db.Update(ctx, func(tx db.Tx) error {
		if nonce, err = syncer.NodeState(ctx, tx, key); err != nil || nonce != "" {
			return err
		}
		nonce = id.Secret(16)
		return syncer.SetNodeState(ctx, tx, key, nonce)
	})
	return nonce, err
}

// noteMoved keeps what a move did until the cloud has heard it.
func noteMoved(ctx context.Context, tx db.Tx, report syncproto.MovedReport) error {
	reports, err := readMoved(ctx, tx)
	if err != nil {
		return err
	}
	return writeMoved(ctx, tx, append(reports, report))
}

func readMoved(ctx context.Context, tx db.Tx) (reports []syncproto.MovedReport, err error) {
	text, err := syncer.NodeState(ctx, tx, movedKey)
	if err != nil || text == "" {
		return nil, err
	}
	return reports, json.Unmarshal([]byte(text), &reports)
}

func writeMoved(ctx context.Context, tx db.Tx, reports []syncproto.MovedReport) error {
	b, err := json.Marshal(reports)
	if err != nil {
		return err
	}
	return syncer.SetNodeState(ctx, tx, movedKey, string(b))
}

// TellMoved tells the cloud what the last moves did, for its admin. It does
// nothing when there is nothing to tell.
func (a *Agent) TellMoved(ctx context.Context) error {
	s, _ := a.State()
	var reports []syncproto.MovedReport
	if err := a.db.View(ctx, func(tx db.Tx) (err error) { reports, err = readMoved(ctx, tx); return err }); err != nil || len(reports) == 0 {
		return err
	}
	client := &http.Client{Transport: a.Client().Transport}
	for _, r := range reports {
		if err := post(ctx, client, s.CloudURL+syncproto.MovedPath, r, &struct{}{}); err != nil {
			return fmt.Errorf("tell of epoch %d: %w", r.Epoch, err)
		}
	}
	return a.db.Update(ctx, func(tx db.Tx) error {
		now, err := readMoved(ctx, tx)
		if err != nil {
			return err
		}
		return writeMoved(ctx, tx, now[min(len(reports), len(now)):])
	})
}
