package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Decision is how far an application is.
type Decision string

// The states of an application.
const (
	Waiting  Decision = "pending"
	Approved Decision = "approved"
	Rejected Decision = "rejected"
)

// Application is an instructor's request to teach here.
type Application struct {
	ID                               string
	Account                          identity.AccountID
	FullName, Email, Phone           string
	Qualifications, Bio              string
	ExperienceYears                  int
	Subjects                         []string
	CVURL, IDFrontURL, IDBackURL     string
	Status                           Decision
	ReviewedBy                       identity.AccountID
	ReviewedAt, CreatedAt, UpdatedAt db.Time
	ReviewNotes                      string
	HasCV, HasIDFront, HasIDBack     bool
}

// Review counts the applications by state.
type Review struct{ Total, Pending, Approved, Rejected int }

func (a Application) check() (Application, error) {
	for _, text := range []struct {
		value *string
		field string
		most  int
		need  bool
	}{
		{&a.FullName, "full_name", 120, true}, {&a.Email, "email", 254, false}, {&a.Phone, "phone", 20, false}, {&a.Qualifications, "qualifications", 2000, true},
		{&a.Bio, "bio", 2000, false}, {&a.CVURL, "cv_url", 500, false}, {&a.IDFrontURL, "id_document_front_url", 500, false}, {&a.IDBackURL, "id_document_back_url", 500, false},
	} {
		*text.value = strings.TrimSpace(*text.value)
		if n := utf8.RuneCountInString(*text.value); n > text.most || text.need && n == 0 {
			return a, ErrApplication.At("missing or too long", text.field)
		}
	}
	for _, url := range []struct{ value, field string }{{a.CVURL, "cv_url"}, {a.IDFrontURL, "id_document_front_url"}, {a.IDBackURL, "id_document_back_url"}} {
		if url.value != "" && !strings.HasPrefix(url.value, "https://") {
			return a, ErrApplication.At("an address begins with https://", url.field)
		}
	}
	if a.ExperienceYears < 0 || a.ExperienceYears > 70 {
		return a, ErrApplication.At("0 to 70 years", "experience_years")
	}
	if len(a.Subjects) > 20 || slices.ContainsFunc(a.Subjects, func(s string) bool { return utf8.RuneCountInString(s) > 100 }) {
		return a, ErrApplication.At("at most 20 of 100 characters", "subjects")
	}
	if a.Subjects == nil {
		a.Subjects = []string{}
	}
	return a, nil
}

// Apply hands in the application of an instructor who waits for approval. After
// a rejection she may apply again; while one is open, ErrApplied.
func (s *Service) Apply(ctx context.Context, who identity.Actor, in Application) (Application, error) {
	if err := who.Require(identity.Applicant); err != nil {
		return in, err
	}
	in, err := in.check()
	if err != nil {
		return in, err
	}
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		p, err := s.o.People.PersonIn(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		if p.Account.Role != identity.Instructor {
			return identity.ErrForbidden
		}
		in.ID, in.Account, in.Status, in.CreatedAt, in.UpdatedAt = id.New(), who.Account, Waiting, s.now(), s.now()
		if in.Email = p.Email; in.Phone == "" { // letters go to the account's address
			in.Phone = p.LoginPhone
		}
		n, err := putApplication(ctx, tx, in)
		if err == nil && n == 0 {
			return ErrApplied
		}
		if err != nil {
			return err
		}
		in, err = db.First(ctx, tx, selectApplication, scanApplication, in.ID)
		return err
	})
	if err != nil {
		return in, fmt.Errorf("apply: %w", err)
	}
	return in, nil
}

func mayReview(who identity.Actor) bool {
	return who.Role == identity.Admin || who.Role == identity.Staff
}

// Application is one application; for its writer, admins and staff.
func (s *Service) Application(ctx context.Context, who identity.Actor, application string) (Application, error) {
	if who.Account == "" {
		return Application{}, identity.ErrNobody
	}
	var a Application
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		var err error
		a, err = db.First(ctx, tx, selectApplication, scanApplication, application)
		return err
	})
	if errors.Is(err, db.ErrNoRows) || err == nil && a.Account != who.Account && !mayReview(who) {
		return Application{}, ErrNoneSuch
	}
	return a, err
}

// Page selects applications; an empty Status selects all.
type Page struct {
	Status      Decision
	Skip, Limit int
}

// ListApplications gives a page, oldest first, and the counts of all: everybody's
// for admins and staff, her own for anybody else.
func (s *Service) ListApplications(ctx context.Context, who identity.Actor, p Page) (page []Application, counts Review, err error) {
	if who.Account == "" {
		return nil, counts, identity.ErrNobody
	}
	owner := who.Account
	if mayReview(who) {
		owner = ""
	}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		var err error
		if counts, err = db.First(ctx, tx, countApplications, scanReview, owner); err != nil {
			return err
		}
		page, err = db.All(ctx, tx, selectApplications, scanApplication, owner, p.Status, p.Limit, p.Skip)
		return err
	})
	if err != nil {
		return nil, counts, fmt.Errorf("list applications: %w", err)
	}
	return page, counts, nil
}

// Verdict is a reviewer's decision. Text is notes for the house when it is
// approved, the reason the applicant reads when it is rejected.
type Verdict struct {
	Status Decision
	Text   string
}

// Decide approves or rejects an application, once, and tells the applicant; for
// admins and staff. Approving makes the account active.
func (s *Service) Decide(ctx context.Context, who identity.Actor, application string, v Verdict) (Application, error) {
	if err := who.Require(identity.Admin, identity.Staff); err != nil {
		return Application{}, err
	}
	v.Text = strings.TrimSpace(v.Text)
	if v.Status != Approved && v.Status != Rejected {
		return Application{}, fault.New(fault.Invalid, "The decision is approved or rejected.").WithCode("bad_decision").At("approved or rejected", "decision")
	}
	if n := utf8.RuneCountInString(v.Text); n > 1000 || v.Status == Rejected && n == 0 {
		return Application{}, fault.New(fault.Invalid, "A reason has 1 to 500 characters.").WithCode("reason_missing").At("1 to 1000 characters", "reason")
	}
	var a Application
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := db.First(ctx, tx, selectApplication, scanApplication, application); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, decideApplication, application, v.Status, who.Account, s.now(), v.Text)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrDecided
		}
		if a, err = db.First(ctx, tx, selectApplication, scanApplication, application); err != nil {
			return err
		}
		return s.tellDecision(ctx, tx, a)
	})
	if errors.Is(err, db.ErrNoRows) {
		return a, ErrNoneSuch
	}
	if err != nil {
		return a, fmt.Errorf("decide an application: %w", err)
	}
	return a, nil
}

func (s *Service) tellDecision(ctx context.Context, tx db.Tx, a Application) error {
	p, err := s.o.People.PersonIn(ctx, tx, a.Account)
	if err != nil {
		return err
	}
	if a.Status == Rejected {
		data := map[string]string{"name": p.Account.FullName, "reason": a.ReviewNotes, "url": s.o.PublicURL + "/application"}
		return s.tell(ctx, tx, p, "rejected", data)
	}
	if p.Account.Status != identity.Pending { // suspended or closed meanwhile: that stands
		return nil
	}
	if err := s.o.People.SetStatusIn(ctx, tx, a.Account, identity.Active); err != nil {
		return err
	}
	return s.tellApproved(ctx, tx, p)
}
