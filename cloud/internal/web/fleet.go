package web

import (
	"context"
	"encoding/json"
	"net/http"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
)

type boxOut struct{ Body fleet.Box }

type incidentsIn struct {
	School string `query:"school" doc:"Of one school only."`
	Skip   int    `query:"skip" minimum:"0" maximum:"100000000" default:"0"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

type incidentsOut struct {
	Body struct {
		Incidents []fleet.Told `json:"incidents" nullable:"false"`
		Unseen    int64        `json:"unseen"`
	}
}

type lettersIn struct {
	School string `query:"school"`
	Kind   string `query:"kind" enum:"poison,parked,unknown,waiting"`
	Type   string `query:"type"`
	State  string `query:"state" enum:"open,replayed,discarded"`
	Skip   int    `query:"skip" minimum:"0" maximum:"100000000" default:"0"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

type lettersOut struct {
	Body struct {
		Letters []fleet.Letter `json:"letters" nullable:"false"`
		Total   int64          `json:"total"`
		HasMore bool           `json:"has_more"`
	}
}

type letterOut struct{ Body fleet.OpenLetter }

type decideIn struct {
	ID   string `path:"id" format:"uuid"`
	Body struct {
		Reason string         `json:"reason,omitempty" maxLength:"500" doc:"Why; needed to discard, and when the record was changed."`
		Body   map[string]any `json:"body,omitempty" doc:"The mended record; fields that are left out stay as they are. Nothing: as it is."`
	}
}

type replayTypeIn struct {
	Body struct {
		Type string `json:"type" minLength:"1" maxLength:"200"`
	}
}

type resumeIn struct {
	ID   string `path:"id" format:"uuid"`
	Lane int    `path:"lane" minimum:"1" maximum:"4"`
}

type storedOut struct {
	Body struct {
		Stored int `json:"stored" doc:"How many records were stored: this one, and those that waited behind it."`
	}
}

func stored(n int, err error) (*storedOut, error) {
	out := &storedOut{}
	out.Body.Stored = n
	return out, err
}

// MountFleet adds what the operators of the fleet see and decide: one box, the
// incidents, and the records that could not be stored.
func MountFleet(a *api.API, f *fleet.Service) {
	const tag, letters = "fleet", "/api/v1/fleet/dead-letters"
	admin, office := []identity.Role{identity.Admin}, []identity.Role{identity.Admin, identity.Staff}
	api.Register(a, api.Op{ID: "incidents", Method: http.MethodGet, Path: "/api/v1/fleet/incidents", Summary: "What happened, unseen first", Tag: tag, Roles: office},
		func(ctx context.Context, who identity.Actor, in *incidentsIn) (*incidentsOut, error) {
			found, unseen, err := f.Incidents(ctx, who, in.School, in.Skip, in.Limit)
			out := &incidentsOut{}
			out.Body.Incidents, out.Body.Unseen = list(found), unseen
			return out, err
		})
	api.Register(a, api.Op{ID: "see-incident", Method: http.MethodPost, Path: "/api/v1/fleet/incidents/{id}/seen", Summary: "Mark an incident as seen", Tag: tag,
		Roles: admin, Status: http.StatusNoContent},
		func(ctx context.Context, who identity.Actor, in *schoolPath) (*struct{}, error) {
			return nil, f.SeeIncident(ctx, who, in.ID)
		})
	api.Register(a, api.Op{ID: "dead-letters", Method: http.MethodGet, Path: letters, Summary: "Records that could not be stored, newest first", Tag: tag, Roles: admin},
		func(ctx context.Context, who identity.Actor, in *lettersIn) (*lettersOut, error) {
			found, total, err := f.Letters(ctx, who, syncer.Filter{School: in.School, Kind: in.Kind, Type: in.Type, State: in.State}, in.Skip, in.Limit)
			out := &lettersOut{}
			out.Body.Letters, out.Body.Total = list(found), total
			out.Body.HasMore = int64(in.Skip+len(found)) < total
			return out, err
		})
	api.Register(a, api.Op{ID: "dead-letter", Method: http.MethodGet, Path: letters + "/{id}", Summary: "One of them with its body; who looked is noted", Tag: tag, Roles: admin},
		func(ctx context.Context, who identity.Actor, in *schoolPath) (*letterOut, error) {
			l, err := f.Letter(ctx, who, in.ID)
			return &letterOut{l}, err
		})
	api.Register(a, api.Op{ID: "replay-dead-letter", Method: http.MethodPost, Path: letters + "/{id}/replay", Summary: "Store it, mended or as it is", Tag: tag, Roles: admin},
		func(ctx context.Context, who identity.Actor, in *decideIn) (*storedOut, error) {
			d := syncer.Decision{Letter: in.ID, Because: in.Body.Reason}
			if len(in.Body.Body) > 0 {
				var err error
				if d.Body, err = json.Marshal(in.Body.Body); err != nil {
					return nil, err
				}
			}
			return stored(f.ReplayLetter(ctx, who, d))
		})
	api.Register(a, api.Op{ID: "discard-dead-letter", Method: http.MethodPost, Path: letters + "/{id}/discard", Summary: "Give it up, with a reason", Tag: tag, Roles: admin},
		func(ctx context.Context, who identity.Actor, in *decideIn) (*storedOut, error) {
			return stored(f.DiscardLetter(ctx, who, syncer.Decision{Letter: in.ID, Because: in.Body.Reason}))
		})
	api.Register(a, api.Op{ID: "replay-dead-letters", Method: http.MethodPost, Path: letters + "/replay", Summary: "Try all of a type again, after a fix", Tag: tag, Roles: admin},
		func(ctx context.Context, who identity.Actor, in *replayTypeIn) (*storedOut, error) {
			return stored(f.ReplayType(ctx, who, in.Body.Type))
		})
	api.Register(a, api.Op{ID: "resume-lane", Method: http.MethodPost, Path: "/api/v1/fleet/{id}/lanes/{lane}/resume", Summary: "Let a paused lane of a school go on", Tag: tag,
		Roles: admin, Status: http.StatusNoContent},
		func(ctx context.Context, who identity.Actor, in *resumeIn) (*struct{}, error) {
			return nil, f.ResumeLane(ctx, who, identity.SchoolID(in.ID), in.Lane)
		})
	api.Register(a, api.Op{ID: "fleet-box", Method: http.MethodGet, Path: "/api/v1/fleet/{id}", Summary: "One school's box", Tag: tag, Roles: office},
		func(ctx context.Context, who identity.Actor, in *schoolPath) (*boxOut, error) {
			b, err := f.One(ctx, who, identity.SchoolID(in.ID))
			return &boxOut{b}, err
		})
}
