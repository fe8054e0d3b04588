package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/postgres"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// Only the cloud runs these: Postgres alone.
var (
	holdKey = db.SQL{Postgres: `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`}

	selectOrder       = db.SQL{Postgres: `SELECT * FROM payment_orders WHERE intent_id = $1`}
	lockOrder         = db.SQL{Postgres: `SELECT * FROM payment_orders WHERE intent_id = $1 FOR UPDATE`}
	selectByToken     = db.SQL{Postgres: `SELECT * FROM payment_orders WHERE token_hash = $1`}
	selectByReference = db.SQL{Postgres: `SELECT * FROM payment_orders WHERE reference = $1`}
	selectUnconfirmed = db.SQL{Postgres: `
		SELECT * FROM payment_orders WHERE learner_id = $1 AND course_id = $2 AND state = 'needs_confirmation' FOR UPDATE`}
	selectByLearnerReference = db.SQL{Postgres: `
		SELECT * FROM payment_orders
		WHERE learner_reference = $1 AND amount_minor = $2 AND state NOT IN ('completed', 'late_success', 'rejected')
		ORDER BY created_at DESC, intent_id DESC LIMIT 1`}
	takeDispatching = db.SQL{Postgres: `
		SELECT * FROM payment_orders WHERE state = 'dispatching' AND claimed_at IS NULL
		ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED`}
	takeDue = db.SQL{Postgres: `
		SELECT * FROM payment_orders WHERE next_query_at <= $1 ORDER BY next_query_at LIMIT 1 FOR UPDATE SKIP LOCKED`}
	takeLost = db.SQL{Postgres: `
		SELECT * FROM payment_orders WHERE state = 'dispatching' AND claimed_at < $1 LIMIT 100 FOR UPDATE SKIP LOCKED`}
	takeExpired = db.SQL{Postgres: `
		SELECT * FROM payment_orders WHERE state = 'needs_confirmation' AND expires_at <= $1 LIMIT 100 FOR UPDATE SKIP LOCKED`}
	takeUnasked = db.SQL{Postgres: `
		SELECT * FROM payment_orders WHERE state = 'needs_confirmation' OR state = 'dispatching' AND claimed_at IS NULL ORDER BY intent_id FOR UPDATE`}
	takeDoubtful = db.SQL{Postgres: `
		SELECT * FROM payment_orders WHERE state = 'unknown' AND reason = 'cloud_rewound' AND checkout_request = '' ORDER BY intent_id FOR UPDATE`}

	countRunning = db.SQL{Postgres: `
		SELECT count(*) FROM payment_orders WHERE learner_id = $1 AND course_id = $2 AND intent_id <> $3
			AND state IN ('dispatching', 'pending', 'unknown', 'review')`}
	countPrompts = db.SQL{Postgres: `
		SELECT count(*) FROM payment_orders WHERE payer_phone = $1 AND (claimed_at >= $2 OR claimed_at IS NULL AND state = 'dispatching')`}
	countBusy = db.SQL{Postgres: `
		SELECT count(*) FROM payment_orders WHERE payer_phone = $1 AND state = 'failed' AND reason = 'busy' AND updated_at > $2`}
	lastEntitlementRev = db.SQL{Postgres: `SELECT COALESCE(max(rev), 0) FROM entitlements WHERE id = $1`}

	insertOrderRow = db.SQL{Postgres: `
		INSERT INTO payment_orders (intent_id, school_id, learner_id, course_id, payer_phone, amount_minor, currency, owner, reference,
			learner_reference, state, reason, rev, asked_at, created_at, expires_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (intent_id) DO NOTHING`}
	updateOrderRow = db.SQL{Postgres: `
		UPDATE payment_orders SET amount_minor = $2, currency = $3, owner = $4, state = $5, reason = $6, receipt = $7, rev = $8,
			token_hash = $9, asked_at = $10, claimed_at = $11, merchant_request = $12, checkout_request = $13, callback_code = $14,
			callback_receipt = $15, callback_minor = $16, query_code = $17, queries = $18, next_query_at = $19, updated_at = $20
		WHERE intent_id = $1`}
	insertInbound = db.SQL{Postgres: `
		INSERT INTO payment_inbound (gateway, kind, ref, body_hash, body, intent_id, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`}

	insertReceiptRow = db.SQL{Postgres: `
		INSERT INTO payment_receipts (receipt, intent_id, reference, amount_minor, currency, source, disposition, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (receipt) DO NOTHING`}
	lockReceipt      = db.SQL{Postgres: `SELECT * FROM payment_receipts WHERE receipt = $1 FOR UPDATE`}
	assignReceiptRow = db.SQL{Postgres: `UPDATE payment_receipts SET intent_id = $2, disposition = $3 WHERE receipt = $1`}
	selectUnmatched  = db.SQL{Postgres: `
		SELECT * FROM payment_receipts WHERE intent_id = '' AND reference IN ($1, $2) ORDER BY at, receipt FOR UPDATE`}

	insertReviewRow = db.SQL{Postgres: `
		INSERT INTO payment_reviews (id, reason, intent_id, receipt, amount_minor, currency, opened_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`}
	resolveReviewsOf = db.SQL{Postgres: `
		UPDATE payment_reviews SET resolved_at = $2, resolution = $3 WHERE intent_id = $1 AND resolved_at IS NULL
			AND reason IN ('no_answer', 'query_only', 'contradiction')`}
	resolveUnmatched = db.SQL{Postgres: `
		UPDATE payment_reviews SET resolved_at = $2, resolution = 'placed' WHERE receipt = $1 AND reason = 'unmatched' AND resolved_at IS NULL`}
	resolveReview = db.SQL{Postgres: `
		UPDATE payment_reviews SET resolved_at = $2, resolved_by = $3, resolution = $4 WHERE id = $1`}
	selectReviews = db.SQL{Postgres: selectReview + `ORDER BY r.opened_at, r.id LIMIT 500`}
	lockReview    = db.SQL{Postgres: selectReview + `AND r.id = $1 FOR UPDATE OF r`}

	insertTransactionRow = db.SQL{Postgres: `
		INSERT INTO ledger_transactions (id, kind, intent_id, receipt, split, hash, postings, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`}
	selectTransactionHash = db.SQL{Postgres: `SELECT hash FROM ledger_transactions WHERE id = $1`}
	insertPosting         = db.SQL{Postgres: `
		INSERT INTO ledger_postings (transaction_id, n, account, currency, amount_minor) VALUES ($1, $2, $3, $4, $5)`}
	sumAccount = db.SQL{Postgres: `
		SELECT COALESCE(sum(amount_minor), 0)::bigint FROM ledger_postings WHERE account = $1 AND currency = $2`}
)

const selectReview = `
	SELECT r.id, r.reason, r.intent_id, r.receipt, r.amount_minor, r.currency, r.opened_at, COALESCE(o.learner_id, '') AS learner_id,
		COALESCE(o.course_id, '') AS course_id, COALESCE(o.reference, m.reference, '') AS reference
	FROM payment_reviews r
	LEFT JOIN payment_orders o ON o.intent_id = r.intent_id
	LEFT JOIN payment_receipts m ON m.receipt = r.receipt
	WHERE r.resolved_at IS NULL `

// checks are the invariants of the book: each query
// gives a row of text for every breach.
var checks = []struct {
	means string
	query db.SQL
}{
	{"a transaction does not sum to zero", db.SQL{Postgres: `
		SELECT transaction_id || ' ' || currency || ' ' || sum(amount_minor) FROM ledger_postings
		GROUP BY transaction_id, currency HAVING sum(amount_minor) <> 0`}},
	{"the book does not sum to zero", db.SQL{Postgres: `
		SELECT currency || ' ' || sum(amount_minor) FROM ledger_postings GROUP BY currency HAVING sum(amount_minor) <> 0`}},
	{"an account that holds other people's money is negative", db.SQL{Postgres: `
		SELECT account || ' ' || sum(amount_minor) FROM ledger_postings WHERE account LIKE 'inst:%' OR account LIKE 'suspense:%'
		GROUP BY account, currency HAVING sum(amount_minor) < 0`}},
	{"the clearing account differs from the receipts", db.SQL{Postgres: `
		SELECT 'booked ' || b.total || ', received ' || r.total
		FROM (SELECT COALESCE(-sum(amount_minor), 0) AS total FROM ledger_postings WHERE account = 'gw:mpesa') b,
			(SELECT COALESCE(sum(amount_minor), 0) AS total FROM payment_receipts) r
		WHERE b.total <> r.total`}},
	{"a paid order has no purchase in the book", db.SQL{Postgres: `
		SELECT o.intent_id FROM payment_orders o WHERE o.state IN ('completed', 'late_success')
			AND NOT EXISTS (SELECT FROM ledger_transactions t WHERE t.id = 'buy:' || o.intent_id)`}},
	{"a purchase in the book has no paid order", db.SQL{Postgres: `
		SELECT t.id FROM ledger_transactions t WHERE t.kind = 'purchase' AND NOT EXISTS (
			SELECT FROM payment_orders o WHERE 'buy:' || o.intent_id = t.id AND o.state IN ('completed', 'late_success'))`}},
	{"a purchase and its receipt disagree", db.SQL{Postgres: `
		SELECT t.id FROM ledger_transactions t LEFT JOIN payment_receipts r ON r.receipt = t.receipt
		WHERE t.kind = 'purchase' AND (r.receipt IS NULL OR r.disposition <> 'purchase' OR r.intent_id <> t.intent_id)`}},
	{"an active entitlement has no paid order", db.SQL{Postgres: `
		SELECT e.id FROM entitlements e WHERE e.active AND e.source = 'purchase' AND NOT EXISTS (
			SELECT FROM payment_orders o WHERE o.intent_id = e.intent_id AND o.learner_id = e.learner_id
				AND o.course_id = e.course_id AND o.state IN ('completed', 'late_success'))`}},
	{"a paid order gave no entitlement", db.SQL{Postgres: `
		SELECT o.intent_id FROM payment_orders o WHERE o.state IN ('completed', 'late_success') AND NOT EXISTS (
			SELECT FROM entitlements e WHERE e.intent_id = o.intent_id AND e.active)`}},
}

// rowsOf runs q on the transaction's own driver, for rows read into structs.
func rowsOf(ctx context.Context, tx db.Tx, q db.SQL, args ...any) (pgx.Rows, error) {
	return postgres.Native(tx).Query(ctx, q.Postgres, args...)
}

// hold makes transactions with the same key wait for each other.
func hold(ctx context.Context, tx db.Tx, key string) error {
	if _, err := tx.Exec(ctx, holdKey, key); err != nil {
		return fmt.Errorf("hold a lock: %w", err)
	}
	return nil
}

func readAll(ctx context.Context, tx db.Tx, q db.SQL, args ...any) ([]order, error) {
	rows, err := rowsOf(ctx, tx, q, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[order])
}

func count(ctx context.Context, tx db.Tx, q db.SQL, args ...any) (int64, error) {
	rows, err := tx.Query(ctx, q, args...)
	return db.One(rows, err, db.Scalar[int64])
}

func sentences(ctx context.Context, tx db.Tx, q db.SQL) ([]string, error) {
	rows, err := tx.Query(ctx, q)
	return db.Collect(rows, err, db.Scalar[string])
}

func insertOrder(ctx context.Context, tx db.Tx, o order) (bool, error) {
	n, err := tx.Exec(ctx, insertOrderRow, o.IntentID, o.SchoolID, o.LearnerID, o.CourseID, o.PayerPhone, o.AmountMinor, o.Currency,
		o.Owner, o.Reference, o.LearnerReference, o.State, o.Reason, o.Rev, o.AskedAt, o.CreatedAt, o.ExpiresAt, o.UpdatedAt)
	if err != nil {
		return false, fmt.Errorf("insert order: %w", err)
	}
	return n > 0, nil
}

func updateOrder(ctx context.Context, tx db.Tx, o *order) error {
	_, err := tx.Exec(ctx, updateOrderRow, o.IntentID, o.AmountMinor, o.Currency, o.Owner, o.State, o.Reason, o.Receipt, o.Rev,
		o.TokenHash, o.AskedAt, o.ClaimedAt, o.MerchantRequest, o.CheckoutRequest, o.CallbackCode, o.CallbackReceipt, o.CallbackMinor,
		o.QueryCode, o.Queries, o.NextQueryAt, o.UpdatedAt)
	return err
}

// receipt is money that arrived for certain.
type receipt struct {
	Receipt     string
	IntentID    pay.IntentID
	Reference   string
	AmountMinor int64
	Currency    string
	Source      string
	Disposition string
	At          time.Time
}

func insertReceipt(ctx context.Context, tx db.Tx, r receipt) (bool, error) {
	n, err := tx.Exec(ctx, insertReceiptRow, r.Receipt, r.IntentID, r.Reference, r.AmountMinor, r.Currency, r.Source, r.Disposition, r.At)
	if err != nil {
		return false, fmt.Errorf("insert receipt: %w", err)
	}
	return n > 0, nil
}

func readReceipt(ctx context.Context, tx db.Tx, number string) (receipt, error) {
	rows, err := rowsOf(ctx, tx, lockReceipt, number)
	if err != nil {
		return receipt{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[receipt])
}

// assignReceipt says whose the money is, which also answers the question.
func assignReceipt(ctx context.Context, tx db.Tx, number string, i pay.IntentID, disposition string, at time.Time) error {
	if _, err := tx.Exec(ctx, assignReceiptRow, number, i, disposition); err != nil {
		return fmt.Errorf("assign receipt: %w", err)
	}
	if _, err := tx.Exec(ctx, resolveUnmatched, number, at); err != nil {
		return fmt.Errorf("close a review: %w", err)
	}
	return nil
}

func unmatched(ctx context.Context, tx db.Tx, reference, learnerReference string) ([]receipt, error) {
	rows, err := rowsOf(ctx, tx, selectUnmatched, reference, learnerReference)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[receipt])
}

func insertReview(ctx context.Context, tx db.Tx, r Review) error {
	_, err := tx.Exec(ctx, insertReviewRow, r.ID, r.Reason, r.IntentID, r.Receipt, r.AmountMinor, r.Currency, r.OpenedAt)
	return err
}

func openReviews(ctx context.Context, tx db.Tx) ([]Review, error) {
	rows, err := rowsOf(ctx, tx, selectReviews)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Review])
}

func readReview(ctx context.Context, tx db.Tx, reviewID string) (Review, error) {
	rows, err := rowsOf(ctx, tx, lockReview, reviewID)
	if err != nil {
		return Review{}, err
	}
	return oneReview(rows)
}

func insertTransaction(ctx context.Context, tx db.Tx, t Transaction, at time.Time) (bool, error) {
	n, err := tx.Exec(ctx, insertTransactionRow, t.ID, t.Kind, t.IntentID, t.Receipt, t.Split, t.hash(), len(t.Postings), at)
	return n > 0, err
}

func transactionHash(ctx context.Context, tx db.Tx, transaction string) ([]byte, error) {
	rows, err := tx.Query(ctx, selectTransactionHash, transaction)
	return db.One(rows, err, db.Scalar[[]byte])
}

func oneReview(rows pgx.Rows) (Review, error) {
	r, err := pgx.CollectOneRow(rows, pgx.RowToStructByName[Review])
	if errors.Is(err, pgx.ErrNoRows) {
		err = db.ErrNoRows
	}
	return r, err
}
