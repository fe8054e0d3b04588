package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// witness is what the box remembers of its database outside of it, in a file
// beside the keys. A database that is older than the file says was restored
// from a copy: the box then takes a new epoch before it sends anything.
type witness struct {
	// Counter grows at every start and now and then; the database has it too, and
	// gets it first.
	Counter int64 `json:"counter"`
	// Epoch is the highest the box was ever in, and Heads the ends of its log.
	Epoch int64                  `json:"epoch"`
	Heads [syncproto.Lanes]int64 `json:"heads"`
}

// What the agent keeps in the database beside its state.
const (
	witnessFile = "box.witness"
	witnessKey  = "agent.witness"
	restoredKey = "agent.restored" // set while the database is known to be older than the witness
)

// Older tells whether a database with this counter, epoch and heads is an older
// one than the witness saw.
func (w witness) older(counter, epoch int64, heads [syncproto.Lanes]int64) bool {
	if w.Counter > counter || w.Epoch > epoch {
		return true
	}
	if w.Epoch < epoch {
		return false
	}
	for l, head := range heads {
		if w.Heads[l] > head {
			return true
		}
	}
	return false
}

// openWitness compares file and database at the start.
func (a *Agent) openWitness(ctx context.Context) error {
	b, err := os.ReadFile(a.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the witness: %w", err)
	}
	// A file that cannot be read tells nothing: the chain finds a restore as well,
	// only later.
	if err := json.Unmarshal(b, &a.witness); err != nil {
		a.witness = witness{}
	}
	s, claimed := a.State()
	if !claimed {
		return nil
	}
	err = a.db.Update(ctx, func(tx db.Tx) error {
		now, err := a.measure(ctx, tx, s)
		if err != nil || !a.witness.older(now.Counter, now.Epoch, now.Heads) {
			return err
		}
		return syncer.SetNodeState(ctx, tx, restoredKey, "yes")
	})
	if err != nil {
		return fmt.Errorf("compare with the witness: %w", err)
	}
	return a.Witness(ctx)
}

// measure is what the database says of itself.
func (a *Agent) measure(ctx context.Context, tx db.Tx, s State) (w witness, err error) {
	text, err := syncer.NodeState(ctx, tx, witnessKey)
	if err != nil {
		return w, err
	}
	if text != "" {
		if w.Counter, err = strconv.ParseInt(text, 10, 64); err != nil {
			return w, err
		}
	}
	heads, err := syncer.ReadHeads(ctx, tx, s.Log())
	for l, m := range heads.Out {
		w.Heads[l] = m.Seq
	}
	w.Epoch = s.Epoch
	return w, err
}

// Witness writes down outside the database how far it is. The database gets the
// counter first: a crash between the two is no restore.
func (a *Agent) Witness(ctx context.Context) error {
	s, claimed := a.State()
	if !claimed {
		return nil
	}
	a.mu.Lock()
	old := a.witness
	a.mu.Unlock()
	var now witness
	err := a.db.Update(ctx, func(tx db.Tx) (err error) {
		if now, err = a.measure(ctx, tx, s); err != nil {
			return err
		}
		now.Counter = max(now.Counter, old.Counter) + 1
		return syncer.SetNodeState(ctx, tx, witnessKey, strconv.FormatInt(now.Counter, 10))
	})
	if err != nil {
		return fmt.Errorf("write the witness: %w", err)
	}
	now.Epoch = max(now.Epoch, old.Epoch)
	b, err := json.Marshal(now)
	if err != nil {
		return err
	}
	if err := replaceFile(a.path, b); err != nil {
		return fmt.Errorf("write the witness: %w", err)
	}
	a.mu.Lock()
	a.witness = now
	a.mu.Unlock()
	return nil
}

// highest is the highest epoch this box was ever in, as far as it knows.
func (a *Agent) highest() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == nil {
		return a.witness.Epoch
	}
	return max(a.state.Epoch, a.witness.Epoch)
}

// restored tells whether the database is known to be older than the witness.
func (a *Agent) restored(ctx context.Context) (yes bool, err error) {
	err = a.db.View(ctx, func(tx db.Tx) error {
		text, err := syncer.NodeState(ctx, tx, restoredKey)
		yes = text != ""
		return err
	})
	return yes, err
}

// disown takes out of a dead box's database what is about that box alone, so
// that this one neither counts as restored nor answers for it.
func (a *Agent) disown(ctx context.Context, tx db.Tx) error {
	a.mu.Lock()
	counter := a.witness.Counter
	a.mu.Unlock()
	for key, value := range map[string]string{witnessKey: strconv.FormatInt(counter, 10), restoredKey: "", standingKey: string(a.Standing()), movedKey: ""} {
		if err := syncer.SetNodeState(ctx, tx, key, value); err != nil {
			return err
		}
	}
	return nil
}
