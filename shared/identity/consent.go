package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
		a, err = db.First(ctx, tx, selectAccount, scanAccount, in.Parent)
	} else {
		var email string
		if email, err = NormalEmail(in.ParentEmail); err != nil {
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
		out, err = db.All(ctx, tx, selectGuardians, scanGuardian, learner)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list guardians: %w", err)
	}
	// The database orders what it sees, which is sealed.
	slices.SortStableFunc(out, func(a, b Guardian) int { return strings.Compare(a.Name, b.Name) })
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
	// Photo, optional, names the picture of the signed form of this learner.
	Photo string
}

// RecordConsent keeps the fact that a guardian gave or withdrew consent: herself
// on the web, or by paper or phone through an instructor of the learner's
// school or an admin, who names her. A learner of full age decides for herself; a
// younger one cannot.
func (s *Service) RecordConsent(ctx context.Context, who Actor, in NewConsent) (Consent, error) {
	if err := who.Require(Student, Parent, Instructor, Admin); err != nil {
		return Consent{}, err
	}
	if err := in.check(); err != nil {
		return Consent{}, err
	}
	if s.text != nil && !s.text(in.TextVersion, in.Purpose) {
		return Consent{}, invalid("text_version", "Say which text the guardian was shown.", "text_version")
	}

	c := Consent{
		ID: id.New(), Learner: in.Learner, Purpose: in.Purpose, Given: in.Given, Method: in.Method, TextVersion: in.TextVersion,
		RecordedBy: who.Account, At: s.now(), Photo: in.Photo,
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
		if err := s.ownForm(ctx, tx, in); err != nil {
			return err
		}
		switch {
		case who.Role == Student && learner.Minor(s.clock.Now()):
			return ErrForbidden
		case who.Role == Student || who.Role == Parent:
			c, err = s.byGuardian(ctx, tx, c)
		default:
			c, err = onBehalf(c, in.GuardianName)
		}
		if err != nil {
			return err
		}
		if _, err = Consents.Save(ctx, tx, c); err != nil {
			return err
		}
		return s.noteUser(ctx, tx, "consent.recorded", learner, nil, consentWas{c.Purpose, c.Given, c.Method, c.TextVersion})
	})
	if err != nil {
		return Consent{}, fmt.Errorf("record a consent: %w", err)
	}
	return c, nil
}

// check refuses what no guardian can have said.
func (in NewConsent) check() error {
	if !slices.Contains(Purposes(), in.Purpose) {
		return invalid("unknown_purpose", "There is no such purpose.", "purpose")
	}
	if in.TextVersion == "" || len(in.TextVersion) > 40 {
		return invalid("text_version", "Say which text the guardian was shown.", "text_version")
	}
	if len(in.Photo) > 64 {
		return invalid("bad_photo", "This is not a photo.", "photo")
	}
	return nil
}

// ownForm refuses a photo that is not of a form of the learner.
func (s *Service) ownForm(ctx context.Context, tx db.Tx, in NewConsent) error {
	if in.Photo == "" || s.form == nil {
		return nil
	}
	ok, err := s.form(ctx, tx, in.Learner, in.Photo)
	if err != nil || ok {
		return err
	}
	return invalid("bad_photo", "This is not a photo of a form of this learner.", "photo")
}

// consentWas is what the audit log keeps of a consent.
type consentWas struct {
	Purpose     Purpose       `json:"purpose"`
	Given       bool          `json:"given"`
	Method      ConsentMethod `json:"method"`
	TextVersion string        `json:"text_version"`
}

// KeepConsent stores what a guardian said by text message about in.Learner, or
// about the learner whose record hers is by now; for the cloud, which has checked
// the phone and the code.
func (s *Service) KeepConsent(ctx context.Context, tx db.Tx, g Guardian, in NewConsent) (Consent, error) {
	learner, err := s.Survivor(ctx, tx, in.Learner)
	if err != nil {
		return Consent{}, err
	}
	c := Consent{
		ID: id.New(), Learner: learner.ID, Purpose: in.Purpose, Given: in.Given, Guardian: g.Account, GuardianName: g.Name, Method: ByPhone,
		TextVersion: in.TextVersion, RecordedBy: g.Account, At: s.now(),
	}
	if _, err := Consents.Save(ctx, tx, c); err != nil {
		return c, err
	}
	return c, s.noteUser(ctx, tx, "consent.recorded", learner, nil, consentWas{c.Purpose, c.Given, c.Method, c.TextVersion})
}

// GuardianByID gives a guardian who was not unlinked; ErrNoSuchGuardian otherwise.
func (s *Service) GuardianByID(ctx context.Context, tx db.Tx, guardian string) (Guardian, error) {
	g, err := db.First(ctx, tx, selectGuardian, scanGuardian, guardian)
	if errors.Is(err, db.ErrNoRows) || err == nil && g.Ended {
		return Guardian{}, ErrNoSuchGuardian
	}
	return g, err
}

// Minor tells whether a is under 18 at now. A year of birth alone counts from its
// end, and who has no date of birth is a minor.
func (a Account) Minor(now time.Time) bool {
	born, err := time.Parse(time.DateOnly, a.Born)
	if err != nil {
		year, err := time.Parse("2006", a.Born)
		if err != nil {
			return true
		}
		born = year.AddDate(1, 0, -1)
	}
	return now.Before(born.AddDate(adult, 0, 0))
}

// adult is the age of majority (Children Act 2022, section 2).
const adult = 18

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

// ListConsents gives the consent facts of a learner and her duplicates, latest
// first, to those who may see her.
func (s *Service) ListConsents(ctx context.Context, who Actor, learner AccountID) ([]Consent, error) {
	var out []Consent
	err := s.db.View(ctx, func(tx db.Tx) error {
		if err := s.MaySee(ctx, tx, who, learner); err != nil {
			return err
		}
		var err error
		out, err = db.All(ctx, tx, selectConsents, scanConsent, learner)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	return out, nil
}
