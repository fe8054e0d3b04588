package privacy

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// ParentSettings is what a parent lets be done beyond her children's school work.
// The zero value, nothing, is the default.
type ParentSettings struct {
	ShareProgressWithSchool  bool
	AllowAnonymizedAnalytics bool
	EmailMarketing           bool
}

// ChildSettings is what a parent sets for one child; nil leaves a thing alone.
type ChildSettings struct {
	AITutoring, SocialFeatures, DataCollection, ThirdParty *bool
	ProfileVisibility                                      *consent.Visibility
}

// ParentChange is what a parent sets; nil leaves a thing alone.
type ParentChange struct {
	ShareProgressWithSchool, AllowAnonymizedAnalytics, EmailMarketing *bool
	Children                                                          map[identity.AccountID]ChildSettings
}

// ChildConsents is one child with what is allowed for her, and the questions
// that wait for an answer.
type ChildConsents struct {
	Child             identity.Account
	Allowed           map[identity.Purpose]bool
	ProfileVisibility consent.Visibility
	Waiting           []Question
}

// Family gives a parent's settings and her children with their consents.
func (s *Service) Family(ctx context.Context, who identity.Actor) (own ParentSettings, out []ChildConsents, err error) {
	if err := who.Require(identity.Parent); err != nil {
		return own, nil, err
	}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		out = nil
		if own, err = db.First(ctx, tx, selectParent, scanParent, string(who.Account)); err != nil && !errors.Is(err, db.ErrNoRows) {
			return err
		}
		children, err := s.o.People.ChildrenOf(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		for _, child := range children {
			c, err := s.child(ctx, tx, child)
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return nil
	})
	if err != nil {
		return own, nil, fmt.Errorf("read a family's consents: %w", err)
	}
	return own, out, nil
}

func (s *Service) child(ctx context.Context, tx db.Tx, child identity.Account) (ChildConsents, error) {
	out := ChildConsents{Child: child, Allowed: map[identity.Purpose]bool{}}
	for _, p := range identity.Purposes() {
		given, err := s.o.People.HasConsent(ctx, tx, child.ID, p)
		if err != nil {
			return out, err
		}
		out.Allowed[p] = given
	}
	v, err := s.o.Consent.Effective(ctx, tx, child.ID)
	if err != nil {
		return out, err
	}
	out.ProfileVisibility = v.ProfileVisibility
	out.Waiting, err = db.All(ctx, tx, waitingQuestions, scanQuestion, string(child.ID), s.now())
	return out, err
}

// SetFamily changes a parent's settings, and for each child the consents and how
// visible she is. A child that is not hers is refused, and then nothing changes
// that comes after it.
func (s *Service) SetFamily(ctx context.Context, who identity.Actor, in ParentChange) error {
	if err := who.Require(identity.Parent); err != nil {
		return err
	}
	for child, c := range in.Children {
		if err := s.setChild(ctx, who, child, c); err != nil {
			return err
		}
	}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		own, err := db.First(ctx, tx, selectParent, scanParent, string(who.Account))
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return err
		}
		for _, p := range []struct{ to, from *bool }{
			{&own.ShareProgressWithSchool, in.ShareProgressWithSchool}, {&own.AllowAnonymizedAnalytics, in.AllowAnonymizedAnalytics},
			{&own.EmailMarketing, in.EmailMarketing},
		} {
			if p.from != nil {
				*p.to = *p.from
			}
		}
		_, err = tx.Exec(ctx, upsertParent, string(who.Account), own.ShareProgressWithSchool, own.AllowAnonymizedAnalytics, own.EmailMarketing, s.now())
		return err
	})
	if err != nil {
		return fmt.Errorf("change a parent's settings: %w", err)
	}
	return nil
}

func (s *Service) setChild(ctx context.Context, who identity.Actor, child identity.AccountID, in ChildSettings) error {
	said, err := s.o.Consent.Standings(ctx, who, child)
	if err != nil {
		return err
	}
	for _, p := range []struct {
		purpose identity.Purpose
		given   *bool
	}{
		{identity.CloudTutor, in.AITutoring}, {identity.SocialFeatures, in.SocialFeatures}, {identity.DataCollection, in.DataCollection},
		{identity.ThirdParty, in.ThirdParty},
	} {
		if p.given == nil || *p.given == said[p.purpose].Given {
			continue
		}
		if _, err := s.o.People.RecordConsent(ctx, who, identity.NewConsent{Learner: child, Purpose: p.purpose, Given: *p.given,
			Method: identity.OnWeb, TextVersion: consent.Version}); err != nil {
			return err
		}
	}
	if in.ProfileVisibility != nil {
		_, err = s.o.Consent.SetSettings(ctx, who, child, consent.Change{ProfileVisibility: in.ProfileVisibility})
	}
	return err
}
