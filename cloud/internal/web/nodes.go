package web

import (
	"context"
	"net/http"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
)

type boxesOut struct{ Body fleet.SchoolBoxes }

type heldIn struct {
	ID   string `path:"id" format:"uuid"`
	Held string `path:"held" format:"uuid"`
	Body struct {
		Action string `json:"action" enum:"take_in,activate" doc:"take_in: it delivers what it has and rests. activate: it becomes the school's box."`
	}
}

type replacementIn struct {
	ID   string `path:"id" format:"uuid"`
	Body struct {
		Reason string `json:"reason" minLength:"2" maxLength:"300" doc:"Why the box is replaced, for those who read it later."`
	}
}

// mountNodes adds the boxes of one school: which it has and had, what becomes of
// those that lost its place, and the spare for a dead one.
func mountNodes(a *api.API, f *fleet.Service) {
	const tag = "fleet"
	admin := []identity.Role{identity.Admin}
	api.Register(a, api.Op{ID: "school-boxes", Method: http.MethodGet, Path: "/api/v1/schools/{id}/boxes", Summary: "Every box a school has or had", Tag: tag,
		Roles: []identity.Role{identity.Admin, identity.Staff}},
		func(ctx context.Context, who identity.Actor, in *schoolPath) (*boxesOut, error) {
			out, err := f.BoxesOf(ctx, who, identity.SchoolID(in.ID))
			out.Boxes, out.Held, out.Replacements = list(out.Boxes), list(out.Held), list(out.Replacements)
			return &boxesOut{out}, err
		})
	api.Register(a, api.Op{ID: "decide-box", Method: http.MethodPost, Path: "/api/v1/schools/{id}/held-boxes/{held}", Summary: "Decide on a box that lost the school's place",
		Tag: tag, Roles: admin},
		func(ctx context.Context, who identity.Actor, in *heldIn) (*boxesOut, error) {
			if err := f.Decide(ctx, who, fleet.HeldID{School: in.ID, ID: in.Held}, in.Body.Action); err != nil {
				return nil, err
			}
			out, err := f.BoxesOf(ctx, who, identity.SchoolID(in.ID))
			out.Boxes, out.Held, out.Replacements = list(out.Boxes), list(out.Held), list(out.Replacements)
			return &boxesOut{out}, err
		})
	api.Register(a, api.Op{ID: "replace-box", Method: http.MethodPost, Path: "/api/v1/schools/{id}/replacement", Summary: "A claim code for the spare of a dead box",
		Tag: tag, Roles: admin, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *replacementIn) (*codeOut, error) {
			c, err := f.Replace(ctx, who, identity.SchoolID(in.ID), in.Body.Reason)
			return &codeOut{c}, err
		})
}
