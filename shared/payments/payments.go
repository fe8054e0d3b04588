// Package payments lets somebody at a school or at home pay for a course. Its
// nouns: an *intent* is a signed wish to pay, with the price it was made at and
// the guardian's phone that shall be asked; an *outcome* is what the cloud made
// of it; an *entitlement* lets one learner open one paid course. Intents travel
// up (and down, when made at the cloud), outcomes and entitlements only down.
//
// The rule that surprises: nothing here takes money. Starting a payment stores
// an intent and hands it to the Gateway; the appliance's Gateway has nothing
// more to do, because only the cloud executes.
package payments

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Price is what a course costs now.
type Price struct {
	AmountMinor int64
	Currency    string
	// Edition of the catalogue the price was read from.
	Edition int64
	// Owner is Platform, or the account of the instructor who gets a share.
	Owner identity.AccountID
	Title string
}

// Platform owns the courses whose price is not shared.
const Platform identity.AccountID = "platform"

// Prices reads the catalogue. An unknown course is a fault.NotFound.
type Prices interface {
	Price(ctx context.Context, tx db.Tx, course catalogue.CourseID) (Price, error)
}

// Guardians knows who may pay for a learner.
type Guardians interface {
	// VerifiedPhones lists the verified numbers of the learner's guardians.
	VerifiedPhones(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]string, error)
	// Children lists the learners a parent is linked to.
	Children(ctx context.Context, tx db.Tx, parent identity.AccountID) ([]identity.AccountID, error)
	// SchoolOf is the learner's present school, empty when there is none.
	SchoolOf(ctx context.Context, tx db.Tx, learner identity.AccountID) (identity.SchoolID, error)
}

// Gateway takes an intent in the transaction that stored it.
type Gateway interface {
	Start(ctx context.Context, tx db.Tx, i Intent) error
}

// Waiting is the Gateway of a place that cannot execute: the stored intent,
// which travels by itself, is all there is to do.
type Waiting struct{}

// Start implements Gateway.
func (Waiting) Start(context.Context, db.Tx, Intent) error { return nil }

// Signer signs with the key of this appliance. Nil: intents made here need none.
type Signer func(message []byte) []byte

// Options are what the binaries wire.
type Options struct {
	Clock     clock.Clock
	Prices    Prices
	Guardians Guardians
	Gateway   Gateway
	Sign      Signer
	// Validity is how long an intent may be acted upon; 14 days when zero.
	Validity time.Duration
}

// Service is the domain's use-cases.
type Service struct {
	db   db.DB
	opts Options
}

// New makes the service over d.
func New(d db.DB, opts Options) *Service {
	if opts.Validity == 0 {
		opts.Validity = DefaultValidity
	}
	return &Service{d, opts}
}

// DefaultValidity is how long an intent may be acted upon. The cloud accepts no
// longer one.
const DefaultValidity = 14 * 24 * time.Hour

// PromptsADay is how often one phone may be asked on one day in Nairobi.
const PromptsADay = 3

// Nairobi is the zone of school days, quiet hours and M-Pesa's timestamps:
// East Africa Time, which has no summer time.
func Nairobi() *time.Location { return time.FixedZone("EAT", 3*60*60) }

// DayInNairobi is the start of the day of t.
func DayInNairobi(t time.Time) time.Time {
	l := t.In(Nairobi())
	return time.Date(l.Year(), l.Month(), l.Day(), 0, 0, 0, 0, Nairobi()).UTC()
}

// ReferenceOf is the account reference of an intent: 12 characters, the most
// M-Pesa takes, derived so that a lost row can be found again at the gateway.
func ReferenceOf(i IntentID) string { return reference("intent", string(i)) }

// LearnerReference is the account number a parent may use at the PayBill for
// any payment of this learner.
func LearnerReference(learner identity.AccountID) string {
	return reference("learner", string(learner))
}

func reference(kind, of string) string {
	sum := sha256.Sum256([]byte("uhs reference\x1f" + kind + "\x1f" + of))
	b := make([]byte, 12)
	for i := range b {
		b[i] = id.Alphabet[sum[i]&31]
	}
	return string(b)
}

// Phone is a Kenyan mobile number as 254 and nine digits, from the ways people
// write it; empty when it is none.
func Phone(s string) string {
	var digits strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case strings.ContainsRune(" +-()", r):
		default:
			return ""
		}
	}
	d := digits.String()
	switch {
	case len(d) == 10 && d[0] == '0':
		d = "254" + d[1:]
	case len(d) == 9:
		d = "254" + d
	}
	if len(d) != 12 || !strings.HasPrefix(d, "254") || d[3] != '7' && d[3] != '1' {
		return ""
	}
	return d
}
