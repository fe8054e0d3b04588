package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// OnIntents decides on intents that arrived from schools, in the transaction
// that applies them. What is wrong with an intent becomes its outcome; only
// trouble of the database is an error.
func (s *Service) OnIntents(ctx context.Context, tx db.Tx, arrived []pay.Intent) error {
	for _, i := range arrived {
		keys, err := s.opts.NodeKeys(ctx, tx, i.SchoolID)
		if err != nil {
			return fmt.Errorf("read keys of school %s: %w", i.SchoolID, err)
		}
		genuine := i.SignedBy(keys) && i.Reference == pay.ReferenceOf(i.ID) &&
			i.ExpiresAt.Sub(i.CreatedAt.Time) <= pay.DefaultValidity
		if !genuine {
			s.opts.Log.Warn("an intent without a good signature", logging.School(string(i.SchoolID)), slog.String("intent", string(i.ID)))
		}
		if err := s.take(ctx, tx, i, genuine); err != nil {
			return fmt.Errorf("decide on intent %s: %w", i.ID, err)
		}
	}
	return nil
}

// Start implements pay.Gateway for intents made at the cloud.
func (s *Service) Start(ctx context.Context, tx db.Tx, i pay.Intent) error {
	return s.take(ctx, tx, i, true)
}

// verdict is what becomes of an intent.
type verdict struct {
	state  pay.State
	reason string
	price  pay.Price // to be charged; the intent's own when there is no other
}

// take makes the order of an intent, once however often it comes.
func (s *Service) take(ctx context.Context, tx db.Tx, i pay.Intent, genuine bool) error {
	learnerRef := pay.LearnerReference(i.LearnerID)
	for _, key := range []string{refKey(i.Reference), refKey(learnerRef), pair(string(i.LearnerID), string(i.CourseID))} {
		if err := hold(ctx, tx, key); err != nil {
			return err
		}
	}
	if _, err := read(ctx, tx, selectOrder, i.ID); !notFound(err) {
		return err // nil: decided on before
	}
	v := verdict{pay.StateRejected, reasonSignature, pay.Price{AmountMinor: i.AmountMinor, Currency: i.Currency, Owner: pay.Platform}}
	if genuine {
		var err error
		if v, err = s.judge(ctx, tx, i); err != nil {
			return err
		}
		if v, err = s.doubt(ctx, tx, i, v); err != nil {
			return err
		}
	}
	now := s.opts.Clock.Now()
	o := order{
		IntentID: i.ID, SchoolID: string(i.SchoolID), LearnerID: string(i.LearnerID), CourseID: string(i.CourseID),
		PayerPhone: i.PayerPhone, AmountMinor: v.price.AmountMinor, Currency: v.price.Currency, Owner: string(v.price.Owner),
		Reference: i.Reference, LearnerReference: learnerRef, State: v.state, Reason: v.reason, Rev: 1,
		AskedAt: i.CreatedAt.Time, CreatedAt: i.CreatedAt.Time, ExpiresAt: i.ExpiresAt.Time, UpdatedAt: now,
	}
	if v.state == pay.StateDispatching || v.state == pay.StateNeedsConfirmation || v.state == pay.StateUnknown {
		if err := s.replace(ctx, tx, o); err != nil {
			return err
		}
	}
	inserted, err := insertOrder(ctx, tx, o)
	if err != nil || !inserted {
		return err
	}
	if o.State == pay.StateUnknown {
		s.watch(&o)
		if err := updateOrder(ctx, tx, &o); err != nil {
			return err
		}
	}
	if err := s.tell(ctx, tx, &o); err != nil {
		return err
	}
	s.rouse(tx)
	return s.claimEarlyMoney(ctx, tx, &o)
}

// replace closes an order that only waits for the payer's fresh yes: a newer
// intent for the same course takes its place.
func (s *Service) replace(ctx context.Context, tx db.Tx, by order) error {
	old, err := read(ctx, tx, selectUnconfirmed, by.LearnerID, by.CourseID)
	if errors.Is(err, db.ErrNoRows) || err == nil && old.IntentID == by.IntentID {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find an unconfirmed order: %w", err)
	}
	old.becomes(pay.StateFailed, reasonReplaced)
	return s.store(ctx, tx, &old)
}

// claimEarlyMoney settles o with a PayBill payment that came before the intent
// did: the usual way for a school that is offline.
func (s *Service) claimEarlyMoney(ctx context.Context, tx db.Tx, o *order) error {
	if o.State == pay.StateRejected {
		return nil
	}
	early, err := unmatched(ctx, tx, o.Reference, o.LearnerReference)
	if err != nil {
		return fmt.Errorf("look for early money: %w", err)
	}
	for _, r := range early {
		// A learner's number says nothing about the course: only the exact price does.
		if r.Reference == o.LearnerReference && (r.AmountMinor != o.AmountMinor || o.State.Paid()) {
			continue
		}
		if err := s.settle(ctx, tx, o, money{r.Receipt, r.AmountMinor, r.Source, r.Reference}); err != nil {
			return err
		}
	}
	return nil
}

// judge decides on a genuine intent. It holds learner and course.
func (s *Service) judge(ctx context.Context, tx db.Tx, i pay.Intent) (verdict, error) {
	asked := pay.Price{AmountMinor: i.AmountMinor, Currency: i.Currency, Owner: pay.Platform}
	price, err := s.opts.Prices.Price(ctx, tx, i.CourseID)
	if fault.KindOf(err) == fault.NotFound || errors.Is(err, db.ErrNoRows) {
		return verdict{pay.StateRejected, reasonUnknownCourse, asked}, nil
	}
	if err != nil {
		return verdict{}, fmt.Errorf("read the price: %w", err)
	}
	switch err := price.Takes(); {
	case errors.Is(err, pay.ErrFree):
		return verdict{pay.StateRejected, reasonFree, asked}, nil
	case err != nil:
		return verdict{pay.StateRejected, reasonWrongPrice, asked}, nil //nolint:nilerr // a price that cannot be taken is a verdict
	}
	changed := price.AmountMinor != i.AmountMinor || price.Currency != i.Currency
	if changed && price.Edition <= i.Edition { // the school knew this edition: it asked for another price
		return verdict{pay.StateRejected, reasonWrongPrice, asked}, nil
	}
	if state, reason, err := s.obstacle(ctx, tx, i); err != nil || reason != "" {
		return verdict{state, reason, price}, err
	}

	now := s.opts.Clock.Now()
	switch {
	case !now.Before(i.ExpiresAt.Time):
		return verdict{pay.StateFailed, reasonExpired, price}, nil
	case changed:
		return verdict{pay.StateNeedsConfirmation, reasonPriceChanged, price}, nil
	case !s.fresh(i.CreatedAt.Time, now):
		return verdict{pay.StateNeedsConfirmation, reasonTooOld, price}, nil
	}
	reason, err := s.mayPrompt(ctx, tx, i.PayerPhone, now)
	if err != nil || reason != "" {
		return verdict{pay.StateFailed, reason, price}, err
	}
	return verdict{pay.StateDispatching, "", price}, nil
}

// fresh tells whether a payer who was there at asked is likely still there. A
// time well in the future comes from a wrong clock and says nothing.
func (s *Service) fresh(asked, now time.Time) bool {
	return now.Sub(asked) <= s.opts.Fresh && asked.Sub(now) <= 5*time.Minute
}

// obstacle is why this payer may not pay for this course at all.
func (s *Service) obstacle(ctx context.Context, tx db.Tx, i pay.Intent) (pay.State, string, error) {
	paid, err := pay.HasEntitlement(ctx, tx, i.LearnerID, i.CourseID)
	if err != nil {
		return "", "", fmt.Errorf("read entitlement: %w", err)
	}
	if paid {
		return pay.StateRejected, reasonAlreadyPaid, nil
	}
	running, err := count(ctx, tx, countRunning, i.LearnerID, i.CourseID, i.ID)
	if err != nil {
		return "", "", fmt.Errorf("count running orders: %w", err)
	}
	if running > 0 {
		return pay.StateFailed, reasonAlreadyStarted, nil
	}
	known, err := s.verified(ctx, tx, i)
	if err != nil {
		return "", "", err
	}
	if !known {
		return pay.StateRejected, reasonPayer, nil
	}
	return "", "", nil
}

func (s *Service) verified(ctx context.Context, tx db.Tx, i pay.Intent) (bool, error) {
	phones, err := s.opts.Guardians.VerifiedPhones(ctx, tx, i.LearnerID)
	if err != nil {
		return false, fmt.Errorf("list guardians' numbers: %w", err)
	}
	return slices.ContainsFunc(phones, func(p string) bool { return p != "" && pay.Phone(p) == pay.Phone(i.PayerPhone) }), nil
}

// coolDown is how long M-Pesa refuses the same amount from the same phone.
const coolDown = 2 * time.Minute

// mayPrompt gives the reason why phone may not be asked now, if there is one.
// Prompts to one phone are counted one after the other.
func (s *Service) mayPrompt(ctx context.Context, tx db.Tx, phone string, now time.Time) (string, error) {
	if err := hold(ctx, tx, "phone "+phone); err != nil {
		return "", err
	}
	today, err := count(ctx, tx, countPrompts, phone, pay.DayInNairobi(now))
	if err != nil {
		return "", fmt.Errorf("count prompts: %w", err)
	}
	if today >= pay.PromptsADay {
		return reasonPromptLimit, nil
	}
	busy, err := count(ctx, tx, countBusy, phone, now.Add(-coolDown))
	if err != nil {
		return "", fmt.Errorf("count busy answers: %w", err)
	}
	if busy > 0 {
		return reasonCoolDown, nil
	}
	return "", nil
}
