package web

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/privacy"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/identity"
)

type (
	allowedThings struct {
		AITutoring        bool `json:"ai_tutoring"`
		DataCollection    bool `json:"data_collection"`
		SocialFeatures    bool `json:"social_features"`
		ThirdPartySharing bool `json:"third_party_sharing"`
		Photos            bool `json:"photos"`
	}
	pendingRequest struct {
		ID          string    `json:"id"`
		Type        string    `json:"type"`
		Title       string    `json:"title"`
		Description string    `json:"description"`
		RequestedAt time.Time `json:"requested_at"`
		Deadline    time.Time `json:"deadline"`
	}
	childAllowed struct {
		ChildID           string           `json:"child_id"`
		ChildName         string           `json:"child_name"`
		Consents          allowedThings    `json:"consents"`
		ProfileVisibility string           `json:"profile_visibility"`
		PendingRequests   []pendingRequest `json:"pending_requests" nullable:"false"`
	}
	familyIn struct {
		Language string `query:"language" enum:"en,sw" default:"en"`
	}
	familyOut struct {
		Body struct {
			Children []childAllowed `json:"children" nullable:"false"`
		}
	}

	childPrivacy struct {
		AllowAITutoring     *bool   `json:"allow_ai_tutoring,omitempty"`
		AllowSocialFeatures *bool   `json:"allow_social_features,omitempty"`
		AllowDataCollection *bool   `json:"allow_data_collection,omitempty"`
		AllowThirdParty     *bool   `json:"allow_third_party_sharing,omitempty"`
		ProfileVisibility   *string `json:"profile_visibility,omitempty" enum:"private,class,school"`
	}
	parentPrivacyIn struct {
		Body struct {
			ShareProgressWithSchool  *bool                   `json:"share_progress_with_school,omitempty"`
			AllowAnonymizedAnalytics *bool                   `json:"allow_anonymized_analytics,omitempty"`
			EmailMarketing           *bool                   `json:"email_marketing,omitempty"`
			ChildrenSettings         map[string]childPrivacy `json:"children_settings,omitempty" doc:"By the child's id."`
		}
	}
	parentPrivacyOut struct {
		Body struct {
			ShareProgressWithSchool  bool                    `json:"share_progress_with_school"`
			AllowAnonymizedAnalytics bool                    `json:"allow_anonymized_analytics"`
			EmailMarketing           bool                    `json:"email_marketing"`
			ChildrenSettings         map[string]childPrivacy `json:"children_settings"`
			Message                  string                  `json:"message"`
		}
	}

	consentQuestion struct {
		ID         string     `json:"id"`
		GuardianID string     `json:"guardian_id"`
		Purpose    string     `json:"purpose"`
		AskedAt    time.Time  `json:"asked_at"`
		Deadline   time.Time  `json:"deadline"`
		Answer     string     `json:"answer" doc:"Empty while nobody answered."`
		AnsweredAt *time.Time `json:"answered_at"`
	}
	askIn struct {
		Learner string `path:"id"`
		Body    struct {
			Purpose    string `json:"purpose"`
			GuardianID string `json:"guardian_id" doc:"From list-guardians; her phone is verified."`
		}
	}
	askOut  struct{ Body consentQuestion }
	askedIn struct {
		Learner string `path:"id"`
	}
	askedOut struct {
		Body struct {
			Questions []consentQuestion `json:"questions" nullable:"false"`
		}
	}
)

// MountConsent adds what only the cloud serves of consent: a parent's own pages,
// and questions to guardians' phones.
func MountConsent(a *api.API, s *privacy.Service) {
	parents := []identity.Role{identity.Parent}
	api.Register(a, api.Op{ID: "parent-consents", Method: http.MethodGet, Path: "/api/v1/parent/settings/consent", Summary: "What I allow for my children", Tag: "parent settings", Roles: parents},
		func(ctx context.Context, who identity.Actor, in *familyIn) (*familyOut, error) {
			_, family, err := s.Family(ctx, who)
			out := &familyOut{}
			out.Body.Children = []childAllowed{}
			for _, c := range family {
				out.Body.Children = append(out.Body.Children, familyLine(c, in.Language))
			}
			return out, err
		})
	api.Register(a, api.Op{ID: "set-parent-privacy", Method: http.MethodPut, Path: "/api/v1/parent/settings/privacy", Summary: "Change what I allow", Tag: "parent settings", Roles: parents},
		func(ctx context.Context, who identity.Actor, in *parentPrivacyIn) (*parentPrivacyOut, error) {
			b := in.Body
			change := privacy.ParentChange{ShareProgressWithSchool: b.ShareProgressWithSchool, AllowAnonymizedAnalytics: b.AllowAnonymizedAnalytics,
				EmailMarketing: b.EmailMarketing, Children: map[identity.AccountID]privacy.ChildSettings{}}
			for child, c := range b.ChildrenSettings {
				change.Children[identity.AccountID(child)] = privacy.ChildSettings{AITutoring: c.AllowAITutoring, SocialFeatures: c.AllowSocialFeatures,
					DataCollection: c.AllowDataCollection, ThirdParty: c.AllowThirdParty, ProfileVisibility: (*consent.Visibility)(c.ProfileVisibility)}
			}
			if err := s.SetFamily(ctx, who, change); err != nil {
				return nil, err
			}
			return parentPrivacy(ctx, s, who)
		})
	mountQuestions(a, s)
}

func mountQuestions(a *api.API, s *privacy.Service) {
	const path = "/api/v1/learners/{id}/consent-questions"
	api.Register(a, api.Op{ID: "ask-for-consent", Method: http.MethodPost, Path: path, Summary: "Ask a guardian by text message", Tag: "consent", Status: http.StatusCreated,
		Roles: []identity.Role{identity.Admin, identity.Instructor}},
		func(ctx context.Context, who identity.Actor, in *askIn) (*askOut, error) {
			q, err := s.Ask(ctx, who, privacy.Asking{Learner: identity.AccountID(in.Learner), Guardian: in.Body.GuardianID, Purpose: identity.Purpose(in.Body.Purpose)})
			return &askOut{questionView(q)}, err
		})
	api.Register(a, api.Op{ID: "consent-questions", Method: http.MethodGet, Path: path, Summary: "What guardians were asked by text message", Tag: "consent",
		Roles: []identity.Role{identity.Admin, identity.Instructor, identity.Parent}},
		func(ctx context.Context, who identity.Actor, in *askedIn) (*askedOut, error) {
			asked, err := s.ListQuestions(ctx, who, identity.AccountID(in.Learner))
			out := &askedOut{}
			out.Body.Questions = []consentQuestion{}
			for _, q := range asked {
				out.Body.Questions = append(out.Body.Questions, questionView(q))
			}
			return out, err
		})
}

func parentPrivacy(ctx context.Context, s *privacy.Service, who identity.Actor) (*parentPrivacyOut, error) {
	own, family, err := s.Family(ctx, who)
	if err != nil {
		return nil, err
	}
	out := &parentPrivacyOut{}
	b := &out.Body
	b.ShareProgressWithSchool, b.AllowAnonymizedAnalytics, b.EmailMarketing = own.ShareProgressWithSchool, own.AllowAnonymizedAnalytics, own.EmailMarketing
	b.ChildrenSettings, b.Message = map[string]childPrivacy{}, "Privacy settings updated"
	for _, c := range family {
		tutor, social := c.Allowed[identity.CloudTutor], c.Allowed[identity.SocialFeatures]
		collect, third := c.Allowed[identity.DataCollection], c.Allowed[identity.ThirdParty]
		seen := string(c.ProfileVisibility)
		b.ChildrenSettings[string(c.Child.ID)] = childPrivacy{AllowAITutoring: &tutor, AllowSocialFeatures: &social, AllowDataCollection: &collect,
			AllowThirdParty: &third, ProfileVisibility: &seen}
	}
	return out, nil
}

func familyLine(c privacy.ChildConsents, language string) childAllowed {
	out := childAllowed{ChildID: string(c.Child.ID), ChildName: c.Child.FullName, ProfileVisibility: string(c.ProfileVisibility), PendingRequests: []pendingRequest{},
		Consents: allowedThings{AITutoring: c.Allowed[identity.CloudTutor], DataCollection: c.Allowed[identity.DataCollection],
			SocialFeatures: c.Allowed[identity.SocialFeatures], ThirdPartySharing: c.Allowed[identity.ThirdParty], Photos: c.Allowed[identity.Photos]}}
	for _, q := range c.Waiting {
		words, _ := consent.Texts(q.Version)
		t := words[q.Purpose][language]
		out.PendingRequests = append(out.PendingRequests, pendingRequest{ID: q.ID, Type: string(q.Purpose), Title: t.Title, Description: t.What,
			RequestedAt: q.AskedAt.Time, Deadline: q.ExpiresAt.Time})
	}
	return out
}

func questionView(q privacy.Question) consentQuestion {
	out := consentQuestion{ID: q.ID, GuardianID: q.Guardian, Purpose: string(q.Purpose), AskedAt: q.AskedAt.Time, Deadline: q.ExpiresAt.Time, Answer: q.Answer}
	if !q.AnsweredAt.IsZero() {
		out.AnsweredAt = &q.AnsweredAt.Time
	}
	return out
}
