package identity

import (
	"slices"

	"urbanhomeschool.org/uhs/shared/fault"
)

// AccountID names a person: a UUID.
type AccountID string

// SchoolID names a school: a UUID.
type SchoolID string

// Role is what a person is to the platform. The wire values are the published
// ones of UHS v1.
type Role string

// The six roles.
const (
	Student    Role = "student"
	Parent     Role = "parent"
	Instructor Role = "instructor"
	Admin      Role = "admin"
	Staff      Role = "staff"
	Partner    Role = "partner"
	// Applicant stands in the tokens of an instructor or partner who waits for
	// approval: she sees her own account and her application, nothing else. No
	// account has it.
	Applicant Role = "applicant"
)

// Duty is a responsibility at a school, granted to an instructor account.
type Duty string

// The duties.
const (
	Head      Duty = "head"
	Bursar    Duty = "bursar"
	SiteAdmin Duty = "site_admin"
)

// Actor is who asks: made from a verified access token, given to every use-case.
// The zero Actor is nobody.
type Actor struct {
	Account AccountID
	Role    Role
	// School is where the session was opened, or the account's school; empty for
	// accounts without one.
	School SchoolID
	Duties []Duty
	Email  string
	// Loans are grades of features that an admin lent to this member of staff, as
	// "feature:grade".
	Loans []string
	// Session is the token's sid; JTI the token's own id.
	Session, JTI string
	// Guardian is who opened this session for her child at home: such a session
	// learns, and does nothing else. Empty for everybody's own sessions.
	Guardian AccountID
	// OnlyPictures says that the person showed three pictures and no secret: it is
	// known who she says she is, and she may learn, and nothing else.
	OnlyPictures bool
	// Limited is an actor who must set up a second factor before anything else.
	Limited bool
}

// Has tells whether the actor holds duty at the session's school.
func (a Actor) Has(duty Duty) bool { return slices.Contains(a.Duties, duty) }

// Borrowed tells whether one of the grades of feature was lent to the actor.
func (a Actor) Borrowed(feature string, grades ...string) bool {
	return a.Role == Staff && slices.ContainsFunc(grades, func(g string) bool { return slices.Contains(a.Loans, feature+":"+g) })
}

// ErrNobody answers a request without a valid token.
var ErrNobody = fault.New(fault.Unauthenticated, "Please sign in.").WithCode("sign_in")

// ErrForbidden answers a role that may never do this.
var ErrForbidden = fault.New(fault.Forbidden, "You are not allowed to do this.").WithCode("forbidden")

// ErrOnlyPictures answers somebody who signed in with pictures and asks for more
// than learning.
var ErrOnlyPictures = fault.New(fault.Forbidden, "For this, sign in with your PIN.").WithCode("only_pictures")

// Require gives ErrNobody for nobody and ErrForbidden when the actor's role is
// not among roles.
func (a Actor) Require(roles ...Role) error {
	if a.Account == "" {
		return ErrNobody
	}
	if !slices.Contains(roles, a.Role) {
		return ErrForbidden
	}
	return nil
}
