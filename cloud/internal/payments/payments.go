// Package payments executes intents to pay, exactly once, and keeps the books.
// Its nouns: an *order* is the one execution of an intent; a *receipt* is money
// that arrived for certain; a *posting* moves an amount between accounts of the
// double-entry *ledger*; a *review* is what a person has to decide.
//
// The rule that surprises: a phone is never asked twice for one intent. M-Pesa
// has no idempotency key, so when an answer is lost the order becomes "unknown"
// and waits for a callback, a query or a C2B confirmation to settle it. Work is
// claimed from the orders table and not by a job queue: a queue runs a job at
// least once, and this job may run at most once.
package payments

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/payments/daraja"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// NodeKeys gives the public keys of a school's appliances, past ones included:
// a late bundle may hold an intent of a replaced box.
type NodeKeys func(ctx context.Context, tx db.Tx, school identity.SchoolID) ([]ed25519.PublicKey, error)

// Options are what the cloud wires.
type Options struct {
	// Hours in which phones are asked.
	Hours     Hours
	Clock     clock.Clock
	Log       *slog.Logger
	Prices    pay.Prices
	Guardians pay.Guardians
	NodeKeys  NodeKeys
	// Lost tells what may have happened to a school's intents in a lost life of the
	// database; nil: nothing was ever lost.
	Lost   func(ctx context.Context, tx db.Tx, school identity.SchoolID) (Lost, error)
	Daraja *daraja.Client
	// PublicURL is where the gateway reaches us; C2BSecret the secret in the path
	// of the C2B address, letters and digits, at least 16.
	PublicURL, C2BSecret string
	// Fresh is how old an intent may be for its payer to still be there.
	Fresh time.Duration
	// CallTimeout is longer than a call to the gateway can take.
	CallTimeout time.Duration
	// Schedule says when after the push to ask how it went; a person decides
	// after the last time.
	Schedule []time.Duration
	// Poll is how often the executor looks for work nobody woke it for.
	Poll time.Duration
	// Workers is how many calls to the gateway run at once.
	Workers int
}

// defaults ask often at first, since most payers answer within a minute, and rarely
// later.
func (o *Options) defaults() {
	if o.Fresh == 0 {
		o.Fresh = 10 * time.Minute
	}
	if o.CallTimeout == 0 {
		o.CallTimeout = time.Minute
	}
	if o.Schedule == nil {
		o.Schedule = []time.Duration{
			20 * time.Second, 45 * time.Second, 90 * time.Second, 3 * time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour,
		}
	}
	if o.Poll == 0 {
		o.Poll = time.Second
	}
	if o.Workers == 0 {
		o.Workers = 4
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
}

// Service decides, executes and books. It is the cloud's pay.Gateway.
type Service struct {
	db   db.DB
	opts Options
	wake chan struct{}
}

// New makes the service over the cloud's database, which must carry a journal.
// It refuses a public address the gateway would refuse.
func New(d db.DB, opts Options) (*Service, error) {
	opts.defaults()
	if len(opts.C2BSecret) < 16 {
		return nil, errors.New("payments: the C2B secret needs 16 characters")
	}
	s := &Service{d, opts, make(chan struct{}, 1)}
	if err := daraja.CheckURL(s.confirmationURL()); err != nil {
		return nil, fmt.Errorf("payments: the public address cannot be used for callbacks: %w", err)
	}
	return s, nil
}

func (s *Service) confirmationURL() string {
	return s.opts.PublicURL + "/hk/" + s.opts.C2BSecret + "/c"
}
func (s *Service) validationURL() string { return s.opts.PublicURL + "/hk/" + s.opts.C2BSecret + "/v" }

// Register tells the gateway where to report C2B money. Call it once at set-up;
// with a simulator, at every start.
func (s *Service) Register(ctx context.Context) error {
	return s.opts.Daraja.RegisterC2B(ctx, s.confirmationURL(), s.validationURL())
}

// rouse lets the executor look for work once tx is committed.
func (s *Service) rouse(tx db.Tx) {
	tx.AfterCommit(func() {
		select {
		case s.wake <- struct{}{}:
		default: // it is awake already
		}
	})
}
