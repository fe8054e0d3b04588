package payments

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// Accounts of the ledger. A posting takes from an account when it is negative;
// gw:* is therefore negative by what the gateway holds for us.
const (
	accountGateway   = "gw:mpesa"
	accountSuspense  = "suspense:mpesa"
	accountPlatform  = "platform:rev"
	accountMarketing = "marketing:pool"
)

func accountHeld(instructor string) string { return "inst:" + instructor + ":held" }

// Posting moves an amount into an account, or out of it when negative.
type Posting struct {
	Account     string
	Currency    string
	AmountMinor int64
}

// Transaction is a set of postings that sum to zero in each currency. ID is its
// idempotency key.
type Transaction struct {
	ID, Kind string
	IntentID pay.IntentID
	Receipt  string
	// Split is the basis points of the shares, when a price was shared.
	Split    string
	Postings []Posting
}

// ErrContradiction is a transaction whose id is taken by a different one.
var ErrContradiction = fault.New(fault.Conflict, "This ledger transaction exists with other postings.").WithCode("ledger_contradiction")

// hash covers everything that is fixed by the id.
func (t Transaction) hash() []byte {
	h := sha256.New()
	for _, f := range []string{t.ID, t.Kind, string(t.IntentID), t.Receipt, t.Split} {
		h.Write([]byte(strconv.Itoa(len(f)) + ":" + f))
	}
	for _, p := range t.Postings {
		h.Write([]byte("\n" + p.Account + " " + p.Currency + " " + strconv.FormatInt(p.AmountMinor, 10)))
	}
	return h.Sum(nil)
}

// balanced checks the sums before the database does, for a better error.
func (t Transaction) balanced() error {
	sums := map[string]int64{}
	for _, p := range t.Postings {
		sums[p.Currency] += p.AmountMinor
	}
	for currency, sum := range sums {
		if sum != 0 {
			return fmt.Errorf("ledger transaction %s is off by %d %s", t.ID, sum, currency)
		}
	}
	return nil
}

// post books t, once: the same transaction again changes nothing (posted is
// false), a different one with its id is ErrContradiction.
func (s *Service) post(ctx context.Context, tx db.Tx, t Transaction) (posted bool, err error) {
	if err := t.balanced(); err != nil {
		return false, err
	}
	posted, err = insertTransaction(ctx, tx, t, s.opts.Clock.Now())
	if err != nil {
		return false, fmt.Errorf("book %s: %w", t.ID, err)
	}
	if !posted {
		stored, err := transactionHash(ctx, tx, t.ID)
		if err == nil && !bytes.Equal(stored, t.hash()) {
			err = ErrContradiction.Hint(t.ID)
		}
		return false, err
	}
	for n, p := range t.Postings {
		if _, err := tx.Exec(ctx, insertPosting, t.ID, n, p.Account, p.Currency, p.AmountMinor); err != nil {
			return false, fmt.Errorf("book %s: %w", t.ID, err)
		}
	}
	return true, nil
}

// Balance is the sum of an account's postings.
func Balance(ctx context.Context, tx db.Tx, account, currency string) (int64, error) {
	return count(ctx, tx, sumAccount, account, currency)
}

// Check proves the book: it returns a sentence for every invariant that is
// broken, none when the book is sound.
func (s *Service) Check(ctx context.Context) ([]string, error) {
	var broken []string
	err := s.db.View(ctx, func(tx db.Tx) error {
		broken = nil
		for _, c := range checks {
			found, err := sentences(ctx, tx, c.query)
			if err != nil {
				return fmt.Errorf("check %q: %w", c.means, err)
			}
			for _, f := range found {
				broken = append(broken, c.means+": "+f)
			}
		}
		return nil
	})
	return broken, err
}
