package web

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/identity"
)

type schoolCodeOut struct {
	Body struct {
		Code  string    `json:"code" doc:"For the school's box; shown once."`
		Until time.Time `json:"until"`
	}
}

// MountSchoolCode gives a teacher the one-time code for her school's box.
func MountSchoolCode(a *api.API, d *door.Service) {
	api.Register(a, api.Op{ID: "issue-school-code", Method: http.MethodPost, Path: "/api/v1/auth/school-code", Summary: "A one-time code to set the password at the school's box",
		Tag: "authentication", Roles: []identity.Role{identity.Instructor}},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*schoolCodeOut, error) {
			c, err := d.IssueCode(ctx, who)
			out := &schoolCodeOut{}
			out.Body.Code, out.Body.Until = c.Code, c.Until
			return out, err
		})
}
