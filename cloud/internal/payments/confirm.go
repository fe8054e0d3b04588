package payments

import (
	"context"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// The faults of a late yes.
var (
	ErrQuietHours   = fault.New(fault.Conflict, "Phones are asked between 7 in the morning and 8 in the evening only.").WithCode("quiet_hours")
	ErrExpired      = fault.New(fault.Gone, "This payment was not confirmed in time. Start a new one.").WithCode("payment_expired")
	ErrPriceChanged = fault.New(fault.Conflict, "The price has changed. Look at the new price and confirm again.").WithCode("price_changed")
	ErrUnconfirmed  = fault.New(fault.Conflict, "This payment does not wait for a confirmation.").WithCode("not_waiting")
	ErrCoolDown     = fault.New(fault.TooMany, "This phone was just asked. Wait two minutes.").WithCode("cool_down")
)

// Hours are the hours of a day in Nairobi in which phones are asked; the zero
// Hours are from 7 to 20.
type Hours struct{ From, To int }

// quiet tells whether phones are left alone at an hour.
func (h Hours) quiet(hour int) bool {
	if h == (Hours{}) {
		h = Hours{7, 20}
	}
	return hour < h.From || hour >= h.To
}

// Confirm is a parent's fresh yes to an intent that was too old, or whose price
// had changed: her phone is asked now. Confirming again while it is being asked,
// or after it was paid, changes nothing.
func (s *Service) Confirm(ctx context.Context, who identity.Actor, intent pay.IntentID) (pay.Payment, error) {
	if err := who.Require(identity.Parent); err != nil {
		return pay.Payment{}, err
	}
	var out pay.Payment
	var refusal error // the new price is kept although the answer is an error
	err := s.db.Update(ctx, func(tx db.Tx) error {
		children, err := s.opts.Guardians.Children(ctx, tx, who.Account)
		if err != nil {
			return fmt.Errorf("list children: %w", err)
		}
		o, err := lock(ctx, tx, intent)
		if notFound(err) || err == nil && !slices.Contains(children, account(o.LearnerID)) {
			return pay.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("read order: %w", err)
		}
		if refusal, err = s.confirm(ctx, tx, &o); err != nil {
			return err
		}
		out, err = pay.GetPayment(ctx, tx, intent)
		return err
	})
	if err == nil {
		err = refusal
	}
	out.Signature = nil
	return out, err
}

func (s *Service) confirm(ctx context.Context, tx db.Tx, o *order) (refusal, err error) {
	now := s.opts.Clock.Now()
	hour := now.In(pay.Nairobi()).Hour()
	switch {
	case underWay(o.State) || o.State.Paid():
		return nil, nil
	case o.State == pay.StateFailed && o.Reason == reasonExpired, o.State == pay.StateNeedsConfirmation && !now.Before(o.ExpiresAt):
		return nil, ErrExpired
	case o.State != pay.StateNeedsConfirmation:
		return nil, ErrUnconfirmed
	case s.opts.Hours.quiet(hour):
		return nil, ErrQuietHours
	}
	price, err := s.opts.Prices.Price(ctx, tx, catalogue.CourseID(o.CourseID))
	if err == nil {
		err = price.Takes()
	}
	if err != nil {
		return nil, err
	}
	if price.AmountMinor != o.AmountMinor || price.Currency != o.Currency {
		o.AmountMinor, o.Currency, o.Owner, o.Reason = price.AmountMinor, price.Currency, string(price.Owner), reasonPriceChanged
		return ErrPriceChanged, s.store(ctx, tx, o)
	}
	if err := s.mayAskAgain(ctx, tx, o); err != nil {
		return nil, err
	}
	o.AskedAt = now
	o.becomes(pay.StateDispatching, "")
	s.rouse(tx)
	return nil, s.store(ctx, tx, o)
}

// mayAskAgain checks what may have changed since the intent was made.
func (s *Service) mayAskAgain(ctx context.Context, tx db.Tx, o *order) error {
	known, err := s.verified(ctx, tx, pay.Intent{LearnerID: account(o.LearnerID), PayerPhone: o.PayerPhone})
	if err != nil {
		return err
	}
	if !known {
		return pay.ErrNotGuardian
	}
	reason, err := s.mayPrompt(ctx, tx, o.PayerPhone, s.opts.Clock.Now())
	switch {
	case err != nil:
		return err
	case reason == reasonPromptLimit:
		return pay.ErrTooManyPrompts
	case reason != "":
		return ErrCoolDown
	}
	return nil
}
