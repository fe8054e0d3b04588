package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/personal"
)

type (
	exportPersonIn struct {
		Person string `path:"id" maxLength:"64" doc:"Whose; 'me' for one's own."`
		Reason string `query:"reason" maxLength:"300" doc:"Needed from admins and heads: who asked, and how."`
		Format string `query:"format" enum:"json,zip" default:"json"`
	}
)

func personID(id string, who identity.Actor) identity.AccountID {
	if id == "me" {
		return who.Account
	}
	return identity.AccountID(id)
}

// MountPersonal adds what people may ask about their data, on either side.
func MountPersonal(a *API, s *personal.Service, people *identity.Service) {
	mountErasure(a, s, people)
	Register(a, Op{ID: "export-person", Method: http.MethodGet, Path: "/api/v1/people/{id}/personal-data", Summary: "Everything about a person", Tag: personalTag,
		Secret: true, Export: true, Files: []string{"application/json", "application/zip"}},
		func(ctx context.Context, who identity.Actor, in *exportPersonIn) (*exportOut, error) {
			e, err := s.Export(ctx, who, personal.Request{Person: personID(in.Person, who), Reason: in.Reason})
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

// ErasureStop is one place where a person was, or is still to be, erased.
type ErasureStop struct {
	School   string     `json:"school" doc:"Empty for the cloud."`
	Box      bool       `json:"box" doc:"Whether a box has to confirm."`
	ErasedAt *time.Time `json:"erased_at"`
}

// ErasureKept is what stays, and why.
type ErasureKept struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// ErasureBody is a request for an erasure with its receipt. It names nobody.
type ErasureBody struct {
	Code         string        `json:"code" doc:"Opens this receipt, also without an account."`
	AskedAt      time.Time     `json:"asked_at"`
	DueAt        time.Time     `json:"due_at" doc:"Until then it can be withdrawn."`
	DoneAt       *time.Time    `json:"done_at"`
	Complete     bool          `json:"complete" doc:"Every box has confirmed."`
	Stops        []ErasureStop `json:"stops" nullable:"false"`
	BackupsUntil *time.Time    `json:"backups_until" doc:"When the last backup that holds her is deleted."`
	Kept         []ErasureKept `json:"kept" nullable:"false"`
}

type (
	erasureOut struct{ Body ErasureBody }
	askIn      struct {
		Person string `path:"id" maxLength:"64"`
		Body   struct {
			Password string `json:"current_password,omitempty" maxLength:"200" doc:"Of who asks for herself or her child."`
			Reason   string `json:"reason,omitempty" maxLength:"300" doc:"Of admins and heads: who asked, and how."`
		}
	}
	erasedIn struct {
		Person string `path:"id" maxLength:"64"`
	}
	codeIn struct {
		Code string `path:"code" maxLength:"64"`
	}
)

func mountErasure(a *API, s *personal.Service, people *identity.Service) {
	const path = "/api/v1/people/{id}/erasure"
	Register(a, Op{ID: "ask-erasure", Method: http.MethodPost, Path: path, Summary: "Ask to erase a person", Tag: personalTag, Secret: true, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *askIn) (*erasureOut, error) {
			person := personID(in.Person, who)
			if who.Account == person && s.AtSchool() {
				return nil, personal.ErrAskAtHome
			}
			if who.Account == person || who.Role == identity.Parent { // they answer for nobody but themselves and their own
				if err := people.CheckPassword(ctx, who, in.Body.Password); err != nil {
					return nil, err
				}
			}
			if _, err := s.Ask(ctx, who, personal.Request{Person: person, Reason: in.Body.Reason}); err != nil {
				return nil, err
			}
			return erasureView(s.Standing(ctx, who, person))
		})
	Register(a, Op{ID: "withdraw-erasure", Method: http.MethodDelete, Path: path, Summary: "Withdraw it while it waits", Tag: personalTag, Secret: true},
		func(ctx context.Context, who identity.Actor, in *erasedIn) (*struct{}, error) {
			return nil, s.Withdraw(ctx, who, personID(in.Person, who))
		})
	Register(a, Op{ID: "get-erasure", Method: http.MethodGet, Path: path, Summary: "The request and its receipt", Tag: personalTag, Secret: true},
		func(ctx context.Context, who identity.Actor, in *erasedIn) (*erasureOut, error) {
			return erasureView(s.Standing(ctx, who, personID(in.Person, who)))
		})
	Register(a, Op{ID: "erasure-receipt", Method: http.MethodGet, Path: "/api/v1/erasures/{code}", Summary: "A receipt by its code", Tag: personalTag, Public: true},
		func(ctx context.Context, _ identity.Actor, in *codeIn) (*erasureOut, error) {
			return erasureView(s.ProofByCode(ctx, in.Code))
		})
}

func erasureView(p personal.Proof, err error) (*erasureOut, error) {
	if err != nil {
		return nil, err
	}
	return &erasureOut{ErasureView(p)}, nil
}

// ErasureView is a receipt as it stands on the wire.
func ErasureView(p personal.Proof) ErasureBody {
	out := ErasureBody{Code: p.Code, AskedAt: p.AskedAt.Time, DueAt: p.DueAt.Time, DoneAt: whenever(p.DoneAt), Complete: p.Complete,
		Stops: []ErasureStop{}, BackupsUntil: whenever(p.BackupsUntil), Kept: []ErasureKept{}}
	for _, stop := range p.Stops {
		out.Stops = append(out.Stops, ErasureStop{School: stop.Name, Box: stop.Box, ErasedAt: whenever(stop.At)})
	}
	for _, what := range slices.Sorted(maps.Keys(p.Kept)) {
		out.Kept = append(out.Kept, ErasureKept{what, p.Kept[what]})
	}
	return out
}
