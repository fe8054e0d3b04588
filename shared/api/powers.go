package api

import (
	"context"
	"net/http"
	"slices"

	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/identity"
)

type powersKey struct{}

// empower puts who into the context, with what was lent to her and taken away.
func (a *API) empower(ctx context.Context, who identity.Actor) (context.Context, error) {
	if a.opts.Powers != nil {
		p, err := a.opts.Powers(ctx, who)
		if err != nil {
			return ctx, err
		}
		for _, l := range p.Loans {
			who.Loans = append(who.Loans, string(l.Feature)+":"+string(l.Grade))
		}
		ctx = context.WithValue(ctx, powersKey{}, p)
	}
	return context.WithValue(ctx, actorKey{}, who), nil
}

// OwnPower is a feature and how far its owner may use it.
type OwnPower struct {
	Feature string   `json:"feature"`
	Grades  []string `json:"grades" nullable:"false" doc:"full, manage, moderate, create, view, read, own, view_child, sponsor, payout."`
}

type ownPowersOut struct {
	Body struct {
		Powers []OwnPower `json:"powers" nullable:"false"`
	}
}

// MountPowers adds what the signed-in person may do, by which pages and menus
// are shown.
func MountPowers(a *API) {
	Register(a, Op{ID: "own-powers", Method: http.MethodGet, Path: "/api/v1/auth/powers", Summary: "What I may do", Tag: "authentication"},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*ownPowersOut, error) {
			powers, _ := ctx.Value(powersKey{}).(access.Powers)
			out := &ownPowersOut{}
			out.Body.Powers = []OwnPower{}
			for _, row := range access.Table() {
				if slices.Contains(powers.Restricted, row.Feature) {
					continue
				}
				p := OwnPower{Feature: string(row.Feature), Grades: []string{}}
				for _, g := range access.Grades(row.Feature, who) {
					if g != access.Delegated {
						p.Grades = append(p.Grades, string(g))
						continue
					}
					for _, l := range powers.Loans {
						if l.Feature == row.Feature {
							p.Grades = append(p.Grades, string(l.Grade))
						}
					}
				}
				if len(p.Grades) > 0 {
					out.Body.Powers = append(out.Body.Powers, p)
				}
			}
			return out, nil
		})
}
