package payments

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

func account(s string) identity.AccountID { return identity.AccountID(s) }
func course(s string) catalogue.CourseID  { return catalogue.CourseID(s) }

// money arrived for certain.
type money struct {
	Receipt     string
	AmountMinor int64
	Source      string // stk | c2b | person
	Reference   string
}

// errContradicted is a receipt that came with two amounts.
var errContradicted = fault.New(fault.Conflict, "The same receipt with another amount.").WithCode("receipt_contradiction")

// settle books m for a locked order: the course is unlocked when the price is
// covered, the money waits in suspense for a person when it is not or when the
// course was paid before. State, ledger, entitlement and outcome change in this
// one transaction, and the same receipt changes nothing a second time.
func (s *Service) settle(ctx context.Context, tx db.Tx, o *order, m money) error {
	known, fresh, err := s.receive(ctx, tx, o.Currency, m)
	if err != nil {
		return err
	}
	if !fresh && known.IntentID != "" {
		return nil
	}
	from := accountGateway
	if !fresh {
		from = accountSuspense // it came before anybody knew whose it was
	}

	reason, err := s.unfit(ctx, tx, o, m)
	if err != nil {
		return err
	}
	if reason != "" {
		return s.park(ctx, tx, o, m, from, reason)
	}
	return s.buy(ctx, tx, o, m, from)
}

// receive stores the receipt; fresh tells that it was not known before.
func (s *Service) receive(ctx context.Context, tx db.Tx, currency string, m money) (r receipt, fresh bool, err error) {
	r = receipt{m.Receipt, "", m.Reference, m.AmountMinor, currency, m.Source, "suspense", s.opts.Clock.Now()}
	fresh, err = insertReceipt(ctx, tx, r)
	if err != nil || fresh {
		return r, fresh, err
	}
	r, err = readReceipt(ctx, tx, m.Receipt)
	if err == nil && r.AmountMinor != m.AmountMinor {
		return r, false, errContradicted
	}
	return r, false, err
}

// unfit is why m does not buy the course of o.
func (s *Service) unfit(ctx context.Context, tx db.Tx, o *order, m money) (string, error) {
	unlocked, err := pay.HasEntitlement(ctx, tx, account(o.LearnerID), catalogue.CourseID(o.CourseID))
	if err != nil {
		return "", fmt.Errorf("read entitlement: %w", err)
	}
	switch {
	case unlocked || o.State.Paid():
		return reasonPaidTwice, nil
	case o.State == pay.StateRejected: // nothing of a rejected intent is believed, its price least
		return o.Reason, nil
	case m.AmountMinor < o.AmountMinor:
		return reasonUnderpaid, nil
	}
	return "", nil
}

// park leaves m in suspense until a person decides.
func (s *Service) park(ctx context.Context, tx db.Tx, o *order, m money, from, reason string) error {
	if from == accountGateway {
		if err := s.suspend(ctx, tx, o.IntentID, o.Currency, m); err != nil {
			return err
		}
	}
	if err := assignReceipt(ctx, tx, m.Receipt, o.IntentID, "suspense", s.opts.Clock.Now()); err != nil {
		return err
	}
	if err := s.review(ctx, tx, Review{Reason: reason, IntentID: o.IntentID, Receipt: m.Receipt, AmountMinor: m.AmountMinor, Currency: o.Currency}); err != nil {
		return err
	}
	if o.State.Paid() || o.State == pay.StateRejected {
		return nil
	}
	o.becomes(pay.StateReview, reason)
	o.NextQueryAt = nil
	return s.store(ctx, tx, o)
}

// suspend books money nobody may spend yet.
func (s *Service) suspend(ctx context.Context, tx db.Tx, i pay.IntentID, currency string, m money) error {
	_, err := s.post(ctx, tx, Transaction{
		ID: "rcv:" + m.Receipt, Kind: "receipt", IntentID: i, Receipt: m.Receipt,
		Postings: []Posting{{accountGateway, currency, -m.AmountMinor}, {accountSuspense, currency, m.AmountMinor}},
	})
	return err
}

// buy books the purchase and unlocks the course.
func (s *Service) buy(ctx context.Context, tx db.Tx, o *order, m money, from string) error {
	t := Transaction{ID: "buy:" + string(o.IntentID), Kind: "purchase", IntentID: o.IntentID, Receipt: m.Receipt, Split: splitOf(o.Owner)}
	excess := m.AmountMinor - o.AmountMinor
	t.Postings = append(t.Postings, Posting{from, o.Currency, -o.AmountMinor})
	if from == accountGateway && excess > 0 {
		t.Postings[0].AmountMinor -= excess
		t.Postings = append(t.Postings, Posting{accountSuspense, o.Currency, excess})
	}
	for _, share := range Split(o.AmountMinor, o.Owner) {
		t.Postings = append(t.Postings, Posting{share.Account, o.Currency, share.AmountMinor})
	}
	if _, err := s.post(ctx, tx, t); err != nil {
		return err
	}
	if err := assignReceipt(ctx, tx, m.Receipt, o.IntentID, "purchase", s.opts.Clock.Now()); err != nil {
		return err
	}
	if err := s.closeReviews(ctx, tx, o.IntentID, "paid: "+m.Receipt); err != nil {
		return err
	}
	if excess > 0 {
		if err := s.review(ctx, tx, Review{Reason: reasonOverpaid, IntentID: o.IntentID, Receipt: m.Receipt, AmountMinor: excess, Currency: o.Currency}); err != nil {
			return err
		}
	}

	paid := pay.StateCompleted
	if o.State == pay.StateFailed {
		paid = pay.StateLateSuccess
	}
	o.becomes(paid, "")
	o.Receipt, o.NextQueryAt = m.Receipt, nil
	if err := s.unlock(ctx, tx, o); err != nil {
		return err
	}
	return s.store(ctx, tx, o)
}

// unlock gives the learner the course.
func (s *Service) unlock(ctx context.Context, tx db.Tx, o *order) error {
	e := pay.Entitlement{
		LearnerID: account(o.LearnerID), CourseID: catalogue.CourseID(o.CourseID), Source: pay.SourcePurchase,
		IntentID: o.IntentID, Active: true, At: db.Time{Time: s.opts.Clock.Now()},
	}
	e.ID = pay.EntitlementID(e.LearnerID, e.CourseID)
	rev, err := count(ctx, tx, lastEntitlementRev, e.ID)
	if err != nil {
		return fmt.Errorf("read entitlement: %w", err)
	}
	e.Rev = rev + 1
	if _, err := pay.Entitlements.Save(ctx, tx, e); err != nil {
		return fmt.Errorf("save entitlement: %w", err)
	}
	return nil
}

// review asks a person. The same question about the same thing is asked once.
func (s *Service) review(ctx context.Context, tx db.Tx, r Review) error {
	r.ID = id.Derived("review", r.Reason, string(r.IntentID), r.Receipt)
	r.OpenedAt = s.opts.Clock.Now()
	if err := insertReview(ctx, tx, r); err != nil {
		return fmt.Errorf("open a review: %w", err)
	}
	return nil
}

func (s *Service) closeReviews(ctx context.Context, tx db.Tx, i pay.IntentID, resolution string) error {
	_, err := tx.Exec(ctx, resolveReviewsOf, i, s.opts.Clock.Now(), resolution)
	if err != nil {
		return fmt.Errorf("close reviews: %w", err)
	}
	return nil
}

// notFound tells whether err means "no such row".
func notFound(err error) bool { return errors.Is(err, db.ErrNoRows) }
