package payments

import (
	"slices"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/payments/daraja"
	"urbanhomeschool.org/uhs/cloud/internal/simgate"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// TestMatrix plays every misfortune of the gateway to its end.
func TestMatrix(t *testing.T) {
	for _, c := range []struct {
		how     simgate.Scenario
		state   pay.State
		reason  string
		prompts int
		// missing is charged by the gateway and not booked, since nobody told us.
		missing int64
	}{
		{simgate.Success, pay.StateCompleted, "", 1, 0},
		{simgate.Cancel, pay.StateFailed, "cancelled", 1, 0},
		{simgate.WrongPIN, pay.StateFailed, "wrong_pin", 1, 0},
		{simgate.NoFunds, pay.StateFailed, "insufficient_funds", 1, 0},
		{simgate.TimedOut, pay.StateFailed, "phone_unreachable", 1, 0},
		{simgate.Duplicate, pay.StateCompleted, "", 1, 0},
		{simgate.Late, pay.StateCompleted, "", 1, 0},
		{simgate.LostCallback, pay.StateReview, "query_only", 1, 1501_00},
		{simgate.C2BOnly, pay.StateCompleted, "", 1, 0},
		{simgate.QueryDenies, pay.StateCompleted, "", 1, 0},
		{simgate.ResponseLost, pay.StateCompleted, "", 1, 0},
		{simgate.ResponseLostQ, pay.StateCompleted, "", 1, 0},
		{simgate.CallbackFirst, pay.StateCompleted, "", 1, 0},
		{simgate.WrongAmount, pay.StateReview, "underpaid", 1, 0},
		{simgate.FalseSuccess, pay.StateReview, "contradiction", 1, 0},
		{simgate.PaidLate, pay.StateLateSuccess, "", 1, 0},
		{simgate.SpikeArrest, pay.StateFailed, "busy", 0, 0},
		{simgate.TokenDies, pay.StateCompleted, "", 1, 0},
		{simgate.UnknownCode, pay.StateReview, "no_answer", 1, 0},
		{simgate.Manual, pay.StateReview, "no_answer", 1, 0},
	} {
		t.Run(string(c.how)+" ends as "+string(c.state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			i := w.intent(shared, c.how)
			w.arrive(i)
			w.wait()
			w.want(i, c.state, c.reason)
			w.sound(c.missing)
			if got := w.prompts(i); got != c.prompts {
				t.Errorf("the phone was asked %d times", got)
			}
			if w.unlocked(i) != c.state.Paid() {
				t.Errorf("unlocked: %v", w.unlocked(i))
			}
			if open := w.reviews(); (c.state == pay.StateReview) != slices.Contains(open, c.reason) {
				t.Errorf("open questions: %v", open)
			}
		})
	}
}

func TestSplits(t *testing.T) {
	w := newWorld(t)
	w.arrive(w.intent(shared, simgate.Success), w.intent(own, simgate.Success))
	w.run()
	t.Run("an outside instructor's course is shared 60/30/10, the rest to the platform", func(t *testing.T) {
		if held, pool := w.balance(accountHeld(string(w.tutor))), w.balance(accountMarketing); held != 900_60 || pool != 150_10 {
			t.Errorf("instructor %d, marketing %d", held, pool)
		}
	})
	t.Run("a platform course is all the platform's", func(t *testing.T) {
		if got := w.balance(accountPlatform); got != 450_30+800_00 {
			t.Errorf("platform %d", got)
		}
	})
	w.sound(0)
}

func TestLate(t *testing.T) {
	t.Run("a callback after the query said paid completes at once", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.LostCallback)
		w.arrive(i)
		w.run()
		w.clock.Advance(21 * time.Second)
		w.run()
		w.want(i, pay.StatePending, "")
		p := w.gate.Snapshot().Prompts[0]
		w.hook("/hk/"+w.token(i)+"/s", callbackBody(p.Checkout, "0", "1501.00", p.Receipt), 200)
		w.want(i, pay.StateCompleted, "")
		w.sound(0)
	})
	t.Run("a review is settled by C2B and its question closed", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.LostCallback)
		w.arrive(i)
		w.wait()
		w.want(i, pay.StateReview, "query_only")
		w.gate.Confirm(w.gate.Snapshot().Book[0].Receipt)
		w.want(i, pay.StateCompleted, "")
		w.sound(0)
		if open := w.reviews(); len(open) != 0 {
			t.Errorf("open questions: %v", open)
		}
	})
	t.Run("a review is settled by an admin with M-Pesa's statement", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.LostCallback)
		w.arrive(i)
		w.wait()
		open, _ := w.ListReviews(t.Context(), w.actors["admin"])
		if err := w.Resolve(t.Context(), w.actors["admin"], open[0].ID, Decision{Paid: true}); err == nil {
			t.Error("resolved without evidence")
		}
		if err := w.Resolve(t.Context(), w.actors["admin"], open[0].ID, Decision{
			Paid: true, Receipt: w.gate.Snapshot().Book[0].Receipt, AmountMinor: 1501_00, Note: "statement of 30 November",
		}); err != nil {
			t.Fatal(err)
		}
		w.want(i, pay.StateCompleted, "")
		w.gate.Confirm(w.gate.Snapshot().Book[0].Receipt) // and now it is reported after all
		w.sound(0)
	})
	t.Run("a payer who has gone before the executor came is not asked", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.Success)
		w.arrive(i)
		w.clock.Advance(11 * time.Minute)
		w.run()
		w.want(i, pay.StateNeedsConfirmation, "too_old")
		if w.prompts(i) != 0 {
			t.Error("the phone was asked")
		}
	})
	t.Run("a busy phone is left alone for two minutes", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.SpikeArrest)
		w.arrive(i)
		w.run()
		next := w.again(i)
		w.arrive(next)
		w.want(next, pay.StateFailed, "cool_down")
		w.clock.Advance(3 * time.Minute)
		next = w.again(i)
		w.arrive(next)
		w.want(next, pay.StateDispatching, "")
	})
	t.Run("a phone is asked three times a day at most", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.Cancel)
		for range 3 {
			w.arrive(i)
			w.run()
			w.want(i, pay.StateFailed, "cancelled")
			i = w.again(i)
		}
		w.arrive(i)
		w.want(i, pay.StateFailed, "prompt_limit")
		w.clock.Advance(24 * time.Hour)
		i = w.again(i)
		w.arrive(i)
		w.want(i, pay.StateDispatching, "")
	})
}

func TestCrash(t *testing.T) {
	t.Run("a process that dies while the phone is asked leaves it unknown, and C2B completes it", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.C2BOnly)
		k := w.gate.Snapshot().Knobs
		k.Phones[i.PayerPhone] = simgate.Manual // the payer takes her time
		w.gate.Set(k)
		w.arrive(i)
		o, token, err := w.claimPush(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.opts.Daraja.Push(t.Context(), daraja.Push{
			AmountMinor: o.AmountMinor, Phone: o.PayerPhone, CallbackURL: w.url + "/hk/" + token + "/s", Reference: o.Reference,
		}); err != nil {
			t.Fatal(err)
		}

		// Dead before it wrote anything down. Its successor:
		w.run()
		w.want(i, pay.StateDispatching, "")
		w.clock.Advance(3 * time.Minute)
		w.run()
		w.want(i, pay.StateUnknown, "")
		w.gate.Answer(w.gate.Snapshot().Prompts[0].Checkout, simgate.C2BOnly)
		w.wait()
		w.want(i, pay.StateCompleted, "")
		if w.prompts(i) != 1 {
			t.Errorf("the phone was asked %d times", w.prompts(i))
		}
		w.sound(0)
	})
	t.Run("a process that dies before the phone is asked never asks again by itself", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.Success)
		w.arrive(i)
		if _, _, err := w.claimPush(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(3 * time.Minute)
		w.run()
		w.want(i, pay.StateUnknown, "")
		w.wait()
		w.want(i, pay.StateReview, "no_answer")
		if w.prompts(i) != 0 {
			t.Error("the phone was asked")
		}
		w.sound(0)
	})
	t.Run("no connection to the gateway is a certain no", func(t *testing.T) {
		w := newWorld(t)
		w.opts.Daraja = daraja.New(daraja.Config{BaseURL: "http://127.0.0.1:1", ShortCode: "600123"}, w.clock, time.Second)
		i := w.intent(shared, simgate.Success)
		w.arrive(i)
		w.run()
		w.want(i, pay.StateFailed, "gateway_unreachable")
	})
}

func TestExecutorService(t *testing.T) {
	w := newWorld(t)
	if err := w.exec.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	i := w.intent(shared, simgate.Success)
	w.arrive(i)
	for range 100 {
		if w.order(i).State.Paid() {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := w.exec.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.want(i, pay.StateCompleted, "")
	w.sound(0)
}
