package payments

import (
	"context"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// Review is a question to a person: about an order, about money, or both.
type Review struct {
	ID          string
	Reason      string
	IntentID    pay.IntentID
	Receipt     string
	AmountMinor int64
	Currency    string
	OpenedAt    time.Time
	LearnerID   string
	CourseID    string
	Reference   string
}

// Decision on a review. Confirm an order that was paid by giving the receipt and
// amount of M-Pesa's own statement; place unmatched money by giving Reference;
// or close the question: an order that waits for it has then failed.
type Decision struct {
	Paid        bool
	Receipt     string
	AmountMinor int64
	Reference   string
	Note        string
}

// The faults of a decision.
var (
	ErrNoReview   = fault.New(fault.NotFound, "There is no such open question.").WithCode("review_not_found")
	ErrNoEvidence = fault.New(fault.Invalid, "Give the receipt and the amount of M-Pesa's statement.").WithCode("receipt_needed").At("is needed", "receipt")
	ErrNoOrder    = fault.New(fault.Invalid, "No payment has this reference.").WithCode("reference_unknown").At("is not known", "reference")
)

// ListReviews lists the open questions, oldest first, for admin and staff.
func (s *Service) ListReviews(ctx context.Context, who identity.Actor) ([]Review, error) {
	if err := who.Require(identity.Admin, identity.Staff); err != nil {
		return nil, err
	}
	var out []Review
	err := s.db.View(ctx, func(tx db.Tx) (err error) {
		out, err = openReviews(ctx, tx)
		return err
	})
	return out, err
}

// Resolve closes a question with an admin's decision.
func (s *Service) Resolve(ctx context.Context, who identity.Actor, reviewID string, d Decision) error {
	if err := who.Require(identity.Admin); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx db.Tx) error {
		r, err := readReview(ctx, tx, reviewID)
		if notFound(err) {
			return ErrNoReview
		}
		if err != nil {
			return fmt.Errorf("read review: %w", err)
		}
		resolution, err := s.act(ctx, tx, r, d)
		if err != nil {
			return err
		}
		if d.Note != "" {
			resolution += ": " + d.Note
		}
		_, err = tx.Exec(ctx, resolveReview, r.ID, s.opts.Clock.Now(), who.Account, resolution)
		return err
	})
}

// act does what was decided and says so in a word.
func (s *Service) act(ctx context.Context, tx db.Tx, r Review, d Decision) (string, error) {
	switch {
	case d.Reference != "":
		return "placed", s.place(ctx, tx, r, d)
	case d.Paid:
		return "paid", s.attest(ctx, tx, r, d)
	}
	if r.IntentID == "" {
		return "closed", nil
	}
	o, err := lock(ctx, tx, r.IntentID)
	if err != nil {
		return "", fmt.Errorf("read order: %w", err)
	}
	if o.State != pay.StateReview {
		return "closed", nil
	}
	o.becomes(pay.StateFailed, reasonNotPaid)
	return "not paid", s.store(ctx, tx, &o)
}

// place gives unmatched money to the order with a reference.
func (s *Service) place(ctx context.Context, tx db.Tx, r Review, d Decision) error {
	if r.Reason != reasonUnmatched {
		return ErrNoOrder
	}
	found, err := read(ctx, tx, selectByReference, id.Typed(d.Reference))
	if notFound(err) {
		return ErrNoOrder
	}
	if err != nil {
		return fmt.Errorf("find order: %w", err)
	}
	o, err := lock(ctx, tx, found.IntentID)
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	return s.settle(ctx, tx, &o, money{r.Receipt, r.AmountMinor, "c2b", o.Reference})
}

// attest books what a person read in M-Pesa's statement.
func (s *Service) attest(ctx context.Context, tx db.Tx, r Review, d Decision) error {
	if d.Receipt == "" || d.AmountMinor <= 0 || r.IntentID == "" {
		return ErrNoEvidence
	}
	o, err := lock(ctx, tx, r.IntentID)
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	return s.settle(ctx, tx, &o, money{d.Receipt, d.AmountMinor, "person", o.Reference})
}
