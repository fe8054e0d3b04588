package payments

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/simgate"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	pay "urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// rewind takes the database away: the world goes on with one that never heard of
// any intent, as after the restore of a backup. The gateway remembers.
func (w *world) rewind() *Lost {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	lost := &Lost{Until: w.clock.Now()}
	o := w.opts
	o.PublicURL = "http://" + listener.Addr().String()
	o.Lost = func(context.Context, db.Tx, identity.SchoolID) (Lost, error) { return *lost, nil }
	w.url = o.PublicURL
	if w.Service, err = New(syncer.WithJournal(dbtest.Postgres(w.t), w.journal), o); err != nil {
		w.t.Fatal(err)
	}
	w.exec = NewExecutor(w.Service)
	w.domain = pay.New(w.db, pay.Options{Clock: w.clock, Prices: w, Guardians: w, Gateway: w.Service})
	w.serve(listener)
	if err := w.Register(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return lost
}

func (w *world) fetch(since time.Time) (whole bool) {
	w.t.Helper()
	whole, err := w.Fetch(w.t.Context(), since)
	if err != nil {
		w.t.Fatal(err)
	}
	return whole
}

func nothing(context.Context, db.Tx) error { return nil }

func TestAnIntentThatComesAgainAfterARewindIsReconciled(t *testing.T) {
	t.Run("its money is found by the reference, and taken once", func(t *testing.T) {
		w := newWorld(t)
		backup := w.clock.Now()
		i := w.intent(shared, simgate.Success)
		w.arrive(i)
		w.run()
		w.want(i, pay.StateCompleted, "")
		w.clock.Advance(time.Minute) // fresh enough for a push
		w.rewind()
		w.arrive(i)
		w.run()
		w.want(i, pay.StateUnknown, "cloud_rewound")
		if !w.fetch(backup) {
			t.Error("the gateway did not reach back")
		}
		w.fetch(backup) // once more changes nothing
		w.wait()
		w.want(i, pay.StateCompleted, "")
		w.sound(0)
		if n := w.prompts(i); n != 1 {
			t.Errorf("the phone was asked %d times", n)
		}
	})
	t.Run("money that was fetched before the intent came settles it", func(t *testing.T) {
		w := newWorld(t)
		backup := w.clock.Now()
		i := w.intent(own, simgate.Success)
		w.arrive(i)
		w.run()
		lost := w.rewind()
		w.fetch(backup)
		lost.Reconciled = true
		w.arrive(i)
		w.wait()
		w.want(i, pay.StateCompleted, "")
		w.sound(0)
		if n := w.prompts(i); n != 1 {
			t.Errorf("the phone was asked %d times", n)
		}
	})
	t.Run("one that was not paid asks the payer for a fresh yes", func(t *testing.T) {
		w := newWorld(t)
		backup := w.clock.Now()
		i := w.intent(shared, simgate.Success)
		lost := w.rewind() // the lost life had not executed it
		w.arrive(i)
		w.run()
		w.want(i, pay.StateUnknown, "cloud_rewound")
		w.fetch(backup)
		if err := w.Settle(t.Context(), nothing); err != nil {
			t.Fatal(err)
		}
		lost.Reconciled = true
		w.run()
		w.want(i, pay.StateNeedsConfirmation, "cloud_rewound")
		if n := w.prompts(i); n != 0 {
			t.Errorf("the phone was asked %d times by itself", n)
		}
		if _, err := w.Confirm(t.Context(), w.parent, i.ID); err != nil {
			t.Fatal(err)
		}
		w.run()
		w.want(i, pay.StateCompleted, "")
		w.sound(0)
	})
	t.Run("while the gateway cannot be asked it waits, and then a person decides", func(t *testing.T) {
		w := newWorld(t)
		backup := w.clock.Now()
		i := w.intent(shared, simgate.Success)
		w.arrive(i)
		w.run()
		k := w.gate.Snapshot().Knobs
		k.PullDown = true
		w.gate.Set(k)
		w.rewind()
		w.arrive(i)
		if _, err := w.Fetch(t.Context(), backup); err == nil {
			t.Error("a gateway that is down gave money")
		}
		w.wait()
		w.want(i, pay.StateReview, "no_answer")
		if n := w.prompts(i); n != 1 {
			t.Errorf("the phone was asked %d times", n)
		}
	})
	t.Run("an intent of the new life is executed at once", func(t *testing.T) {
		w := newWorld(t)
		w.rewind()
		w.clock.Advance(time.Second)
		i := w.intent(shared, simgate.Success)
		w.arrive(i)
		w.run()
		w.want(i, pay.StateCompleted, "")
		w.sound(0)
	})
	t.Run("a wrong clock of the box does not hide it", func(t *testing.T) {
		w := newWorld(t)
		w.clock.Advance(4 * time.Minute) // the box is four minutes ahead
		i := w.intent(shared, simgate.Success)
		w.clock.Advance(-4 * time.Minute)
		lost := w.rewind()
		lost.Ahead = 4 * time.Minute
		w.clock.Advance(time.Minute)
		w.arrive(i)
		w.run()
		w.want(i, pay.StateUnknown, "cloud_rewound")

		*lost = Lost{Until: lost.Until, Resent: true} // the clock is not known, the box says that it was applied
		again := w.intent(own, simgate.Success)
		w.arrive(again)
		w.run()
		w.want(again, pay.StateUnknown, "cloud_rewound")
	})
	t.Run("the second intent of a pair was the paid one", func(t *testing.T) {
		w := newWorld(t)
		backup := w.clock.Now()
		first := w.intent(shared, simgate.Cancel)
		w.arrive(first)
		w.run()
		second := w.again(first)
		k := w.gate.Snapshot().Knobs
		k.Phones = map[string]simgate.Scenario{first.PayerPhone: simgate.Success}
		w.gate.Set(k)
		w.clock.Advance(3 * time.Minute)
		w.arrive(second)
		w.run()
		w.want(second, pay.StateCompleted, "")
		w.rewind()
		w.arrive(first, second)
		w.fetch(backup)
		if err := w.Settle(t.Context(), nothing); err != nil {
			t.Fatal(err)
		}
		w.wait()
		w.want(first, pay.StateFailed, "replaced")
		if !w.order(second).State.Paid() || w.prompts(second) != 1 {
			t.Errorf("the paid one is %s, asked %d times", w.order(second).State, w.prompts(second))
		}
		w.sound(0)
	})
}

func TestOrdersOfTheBackupAskNoPhoneAgain(t *testing.T) {
	w := newWorld(t)
	backup := w.clock.Now()
	fresh, old := w.intent(shared, simgate.Success), w.intent(own, simgate.Success)
	w.arrive(fresh)
	w.clock.Advance(11 * time.Minute)
	w.arrive(old)
	first := w.Service
	w.run()
	if _, err := w.Confirm(t.Context(), w.parent, fresh.ID); err != nil && !errors.Is(err, ErrUnconfirmed) {
		t.Fatal(err)
	}
	if _, err := first.Confirm(t.Context(), w.parent, old.ID); err != nil {
		t.Fatal(err)
	}
	w.run()
	paid := w.gate.Total()

	lost := w.rewind() // the backup has both, decided on and not executed
	until := lost.Until
	lost.Until = time.Time{}
	w.clock.Set(backup)
	w.arrive(fresh)
	w.clock.Set(until)
	w.arrive(old)
	lost.Until = until
	w.want(fresh, pay.StateDispatching, "")
	w.want(old, pay.StateNeedsConfirmation, "too_old")

	noted := false
	if err := w.SetAside(t.Context(), func(context.Context, db.Tx) error { noted = true; return nil }); err != nil || !noted {
		t.Fatal(err)
	}
	w.run()
	w.want(fresh, pay.StateUnknown, "cloud_rewound")
	w.want(old, pay.StateUnknown, "cloud_rewound")
	w.fetch(backup)
	w.wait()
	w.want(fresh, pay.StateCompleted, "")
	w.want(old, pay.StateCompleted, "")
	if w.gate.Total() != paid {
		t.Errorf("the gateway charged %d, then %d", paid, w.gate.Total())
	}
	w.sound(0)
}

func TestTheGatewayListsOnlyTwoDays(t *testing.T) {
	w := newWorld(t)
	since := w.clock.Now()
	for range 130 { // more than a page
		w.gate.PayBill("254711000001", 100, "SOMETHING")
	}
	w.gate.Wait()
	w.rewind()
	w.clock.Advance(47 * time.Hour)
	if !w.fetch(since) {
		t.Error("two days are in reach")
	}
	w.sound(0)
	w.clock.Advance(2 * time.Hour)
	if w.fetch(since) {
		t.Error("more than two days are out of reach")
	}
}
