package identity

import "urbanhomeschool.org/uhs/shared/db"

// School is where learners and instructors belong.
type School struct {
	ID   SchoolID `cbor:"1,keyasint" json:"id"`
	Name string   `cbor:"2,keyasint" json:"name"`
	// Code is short and typed by people.
	Code     string `cbor:"3,keyasint" json:"code"`
	County   string `cbor:"4,keyasint" json:"county"`
	Language string `cbor:"5,keyasint" json:"language"` // "en" or "sw"
	// NamedAdult is told when a child is in danger; empty until one is named.
	NamedAdult AccountID `cbor:"6,keyasint,omitempty" json:"named_adult_id,omitempty"`
	CreatedAt  db.Time   `cbor:"7,keyasint" json:"created_at"`
	UpdatedAt  db.Time   `cbor:"8,keyasint" json:"updated_at"`
}

// CredentialKind is what a person types at the school's box.
type CredentialKind string

// The kinds: learners have a PIN, or three pictures in their order, instructors a
// password.
const (
	PIN            CredentialKind = "pin"
	PictureSecret  CredentialKind = "pictures"
	SchoolPassword CredentialKind = "password"
)

// Credential verifies a PIN, pictures or school password. Verifier is
// bcrypt(base64(HMAC-SHA256(pepper of the school, secret))). How long it is good
// for is not written in it: see shared/door.
type Credential struct {
	ID        string         `cbor:"1,keyasint" json:"id"`
	School    SchoolID       `cbor:"2,keyasint" json:"school_id"`
	Account   AccountID      `cbor:"3,keyasint" json:"account_id"`
	Kind      CredentialKind `cbor:"4,keyasint" json:"kind"`
	Verifier  string         `cbor:"5,keyasint" json:"verifier"`
	UpdatedAt db.Time        `cbor:"6,keyasint" json:"updated_at"`
}

// DutyGrant gives an instructor a duty at a school, or took it back.
type DutyGrant struct {
	ID        string    `cbor:"1,keyasint" json:"id"`
	School    SchoolID  `cbor:"2,keyasint" json:"school_id"`
	Account   AccountID `cbor:"3,keyasint" json:"account_id"`
	Duty      Duty      `cbor:"4,keyasint" json:"duty"`
	Active    bool      `cbor:"5,keyasint" json:"active"`
	UpdatedAt db.Time   `cbor:"6,keyasint" json:"updated_at"`
}

// Guardian is an adult responsible for a learner. Account is empty for one who
// has no account; such a guardian can still pay and consent on paper.
type Guardian struct {
	ID      string    `cbor:"1,keyasint" json:"id"`
	Learner AccountID `cbor:"2,keyasint" json:"learner_id"`
	Account AccountID `cbor:"3,keyasint,omitempty" json:"account_id,omitempty"`
	Name    string    `cbor:"4,keyasint" json:"name"`
	// Phone is digits with country code; Verified when somebody with a duty, or an
	// admin, vouched that it is this guardian's.
	Phone        string  `cbor:"5,keyasint,omitempty" json:"phone,omitempty"`
	Verified     bool    `cbor:"6,keyasint" json:"verified"`
	Relationship string  `cbor:"7,keyasint" json:"relationship"`
	UpdatedAt    db.Time `cbor:"8,keyasint" json:"updated_at"`
	// Ended says that the school unlinked the guardian.
	Ended bool `cbor:"9,keyasint,omitempty" json:"ended,omitempty"`
}

// Purpose is what a guardian agrees to.
type Purpose string

// The purposes; their wording is in shared/consent. CloudTutor is sending a
// learner's tutor questions, without names, to a provider outside the school.
const (
	CloudTutor     Purpose = "cloud_tutor"
	DataCollection Purpose = "data_collection" // beyond the school record
	SocialFeatures Purpose = "social_features"
	ThirdParty     Purpose = "third_party_sharing" // sponsors and partners
	Photos         Purpose = "photos"
)

// Purposes lists them in the order people are asked.
func Purposes() []Purpose {
	return []Purpose{CloudTutor, DataCollection, SocialFeatures, ThirdParty, Photos}
}

// ConsentMethod is how a guardian said it.
type ConsentMethod string

// The methods.
const (
	OnPaper ConsentMethod = "paper"
	ByPhone ConsentMethod = "phone"
	OnWeb   ConsentMethod = "web"
)

// Consent is the fact that a guardian gave or withdrew consent. The latest fact
// of a purpose counts; of two at the same instant, the withdrawal.
type Consent struct {
	ID           string        `cbor:"1,keyasint" json:"id"`
	Learner      AccountID     `cbor:"2,keyasint" json:"learner_id"`
	Purpose      Purpose       `cbor:"3,keyasint" json:"purpose"`
	Given        bool          `cbor:"4,keyasint" json:"given"`
	Guardian     AccountID     `cbor:"5,keyasint,omitempty" json:"guardian_id,omitempty"`
	GuardianName string        `cbor:"6,keyasint" json:"guardian_name"`
	Method       ConsentMethod `cbor:"7,keyasint" json:"method"`
	// TextVersion names the text the guardian was shown.
	TextVersion string    `cbor:"8,keyasint" json:"text_version"`
	RecordedBy  AccountID `cbor:"9,keyasint" json:"recorded_by"`
	At          db.Time   `cbor:"10,keyasint" json:"at"`
	// Photo names the picture of the signed form of this learner; the picture stays
	// on the node that took it.
	Photo string `cbor:"11,keyasint,omitempty" json:"photo,omitempty"`
}

// Key is the public half of a key the cloud signs tokens with.
type Key struct {
	// ID is the "kid" of tokens.
	ID     string `cbor:"1,keyasint" json:"id"`
	Issuer string `cbor:"2,keyasint" json:"issuer"`
	// Public is the Ed25519 key as unpadded base64url, the "x" of RFC 8037.
	Public    string  `cbor:"3,keyasint" json:"public_key"`
	CreatedAt db.Time `cbor:"4,keyasint" json:"created_at"`
	// Until is when the key signed its last token; zero while it is in use.
	Until db.Time `cbor:"5,keyasint,omitzero" json:"until,omitzero"`
	// Revoked is a key that got into wrong hands: it verifies nothing any more.
	Revoked bool `cbor:"6,keyasint,omitempty" json:"revoked,omitempty"`
}

// Revocation ends a session of cloud tokens on both sides before its time. It
// works only on tokens whose school is the revocation's, so that a school can
// end its own sessions and no others.
type Revocation struct {
	ID      string   `cbor:"1,keyasint" json:"id"`
	Session string   `cbor:"2,keyasint" json:"session_id"`
	School  SchoolID `cbor:"3,keyasint,omitempty" json:"school_id,omitempty"`
	// ExpiresAt is when no token of the session can be alive any more.
	ExpiresAt db.Time `cbor:"4,keyasint" json:"expires_at"`
}
