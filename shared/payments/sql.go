package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

var intentColumns = []string{
	"id", "school_id", "learner_id", "course_id", "payer_phone", "amount_minor", "currency", "edition", "reference", "created_by",
	"created_at", "expires_at", "signature",
}

const selectPayment = `
	SELECT i.id, i.school_id, i.learner_id, i.course_id, i.payer_phone, i.amount_minor, i.currency, i.edition, i.reference, i.created_by,
		i.created_at, i.expires_at, i.signature, COALESCE(o.state, 'waiting'), COALESCE(o.reason, ''), COALESCE(o.receipt, ''),
		COALESCE(o.amount_minor, i.amount_minor), COALESCE(o.at, i.created_at)
	FROM payment_intents i LEFT JOIN payment_outcomes o ON o.intent_id = i.id `

var (
	insertIntent = db.SQL{Both: `
		INSERT INTO payment_intents (id, school_id, learner_id, course_id, payer_phone, amount_minor, currency, edition, reference,
			created_by, created_at, expires_at, signature)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`}
	upsertOutcome = db.SQL{Both: `
		INSERT INTO payment_outcomes (intent_id, learner_id, state, reason, receipt, amount_minor, rev, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (intent_id) DO UPDATE SET learner_id = excluded.learner_id, state = excluded.state, reason = excluded.reason,
			receipt = excluded.receipt, amount_minor = excluded.amount_minor, rev = excluded.rev, at = excluded.at`}
	upsertEntitlement = db.SQL{Both: `
		INSERT INTO entitlements (id, learner_id, course_id, source, intent_id, active, rev, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET learner_id = excluded.learner_id, course_id = excluded.course_id, source = excluded.source,
			intent_id = excluded.intent_id, active = excluded.active, rev = excluded.rev, at = excluded.at`}

	selectEntitled  = db.SQL{Both: `SELECT count(*) FROM entitlements WHERE learner_id IN ` + identity.SelvesSQL + ` AND course_id = $2 AND active`}
	selectByID      = db.SQL{Both: selectPayment + `WHERE i.id = $1`}
	selectByRef     = db.SQL{Both: selectPayment + `WHERE i.reference = $1`}
	selectOfCourse  = db.SQL{Both: selectPayment + `WHERE i.learner_id = $1 AND i.course_id = $2 ORDER BY i.created_at DESC, i.id DESC`}
	selectOfLearner = db.SQL{Both: selectPayment + `WHERE i.learner_id = $1 ORDER BY i.created_at DESC, i.id DESC LIMIT $2`}
	selectOfSchool  = db.SQL{Both: selectPayment + `WHERE i.school_id = $1 ORDER BY i.created_at DESC, i.id DESC LIMIT $2`}
	selectOfAll     = db.SQL{Both: selectPayment + `ORDER BY i.created_at DESC, i.id DESC LIMIT $1`}
	pageIntents     = db.SQL{Both: selectPayment + `WHERE i.learner_id = $1 AND i.id > $2 ORDER BY i.id LIMIT $3`}
	pageOutcomes    = db.SQL{Both: `SELECT intent_id, learner_id, state, reason, receipt, amount_minor, rev, at FROM payment_outcomes
		WHERE learner_id = $1 AND intent_id > $2 ORDER BY intent_id LIMIT $3`}
	pageEntitlements = db.SQL{Both: `SELECT id, learner_id, course_id, source, intent_id, active, rev, at FROM entitlements
		WHERE learner_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	countForPhone    = db.SQL{Both: `SELECT count(*) FROM payment_intents WHERE payer_phone = $1 AND created_at >= $2`}
	countOfLearner   = db.SQL{Both: `SELECT count(*) FROM payment_intents WHERE learner_id = $1`}
	countOfSchool    = db.SQL{Both: `SELECT count(*) FROM payment_intents WHERE school_id = $1`}
	countOfAll       = db.SQL{Both: `SELECT count(*) FROM payment_intents`}
	lockOnePurchaser = db.SQL{
		Postgres: `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`,
		SQLite:   `SELECT $1`, // one writer at a time already
	}
)

func intentRow(i Intent) []any {
	signature := i.Signature
	if signature == nil {
		signature = []byte{}
	}
	return []any{
		i.ID, i.SchoolID, i.LearnerID, i.CourseID, db.Contact(i.PayerPhone), i.AmountMinor, i.Currency, i.Edition, i.Reference, i.CreatedBy,
		i.CreatedAt, i.ExpiresAt, signature,
	}
}

func putIntent(ctx context.Context, tx db.Tx, i Intent) (bool, error) {
	n, err := tx.Exec(ctx, insertIntent, intentRow(i)...)
	return n > 0, err
}

func putOutcome(ctx context.Context, tx db.Tx, o Outcome) (bool, error) {
	_, err := tx.Exec(ctx, upsertOutcome, o.IntentID, o.LearnerID, o.State, o.Reason, o.Receipt, o.AmountMinor, o.Rev, o.At)
	return err == nil, err
}

func putEntitlement(ctx context.Context, tx db.Tx, e Entitlement) (bool, error) {
	_, err := tx.Exec(ctx, upsertEntitlement, e.ID, e.LearnerID, e.CourseID, e.Source, e.IntentID, e.Active, e.Rev, e.At)
	return err == nil, err
}

func scanPayment(r db.Rows) (Payment, error) {
	var p Payment
	err := r.Scan(&p.ID, &p.SchoolID, &p.LearnerID, &p.CourseID, (*db.Contact)(&p.PayerPhone), &p.AmountMinor, &p.Currency, &p.Edition,
		&p.Reference, &p.CreatedBy, &p.CreatedAt, &p.ExpiresAt, &p.Signature, &p.State, &p.Reason, &p.Receipt, &p.Due, &p.At)
	return p, err
}

func scanIntent(r db.Rows) (Intent, error) {
	p, err := scanPayment(r)
	return p.Intent, err
}

func scanOutcome(r db.Rows) (o Outcome, err error) {
	return o, r.Scan(&o.IntentID, &o.LearnerID, &o.State, &o.Reason, &o.Receipt, &o.AmountMinor, &o.Rev, &o.At)
}

func scanEntitlement(r db.Rows) (e Entitlement, err error) {
	return e, r.Scan(&e.ID, &e.LearnerID, &e.CourseID, &e.Source, &e.IntentID, &e.Active, &e.Rev, &e.At)
}

// HasEntitlement tells whether the learner may open the paid course.
func HasEntitlement(ctx context.Context, tx db.Tx, learner identity.AccountID, course catalogue.CourseID) (bool, error) {
	n, err := scalar(ctx, tx, selectEntitled, learner, course)
	return n > 0, err
}

// GetIntent reads a stored intent; db.ErrNoRows when there is none.
func GetIntent(ctx context.Context, tx db.Tx, i IntentID) (Intent, error) {
	p, err := onePayment(ctx, tx, selectByID, i)
	return p.Intent, err
}

// GetPayment reads an intent and where it stands; db.ErrNoRows when there is
// none. It does not ask who wants to know.
func GetPayment(ctx context.Context, tx db.Tx, i IntentID) (Payment, error) {
	return onePayment(ctx, tx, selectByID, i)
}

func onePayment(ctx context.Context, tx db.Tx, q db.SQL, args ...any) (Payment, error) {
	rows, err := tx.Query(ctx, q, args...)
	return db.One(rows, err, scanPayment)
}

func listPayments(ctx context.Context, tx db.Tx, q db.SQL, args ...any) ([]Payment, error) {
	rows, err := tx.Query(ctx, q, args...)
	return db.Collect(rows, err, scanPayment)
}

func scalar(ctx context.Context, tx db.Tx, q db.SQL, args ...any) (int64, error) {
	rows, err := tx.Query(ctx, q, args...)
	return db.One(rows, err, db.Scalar[int64])
}

// open is the payment of learner for course that is still under way, if any.
func open(ctx context.Context, tx db.Tx, learner identity.AccountID, course catalogue.CourseID, now time.Time) (Payment, bool, error) {
	all, err := listPayments(ctx, tx, selectOfCourse, learner, course)
	if err != nil {
		return Payment{}, false, fmt.Errorf("list payments of a course: %w", err)
	}
	for _, p := range all {
		if p.State.Open() && (p.State != StateWaiting || now.Before(p.ExpiresAt.Time)) {
			return p, true, nil
		}
	}
	return Payment{}, false, nil
}

// lockPair makes two requests for the same learner and course wait for each
// other until the transaction ends.
func lockPair(ctx context.Context, tx db.Tx, learner identity.AccountID, course catalogue.CourseID) error {
	rows, err := tx.Query(ctx, lockOnePurchaser, "pay "+string(learner)+" "+string(course))
	_, err = db.Collect(rows, err, func(db.Rows) (struct{}, error) { return struct{}{}, nil })
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return fmt.Errorf("lock learner and course: %w", err)
	}
	return nil
}

// Sealed are the columns that lie sealed and are looked for.
func Sealed() []db.SealedColumn {
	return []db.SealedColumn{{Table: "payment_intents", Column: "payer_phone", Alike: true}}
}
