package identity

import (
	"context"
	"errors"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// What follows is for shared/roster, which decides who may change a school's
// roster and how; here is only how an account is kept.

// SelvesSQL is a subquery for a learner's facts: the ids of $1 and of her
// duplicates. The facts of somebody who is not here count too.
const SelvesSQL = `(SELECT id FROM accounts WHERE id = $1 OR merged_into_id = $1 UNION SELECT $1)`

// Selves are the ids under which a learner's facts stand: her own and those of
// her duplicates.
func (s *Service) Selves(ctx context.Context, tx db.Tx, learner AccountID) ([]AccountID, error) {
	ids, err := db.All(ctx, tx, selectSelves, db.Scalar[AccountID], learner)
	if err == nil && !slices.Contains(ids, learner) {
		ids = append(ids, learner)
	}
	return ids, err
}

// Survivor is the learner whose record account is: herself, or the one she was
// merged into.
func (s *Service) Survivor(ctx context.Context, tx db.Tx, account AccountID) (Account, error) {
	a, err := s.Account(ctx, tx, account)
	if err != nil || a.MergedInto == "" {
		return a, err
	}
	into, err := s.Account(ctx, tx, a.MergedInto)
	if errors.Is(err, ErrNoSuchAccount) {
		return a, nil // of another school, and not known here
	}
	return into, err
}

// Join makes a a member of school and of no other, as AddLearner does; for the
// cloud's side of the roster, which has checked a.
func (s *Service) Join(ctx context.Context, tx db.Tx, a Account, school SchoolID) (Account, error) {
	return s.join(ctx, tx, a, school)
}

// Keep stores a changed account and tells its school; for the cloud's side of
// the roster.
func (s *Service) Keep(ctx context.Context, tx db.Tx, a Account) error {
	a.UpdatedAt = s.now()
	return saveAccount(ctx, tx, a)
}

// Leave ends a's membership of her school: she belongs to none.
func (s *Service) Leave(ctx context.Context, tx db.Tx, a Account) error {
	left := a.School
	a.School, a.UpdatedAt = "", s.now()
	if err := s.leaveSchool(ctx, tx, a, left); err != nil {
		return err
	}
	_, err := Accounts.Put(ctx, tx, a)
	return err
}

// Tell records an account for a school that is to see it as it is.
func (s *Service) Tell(ctx context.Context, tx db.Tx, a Account, school SchoolID) error {
	return recordFor(ctx, tx, Accounts, school, a)
}

// LinkParent makes a parent's account guardian of a learner, or again after the
// school unlinked it. A link that stands stays as it is, with the phone and what
// the school vouched for.
func (s *Service) LinkParent(ctx context.Context, tx db.Tx, parent, learner AccountID) (Guardian, error) {
	g, err := s.guardian(ctx, tx, NewGuardian{Learner: learner, Parent: parent})
	if err != nil {
		return g, err
	}
	known, err := s.GuardianByID(ctx, tx, g.ID)
	if !errors.Is(err, ErrNoSuchGuardian) {
		return known, err
	}
	_, err = Guardians.Save(ctx, tx, g)
	return g, err
}

// NameGuardian keeps the name and phone a school knows of a learner's guardian,
// not verified; a guardian known by that phone already stays as she is.
func (s *Service) NameGuardian(ctx context.Context, tx db.Tx, learner AccountID, name, phone string) error {
	phone, err := NormalPhone(phone)
	if err != nil {
		return err
	}
	g, err := s.guardian(ctx, tx, NewGuardian{Learner: learner, Name: name, Phone: phone})
	if err != nil {
		return err
	}
	known, err := db.All(ctx, tx, selectGuardians, scanGuardian, learner)
	if err != nil || slices.ContainsFunc(known, func(k Guardian) bool { return k.ID == g.ID || k.Phone == phone }) {
		return err
	}
	_, err = Guardians.Save(ctx, tx, g)
	return err
}

// Unlink ends a guardian's link and the sessions she opened for the child.
// ErrNoSuchGuardian when the guardian is not the learner's.
func (s *Service) Unlink(ctx context.Context, tx db.Tx, learner AccountID, guardian string) error {
	g, err := db.First(ctx, tx, selectGuardian, scanGuardian, guardian)
	if errors.Is(err, db.ErrNoRows) {
		return ErrNoSuchGuardian
	}
	if err != nil {
		return err
	}
	selves, err := s.Selves(ctx, tx, learner)
	if err != nil {
		return err
	}
	if !slices.Contains(selves, g.Learner) {
		return ErrNoSuchGuardian
	}
	g.Ended, g.UpdatedAt = true, s.now()
	if _, err := Guardians.Save(ctx, tx, g); err != nil {
		return err
	}
	for _, id := range selves {
		live, err := db.All(ctx, tx, liveSessions, scanSession, id, s.now())
		if err != nil {
			return err
		}
		for _, ses := range live {
			if ses.guardian == "" || ses.guardian != g.Account {
				continue
			}
			if err := s.end(ctx, tx, ses.id, ses.school); err != nil {
				return err
			}
		}
	}
	return nil
}

// ErrNoSuchGuardian answers about somebody who is not the learner's guardian.
var ErrNoSuchGuardian = fault.New(fault.NotFound, "There is no such guardian.").WithCode("no_such_guardian")

// CleanName is a name of a person or class with single spaces; the error names
// the field.
func CleanName(name, field string) (string, error) { return cleanName(name, field) }

// IsGrade tells whether grade is a level of the curriculum.
func IsGrade(grade string) bool { return slices.Contains(Grades(), grade) }

// WasMember tells whether account is or was at school.
func (s *Service) WasMember(ctx context.Context, tx db.Tx, account AccountID, school SchoolID) (bool, error) {
	return exists(ctx, tx, countMembership, account, school)
}

// UPIHolder is the learner who has a UPI, other than account; empty for nobody.
func (s *Service) UPIHolder(ctx context.Context, tx db.Tx, upi string, account AccountID) (AccountID, error) {
	holder, err := db.First(ctx, tx, selectUPI, db.Scalar[AccountID], upi, account)
	if errors.Is(err, db.ErrNoRows) {
		return "", nil
	}
	return holder, err
}

// Learners are the learners at a school, by class and name, without duplicates
// that were merged.
func (s *Service) Learners(ctx context.Context, tx db.Tx, school SchoolID) ([]Account, error) {
	lines, err := db.All(ctx, tx, selectRoster, scanRoster, school, "")
	out := make([]Account, len(lines))
	for i, l := range lines {
		out[i] = l.Account
	}
	return out, err
}
