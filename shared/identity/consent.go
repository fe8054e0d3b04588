package identity

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
)

// NewGuardian links an adult to a learner. Parent or ParentEmail names the
// adult's account, when there is one; else Name and Phone are enough. Verified
// is the word of the person who links that the phone is the guardian's.
type NewGuardian struct {
	Learner      AccountID
	Parent       AccountID
	ParentEmail  string
	Name, Phone  string
	Relationship string
	Verified     bool
}

// LinkGuardian makes an adult guardian of a learner of the school; for admins
// and holders of a duty. The same adult linked again replaces what was known.
func (s *Service) LinkGuardian(ctx context.Context, who Actor, school SchoolID, in NewGuardian) (Guardian, error) {
	if err := mayManage(who, school, Head, Bursar, SiteAdmin); err != nil {
		return Guardian{}, err
	}
	if in.Phone != "" {
		phone, err := NormalPhone(in.Phone)
		if err != nil {
			return Guardian{}, err
		}
		in.Phone = phone
	}

	var g Guardian
	err := s.db.Update(ctx, func(tx db.Tx) error {
		a, err := s.Account(ctx, tx, in.Learner)
		if err != nil {
			return err
		}
		if a.Role != Student || a.School != school {
			return ErrNoSuchAccount
		}
		if g, err = s.guardian(ctx, tx, in); err != nil {
			return err
		}
		_, err = Guardians.Save(ctx, tx, g)
		return err
	})
	if err != nil {
		return Guardian{}, fmt.Errorf("link a guardian: %w", err)
	}
	return g, nil
}

// guardian resolves the adult's account and derives the link's id from it, or
// from the phone of an adult without one.
func (s *Service) guardian(ctx context.Context, tx db.Tx, in NewGuardian) (Guardian, error) {
	parent, err := s.parent(ctx, tx, in)
	if err != nil {
		return Guardian{}, err
	}
	if in.Name == "" {
		in.Name = parent.FullName
	}
	name, err := cleanName(in.Name, "name")
	if err != nil {
		return Guardian{}, err
	}
	if in.Relationship == "" {
		in.Relationship = "guardian"
	}
	relationship, err := cleanName(in.Relationship, "relationship")
	if err != nil {
		return Guardian{}, err
	}
	key := string(parent.ID)
	if key == "" {
		key = in.Phone
	}
	if key == "" {
		return Guardian{}, invalid("guardian_unreachable", "A guardian has an account or a phone number.", "phone_number")
	}
	return Guardian{
		ID: id.Derived("identity.guardian", string(in.Learner), key), Learner: in.Learner, Account: parent.ID, Name: name,
		Phone: in.Phone, Verified: in.Verified && in.Phone != "", Relationship: relationship, UpdatedAt: s.now(),
	}, nil
}

func (s *Service) parent(ctx context.Context, tx db.Tx, in NewGuardian) (Account, error) {
	if in.Parent == "" && in.ParentEmail == "" {
		return Account{}, nil
	}
	none := invalid("no_such_parent", "There is no parent with this account.", "parent_email")
	var a Account
	var err error
	if in.Parent != "" {
		a, err = first(ctx, tx, selectAccount, scanAccount, in.Parent)
	} else {
		var email string
		if email, err = cleanEmail(in.ParentEmail); err != nil {
			return a, none
		}
		var c candidate
		c, err = loginByEmail(ctx, tx, email)
		a = c.account
	}
	if errors.Is(err, db.ErrNoRows) || err == nil && a.Role != Parent {
		return Account{}, none
	}
	return a, err
}

// GuardiansOf lists a learner's guardians with their phones; for admins and
// holders of a duty at her school.
func (s *Service) GuardiansOf(ctx context.Context, who Actor, learner AccountID) ([]Guardian, error) {
	var out []Guardian
	err := s.db.View(ctx, func(tx db.Tx) error {
		a, err := s.Account(ctx, tx, learner)
		if err != nil {
			return err
		}
		if err := mayManage(who, a.School, Head, Bursar, SiteAdmin); errors.Is(err, ErrNoSuchSchool) {
			return ErrNoSuchAccount
		} else if err != nil {
			return err
		}
		out, err = all(ctx, tx, selectGuardians, scanGuardian, learner)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list guardians: %w", err)
	}
	return out, nil
}

// NewConsent is what a guardian said. TextVersion names the text she was shown.
type NewConsent struct {
	Learner      AccountID
	Purpose      Purpose
	Given        bool
	Method       ConsentMethod
	GuardianName string
	TextVersion  string
}

// RecordConsent keeps the fact that a guardian gave or withdrew consent: herself
// on the web, or by paper or phone through an instructor of the learner's
// school or an admin, who names her. A learner cannot consent for herself.
func (s *Service) RecordConsent(ctx context.Context, who Actor, in NewConsent) (Consent, error) {
	if err := who.Require(Parent, Instructor, Admin); err != nil {
		return Consent{}, err
	}
	if in.Purpose != CloudTutor {
		return Consent{}, invalid("unknown_purpose", "The purpose is cloud_tutor.", "purpose")
	}
	if in.TextVersion == "" || len(in.TextVersion) > 40 {
		return Consent{}, invalid("text_version", "Say which text the guardian was shown.", "text_version")
	}

	c := Consent{
		ID: id.New(), Learner: in.Learner, Purpose: in.Purpose, Given: in.Given, Method: in.Method, TextVersion: in.TextVersion,
		RecordedBy: who.Account, At: s.now(),
	}
	err := s.db.Update(ctx, func(tx db.Tx) error {
		learner, err := s.Account(ctx, tx, in.Learner)
		if err != nil {
			return err
		}
		if learner.Role != Student {
			return ErrNoSuchAccount
		}
		if err := s.MaySee(ctx, tx, who, in.Learner); err != nil {
			return err
		}
		if who.Role == Parent {
			c, err = s.byGuardian(ctx, tx, c)
		} else {
			c, err = onBehalf(c, in.GuardianName)
		}
		if err != nil {
			return err
		}
		_, err = Consents.Save(ctx, tx, c)
		return err
	})
	if err != nil {
		return Consent{}, fmt.Errorf("record a consent: %w", err)
	}
	return c, nil
}

// byGuardian fills in the guardian who speaks for herself.
func (s *Service) byGuardian(ctx context.Context, tx db.Tx, c Consent) (Consent, error) {
	if c.Method != OnWeb {
		return c, invalid("bad_method", "A guardian consents on the web.", "method")
	}
	a, err := s.Account(ctx, tx, c.RecordedBy)
	c.Guardian, c.GuardianName = a.ID, a.FullName
	return c, err
}

// onBehalf fills in the guardian somebody else spoke with.
func onBehalf(c Consent, name string) (Consent, error) {
	if c.Method != OnPaper && c.Method != ByPhone {
		return c, invalid("bad_method", "The school records consent given on paper or by phone.", "method")
	}
	clean, err := cleanName(name, "guardian_name")
	c.GuardianName = clean
	return c, err
}

// ListConsents gives the consent facts of a learner, latest first, to those who
// may see her.
func (s *Service) ListConsents(ctx context.Context, who Actor, learner AccountID) ([]Consent, error) {
	var out []Consent
	err := s.db.View(ctx, func(tx db.Tx) error {
		if err := s.MaySee(ctx, tx, who, learner); err != nil {
			return err
		}
		var err error
		out, err = all(ctx, tx, selectConsents, scanConsent, learner)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	return out, nil
}
