package packs

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// License lets a school cache the current edition of a course; ErrNotPublished
// when there is none. A licence that is right already is left alone, one for
// another recipient (a replaced appliance) is wrapped anew.
func (s *Service) License(ctx context.Context, h Holder, course catalogue.CourseID) error {
	return s.o.DB.Update(ctx, func(tx db.Tx) error { return s.LicenseIn(ctx, tx, h, course) })
}

// LicenseIn is License inside a transaction of the caller.
func (s *Service) LicenseIn(ctx context.Context, tx db.Tx, h Holder, course catalogue.CourseID) error {
	e, err := lastEdition(ctx, tx, course)
	if err != nil {
		return err
	}
	return s.license(ctx, tx, h, e)
}

// LicenseAll licenses every published course to a school: for a claim, in its
// transaction, and when an appliance is replaced.
func (s *Service) LicenseAll(ctx context.Context, tx db.Tx, h Holder) error {
	editions, err := currentEditions(ctx, tx)
	if err != nil {
		return fmt.Errorf("license all to school %s: %w", h.School, err)
	}
	for _, e := range editions {
		if err := s.license(ctx, tx, h, e); err != nil {
			return err
		}
	}
	return nil
}

// Relicense wraps the licences a school has to a new recipient.
func (s *Service) Relicense(ctx context.Context, tx db.Tx, h Holder) error {
	held, err := catalogue.LicencesOf(ctx, tx, h.School)
	if err != nil {
		return fmt.Errorf("relicense school %s: %w", h.School, err)
	}
	for _, l := range held {
		if err := s.LicenseIn(ctx, tx, h, l.CourseID); err != nil {
			return err
		}
	}
	return nil
}

// Editions lists the current edition of every published course.
func (s *Service) Editions(ctx context.Context) (out []Edition, err error) {
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		out, err = currentEditions(ctx, tx)
		return err
	})
	return out, err
}

// licenseHolders tells every school that holds the course, and those that get
// all courses, of edition e.
func (s *Service) licenseHolders(ctx context.Context, tx db.Tx, e Edition) error {
	held, err := catalogue.LicencesFor(ctx, tx, e.CourseID)
	if err != nil {
		return err
	}
	to := map[identity.SchoolID]string{}
	for _, l := range held {
		to[l.SchoolID] = l.Recipient
	}
	if s.o.Holders != nil {
		all, err := s.o.Holders(ctx, tx)
		if err != nil {
			return fmt.Errorf("list schools: %w", err)
		}
		for _, h := range all {
			to[h.School] = h.Recipient
		}
	}
	for school, recipient := range to {
		if err := s.license(ctx, tx, Holder{school, recipient}, e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) license(ctx context.Context, tx db.Tx, h Holder, e Edition) error {
	id := catalogue.LicenceID(h.School, e.CourseID)
	old, err := catalogue.Licences.Get(ctx, tx, id)
	if err == nil && old.ManifestSHA256 == e.ManifestSHA256 && old.Recipient == h.Recipient {
		return nil
	}
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return fmt.Errorf("license %s to school %s: %w", e.CourseID, h.School, err)
	}
	identity, err := s.seal.open(e.sealed, e.ManifestSHA256)
	if err != nil {
		return fmt.Errorf("license %s to school %s: %w", e.CourseID, h.School, err)
	}
	wrapped, err := pack.Wrap(identity, h.Recipient)
	if err != nil {
		return fmt.Errorf("license %s to school %s: %w", e.CourseID, h.School, err)
	}
	_, err = catalogue.Licences.Save(ctx, tx, catalogue.Licence{ID: id, SchoolID: h.School, CourseID: e.CourseID, Edition: e.Edition,
		Title: e.Title, ManifestSHA256: e.ManifestSHA256, SizeBytes: e.SizeBytes, Recipient: h.Recipient, WrappedKey: wrapped,
		GrantedAt: db.Time{Time: s.o.Clock.Now()}})
	return err
}
