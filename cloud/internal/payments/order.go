package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/shared/db"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// order is the one execution of an intent.
type order struct {
	IntentID         pay.IntentID
	SchoolID         string
	LearnerID        string
	CourseID         string
	PayerPhone       string
	AmountMinor      int64
	Currency         string
	Owner            string
	Reference        string
	LearnerReference string
	State            pay.State
	Reason           string
	Receipt          string
	Rev              int64
	TokenHash        []byte
	AskedAt          time.Time
	ClaimedAt        *time.Time
	MerchantRequest  string
	CheckoutRequest  string
	CallbackCode     string
	CallbackReceipt  string
	CallbackMinor    int64
	QueryCode        string
	Queries          int
	NextQueryAt      *time.Time
	CreatedAt        time.Time
	ExpiresAt        time.Time
	UpdatedAt        time.Time
}

// Reasons, beside the gateway's: stable words for translation.
const (
	reasonSignature      = "bad_signature"
	reasonUnknownCourse  = "unknown_course"
	reasonFree           = "course_is_free"
	reasonWrongPrice     = "wrong_price"
	reasonPriceChanged   = "price_changed"
	reasonPayer          = "payer_not_verified"
	reasonAlreadyPaid    = "already_paid"
	reasonAlreadyStarted = "already_started"
	reasonReplaced       = "replaced"
	reasonExpired        = "expired"
	reasonTooOld         = "too_old"
	reasonPromptLimit    = "prompt_limit"
	reasonCoolDown       = "cool_down"
	reasonNoAnswer       = "no_answer"
	reasonQueryOnly      = "query_only"
	reasonContradiction  = "contradiction"
	reasonUnderpaid      = "underpaid"
	reasonOverpaid       = "overpaid"
	reasonPaidTwice      = "paid_twice"
	reasonUnmatched      = "unmatched"
	reasonNotPaid        = "not_paid"
	reasonNotSent        = "gateway_refused"
	reasonRewound        = "cloud_rewound" // perhaps executed in a life of the database that was lost
	reasonUnreachable    = "gateway_unreachable"
)

// becomes sets the state and its reason. A paid order never changes.
func (o *order) becomes(state pay.State, reason string) {
	if o.State.Paid() {
		return
	}
	o.State, o.Reason = state, reason
}

// lock reads the order of an intent and holds it, and everything else about its
// learner and course, until the transaction ends. db.ErrNoRows: not decided.
func lock(ctx context.Context, tx db.Tx, i pay.IntentID) (order, error) {
	o, err := read(ctx, tx, selectOrder, i)
	if err != nil {
		return order{}, err
	}
	// Learner and course before the row, as everywhere: the order of locks.
	if err := hold(ctx, tx, pair(o.LearnerID, o.CourseID)); err != nil {
		return order{}, err
	}
	return read(ctx, tx, lockOrder, i)
}

func pair(learner, course string) string { return "pay " + learner + " " + course }

func read(ctx context.Context, tx db.Tx, q db.SQL, args ...any) (order, error) {
	rows, err := rowsOf(ctx, tx, q, args...)
	if err != nil {
		return order{}, err
	}
	o, err := pgx.CollectOneRow(rows, pgx.RowToStructByName[order])
	if errors.Is(err, pgx.ErrNoRows) {
		err = db.ErrNoRows
	}
	return o, err
}

// store writes what changed of o and tells the learner's schools.
func (s *Service) store(ctx context.Context, tx db.Tx, o *order) error {
	o.Rev++
	o.UpdatedAt = s.opts.Clock.Now()
	if err := updateOrder(ctx, tx, o); err != nil {
		return fmt.Errorf("update order %s: %w", o.IntentID, err)
	}
	return s.tell(ctx, tx, o)
}

func (s *Service) tell(ctx context.Context, tx db.Tx, o *order) error {
	_, err := pay.Outcomes.Save(ctx, tx, pay.Outcome{
		IntentID: o.IntentID, LearnerID: account(o.LearnerID), State: o.State, Reason: o.Reason, Receipt: o.Receipt,
		AmountMinor: o.AmountMinor, Rev: o.Rev, At: db.Time{Time: o.UpdatedAt},
	})
	if err != nil {
		return fmt.Errorf("save outcome %s: %w", o.IntentID, err)
	}
	return nil
}
