package payments

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/payments/daraja"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	pay "urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/service"
)

// Executor is the part that calls the gateway: a service.Service. Several
// processes may run one; each order is claimed by one of them, once.
type Executor struct {
	*service.Loop

	s     *Service
	slots chan struct{}
	calls sync.WaitGroup
}

// NewExecutor makes the executor of s.
func NewExecutor(s *Service) *Executor {
	e := &Executor{s: s, slots: make(chan struct{}, s.opts.Workers)}
	e.Loop = service.NewLoop(e.run)
	return e
}

func (e *Executor) run(ctx context.Context) {
	defer e.calls.Wait()
	ticker := time.NewTicker(e.s.opts.Poll)
	defer ticker.Stop()
	for {
		if err := e.begin(ctx); err != nil && ctx.Err() == nil {
			e.s.opts.Log.Error("execute payments", logging.Err(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-e.s.wake:
		}
	}
}

// Step does everything that is due now and waits for it.
func (e *Executor) Step(ctx context.Context) error {
	err := e.begin(ctx)
	e.calls.Wait()
	return err
}

// begin starts a call for everything that is due.
func (e *Executor) begin(ctx context.Context) error {
	if err := e.s.tidy(ctx); err != nil {
		return err
	}
	for {
		o, token, err := e.s.claimPush(ctx)
		if errors.Is(err, db.ErrNoRows) {
			break
		}
		if err != nil {
			return fmt.Errorf("claim an order: %w", err)
		}
		if token != "" {
			e.call(ctx, o, func(ctx context.Context) error { return e.s.push(ctx, o, token) })
		}
	}
	for {
		o, err := e.s.claimQuery(ctx)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("claim a query: %w", err)
		}
		if o.CheckoutRequest != "" && o.NextQueryAt != nil {
			e.call(ctx, o, func(ctx context.Context) error { return e.s.query(ctx, o) })
		}
	}
}

// call runs fn when a slot is free. It is not cut short by Stop: a phone may be
// ringing, and the gateway's answer is worth the wait of one call.
func (e *Executor) call(ctx context.Context, o order, fn func(context.Context) error) {
	e.slots <- struct{}{}
	ctx = context.WithoutCancel(ctx)
	e.calls.Go(func() {
		defer func() { <-e.slots }()
		if err := fn(ctx); err != nil {
			e.s.opts.Log.Error("call the gateway", slog.String("intent", string(o.IntentID)), logging.Err(err))
		}
	})
}

// claimPush takes the oldest order that nobody took. The claim and the hash of
// the callback's secret are committed before the phone is asked. The token is
// empty when the payer has likely gone and nothing is to be called.
func (s *Service) claimPush(ctx context.Context) (o order, token string, err error) {
	err = s.db.Update(ctx, func(tx db.Tx) error {
		token = ""
		if o, err = read(ctx, tx, takeDispatching); err != nil {
			return err
		}
		now := s.opts.Clock.Now()
		if !s.fresh(o.AskedAt, now) {
			o.becomes(pay.StateNeedsConfirmation, reasonTooOld)
			return s.store(ctx, tx, &o)
		}
		token = newToken()
		o.ClaimedAt, o.TokenHash = &now, tokenHash(token)
		return updateOrder(ctx, tx, &o)
	})
	return o, token, err
}

// newToken is 128 random bits in hexadecimal: base64 could spell one of the
// words for which the gateway refuses an address.
func newToken() string {
	raw, err := base64.RawURLEncoding.DecodeString(id.Secret(16))
	if err != nil { // id.Secret makes it
		panic(err)
	}
	return hex.EncodeToString(raw)
}

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// push asks the payer's phone, once, and records the answer. A callback may have
// been quicker.
func (s *Service) push(ctx context.Context, o order, token string) error {
	accepted, callErr := s.opts.Daraja.Push(ctx, daraja.Push{
		AmountMinor: o.AmountMinor, Phone: o.PayerPhone, CallbackURL: s.opts.PublicURL + "/hk/" + token + "/s",
		Reference: o.Reference, Description: "Course fee",
	})
	var refused *daraja.Refused
	return s.db.Update(ctx, func(tx db.Tx) error {
		o, err := lock(ctx, tx, o.IntentID)
		if err != nil {
			return err
		}
		waiting := o.State == pay.StateDispatching || o.State == pay.StateUnknown
		switch {
		case callErr == nil:
			o.MerchantRequest, o.CheckoutRequest = accepted.MerchantRequest, accepted.CheckoutRequest
			if waiting {
				o.becomes(pay.StatePending, "")
			}
		case errors.As(callErr, &refused):
			s.opts.Log.Warn("the gateway refused a push", slog.String("intent", string(o.IntentID)), logging.Err(callErr))
			if waiting {
				o.becomes(pay.StateFailed, refusal(refused))
			}
		default:
			s.opts.Log.Warn("a push without an answer", slog.String("intent", string(o.IntentID)), logging.Err(callErr))
			if waiting {
				o.becomes(pay.StateUnknown, "")
			}
		}
		if (o.State == pay.StatePending || o.State == pay.StateUnknown) && o.NextQueryAt == nil {
			o.NextQueryAt = s.due(&o)
		}
		return s.store(ctx, tx, &o)
	})
}

func refusal(r *daraja.Refused) string {
	switch r.Code {
	case daraja.Unreachable:
		return reasonUnreachable
	case "500.003.02", "500.003.03", "500.001.1001": // spike arrest, quota, a session is open on the phone
		return string(daraja.Busy)
	}
	return reasonNotSent
}

// due is when to ask next, by the schedule from the push on, and not at once.
func (s *Service) due(o *order) *time.Time {
	now := s.opts.Clock.Now()
	at := now.Add(s.opts.Schedule[0])
	if o.ClaimedAt != nil && o.Queries < len(s.opts.Schedule) {
		if planned := o.ClaimedAt.Add(s.opts.Schedule[o.Queries]); planned.After(now) {
			at = planned
		}
	}
	return &at
}

// claimQuery takes an order whose next question is due and plans the one after.
// Without a CheckoutRequestID there is nothing to ask with, and after the last
// question (NextQueryAt is nil then) a person decides.
func (s *Service) claimQuery(ctx context.Context) (o order, err error) {
	err = s.db.Update(ctx, func(tx db.Tx) error {
		if o, err = read(ctx, tx, takeDue, s.opts.Clock.Now()); err != nil {
			return err
		}
		if o.Queries >= len(s.opts.Schedule) {
			return s.giveUp(ctx, tx, &o)
		}
		o.Queries++
		o.NextQueryAt = s.due(&o)
		return updateOrder(ctx, tx, &o)
	})
	return o, err
}

// giveUp hands the order to a person. Money that arrives later still settles it.
func (s *Service) giveUp(ctx context.Context, tx db.Tx, o *order) error {
	reason := reasonNoAnswer
	switch {
	case o.CallbackCode == "0":
		reason = reasonContradiction
	case o.QueryCode == "0":
		reason = reasonQueryOnly
	}
	return s.toReview(ctx, tx, o, reason)
}

func (s *Service) toReview(ctx context.Context, tx db.Tx, o *order, reason string) error {
	o.NextQueryAt = nil
	if err := s.review(ctx, tx, Review{Reason: reason, IntentID: o.IntentID, Receipt: o.CallbackReceipt, AmountMinor: o.AmountMinor, Currency: o.Currency}); err != nil {
		return err
	}
	o.becomes(pay.StateReview, reason)
	return s.store(ctx, tx, o)
}

// query asks the gateway how a push went.
func (s *Service) query(ctx context.Context, o order) error {
	result, err := s.opts.Daraja.Query(ctx, o.CheckoutRequest)
	if err != nil {
		s.opts.Log.Info("a query without an answer", slog.String("intent", string(o.IntentID)), logging.Err(err))
		return nil // the schedule asks again
	}
	return s.db.Update(ctx, func(tx db.Tx) error {
		o, err := lock(ctx, tx, o.IntentID)
		if err != nil {
			return err
		}
		return s.learn(ctx, tx, &o, result.Code)
	})
}

// learn applies what a query said. A query knows neither receipt nor amount, so
// alone it proves nothing; and a callback's success is never overturned by it.
func (s *Service) learn(ctx context.Context, tx db.Tx, o *order, code string) error {
	if code == "" { // being processed
		return nil
	}
	before := o.QueryCode
	o.QueryCode = code
	meaning, definite := daraja.Failure(code)
	switch {
	case code == "0" && o.CallbackCode == "0":
		return s.settleCallback(ctx, tx, o)
	case code == "0" && before == "0" && !o.State.Paid():
		// Twice now, and neither callback nor C2B came in between.
		return s.toReview(ctx, tx, o, reasonQueryOnly)
	case definite && o.CallbackCode != "0" && underWay(o.State):
		o.NextQueryAt = nil
		o.becomes(pay.StateFailed, string(meaning))
		return s.store(ctx, tx, o)
	}
	return updateOrder(ctx, tx, o)
}

func underWay(state pay.State) bool {
	return state == pay.StateDispatching || state == pay.StatePending || state == pay.StateUnknown
}

// settleCallback books what the callback claimed, once a query proved it.
func (s *Service) settleCallback(ctx context.Context, tx db.Tx, o *order) error {
	o.NextQueryAt = nil
	if err := updateOrder(ctx, tx, o); err != nil {
		return fmt.Errorf("update order %s: %w", o.IntentID, err)
	}
	return s.settle(ctx, tx, o, money{o.CallbackReceipt, o.CallbackMinor, "stk", o.Reference})
}

// tidy finds orders whose caller died, and those whose time for a yes is over.
func (s *Service) tidy(ctx context.Context) error {
	now := s.opts.Clock.Now()
	return s.db.Update(ctx, func(tx db.Tx) error {
		lost, err := readAll(ctx, tx, takeLost, now.Add(-2*s.opts.CallTimeout))
		if err != nil {
			return fmt.Errorf("find lost calls: %w", err)
		}
		for i := range lost {
			o := &lost[i]
			o.becomes(pay.StateUnknown, "")
			o.NextQueryAt = s.due(o)
			if err := s.store(ctx, tx, o); err != nil {
				return err
			}
		}
		expired, err := readAll(ctx, tx, takeExpired, now)
		if err != nil {
			return fmt.Errorf("find expired orders: %w", err)
		}
		for i := range expired {
			expired[i].becomes(pay.StateFailed, reasonExpired)
			if err := s.store(ctx, tx, &expired[i]); err != nil {
				return err
			}
		}
		return nil
	})
}
