package api

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/identity"
)

// ConsentText is what a guardian is told of one purpose.
type ConsentText struct {
	Purpose   string `json:"purpose"`
	Title     string `json:"title"`
	What      string `json:"what"`
	Who       string `json:"who"`
	HowLong   string `json:"how_long"`
	Automated string `json:"automated"`
	Transfer  string `json:"transfer"`
	Withdraw  string `json:"withdraw"`
}

type (
	consentTextsIn struct {
		Language string `query:"language" enum:"en,sw" default:"en"`
	}
	consentTextsOut struct {
		Body struct {
			Version string        `json:"version" doc:"Say it when a consent is recorded."`
			Texts   []ConsentText `json:"texts" nullable:"false"`
		}
	}
	photoIn struct {
		Learner string `path:"id"`
		RawBody []byte `contentType:"image/jpeg"`
	}
	photoAddedOut struct {
		Body struct {
			Photo string `json:"photo" doc:"For record-consent."`
		}
	}
	photoPath struct {
		Learner string `path:"id"`
		Photo   string `path:"photo" maxLength:"64"`
	}
	photoOut struct {
		ContentType string `header:"Content-Type"`
		Body        []byte
	}

	privacyBody struct {
		ProfileVisibility      string `json:"profile_visibility" enum:"private,class,school"`
		ShowOnlineStatus       bool   `json:"show_online_status"`
		ShowAchievements       bool   `json:"show_achievements"`
		ShowStreak             bool   `json:"show_streak"`
		AllowFriendRequests    bool   `json:"allow_friend_requests"`
		AllowStudyGroupInvites bool   `json:"allow_study_group_invites"`
		DataSharingWithParent  bool   `json:"data_sharing_with_parent" doc:"Always true: guardians see how their child learns."`
		CoppaConsent           struct {
			Status    string     `json:"status" enum:"granted,withdrawn,not_given"`
			GrantedBy *string    `json:"granted_by"`
			GrantedAt *time.Time `json:"granted_at"`
		} `json:"coppa_consent" doc:"Of the purpose social_features, which opens these settings."`
		Message string `json:"message,omitempty"`
	}
	privacyOut struct{ Body privacyBody }
	privacyIn  struct {
		Body struct {
			ProfileVisibility      *string `json:"profile_visibility,omitempty" enum:"private,class,school"`
			ShowOnlineStatus       *bool   `json:"show_online_status,omitempty"`
			ShowAchievements       *bool   `json:"show_achievements,omitempty"`
			ShowStreak             *bool   `json:"show_streak,omitempty"`
			AllowFriendRequests    *bool   `json:"allow_friend_requests,omitempty"`
			AllowStudyGroupInvites *bool   `json:"allow_study_group_invites,omitempty"`
		}
	}
)

// MountConsent adds the texts of consent, photos of signed forms and a learner's
// own settings, on either side.
func MountConsent(a *API, s *consent.Service) {
	mountForms(a, s)
	mountWhoSees(a, s)
	student := []identity.Role{identity.Student}
	const path = "/api/v1/student/account/privacy"
	Register(a, Op{ID: "student-privacy", Method: http.MethodGet, Path: path, Summary: "What I show of myself", Tag: "student account", Roles: student},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*privacyOut, error) {
			v, err := s.Settings(ctx, who, who.Account)
			if err != nil {
				return nil, err
			}
			return studentPrivacy(ctx, s, who, v)
		})
	Register(a, Op{ID: "set-student-privacy", Method: http.MethodPut, Path: path, Summary: "Change what I show of myself", Tag: "student account", Roles: student},
		func(ctx context.Context, who identity.Actor, in *privacyIn) (*privacyOut, error) {
			b := in.Body
			v, err := s.SetSettings(ctx, who, who.Account, consent.Change{ProfileVisibility: (*consent.Visibility)(b.ProfileVisibility),
				ShowOnlineStatus: b.ShowOnlineStatus, ShowAchievements: b.ShowAchievements, ShowStreak: b.ShowStreak,
				AllowFriendRequests: b.AllowFriendRequests, AllowStudyGroupInvites: b.AllowStudyGroupInvites})
			if err != nil {
				return nil, err
			}
			out, err := studentPrivacy(ctx, s, who, v)
			if err == nil {
				out.Body.Message = "Privacy settings updated"
			}
			return out, err
		})
}

func mountForms(a *API, s *consent.Service) {
	const tag = "consent"
	Register(a, Op{ID: "consent-texts", Method: http.MethodGet, Path: "/api/v1/consent-texts", Summary: "What guardians are told of each purpose", Tag: tag},
		func(_ context.Context, _ identity.Actor, in *consentTextsIn) (*consentTextsOut, error) {
			out := &consentTextsOut{}
			out.Body.Version, out.Body.Texts = consent.Version, []ConsentText{}
			words, _ := consent.Texts(consent.Version)
			for _, p := range identity.Purposes() {
				t := words[p][in.Language]
				out.Body.Texts = append(out.Body.Texts, ConsentText{Purpose: string(p), Title: t.Title, What: t.What, Who: t.Who, HowLong: t.HowLong,
					Automated: t.Automated, Transfer: t.Transfer, Withdraw: t.Withdraw})
			}
			return out, nil
		})
	Register(a, Op{ID: "add-consent-photo", Method: http.MethodPost, Path: "/api/v1/learners/{id}/consent-photos", Summary: "Keep the photo of a signed form", Tag: tag,
		Status: http.StatusCreated, MaxBody: consent.MaxPhoto, Roles: []identity.Role{identity.Instructor, identity.Admin}},
		func(ctx context.Context, who identity.Actor, in *photoIn) (*photoAddedOut, error) {
			hash, err := s.AddPhoto(ctx, who, identity.AccountID(in.Learner), in.RawBody)
			out := &photoAddedOut{}
			out.Body.Photo = hash
			return out, err
		})
	Register(a, Op{ID: "consent-photo", Method: http.MethodGet, Path: "/api/v1/learners/{id}/consent-photos/{photo}", Summary: "The photo of a signed form", Tag: tag,
		Roles: []identity.Role{identity.Parent, identity.Instructor, identity.Admin}, Files: []string{"image/jpeg"}},
		func(ctx context.Context, who identity.Actor, in *photoPath) (*photoOut, error) {
			raw, err := s.Photo(ctx, who, identity.AccountID(in.Learner), in.Photo)
			return &photoOut{ContentType: "image/jpeg", Body: raw}, err
		})
}

func studentPrivacy(ctx context.Context, s *consent.Service, who identity.Actor, v consent.Settings) (*privacyOut, error) {
	said, err := s.Standings(ctx, who, who.Account)
	if err != nil {
		return nil, err
	}
	out := &privacyOut{privacyBody{
		ProfileVisibility: string(v.ProfileVisibility), ShowOnlineStatus: v.ShowOnlineStatus, ShowAchievements: v.ShowAchievements, ShowStreak: v.ShowStreak,
		AllowFriendRequests: v.AllowFriendRequests, AllowStudyGroupInvites: v.AllowStudyGroupInvites, DataSharingWithParent: true,
	}}
	c := &out.Body.CoppaConsent
	c.Status = "not_given"
	if word, ok := said[identity.SocialFeatures]; ok {
		c.Status, c.GrantedBy, c.GrantedAt = "withdrawn", &word.By, &word.At.Time
		if word.Given {
			c.Status = "granted"
		}
	}
	return out, nil
}
