package api

import (
	"context"
	"net/http"

	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/identity"
)

// SeenThing is a thing about a learner with who can read it.
type SeenThing struct {
	Thing  string   `json:"thing" enum:"work,questions,danger,name,consents,contacts,payments"`
	By     []string `json:"by" nullable:"false" doc:"self, parent, teacher, named_adult, head, bursar, site_admin, office, staff, partner, classmate"`
	IfLent []string `json:"if_lent" nullable:"false" doc:"Who sees it only while an admin lends it to her."`
}

// ShownToOthers is what other learners are shown of a learner now.
type ShownToOthers struct {
	Profile      string `json:"profile" enum:"private,class,school"`
	OnlineStatus bool   `json:"online_status"`
	Achievements bool   `json:"achievements"`
	Streak       bool   `json:"streak"`
}

type whoSeesOut struct {
	Body struct {
		Viewers []string       `json:"viewers" nullable:"false" doc:"All that there are, nearest first."`
		Things  []SeenThing    `json:"things" nullable:"false"`
		Shown   *ShownToOthers `json:"shown,omitempty" doc:"For a learner: what other learners are shown of her."`
		Leaves  *bool          `json:"questions_leave,omitempty" doc:"For a learner: whether her questions may go to a model outside her school, without her name."`
	}
}

// mountWhoSees adds who can read what about a learner, for everybody: it comes
// from the table that admits, so that the page cannot promise something else.
func mountWhoSees(a *API, s *consent.Service) {
	Register(a, Op{ID: "who-sees", Method: http.MethodGet, Path: "/api/v1/who-sees", Summary: "Who can see what about a learner", Tag: "consent"},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*whoSeesOut, error) {
			out := &whoSeesOut{}
			b := &out.Body
			b.Viewers = viewerNames(access.Viewers())
			for _, seen := range access.WhoSees() {
				b.Things = append(b.Things, SeenThing{Thing: seen.Thing, By: viewerNames(seen.By), IfLent: viewerNames(seen.IfLent)})
			}
			if who.Role != identity.Student {
				return out, nil
			}
			v, err := s.Settings(ctx, who, who.Account)
			if err != nil {
				return nil, err
			}
			said, err := s.Standings(ctx, who, who.Account)
			if err != nil {
				return nil, err
			}
			leaves := said[identity.CloudTutor].Given
			b.Leaves = &leaves
			b.Shown = &ShownToOthers{Profile: string(v.ProfileVisibility), OnlineStatus: v.ShowOnlineStatus, Achievements: v.ShowAchievements, Streak: v.ShowStreak}
			return out, nil
		})
}

func viewerNames(list []access.Viewer) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}
