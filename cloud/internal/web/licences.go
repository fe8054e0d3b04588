package web

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/fleet/packs"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Licence is a course that a school's box may hold.
type Licence struct {
	CourseID  string    `json:"course_id"`
	Title     string    `json:"title"`
	Edition   int64     `json:"edition"`
	SizeBytes int64     `json:"size_bytes"`
	At        time.Time `json:"at" doc:"When the licence of this edition was given."`
}

type licencesOut struct {
	Body struct {
		Licences []Licence `json:"licences" nullable:"false"`
	}
}

type newLicenceIn struct {
	ID   string `path:"id" format:"uuid"`
	Body struct {
		CourseID string `json:"course_id" format:"uuid"`
	}
}

type licenceOut struct{ Body Licence }

// MountLicences adds which courses a school's box may hold.
func MountLicences(a *api.API, p *packs.Service) {
	const tag, path = "fleet", "/api/v1/schools/{id}/licences"
	api.Register(a, api.Op{ID: "list-licences", Method: http.MethodGet, Path: path, Summary: "The courses that a school's box may hold", Tag: tag,
		Roles: []identity.Role{identity.Admin, identity.Staff}},
		func(ctx context.Context, who identity.Actor, in *schoolPath) (*licencesOut, error) {
			held, err := p.ListLicences(ctx, who, identity.SchoolID(in.ID))
			out := &licencesOut{}
			out.Body.Licences = make([]Licence, len(held))
			for i, l := range held {
				out.Body.Licences[i] = licenceBody(l)
			}
			return out, err
		})
	api.Register(a, api.Op{ID: "grant-licence", Method: http.MethodPost, Path: path, Summary: "Let a school's box hold a course", Tag: tag,
		Roles: []identity.Role{identity.Admin}, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *newLicenceIn) (*licenceOut, error) {
			l, err := p.Grant(ctx, who, identity.SchoolID(in.ID), catalogue.CourseID(in.Body.CourseID))
			return &licenceOut{licenceBody(l)}, err
		})
}

func licenceBody(l catalogue.Licence) Licence {
	return Licence{CourseID: string(l.CourseID), Title: l.Title, Edition: l.Edition, SizeBytes: l.SizeBytes, At: l.GrantedAt.Time}
}
