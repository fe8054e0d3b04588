package api

import (
	"context"
	"net/http"

	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/personal"
)

type (
	personIn struct {
		Person string `path:"id" maxLength:"64" doc:"Whose; 'me' for one's own."`
		Reason string `query:"reason" maxLength:"300" doc:"Needed from admins and heads: who asked, and how."`
	}
	exportPersonIn struct {
		personIn
		Format string `query:"format" enum:"json,zip" default:"json"`
	}
)

func (in personIn) request(who identity.Actor) personal.Request {
	return personal.Request{Person: personID(in.Person, who), Reason: in.Reason}
}

func personID(id string, who identity.Actor) identity.AccountID {
	if id == "me" {
		return who.Account
	}
	return identity.AccountID(id)
}

// MountPersonal adds what people may ask about their data, on either side.
func MountPersonal(a *API, s *personal.Service) {
	Register(a, Op{ID: "export-person", Method: http.MethodGet, Path: "/api/v1/people/{id}/personal-data", Summary: "Everything about a person", Tag: personalTag,
		Secret: true, Export: true},
		func(ctx context.Context, who identity.Actor, in *exportPersonIn) (*exportOut, error) {
			e, err := s.Export(ctx, who, in.request(who))
			if err != nil {
				return nil, err
			}
			if in.Format == "zip" {
				data, err := e.Zip()
				return &exportOut{ContentType: "application/zip", Disposition: `attachment; filename="personal-data.zip"`, Body: data}, err
			}
			data, err := e.JSON()
			return &exportOut{ContentType: "application/json", Disposition: `attachment; filename="personal-data.json"`, Body: data}, err
		})
}

const personalTag = "personal data"
