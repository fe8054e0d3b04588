package payments

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"

	"urbanhomeschool.org/uhs/cloud/internal/payments/daraja"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// The faults of a report from the gateway, or of somebody who plays it.
var (
	ErrNoSuchHook = fault.New(fault.NotFound, "There is nothing at this address.").WithCode("no_such_route")
	ErrReport     = fault.New(fault.Malformed, "The report could not be read.").WithCode("malformed")
)

// OnCallback takes the body posted to a push's callback address. Reports are
// unsigned, so a success only makes us ask the gateway; the secret in the
// address is the reason to listen at all. The same report again changes nothing.
func (s *Service) OnCallback(ctx context.Context, token string, body []byte) error {
	c, parseErr := daraja.ParseCallback(body)
	return s.db.Update(ctx, func(tx db.Tx) error {
		found, err := read(ctx, tx, selectByToken, tokenHash(token))
		if notFound(err) {
			s.opts.Log.Warn("a callback with an unknown token")
			return ErrNoSuchHook
		}
		if err != nil {
			return fmt.Errorf("find the order of a callback: %w", err)
		}
		o, err := lock(ctx, tx, found.IntentID)
		if err != nil {
			return err
		}
		if parseErr != nil {
			return ErrReport.Because(parseErr)
		}
		fresh, err := s.inbound(ctx, tx, "stk", c.CheckoutRequest, body, o.IntentID)
		if err != nil || !fresh {
			return err
		}
		if o.CheckoutRequest != "" && o.CheckoutRequest != c.CheckoutRequest {
			s.opts.Log.Warn("a callback about another request", slog.String("intent", string(o.IntentID)))
			return nil
		}
		// The push's own answer may be late or lost: take its ids from here.
		o.CheckoutRequest, o.MerchantRequest = c.CheckoutRequest, c.MerchantRequest
		return s.hear(ctx, tx, &o, c)
	})
}

// hear applies a callback to its order.
func (s *Service) hear(ctx context.Context, tx db.Tx, o *order, c daraja.Callback) error {
	meaning, definite := daraja.Failure(c.Code)
	switch {
	case c.Code == "0":
		o.CallbackCode, o.CallbackReceipt, o.CallbackMinor = c.Code, c.Receipt, c.AmountMinor
		if o.State.Paid() && o.Receipt == c.Receipt {
			return updateOrder(ctx, tx, o)
		}
		if o.QueryCode == "0" {
			return s.settleCallback(ctx, tx, o)
		}
		now := s.opts.Clock.Now()
		o.NextQueryAt, o.Queries = &now, min(o.Queries, len(s.opts.Schedule)-1)
		s.rouse(tx)
		if underWay(o.State) {
			o.becomes(pay.StatePending, "")
		}
		return s.store(ctx, tx, o)
	case definite && underWay(o.State) && o.CallbackCode != "0":
		o.CallbackCode, o.NextQueryAt = c.Code, nil
		o.becomes(pay.StateFailed, string(meaning))
		return s.store(ctx, tx, o)
	}
	return updateOrder(ctx, tx, o)
}

// inbound records a report; fresh is false when the very same one came before.
func (s *Service) inbound(ctx context.Context, tx db.Tx, kind, ref string, body []byte, i pay.IntentID) (fresh bool, err error) {
	sum := sha256.Sum256(body)
	n, err := tx.Exec(ctx, insertInbound, "mpesa", kind, ref, sum[:], string(body), i, s.opts.Clock.Now())
	if err != nil {
		return false, fmt.Errorf("record a report: %w", err)
	}
	return n > 0, nil
}

func refKey(reference string) string { return "ref " + reference }

// OnConfirmation takes the body posted to the C2B address: money at our PayBill,
// with the reference of a push, or what the payer typed. Money nobody can place
// waits in suspense and in the review list.
func (s *Service) OnConfirmation(ctx context.Context, secret string, body []byte) error {
	if subtle.ConstantTimeCompare([]byte(secret), []byte(s.opts.C2BSecret)) != 1 {
		s.opts.Log.Warn("a confirmation with a wrong secret")
		return ErrNoSuchHook
	}
	c, err := daraja.ParseConfirmation(body)
	if err != nil {
		return ErrReport.Because(err)
	}
	if c.ShortCode != s.opts.Daraja.ShortCode() {
		return ErrReport.Hint("a confirmation for another short code")
	}
	return s.arrived(ctx, "c2b", string(body), money{c.Receipt, c.AmountMinor, "c2b", id.Typed(c.Reference)})
}

// arrived books money that the gateway told of, by a report or in a list. The
// very same text changes nothing a second time, nor does the same receipt.
func (s *Service) arrived(ctx context.Context, kind, body string, m money) error {
	err := s.db.Update(ctx, func(tx db.Tx) error {
		// The reference before learner and course, as in take: the order of locks.
		if err := hold(ctx, tx, refKey(m.Reference)); err != nil {
			return err
		}
		o, err := s.payee(ctx, tx, m)
		if err != nil && !notFound(err) {
			return fmt.Errorf("find the order of a confirmation: %w", err)
		}
		fresh, err := s.inbound(ctx, tx, kind, m.Receipt, []byte(body), o.IntentID)
		if err != nil || !fresh {
			return err
		}
		if o.IntentID == "" {
			return s.keep(ctx, tx, m)
		}
		if o, err = lock(ctx, tx, o.IntentID); err != nil {
			return err
		}
		return s.settle(ctx, tx, &o, m)
	})
	if errors.Is(err, errContradicted) {
		return s.contradicted(ctx, m, err)
	}
	return err
}

// payee is the order money is for: the one with its reference, or for a
// learner's number the newest unpaid one of exactly this price.
func (s *Service) payee(ctx context.Context, tx db.Tx, m money) (order, error) {
	o, err := read(ctx, tx, selectByReference, m.Reference)
	if notFound(err) {
		o, err = read(ctx, tx, selectByLearnerReference, m.Reference, m.AmountMinor)
	}
	return o, err
}

// keep books money nobody can place yet.
func (s *Service) keep(ctx context.Context, tx db.Tx, m money) error {
	_, fresh, err := s.receive(ctx, tx, kes, m)
	if err != nil || !fresh {
		return err
	}
	if err := s.suspend(ctx, tx, "", kes, m); err != nil {
		return err
	}
	return s.review(ctx, tx, Review{Reason: reasonUnmatched, Receipt: m.Receipt, AmountMinor: m.AmountMinor, Currency: kes})
}

// ask puts a receipt that came with two amounts before a person.
func (s *Service) ask(ctx context.Context, m money) error {
	return s.db.Update(ctx, func(tx db.Tx) error {
		return s.review(ctx, tx, Review{Reason: reasonContradiction, Receipt: m.Receipt, AmountMinor: m.AmountMinor, Currency: kes})
	})
}

// kes is the only currency M-Pesa moves.
const kes = "KES"
