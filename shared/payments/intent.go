package payments

import (
	"crypto/ed25519"
	"strconv"
	"strings"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// IntentID names an intent: a UUIDv7.
type IntentID string

// Intent is a wish to pay the price of a course, which never changes. Signature
// is the appliance's over Message; intents made at the cloud have none.
type Intent struct {
	ID          IntentID           `cbor:"1,keyasint" json:"id"`
	SchoolID    identity.SchoolID  `cbor:"2,keyasint" json:"school_id"`
	LearnerID   identity.AccountID `cbor:"3,keyasint" json:"learner_id"`
	CourseID    catalogue.CourseID `cbor:"4,keyasint" json:"course_id"`
	PayerPhone  string             `cbor:"5,keyasint" json:"payer_phone"`
	AmountMinor int64              `cbor:"6,keyasint" json:"amount_minor"`
	Currency    string             `cbor:"7,keyasint" json:"currency"`
	Edition     int64              `cbor:"8,keyasint" json:"edition"`
	Reference   string             `cbor:"9,keyasint" json:"reference"`
	CreatedBy   identity.AccountID `cbor:"10,keyasint" json:"created_by"`
	CreatedAt   db.Time            `cbor:"11,keyasint" json:"created_at"`
	ExpiresAt   db.Time            `cbor:"12,keyasint" json:"expires_at"`
	Signature   []byte             `cbor:"13,keyasint,omitempty" json:"signature,omitempty"`
}

// Message is what the appliance signs: every field but the signature, each with
// its length, so that no two intents have the same message.
func (i Intent) Message() []byte {
	var b strings.Builder
	b.WriteString("uhs payments.intent 1\n")
	for _, f := range []string{
		string(i.ID), string(i.SchoolID), string(i.LearnerID), string(i.CourseID), i.PayerPhone,
		strconv.FormatInt(i.AmountMinor, 10), i.Currency, strconv.FormatInt(i.Edition, 10), i.Reference, string(i.CreatedBy),
		strconv.FormatInt(i.CreatedAt.UnixMicro(), 10), strconv.FormatInt(i.ExpiresAt.UnixMicro(), 10),
	} {
		b.WriteString(strconv.Itoa(len(f)) + ":" + f + "\n")
	}
	return []byte(b.String())
}

// SignedBy tells whether one of keys made the signature.
func (i Intent) SignedBy(keys []ed25519.PublicKey) bool {
	message := i.Message()
	for _, k := range keys {
		if len(k) == ed25519.PublicKeySize && ed25519.Verify(k, message, i.Signature) {
			return true
		}
	}
	return false
}

// State is where a payment stands.
type State string

// The states. Waiting is an intent without an outcome: at a school it waits for
// the internet. Completed and LateSuccess never change.
const (
	StateWaiting           State = "waiting"
	StateDispatching       State = "dispatching"        // decided; the phone is about to be asked
	StatePending           State = "pending"            // the phone was asked
	StateUnknown           State = "unknown"            // nobody knows whether the phone was asked
	StateFailed            State = "failed"             // not paid for certain; a new intent is allowed
	StateCompleted         State = "completed"          // paid
	StateLateSuccess       State = "late_success"       // paid after it had counted as failed
	StateNeedsConfirmation State = "needs_confirmation" // too old to push; the payer is asked for a fresh yes
	StateRejected          State = "rejected"           // never executed
	StateReview            State = "review"             // a person decides
)

// Paid tells whether the money arrived and the course is unlocked.
func (s State) Paid() bool { return s == StateCompleted || s == StateLateSuccess }

// Open tells whether something may still happen by itself or by a person, so
// that a second payment for the same course would be one too many.
func (s State) Open() bool {
	switch s {
	case StateWaiting, StateDispatching, StatePending, StateUnknown, StateReview:
		return true
	case StateFailed, StateCompleted, StateLateSuccess, StateNeedsConfirmation, StateRejected:
		return false
	}
	return false
}

// Outcome is what the cloud made of an intent so far. Reason is a stable word
// for translation, empty while all goes well.
type Outcome struct {
	IntentID  IntentID           `cbor:"1,keyasint" json:"intent_id"`
	LearnerID identity.AccountID `cbor:"2,keyasint" json:"learner_id"`
	State     State              `cbor:"3,keyasint" json:"state"`
	Reason    string             `cbor:"4,keyasint" json:"reason"`
	Receipt   string             `cbor:"5,keyasint" json:"receipt"`
	// AmountMinor is what is asked for: the price of the intent, or the new one
	// when it changed and the payer is asked for a fresh yes.
	AmountMinor int64   `cbor:"6,keyasint" json:"amount_minor"`
	Rev         int64   `cbor:"7,keyasint" json:"rev"`
	At          db.Time `cbor:"8,keyasint" json:"at"`
}

// Entitlement lets a learner open a paid course while it is active.
type Entitlement struct {
	ID        string             `cbor:"1,keyasint" json:"id"`
	LearnerID identity.AccountID `cbor:"2,keyasint" json:"learner_id"`
	CourseID  catalogue.CourseID `cbor:"3,keyasint" json:"course_id"`
	Source    string             `cbor:"4,keyasint" json:"source"`
	IntentID  IntentID           `cbor:"5,keyasint" json:"intent_id"`
	Active    bool               `cbor:"6,keyasint" json:"active"`
	Rev       int64              `cbor:"7,keyasint" json:"rev"`
	At        db.Time            `cbor:"8,keyasint" json:"at"`
}

// SourcePurchase is the source of an entitlement that was paid for.
const SourcePurchase = "purchase"

// EntitlementID is the id of the one entitlement of a learner for a course.
func EntitlementID(learner identity.AccountID, course catalogue.CourseID) string {
	return id.Derived("entitlement", string(learner), string(course))
}

// Payment is an intent with where it stands, as people see it.
type Payment struct {
	Intent

	State   State  `json:"state"`
	Reason  string `json:"reason"`
	Receipt string `json:"receipt"`
	// Due is the amount asked for now: the intent's, or the changed price.
	Due int64   `json:"due_minor"`
	At  db.Time `json:"at"`
}
