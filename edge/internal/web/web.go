// Package web has the routes that only the appliance serves: claiming the box.
package web

import (
	"context"
	"net/http"
	"strings"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

type claimIn struct {
	Body struct {
		CloudURL string `json:"cloud_url,omitempty" maxLength:"200" doc:"The cloud's address; by default the configured one."`
		Code     string `json:"code" minLength:"8" maxLength:"40" doc:"The one-time code an admin made for the school."`
	}
}

type claimOut struct {
	Body struct {
		SchoolID   string `json:"school_id"`
		SchoolName string `json:"school_name"`
	}
}

// MountClaim lets whoever stands at an unclaimed box claim it: the code is the
// secret. claimed is called once it belongs to a school.
func MountClaim(a *api.API, box *agent.Agent, cloudURL string, claimed func()) {
	api.Register(a, api.Op{ID: "claim", Method: http.MethodPost, Path: "/api/v1/claim", Summary: "Make this box a school's", Tag: "service", Public: true},
		func(ctx context.Context, _ identity.Actor, in *claimIn) (*claimOut, error) {
			url := in.Body.CloudURL
			if url == "" {
				url = cloudURL
			}
			if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
				return nil, fault.New(fault.Invalid, "The cloud's address is missing.").WithCode("cloud_url").At("want http:// or https://", "cloud_url")
			}
			s, err := box.Claim(ctx, url, in.Body.Code)
			if err != nil {
				return nil, err
			}
			out := &claimOut{}
			out.Body.SchoolID, out.Body.SchoolName = s.SchoolID, s.SchoolName
			claimed()
			return out, nil
		})
}

type againIn struct {
	Body struct {
		Code string `json:"code" minLength:"8" maxLength:"40" doc:"A new one-time code of the same school."`
	}
}

// MountClaimAgain lets a school claim its box again, with all that is on it: the
// cloud no longer knows the box, or another one had its place.
func MountClaimAgain(a *api.API, reclaim func(ctx context.Context, who identity.Actor, code string) (agent.State, error)) {
	api.Register(a, api.Op{ID: "claim-again", Method: http.MethodPost, Path: "/api/v1/claim/again", Summary: "Claim this box again for its school; all its data stays",
		Tag: "service", Roles: []identity.Role{identity.Instructor}},
		func(ctx context.Context, who identity.Actor, in *againIn) (*claimOut, error) {
			s, err := reclaim(ctx, who, in.Body.Code)
			if err != nil {
				return nil, err
			}
			out := &claimOut{}
			out.Body.SchoolID, out.Body.SchoolName = s.SchoolID, s.SchoolName
			return out, nil
		})
}
