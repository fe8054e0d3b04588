package identity

import (
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// Status says whether an account may sign in.
type Status string

// The statuses. Instructors and partners who register themselves are pending.
const (
	Active    Status = "active"
	Pending   Status = "pending"
	Suspended Status = "suspended"
	// Deactivated accounts were closed by their owner, Deleted ones by an admin;
	// both can be restored.
	Deactivated Status = "deactivated"
	Deleted     Status = "deleted"
)

// Account is a person. Only students and instructors of a school travel, and
// with them no password, phone or learner's e-mail address.
type Account struct {
	ID   AccountID `cbor:"1,keyasint" json:"id"`
	Role Role      `cbor:"2,keyasint" json:"role"`
	// Email is set for instructors only: their name at the school's sign-in.
	Email    string `cbor:"3,keyasint,omitempty" json:"email,omitempty"`
	FullName string `cbor:"4,keyasint" json:"full_name"`
	Status   Status `cbor:"5,keyasint" json:"status"`
	// School is empty for people without one.
	School SchoolID `cbor:"6,keyasint,omitempty" json:"school_id,omitempty"`
	// Grade is the wire value, e.g. "Grade 4".
	Grade           string  `cbor:"7,keyasint,omitempty" json:"grade,omitempty"`
	ClassName       string  `cbor:"8,keyasint,omitempty" json:"class_name,omitempty"`
	AdmissionNumber string  `cbor:"9,keyasint,omitempty" json:"admission_number,omitempty"`
	CreatedAt       db.Time `cbor:"10,keyasint" json:"created_at"`
	UpdatedAt       db.Time `cbor:"11,keyasint" json:"updated_at"`
	// UPI is the learner's number in the ministry's register.
	UPI string `cbor:"12,keyasint,omitempty" json:"upi,omitempty"`
	// Born is the year or the day of birth: YYYY or YYYY-MM-DD; empty for unknown.
	Born string `cbor:"13,keyasint,omitempty" json:"born,omitempty"`
	// MergedInto is the learner whose this record is too; empty for most.
	MergedInto AccountID `cbor:"14,keyasint,omitempty" json:"merged_into_id,omitempty"`
}

// Profile is what a person tells about herself; it stays on the cloud.
type Profile struct {
	// Phone is digits with country code, e.g. 254711000001.
	Phone             string
	Bio, AvatarURL    string
	DateOfBirth       string // YYYY-MM-DD
	County            string
	SchoolName        string
	LearningInterests []string
}

// Person is an account with what this node alone knows of it.
type Person struct {
	Account Account
	// Email is the address at the cloud's sign-in or, on an appliance, the school's.
	Email    string
	Verified bool
	// LoginPhone is the verified number she signs in with, if any; Language the one
	// of letters to her.
	LoginPhone, Language string
	Profile              Profile
	LastLogin            db.Time
}

// MayEnter gives ErrPending, ErrClosed or ErrSuspended when the account may not sign in.
func (a Account) MayEnter() error {
	switch a.Status {
	case Active:
		return nil
	case Pending:
		return ErrPending
	case Deactivated, Deleted:
		return ErrClosed
	default:
		return ErrSuspended
	}
}

// FirstAndLast splits the full name at its last space.
func (a Account) FirstAndLast() (first, last string) {
	i := strings.LastIndexByte(a.FullName, ' ')
	if i < 0 {
		return a.FullName, ""
	}
	return a.FullName[:i], a.FullName[i+1:]
}

// shortName is the first name and the initial of the last.
func (a Account) shortName() string {
	parts := strings.Fields(a.FullName)
	if len(parts) < 2 {
		return a.FullName
	}
	r, _ := utf8.DecodeRuneInString(parts[len(parts)-1])
	return parts[0] + " " + string(r) + "."
}

// Grades are the levels of the curriculum as they stand on the wire.
func Grades() []string {
	return []string{
		"PP1", "PP2", "Grade 1", "Grade 2", "Grade 3", "Grade 4", "Grade 5", "Grade 6",
		"Grade 7", "Grade 8", "Grade 9", "Grade 10", "Grade 11", "Grade 12",
	}
}

func invalid(code, msg string, loc ...string) *fault.Error {
	return fault.New(fault.Invalid, msg).WithCode(code).At(msg, loc...)
}

func checkGrade(grade string) error {
	if !slices.Contains(Grades(), grade) {
		return invalid("unknown_grade", "The grade is PP1, PP2 or Grade 1 to Grade 12.", "grade")
	}
	return nil
}

// maxName is the longest name of a person, school or class.
const maxName = 120

func cleanName(name, field string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || utf8.RuneCountInString(name) > maxName {
		return "", invalid("bad_name", "A name has 1 to 120 characters.", field)
	}
	return name, nil
}

// NormalEmail is the address in lower case, which is how addresses are compared;
// bad_email when it is none.
func NormalEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 {
		return "", invalid("bad_email", "This is not an e-mail address.", "email")
	}
	return email, nil
}

// NormalPhone gives a phone number as digits with country code, as the payment
// gateway wants it: 0711000001, +254 711 000 001 and 254711000001 are all
// 254711000001. Numbers of other countries need their +.
func NormalPhone(phone string) (string, error) {
	bad := invalid("bad_phone", "This is not a phone number.", "phone_number")
	plus := strings.HasPrefix(strings.TrimSpace(phone), "+")
	var digits strings.Builder
	for _, r := range phone {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case strings.ContainsRune("+ -()", r):
		default:
			return "", bad
		}
	}
	d := digits.String()
	if !plus && len(d) == 10 && (strings.HasPrefix(d, "07") || strings.HasPrefix(d, "01")) {
		d = "254" + d[1:]
	}
	if strings.HasPrefix(d, "254") {
		if len(d) != 12 || (d[3] != '7' && d[3] != '1') {
			return "", bad
		}
		return d, nil
	}
	if !plus || len(d) < 8 || len(d) > 15 {
		return "", bad
	}
	return d, nil
}

// check cleans the profile in place of its owner's typing.
func (p Profile) check(now time.Time) (Profile, error) {
	if p.Phone != "" {
		phone, err := NormalPhone(p.Phone)
		if err != nil {
			return p, err
		}
		p.Phone = phone
	}
	if p.DateOfBirth != "" {
		d, err := time.Parse(time.DateOnly, p.DateOfBirth)
		if err != nil || d.After(now) || d.Year() < 1900 {
			return p, invalid("bad_date", "A date of birth is YYYY-MM-DD, in the past.", "date_of_birth")
		}
	}
	if p.AvatarURL != "" {
		u, err := url.Parse(p.AvatarURL)
		if err != nil || len(p.AvatarURL) > 500 || (u.Scheme != "https" && (u.Scheme != "" || !strings.HasPrefix(u.Path, "/"))) {
			return p, invalid("bad_url", "A picture's address begins with https:// or /.", "avatar_url")
		}
	}
	if utf8.RuneCountInString(p.Bio) > 1000 || utf8.RuneCountInString(p.County) > maxName || utf8.RuneCountInString(p.SchoolName) > maxName {
		return p, invalid("too_long", "A text is too long.", "profile_data")
	}
	if len(p.LearningInterests) > 30 || slices.ContainsFunc(p.LearningInterests, func(s string) bool { return len(s) > 200 }) {
		return p, invalid("too_long", "At most 30 interests of 200 characters.", "learning_interests")
	}
	return p, nil
}
