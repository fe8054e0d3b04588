package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Schools routes a record of the cloud: the school itself, a person's present
// schools, or all schools. No school is a valid answer.
func (s *Service) Schools(ctx context.Context, tx db.Tx, a syncproto.Audience) ([]string, error) {
	if school, ok := a.School(); ok {
		if school == "" {
			return nil, nil
		}
		return []string{school}, nil
	}
	if learner, ok := a.Learner(); ok {
		return db.All(ctx, tx, presentSchools, db.Scalar[string], learner)
	}
	if a.Everyone() {
		// A school that is being opened is either among them or is told the record by
		// its welcome: never neither.
		if _, err := tx.Exec(ctx, lockSchools); err != nil {
			return nil, err
		}
		return db.All(ctx, tx, selectSchoolIDs, db.Scalar[string])
	}
	return nil, fmt.Errorf("identity: a record without an audience")
}

// Admits tells whether a school may write a record about a: about itself and
// its present or past members. ErrNotYourLearner otherwise; when there is no such
// person at all (a cloud that was restored may yet learn of one), the record may
// wait.
func (s *Service) Admits(ctx context.Context, tx db.Tx, school string, a syncproto.Audience) error {
	if of, ok := a.School(); ok && of == school && school != "" {
		return nil
	}
	if learner, ok := a.Learner(); ok {
		member, err := exists(ctx, tx, countMembership, learner, school)
		if err != nil {
			return fmt.Errorf("admit: %w", err)
		}
		if member {
			return nil
		}
		known, err := exists(ctx, tx, countAccount, learner)
		if err != nil {
			return fmt.Errorf("admit: %w", err)
		}
		if !known {
			return fmt.Errorf("%w (%w)", ErrNotYourLearner, syncer.Missing(learner))
		}
	}
	return ErrNotYourLearner
}

// AdmitsAll gives those of about that are present or past members of the school:
// Admits for many, in one query.
func (s *Service) AdmitsAll(ctx context.Context, tx db.Tx, school string, about []syncproto.Audience) (out []syncproto.Audience, err error) {
	var learners []string
	for _, a := range about {
		if l, ok := a.Learner(); ok && id.Valid(l) {
			learners = append(learners, l)
		}
	}
	if len(learners) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(learners)
	if err != nil {
		return nil, err
	}
	members, err := db.All(ctx, tx, listMembers, db.Scalar[string], school, string(list))
	if err != nil {
		return nil, fmt.Errorf("admit: %w", err)
	}
	for _, m := range members {
		out = append(out, syncproto.OfLearner(m))
	}
	return out, nil
}

// Account gives a person; ErrNoSuchAccount when there is none.
func (s *Service) Account(ctx context.Context, tx db.Tx, account AccountID) (Account, error) {
	a, err := db.First(ctx, tx, selectAccount, scanAccount, account)
	if errors.Is(err, db.ErrNoRows) {
		return a, ErrNoSuchAccount
	}
	return a, err
}

// School gives a school; ErrNoSuchSchool when there is none.
func (s *Service) School(ctx context.Context, tx db.Tx, school SchoolID) (School, error) {
	v, err := db.First(ctx, tx, selectSchool, scanSchool, school)
	if errors.Is(err, db.ErrNoRows) {
		return v, ErrNoSuchSchool
	}
	return v, err
}

// NamedAdult is who is told when a child of the school is in danger; empty when
// nobody is named.
func (s *Service) NamedAdult(ctx context.Context, tx db.Tx, school SchoolID) (AccountID, error) {
	v, err := s.School(ctx, tx, school)
	return v.NamedAdult, err
}

// ChildrenOf lists the learners a parent is guardian of.
func (s *Service) ChildrenOf(ctx context.Context, tx db.Tx, parent AccountID) ([]Account, error) {
	if parent == "" {
		return nil, nil
	}
	return db.All(ctx, tx, selectChildren, scanAccount, parent)
}

// IsGuardianOf tells whether account is linked to learner as a guardian.
func (s *Service) IsGuardianOf(ctx context.Context, tx db.Tx, account, learner AccountID) (bool, error) {
	if account == "" {
		return false, nil
	}
	return exists(ctx, tx, countGuardian, account, learner)
}

// VerifiedPhones are the numbers that may be asked to pay for a learner: digits
// with country code.
func (s *Service) VerifiedPhones(ctx context.Context, tx db.Tx, learner AccountID) ([]string, error) {
	phones, err := db.All(ctx, tx, verifiedPhones, func(r db.Rows) (p string, err error) { return p, r.Scan((*db.Contact)(&p)) }, learner)
	slices.Sort(phones) // the database orders what it sees, which is sealed
	return phones, err
}

// HasConsent tells whether the latest fact of purpose says yes, whether it was
// said for the learner or for one of her duplicates. Without any it is no.
func (s *Service) HasConsent(ctx context.Context, tx db.Tx, learner AccountID, purpose Purpose) (bool, error) {
	c, err := db.First(ctx, tx, latestConsent, scanConsent, learner, purpose)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return c.Given, err
}

// MaySee lets the learner herself, her guardians, the instructors of her
// present school and admins read about her. Anybody else gets ErrNoSuchAccount,
// as if she did not exist.
func (s *Service) MaySee(ctx context.Context, tx db.Tx, who Actor, learner AccountID) error {
	if who.Account == "" {
		return ErrNobody
	}
	a, err := s.Account(ctx, tx, learner)
	if err != nil {
		return err
	}
	switch {
	case who.Account == learner, who.Role == Admin:
		return nil
	case who.Role == Instructor && who.School != "" && who.School == a.School:
		return nil
	case who.Role == Parent:
		ok, err := s.IsGuardianOf(ctx, tx, who.Account, learner)
		if err != nil || ok {
			return err
		}
	}
	return ErrNoSuchAccount
}
