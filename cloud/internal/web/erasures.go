package web

import (
	"context"
	"net/http"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/personal"
)

// ErasureLine is an erasure in the list, with its receipt.
type ErasureLine struct {
	api.ErasureBody
	PersonID string `json:"person_id"`
	Name     string `json:"name" doc:"Empty once she is erased."`
}

type (
	erasuresIn struct {
		Page  int `query:"page" default:"1" minimum:"1" maximum:"1000000"`
		Limit int `query:"limit" default:"20" minimum:"1" maximum:"100"`
	}
	erasuresOut struct {
		Body struct {
			Status string       `json:"status"`
			Data   erasuresBody `json:"data"`
		}
	}
	erasuresBody struct {
		Erasures []ErasureLine `json:"erasures" nullable:"false"`
		Total    int           `json:"total"`
		Page     int           `json:"page"`
		Limit    int           `json:"limit"`
	}
)

// MountErasures adds the list of erasures, which admins watch.
func MountErasures(a *api.API, s *personal.Service, people *identity.Service) {
	api.Register(a, api.Op{
		ID: "list-erasures", Method: http.MethodGet, Path: "/api/v1/admin/erasures", Summary: "Erasures, and whom they wait for", Tag: "admin", Roles: []identity.Role{identity.Admin},
	}, func(ctx context.Context, who identity.Actor, in *erasuresIn) (*erasuresOut, error) {
		page, total, err := s.List(ctx, who, in.Limit, (in.Page-1)*in.Limit)
		if err != nil {
			return nil, err
		}
		ids := make([]string, len(page))
		for i, p := range page {
			ids[i] = p.Person
		}
		names, err := people.NamesOf(ctx, ids)
		out := &erasuresOut{}
		out.Body.Status = success
		out.Body.Data = erasuresBody{Erasures: make([]ErasureLine, len(page)), Total: total, Page: in.Page, Limit: in.Limit}
		for i, p := range page {
			out.Body.Data.Erasures[i] = ErasureLine{api.ErasureView(p), p.Person, names[p.Person]}
		}
		return out, err
	})
}
