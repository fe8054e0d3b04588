package consent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Visibility is who finds a learner's profile.
type Visibility string

// The visibilities; Private is the default.
const (
	Private Visibility = "private"
	OfClass Visibility = "class"
	OfAll   Visibility = "school"
)

// Settings is what a learner shows of herself. The zero value with Private is
// the default: nothing.
type Settings struct {
	ID                     string             `cbor:"1,keyasint" json:"id"`
	Learner                identity.AccountID `cbor:"2,keyasint" json:"learner_id"`
	ProfileVisibility      Visibility         `cbor:"3,keyasint" json:"profile_visibility"`
	ShowOnlineStatus       bool               `cbor:"4,keyasint" json:"show_online_status"`
	ShowAchievements       bool               `cbor:"5,keyasint" json:"show_achievements"`
	ShowStreak             bool               `cbor:"6,keyasint" json:"show_streak"`
	AllowFriendRequests    bool               `cbor:"7,keyasint" json:"allow_friend_requests"`
	AllowStudyGroupInvites bool               `cbor:"8,keyasint" json:"allow_study_group_invites"`
	UpdatedAt              db.Time            `cbor:"9,keyasint" json:"updated_at"`
}

// Change is what a learner, or her guardian, sets; nil leaves a thing alone.
type Change struct {
	ProfileVisibility                                                                           *Visibility
	ShowOnlineStatus, ShowAchievements, ShowStreak, AllowFriendRequests, AllowStudyGroupInvites *bool
}

// Standing is the latest word on a purpose, for the learner's own page.
type Standing struct {
	Given bool
	By    string
	At    db.Time
}

// ErrNeedsConsent answers a learner who wants to show herself without her
// guardian's yes.
var ErrNeedsConsent = fault.New(fault.Forbidden, "Your guardian has to allow this first.").WithCode("needs_consent")

// shy is what counts without a row, or without consent.
func shy(learner identity.AccountID) Settings {
	return Settings{ID: id.Derived("consent.settings", string(learner)), Learner: learner, ProfileVisibility: Private}
}

// open tells whether s shows anything to anybody.
func (v Settings) open() bool {
	return v.ProfileVisibility != Private || v.ShowOnlineStatus || v.ShowAchievements || v.ShowStreak || v.AllowFriendRequests || v.AllowStudyGroupInvites
}

// Settings gives what counts for a learner, to those who may see her.
func (s *Service) Settings(ctx context.Context, who identity.Actor, learner identity.AccountID) (out Settings, err error) {
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		if err := s.o.People.MaySee(ctx, tx, who, learner); err != nil {
			return err
		}
		out, err = s.Effective(ctx, tx, learner)
		return err
	})
	if err != nil {
		return out, fmt.Errorf("read a learner's settings: %w", err)
	}
	return out, nil
}

// Effective is what others may be shown of a learner now: her settings, or the
// shy ones when a guardian's consent is missing or was taken back.
func (s *Service) Effective(ctx context.Context, tx db.Tx, learner identity.AccountID) (Settings, error) {
	v, err := stored(ctx, tx, learner)
	if err != nil || !v.open() {
		return v, err
	}
	ok, err := s.o.People.HasConsent(ctx, tx, learner, identity.SocialFeatures)
	if err != nil || ok {
		return v, err
	}
	return shy(learner), nil
}

func stored(ctx context.Context, tx db.Tx, learner identity.AccountID) (Settings, error) {
	v, err := db.First(ctx, tx, selectSettings, scanSettings, string(learner))
	if errors.Is(err, db.ErrNoRows) {
		return shy(learner), nil
	}
	return v, err
}

// SetSettings changes what a learner shows; for herself and her guardians.
// ErrNeedsConsent when she would show anything without consent.
func (s *Service) SetSettings(ctx context.Context, who identity.Actor, learner identity.AccountID, in Change) (out Settings, err error) {
	if err := who.Require(identity.Student, identity.Parent); err != nil {
		return out, err
	}
	if v := in.ProfileVisibility; v != nil && !slices.Contains([]Visibility{Private, OfClass, OfAll}, *v) {
		return out, invalid("bad_visibility", "A profile is private, or seen by the class or the school.", "profile_visibility")
	}
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		if err := s.o.People.MaySee(ctx, tx, who, learner); err != nil {
			return err
		}
		if out, err = s.Effective(ctx, tx, learner); err != nil {
			return err
		}
		out = in.apply(out)
		if out.open() {
			ok, err := s.o.People.HasConsent(ctx, tx, learner, identity.SocialFeatures)
			if err != nil {
				return err
			}
			if !ok {
				return ErrNeedsConsent
			}
		}
		out.UpdatedAt = s.now()
		_, err := Privacy.Save(ctx, tx, out)
		return err
	})
	if err != nil {
		return out, fmt.Errorf("change a learner's settings: %w", err)
	}
	return out, nil
}

func (in Change) apply(v Settings) Settings {
	if in.ProfileVisibility != nil {
		v.ProfileVisibility = *in.ProfileVisibility
	}
	for _, p := range []struct {
		to   *bool
		from *bool
	}{
		{&v.ShowOnlineStatus, in.ShowOnlineStatus}, {&v.ShowAchievements, in.ShowAchievements}, {&v.ShowStreak, in.ShowStreak},
		{&v.AllowFriendRequests, in.AllowFriendRequests}, {&v.AllowStudyGroupInvites, in.AllowStudyGroupInvites},
	} {
		if p.from != nil {
			*p.to = *p.from
		}
	}
	return v
}

// Standings gives the latest word on every purpose for a learner, to those who
// may see her.
func (s *Service) Standings(ctx context.Context, who identity.Actor, learner identity.AccountID) (map[identity.Purpose]Standing, error) {
	list, err := s.o.People.ListConsents(ctx, who, learner)
	if err != nil {
		return nil, err
	}
	out := map[identity.Purpose]Standing{}
	for _, c := range list { // latest first
		if _, known := out[c.Purpose]; !known {
			out[c.Purpose] = Standing{Given: c.Given, By: c.GuardianName, At: c.At}
		}
	}
	return out, nil
}
