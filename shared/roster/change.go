package roster

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Kind is what a change asks for.
type Kind string

// The kinds.
const (
	// Learner brings a learner, or corrects what is known of her.
	Learner Kind = "learner"
	// Leave says that a learner has left the school.
	Leave Kind = "leave"
	// Merge says that Other is the same child as Account, whose record stays.
	Merge Kind = "merge"
	// Unmerge takes the merge Of back.
	Unmerge Kind = "unmerge"
	// Unlink ends the link of the guardian Of.
	Unlink Kind = "unlink"
	// Transfer asks for the learner of a transfer code.
	Transfer Kind = "transfer"
	// Seen says that somebody has read the verdict on the change Of.
	Seen Kind = "seen"
)

// Patch is what a change says of a learner; nil leaves a field alone, an empty
// text clears it.
type Patch struct {
	FullName        *string `cbor:"1,keyasint,omitempty" json:"full_name,omitempty"`
	Grade           *string `cbor:"2,keyasint,omitempty" json:"grade,omitempty"`
	ClassName       *string `cbor:"3,keyasint,omitempty" json:"class_name,omitempty"`
	AdmissionNumber *string `cbor:"4,keyasint,omitempty" json:"admission_number,omitempty"`
	UPI             *string `cbor:"5,keyasint,omitempty" json:"upi,omitempty"`
	// Born is YYYY or YYYY-MM-DD.
	Born *string `cbor:"6,keyasint,omitempty" json:"born,omitempty"`
	// GuardianName and GuardianPhone name an adult of hers.
	GuardianName  string `cbor:"7,keyasint,omitempty" json:"guardian_name,omitempty"`
	GuardianPhone string `cbor:"8,keyasint,omitempty" json:"guardian_phone,omitempty"`
}

// Change is one thing a school wants changed. It never changes itself.
type Change struct {
	ID      string             `cbor:"1,keyasint" json:"id"`
	School  identity.SchoolID  `cbor:"2,keyasint" json:"school_id"`
	Kind    Kind               `cbor:"3,keyasint" json:"kind"`
	Account identity.AccountID `cbor:"4,keyasint,omitempty" json:"account_id,omitempty"`
	Other   identity.AccountID `cbor:"5,keyasint,omitempty" json:"other_id,omitempty"`
	Of      string             `cbor:"6,keyasint,omitempty" json:"of_id,omitempty"`
	Patch   Patch              `cbor:"7,keyasint" json:"patch"`
	// Hash is that of a transfer code.
	Hash string             `cbor:"8,keyasint,omitempty" json:"hash,omitempty"`
	By   identity.AccountID `cbor:"9,keyasint" json:"by_id"`
	At   db.Time            `cbor:"10,keyasint" json:"at"`
}

// Verdict is the cloud's answer to a change. Code says why it was refused, or
// what the school should know although it was done; empty for plain yes.
type Verdict struct {
	ID      string             `cbor:"1,keyasint" json:"id"`
	School  identity.SchoolID  `cbor:"2,keyasint" json:"school_id"`
	Change  string             `cbor:"3,keyasint" json:"change_id"`
	Account identity.AccountID `cbor:"4,keyasint,omitempty" json:"account_id,omitempty"`
	Refused bool               `cbor:"5,keyasint,omitempty" json:"refused,omitempty"`
	Code    string             `cbor:"6,keyasint,omitempty" json:"code,omitempty"`
	At      db.Time            `cbor:"7,keyasint" json:"at"`
}

// Apply gives the account as c, which was checked, leaves it: the one function
// that both sides use. For a new learner a is the zero account.
func Apply(a identity.Account, c Change) identity.Account {
	if a.ID == "" {
		a = identity.Account{ID: c.Account, Role: identity.Student, Status: identity.Active, School: c.School, CreatedAt: c.At}
	}
	switch c.Kind {
	case Learner, Transfer:
		for _, f := range []struct{ to, from *string }{
			{&a.FullName, c.Patch.FullName}, {&a.Grade, c.Patch.Grade}, {&a.ClassName, c.Patch.ClassName},
			{&a.AdmissionNumber, c.Patch.AdmissionNumber}, {&a.UPI, c.Patch.UPI}, {&a.Born, c.Patch.Born},
		} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		if a.ClassName == "" {
			a.ClassName = a.Grade
		}
	case Leave:
		a.School = ""
	case Merge, Unmerge, Unlink, Seen:
	}
	if c.At.After(a.UpdatedAt.Time) {
		a.UpdatedAt = c.At
	}
	return a
}

func invalid(code, msg, field string) *fault.Error {
	return fault.New(fault.Invalid, msg).WithCode(code).At(msg, field)
}

var (
	upiForm  = regexp.MustCompile(`^[A-Z0-9]{4,20}$`)
	bornForm = regexp.MustCompile(`^\d{4}(-\d{2}-\d{2})?$`)
)

// check cleans what somebody typed about a learner: fields are set as they will
// be stored. A new learner needs a name and a grade.
func (p Patch) check(now time.Time, fresh bool) (Patch, error) {
	if fresh && (p.FullName == nil || p.Grade == nil) {
		return p, invalid("bad_name", "A new learner needs a name and a grade.", "full_name")
	}
	if p.FullName != nil {
		name, err := identity.CleanName(*p.FullName, "full_name")
		if err != nil {
			return p, err
		}
		p.FullName = &name
	}
	if p.Grade != nil && !identity.IsGrade(*p.Grade) {
		return p, invalid("unknown_grade", "The grade is PP1, PP2 or Grade 1 to Grade 12.", "grade")
	}
	if p.ClassName != nil && *p.ClassName != "" {
		class, err := identity.CleanName(*p.ClassName, "class_name")
		if err != nil {
			return p, err
		}
		p.ClassName = &class
	}
	if p.AdmissionNumber != nil {
		n := strings.TrimSpace(*p.AdmissionNumber)
		if utf8.RuneCountInString(n) > 40 {
			return p, invalid("too_long", "An admission number has at most 40 characters.", "admission_number")
		}
		p.AdmissionNumber = &n
	}
	if p.UPI != nil {
		upi, err := cleanUPI(*p.UPI)
		if err != nil {
			return p, err
		}
		p.UPI = &upi
	}
	if p.Born != nil {
		if err := checkBorn(*p.Born, now); err != nil {
			return p, err
		}
	}
	return p.checkGuardian()
}

func (p Patch) checkGuardian() (Patch, error) {
	if p.GuardianName == "" && p.GuardianPhone == "" {
		return p, nil
	}
	phone, err := identity.NormalPhone(p.GuardianPhone)
	if err != nil {
		return p, invalid("bad_phone", "This is not a phone number.", "guardian_phone")
	}
	p.GuardianPhone = phone
	p.GuardianName, err = identity.CleanName(p.GuardianName, "guardian_name")
	return p, err
}

func cleanUPI(upi string) (string, error) {
	upi = strings.ToUpper(strings.TrimSpace(upi))
	if upi != "" && !upiForm.MatchString(upi) {
		return "", invalid("bad_upi", "A UPI has 4 to 20 letters and digits.", "upi")
	}
	return upi, nil
}

// oldest and youngest bound the years of birth that are believed.
const (
	oldest   = 60
	youngest = 2
)

func checkBorn(born string, now time.Time) error {
	bad := invalid("bad_born", "The birth is a year or a day, as 2015 or 2015-04-01.", "born")
	if born == "" {
		return nil
	}
	if !bornForm.MatchString(born) {
		return bad
	}
	year, err := strconv.Atoi(born[:4])
	if err != nil || year < now.Year()-oldest || year > now.Year()-youngest {
		return bad
	}
	if len(born) > 4 {
		if _, err := time.Parse(time.DateOnly, born); err != nil {
			return bad
		}
	}
	return nil
}

// Age is how old somebody born then is, in whole years, and whether that is known.
// A year alone counts as its last day, so that nobody is taken for older than she
// is.
func Age(born string, now time.Time) (years int, known bool) {
	if len(born) == 4 {
		born += "-12-31"
	}
	day, err := time.Parse(time.DateOnly, born)
	if err != nil {
		return 0, false
	}
	years = now.Year() - day.Year()
	if now.YearDay() < time.Date(now.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC).YearDay() {
		years--
	}
	return years, true
}
