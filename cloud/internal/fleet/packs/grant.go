package packs

import (
	"context"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// ErrNoBox is the answer when there is no box yet that a key could be wrapped to.
var ErrNoBox = fault.New(fault.Conflict, "This school has no box yet. Claim the box first.").WithCode("school_without_box")

// Grant lets a school cache the current edition of a course; for admins. A
// second grant of the same edition changes nothing.
func (s *Service) Grant(ctx context.Context, who identity.Actor, school identity.SchoolID, course catalogue.CourseID) (catalogue.Licence, error) {
	if err := who.Require(identity.Admin); err != nil {
		return catalogue.Licence{}, err
	}
	var l catalogue.Licence
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := s.o.School(ctx, tx, school); err != nil {
			return err
		}
		h, err := s.holder(ctx, tx, school)
		if err != nil {
			return err
		}
		if err := s.LicenseIn(ctx, tx, h, course); err != nil {
			return err
		}
		l, err = catalogue.Licences.Get(ctx, tx, catalogue.LicenceID(school, course))
		return err
	})
	if err != nil {
		return catalogue.Licence{}, fmt.Errorf("grant a licence: %w", err)
	}
	return l, nil
}

func (s *Service) holder(ctx context.Context, tx db.Tx, school identity.SchoolID) (Holder, error) {
	if s.o.Holders == nil {
		return Holder{}, ErrNoBox
	}
	all, err := s.o.Holders(ctx, tx)
	if err != nil {
		return Holder{}, fmt.Errorf("list schools: %w", err)
	}
	i := slices.IndexFunc(all, func(h Holder) bool { return h.School == school })
	if i < 0 {
		return Holder{}, ErrNoBox
	}
	return all[i], nil
}

// ListLicences gives the courses that a school may cache, by title; for admins
// and staff.
func (s *Service) ListLicences(ctx context.Context, who identity.Actor, school identity.SchoolID) ([]catalogue.Licence, error) {
	if err := who.Require(identity.Admin, identity.Staff); err != nil {
		return nil, err
	}
	var out []catalogue.Licence
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		if _, err := s.o.School(ctx, tx, school); err != nil {
			return err
		}
		var err error
		out, err = catalogue.LicencesOf(ctx, tx, school)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list licences: %w", err)
	}
	return out, nil
}
