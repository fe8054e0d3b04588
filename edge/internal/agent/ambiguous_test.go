package agent_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// unsure is a database whose commit can fail in the two ways a failing disk has:
// nothing is there, or all of it is.
type unsure struct {
	db.DB
	fail func(ctx context.Context, fn func(db.Tx) error) error
}

var errDisk = errors.New("disk I/O error")

func (u *unsure) Update(ctx context.Context, fn func(db.Tx) error) error {
	if u.fail != nil {
		return u.fail(ctx, fn)
	}
	return u.DB.Update(ctx, fn)
}

// Which epoch the box is in after a commit that was reported as failed is what
// the database says.
func TestAfterACommitThatIsReportedAsFailedTheDatabaseDecides(t *testing.T) {
	c := newCloud(t)
	b, _, ann := claimed(t, c)
	must(t, b.link.Stop(t.Context()))
	u := &unsure{DB: b.file}
	a, err := agent.Open(t.Context(), u, b.dir, "test")
	must(t, err)
	before := a.Log().Epoch
	held := func() (epoch int64) {
		fresh, err := agent.Open(t.Context(), b.file, b.dir, "test")
		must(t, err)
		return fresh.Log().Epoch
	}

	// The move is whatever Update comes after the question's nonce was kept.
	moves := func(commit bool) func(context.Context, func(db.Tx) error) error {
		return func(ctx context.Context, fn func(db.Tx) error) error {
			epoch := a.Log().Epoch
			moved := false
			err := u.DB.Update(ctx, func(tx db.Tx) error {
				err := fn(tx)
				if moved = a.Log().Epoch != epoch; moved && !commit && err == nil {
					return errDisk
				}
				return err
			})
			if moved {
				return errDisk
			}
			return err
		}
	}

	u.fail = moves(false)
	if err := a.Renew(t.Context(), b.outbox, syncproto.RenewedForked, "a test"); !errors.Is(err, errDisk) {
		t.Fatalf("nothing was committed: %v", err)
	}
	if got := a.Log().Epoch; got != before || held() != before {
		t.Errorf("nothing was committed: the box is in %d, its database in %d, want %d", got, held(), before)
	}
	u.fail = moves(true)
	if err := a.Renew(t.Context(), b.outbox, syncproto.RenewedForked, "a test"); err != nil {
		t.Errorf("all was committed: %v", err)
	}
	u.fail = nil
	if got := a.Log().Epoch; got == before || got != held() {
		t.Errorf("all was committed: the box is in %d, its database in %d, before in %d", got, held(), before)
	}

	// What is saved now is in the epoch that the cloud listens to.
	d := syncer.WithJournal(b.file, &syncer.Uplink{Outbox: b.outbox, Current: a.Log, Wake: func() {}})
	b.db = d
	b.learn(ann, 1)
	if n := count(t, b.file, fmt.Sprintf(`SELECT count(*) FROM outbox WHERE epoch = %d`, held())); n != 1 {
		t.Errorf("%d records in the epoch the cloud listens to", n)
	}
}
