package identity

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
)

// NewSchool is what an admin says to open a school. An empty Code is made up,
// an empty Language is "en".
type NewSchool struct{ Name, Code, County, Language string }

var schoolCode = regexp.MustCompile(`^[A-Z0-9][A-Z0-9-]{1,19}$`)

// CreateSchool opens a school; for admins. The keys that verify cloud tokens
// are recorded for it, so that they are the first thing its appliance gets.
func (s *Service) CreateSchool(ctx context.Context, who Actor, in NewSchool) (School, error) {
	if err := who.Require(Admin); err != nil {
		return School{}, err
	}
	name, err := cleanName(in.Name, "name")
	if err != nil {
		return School{}, err
	}
	if in.Code == "" {
		in.Code = id.Code(6)
	}
	if !schoolCode.MatchString(in.Code) {
		return School{}, invalid("bad_code", "A code has 2 to 20 capital letters, digits and hyphens.", "code")
	}
	if in.Language == "" {
		in.Language = "en"
	}
	if in.Language != "en" && in.Language != "sw" {
		return School{}, ErrLanguage
	}

	now := s.now()
	v := School{
		ID: SchoolID(id.New()), Name: name, Code: in.Code, County: in.County, Language: in.Language, CreatedAt: now, UpdatedAt: now,
	}
	err = s.db.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, lockSchools); err != nil {
			return err
		}
		taken, err := exists(ctx, tx, countSchoolCode, v.Code)
		if err != nil {
			return err
		}
		if taken {
			return fault.New(fault.Conflict, "There is a school with this code.").WithCode("code_taken")
		}
		if _, err := Schools.Save(ctx, tx, v); err != nil {
			return err
		}
		if s.welcome == nil {
			return nil
		}
		return s.welcome(ctx, tx, v.ID)
	})
	if err != nil {
		return School{}, fmt.Errorf("create a school: %w", err)
	}
	return v, nil
}

// ListSchools gives all schools; for admins and staff.
func (s *Service) ListSchools(ctx context.Context, who Actor) ([]School, error) {
	if err := who.Require(Admin, Staff); err != nil {
		return nil, err
	}
	var out []School
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		out, err = db.All(ctx, tx, selectSchools, scanSchool)
		return err
	})
	return out, err
}

// mayManage lets admins and those instructors of the school who hold one of
// duties act. Roles that never may get ErrForbidden, people of another school
// ErrNoSuchSchool.
func mayManage(who Actor, school SchoolID, duties ...Duty) error {
	if err := who.Require(Admin, Instructor); err != nil {
		return err
	}
	if who.Role == Admin {
		return nil
	}
	if who.School == "" || who.School != school {
		return ErrNoSuchSchool
	}
	if !slices.ContainsFunc(duties, who.Has) {
		return ErrForbidden
	}
	return nil
}

// NewLearner is a child on her way into a school. ClassName defaults to the
// grade. Account, for admins, is an existing student to be moved here; then
// the other fields replace what is known where they are set. PIN is optional.
type NewLearner struct {
	Account                                     AccountID
	FullName, Grade, ClassName, AdmissionNumber string
	PIN                                         string
}

// AddLearner makes a learner a member of a school. What the school's box needs
// to know of her is recorded for it: account, PIN, guardians, consents.
func (s *Service) AddLearner(ctx context.Context, who Actor, school SchoolID, in NewLearner) (Account, error) {
	if err := mayManage(who, school, Head, Bursar, SiteAdmin); err != nil {
		return Account{}, err
	}
	if in.Account != "" && who.Role != Admin {
		return Account{}, ErrForbidden
	}
	verifier, err := s.pinVerifier(ctx, school, in.PIN)
	if err != nil {
		return Account{}, err
	}

	var a Account
	err = s.db.Update(ctx, func(tx db.Tx) error {
		if a, err = s.memberToBe(ctx, tx, in.Account, Student); err != nil {
			return err
		}
		if a, err = in.apply(a); err != nil {
			return err
		}
		if a, err = s.join(ctx, tx, a, school); err != nil {
			return err
		}
		if verifier == "" {
			return nil
		}
		return s.saveLearnerSecret(ctx, tx, a, PIN, verifier)
	})
	if err != nil {
		return Account{}, fmt.Errorf("add a learner: %w", err)
	}
	return a, nil
}

func (in NewLearner) apply(a Account) (Account, error) {
	if in.FullName != "" || a.FullName == "" {
		name, err := cleanName(in.FullName, "full_name")
		if err != nil {
			return a, err
		}
		a.FullName = name
	}
	if in.Grade != "" || a.Grade == "" {
		if err := checkGrade(in.Grade); err != nil {
			return a, err
		}
		a.Grade = in.Grade
	}
	a.ClassName = a.Grade
	if in.ClassName != "" {
		class, err := cleanName(in.ClassName, "class_name")
		if err != nil {
			return a, err
		}
		a.ClassName = class
	}
	if len(in.AdmissionNumber) > 40 {
		return a, invalid("too_long", "An admission number has at most 40 characters.", "admission_number")
	}
	a.AdmissionNumber = in.AdmissionNumber
	return a, nil
}

// NewInstructor is a teacher on the way into a school: an existing account, for
// admins, or a new one by e-mail and name. SchoolPassword is optional.
type NewInstructor struct {
	Account         AccountID
	Email, FullName string
	SchoolPassword  string
	Duties          []Duty
}

// AddInstructor makes an instructor a member of a school, with duties. A new
// account has no cloud password until one is set.
func (s *Service) AddInstructor(ctx context.Context, who Actor, school SchoolID, in NewInstructor) (Account, error) {
	if err := mayManage(who, school, Head, SiteAdmin); err != nil {
		return Account{}, err
	}
	if in.Account != "" && who.Role != Admin {
		return Account{}, ErrForbidden
	}
	if len(in.Duties) > 0 && who.Role != Admin && !who.Has(Head) {
		return Account{}, ErrForbidden
	}
	for _, d := range in.Duties {
		if err := checkDuty(d); err != nil {
			return Account{}, err
		}
	}
	verifier, err := s.passwordVerifier(ctx, school, in.Account, in.SchoolPassword)
	if err != nil {
		return Account{}, err
	}

	var a Account
	err = s.db.Update(ctx, func(tx db.Tx) error {
		if a, err = s.memberToBe(ctx, tx, in.Account, Instructor); err != nil {
			return err
		}
		if in.Account == "" {
			if a, err = in.reserve(ctx, tx, a); err != nil {
				return err
			}
		}
		if a, err = s.join(ctx, tx, a, school); err != nil {
			return err
		}
		for _, d := range in.Duties {
			if err := s.saveDuty(ctx, tx, DutyGrant{School: school, Account: a.ID, Duty: d, Active: true}); err != nil {
				return err
			}
		}
		if verifier == "" {
			return nil
		}
		return s.saveCredential(ctx, tx, a, SchoolPassword, verifier)
	})
	if err != nil {
		return Account{}, fmt.Errorf("add an instructor: %w", err)
	}
	return a, nil
}

// reserve fills a new account and takes its address, with no password yet.
func (in NewInstructor) reserve(ctx context.Context, tx db.Tx, a Account) (Account, error) {
	email, err := NormalEmail(in.Email)
	if err != nil {
		return a, err
	}
	name, err := cleanName(in.FullName, "full_name")
	if err != nil {
		return a, err
	}
	n, err := tx.Exec(ctx, insertLogin, a.ID, email, "", db.Time{}, "", "en")
	if err != nil {
		return a, err
	}
	if n == 0 {
		return a, ErrEmailTaken
	}
	a.Email, a.FullName = email, name
	return a, nil
}

// memberToBe is an existing account of role, or a new one when none is named.
func (s *Service) memberToBe(ctx context.Context, tx db.Tx, account AccountID, role Role) (Account, error) {
	if account == "" {
		return Account{ID: AccountID(id.New()), Role: role, Status: Active, CreatedAt: s.now()}, nil
	}
	a, err := s.Account(ctx, tx, account)
	if err == nil && a.Role != role {
		return a, invalid("wrong_role", "This account has another role.", "account_id")
	}
	return a, err
}

// join makes a a member of school and of no other, and records there what the
// school needs; the school she leaves is told that she left.
func (s *Service) join(ctx context.Context, tx db.Tx, a Account, school SchoolID) (Account, error) {
	if _, err := s.School(ctx, tx, school); err != nil {
		return a, err
	}
	left := a.School
	a.School, a.Status, a.UpdatedAt = school, Active, s.now()
	if left == school {
		return a, saveAccount(ctx, tx, a)
	}

	if left != "" {
		if err := s.leaveSchool(ctx, tx, a, left); err != nil {
			return a, err
		}
	}
	if _, err := tx.Exec(ctx, insertMembership, a.ID, school, a.UpdatedAt); err != nil {
		return a, err
	}
	if err := saveAccount(ctx, tx, a); err != nil {
		return a, err
	}
	return a, s.recordMember(ctx, tx, a)
}

// leaveSchool ends the membership of the school a leaves: its duties and
// sessions end, and the school's box sees her at another school.
func (s *Service) leaveSchool(ctx context.Context, tx db.Tx, a Account, left SchoolID) error {
	if _, err := tx.Exec(ctx, endMemberships, a.ID, a.UpdatedAt); err != nil {
		return err
	}
	grants, err := db.All(ctx, tx, selectDuties, scanDuty, a.ID, left)
	if err != nil {
		return err
	}
	for _, g := range grants {
		g.Active, g.UpdatedAt = false, a.UpdatedAt
		if _, err := DutyGrants.Save(ctx, tx, g); err != nil {
			return err
		}
	}
	if err := s.endAll(ctx, tx, a.ID, ""); err != nil {
		return err
	}
	if err := bar(ctx, tx, a, left); err != nil {
		return err
	}
	return recordFor(ctx, tx, Accounts, left, a)
}

// recordMember queues for a new member's school what is known of her already.
func (s *Service) recordMember(ctx context.Context, tx db.Tx, a Account) error {
	credentials, err := db.All(ctx, tx, selectCredentials, scanCredential, a.ID, a.School)
	if err != nil {
		return err
	}
	for _, c := range credentials {
		if err := recordFor(ctx, tx, Credentials, a.School, c); err != nil {
			return err
		}
	}
	guardians, err := db.All(ctx, tx, selectGuardians, scanGuardian, a.ID)
	if err != nil {
		return err
	}
	for _, g := range guardians {
		if err := recordFor(ctx, tx, Guardians, a.School, g); err != nil {
			return err
		}
	}
	consents, err := db.All(ctx, tx, ownConsents, scanConsent, a.ID)
	if err != nil {
		return err
	}
	for _, c := range consents {
		if err := recordFor(ctx, tx, Consents, a.School, c); err != nil {
			return err
		}
	}
	return nil
}

// OwnSchool gives a school to its members and to admins; ErrNoSuchSchool to
// anybody else.
func (s *Service) OwnSchool(ctx context.Context, who Actor, school SchoolID) (School, error) {
	if who.Account == "" {
		return School{}, ErrNobody
	}
	if who.Role != Admin && (who.School == "" || who.School != school) {
		return School{}, ErrNoSuchSchool
	}
	var v School
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		v, err = s.School(ctx, tx, school)
		return err
	})
	return v, err
}
