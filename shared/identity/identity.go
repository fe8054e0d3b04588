// Package identity knows people: *accounts* of six roles, the *schools* they
// belong to, the *duties* a school grants its instructors, the *guardians* of a
// learner and the *consents* they gave. It signs people in, issues and verifies
// access tokens, and tells the sync engine whom a record concerns.
//
// What travels: schools, their members, credentials, duties, guardians,
// consents, the cloud's public keys and ended sessions. What never does: the
// cloud's passwords, sign-in addresses of learners, profiles, memberships,
// refresh tokens and private keys.
//
// The rule that surprises: a person of a school has two secrets. The cloud
// password opens the cloud; a PIN or school password, stored under the school's
// pepper, opens the school's own box and nothing else, also when the box is
// stolen.
package identity

import (
	"context"
	"crypto/ed25519"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// CloudAudience is the audience ("aud") of tokens the cloud issues.
const CloudAudience = "cloud"

// Times of tokens. Access and refresh lifetimes are the published ones of UHS
// v1; the grace lets two tabs or a lost answer use the same refresh token.
const (
	AccessLifetime  = 30 * time.Minute
	RefreshLifetime = 7 * 24 * time.Hour
	RefreshGrace    = 20 * time.Second
	// SessionLifetime is how long a sign-in goes on at most, however often it is
	// used: about a term (ASVS 5.0, 7.3.2).
	SessionLifetime = 90 * 24 * time.Hour
	// ClockLeeway is how far two nodes' clocks may differ when expiry is checked.
	ClockLeeway = 30 * time.Second
)

// Times of signing keys. A key is announced KeyLead before it signs, signs for
// KeyTurn, and its private half is deleted KeyLinger after its successor began.
const (
	KeyTurn   = 90 * 24 * time.Hour
	KeyLead   = 14 * 24 * time.Hour
	KeyLinger = time.Hour
)

// Errors a person meets at the door.
var (
	ErrWrongPassword  = fault.New(fault.Unauthenticated, "The e-mail address or the password is wrong.").WithCode("wrong_password")
	ErrWrongPictures  = fault.New(fault.Unauthenticated, "These are not the pictures.").WithCode("wrong_pictures")
	ErrWrongPIN       = fault.New(fault.Unauthenticated, "The PIN is wrong.").WithCode("wrong_pin")
	ErrPending        = fault.New(fault.Forbidden, "This account waits for approval.").WithCode("account_pending")
	ErrSuspended      = fault.New(fault.Forbidden, "This account is suspended.").WithCode("account_suspended")
	ErrClosed         = fault.New(fault.Forbidden, "This account is closed.").WithCode("account_closed")
	ErrLanguage       = invalid("unknown_language", "The language is en or sw.", "language")
	ErrPhoneTaken     = fault.New(fault.Conflict, "There is an account with this phone number.").WithCode("phone_taken")
	ErrTokenInvalid   = fault.New(fault.Unauthenticated, "This sign-in is not valid here.").WithCode("token_invalid")
	ErrTokenExpired   = fault.New(fault.Unauthenticated, "This sign-in has expired.").WithCode("token_expired")
	ErrTokenRevoked   = fault.New(fault.Unauthenticated, "This sign-in has ended.").WithCode("token_revoked")
	ErrSignInAgain    = fault.New(fault.Unauthenticated, "Please sign in again.").WithCode("sign_in_again")
	ErrRefreshReused  = fault.New(fault.Unauthenticated, "Please sign in again: this sign-in was used twice.").WithCode("refresh_reused")
	ErrSecondFactor   = fault.New(fault.Unauthenticated, "Please type the code of your second factor.").WithCode("second_factor")
	ErrFactorFirst    = fault.New(fault.Forbidden, "Set up your second factor first.").WithCode("second_factor_first")
	ErrNoSuchSession  = fault.New(fault.NotFound, "There is no such sign-in.").WithCode("no_such_session")
	ErrEmailTaken     = fault.New(fault.Conflict, "There is an account with this e-mail address.").WithCode("email_taken")
	ErrNotYourLearner = fault.New(fault.Forbidden, "This school may not write about that person.").WithCode("not_your_learner")
	ErrNoSuchAccount  = fault.New(fault.NotFound, "There is no such person.").WithCode("no_such_account")
	ErrNoSuchSchool   = fault.New(fault.NotFound, "There is no such school.").WithCode("no_such_school")
)

// PasswordWay says whose password the e-mail sign-in of this node checks:
// CloudPasswords or SchoolPasswords.
type PasswordWay interface {
	// find gives who signs in as email; db.ErrNoRows when nobody does.
	find(ctx context.Context, tx db.Tx, email string) (candidate, error)
	// secret is what bcrypt gets to see of password.
	secret(password string) ([]byte, error)
}

// SecondFactor is what some accounts of a node need beside a password.
type SecondFactor interface {
	// Enter takes code for account, once; ErrSecondFactor when the account has a
	// factor and no code was given. An account without a factor needs no code.
	Enter(ctx context.Context, account AccountID, code string) error
	// Missing tells whether account must set up a factor before anything else.
	Missing(ctx context.Context, tx db.Tx, a Account) (bool, error)
}

// Options wires a Service.
type Options struct {
	// DB has a journal attached (syncer.WithJournal).
	DB    db.DB
	Clock clock.Clock
	// Issuer is the "iss" of this node's tokens, Audience their "aud":
	// CloudAudience, or the id of the appliance.
	Issuer, Audience string
	// School is the one school this node serves; tokens of another school are
	// refused. Empty on the cloud.
	School SchoolID
	// Pepper gives the key of a school's verifiers. The cloud knows every
	// school's, an appliance its own.
	Pepper func(SchoolID) ([]byte, error)
	// Passwords is the e-mail sign-in.
	Passwords PasswordWay
	// AnnounceKey stores a newly made public key where others find it: Keys.Save
	// on the cloud, nil where tokens are good on this node only.
	AnnounceKey func(context.Context, db.Tx, Key) (bool, error)
	// Welcome, optional and the cloud's, records for a new school what is for every
	// school: syncer.Registry.Welcome.
	Welcome func(context.Context, db.Tx, SchoolID) error
	// Guard, optional, stands before every secret that is compared.
	Guard Guard
	// Audit keeps what was done; optional.
	Audit Auditor
	// SecondFactor is asked at every sign-in by password; nil where there is none.
	SecondFactor SecondFactor
	// Device says what a request's browser calls itself; nil for nothing.
	Device func(context.Context) string
	// Sealer keeps private keys sealed at rest; nil leaves them bare.
	Sealer Sealer
	// Text, optional, tells whether a text about a purpose ever stood in a version;
	// a consent to one that never did is refused.
	Text func(version string, purpose Purpose) bool
	// Form, optional, tells whether there is a photo of a form of the learner by that
	// name; a consent that refers to another one is refused.
	Form func(ctx context.Context, tx db.Tx, learner AccountID, name string) (bool, error)
	// BcryptCost defaults to 10. HashWorkers bounds the hashes computed at once;
	// it defaults to the number of cores, so that a class signing in together
	// leaves time for everything else.
	BcryptCost, HashWorkers int
}

// Service is the use-cases of identity. Call EnsureKey before the first sign-in.
type Service struct {
	db        db.DB
	clock     clock.Clock
	issuer    string
	audience  string
	school    SchoolID
	pepper    func(SchoolID) ([]byte, error)
	passwords PasswordWay
	announce  func(context.Context, db.Tx, Key) (bool, error)
	welcome   func(context.Context, db.Tx, SchoolID) error
	audit     Auditor
	factor    SecondFactor
	device    func(context.Context) string
	cost      int
	workers   chan struct{}
	nobody    func() string
	guard     Guard
	sealer    Sealer
	text      func(version string, purpose Purpose) bool
	form      func(ctx context.Context, tx db.Tx, learner AccountID, name string) (bool, error)

	mu     sync.Mutex
	signer signer
}

// signer is the newest private key of this node.
type signer struct {
	kid     string
	private ed25519.PrivateKey
}

// New makes a Service; it touches neither disk nor network.
func New(o Options) *Service {
	if o.BcryptCost == 0 {
		o.BcryptCost = bcrypt.DefaultCost
	}
	if o.HashWorkers == 0 {
		o.HashWorkers = runtime.NumCPU()
	}
	if o.Audit == nil {
		o.Audit = nobodyNotes{}
	}
	if o.Device == nil {
		o.Device = func(context.Context) string { return "" }
	}
	return &Service{
		audit: o.Audit, factor: o.SecondFactor, device: o.Device, text: o.Text, form: o.Form,
		db: o.DB, clock: o.Clock, issuer: o.Issuer, audience: o.Audience, school: o.School,
		pepper: o.Pepper, passwords: o.Passwords, announce: o.AnnounceKey, welcome: o.Welcome,
		guard: o.Guard, sealer: o.Sealer, cost: o.BcryptCost, workers: make(chan struct{}, o.HashWorkers),
		nobody: sync.OnceValue(func() string { return verifierOfNobody(o.BcryptCost) }),
	}
}

// now is the time as facts keep it.
func (s *Service) now() db.Time { return db.Time{Time: s.clock.Now()} }
