package web

import (
	"context"
	"net/http"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
)

type newSchoolIn struct {
	Body struct {
		Name     string `json:"name" minLength:"2" maxLength:"120"`
		Code     string `json:"code" minLength:"2" maxLength:"20" doc:"Short, typed by people, e.g. LODWAR-1."`
		County   string `json:"county" minLength:"2" maxLength:"60"`
		Language string `json:"language,omitempty" enum:"en,sw" default:"en"`
	}
}

type schoolOut struct{ Body identity.School }

type schoolsOut struct {
	Body struct {
		Schools []identity.School `json:"schools" nullable:"false"`
		Total   int               `json:"total"`
	}
}

type schoolPath struct {
	ID string `path:"id" format:"uuid"`
}

type codeOut struct{ Body fleet.ClaimCode }

type fleetIn struct {
	Q       string `query:"q" maxLength:"100" doc:"Looked for in names, codes and counties."`
	Status  string `query:"status" enum:"online,late,offline,never"`
	Trouble string `query:"trouble" doc:"One trouble, or any."`
	Sort    string `query:"sort" enum:"name,trouble" default:"name" doc:"trouble: the worst first."`
	Skip    int    `query:"skip" minimum:"0" maximum:"100000000" default:"0"`
	Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

type fleetOut struct {
	Body struct {
		Boxes   []fleet.Box `json:"boxes" nullable:"false"`
		Total   int64       `json:"total"`
		Skip    int         `json:"skip"`
		Limit   int         `json:"limit"`
		HasMore bool        `json:"has_more"`
	}
}

// MountSchools adds the admin's pages: schools, claim codes, the fleet.
func MountSchools(a *api.API, people *identity.Service, f *fleet.Service) {
	mountNodes(a, f)
	const tag = "fleet"
	admin := []identity.Role{identity.Admin}
	api.Register(a, api.Op{ID: "create-school", Method: http.MethodPost, Path: "/api/v1/schools", Summary: "Open a school", Tag: tag, Roles: admin, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *newSchoolIn) (*schoolOut, error) {
			s, err := people.CreateSchool(ctx, who, identity.NewSchool{Name: in.Body.Name, Code: in.Body.Code, County: in.Body.County, Language: in.Body.Language})
			return &schoolOut{s}, err
		})
	api.Register(a, api.Op{ID: "list-schools", Method: http.MethodGet, Path: "/api/v1/schools", Summary: "All schools", Tag: tag, Roles: []identity.Role{identity.Admin, identity.Staff}},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*schoolsOut, error) {
			out := &schoolsOut{}
			schools, err := people.ListSchools(ctx, who)
			out.Body.Schools, out.Body.Total = list(schools), len(schools)
			return out, err
		})
	api.Register(a, api.Op{ID: "create-claim-code", Method: http.MethodPost, Path: "/api/v1/schools/{id}/claim-codes", Summary: "A one-time code for a box of this school",
		Tag: tag, Roles: admin, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *schoolPath) (*codeOut, error) {
			c, err := f.NewClaimCode(ctx, who, identity.SchoolID(in.ID))
			return &codeOut{c}, err
		})
	api.Register(a, api.Op{ID: "fleet", Method: http.MethodGet, Path: "/api/v1/fleet", Summary: "All boxes: last seen, lag, unsent", Tag: tag,
		Roles: []identity.Role{identity.Admin, identity.Staff}},
		func(ctx context.Context, who identity.Actor, in *fleetIn) (*fleetOut, error) {
			boxes, total, err := f.Find(ctx, who, fleet.Search{Text: in.Q, Status: in.Status, Trouble: in.Trouble, ByTrouble: in.Sort == "trouble",
				Skip: in.Skip, Limit: in.Limit})
			out := &fleetOut{}
			out.Body.Boxes, out.Body.Total, out.Body.Skip, out.Body.Limit = list(boxes), total, in.Skip, in.Limit
			out.Body.HasMore = int64(in.Skip+len(boxes)) < total
			return out, err
		})
}

// list makes JSON's [] of nothing, where encoding/json would write null.
func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}
