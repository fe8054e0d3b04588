package api

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/identity"
)

// OpenSessionBody is one sign-in of a person.
type OpenSessionBody struct {
	ID        string    `json:"id"`
	Device    string    `json:"device" doc:"What the browser called itself."`
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at"`
	Current   bool      `json:"current" doc:"The one that asks."`
}

type (
	openSessionsOut struct {
		Body struct {
			Sessions []OpenSessionBody `json:"sessions" nullable:"false"`
		}
	}
	openSessionIn struct {
		ID string `path:"id" maxLength:"60"`
	}
)

func mountOwnSessions(a *API, s *identity.Service) {
	const tag, path = "users", "/api/v1/users/me/sessions"
	Register(a, Op{ID: "list-own-sessions", Method: http.MethodGet, Path: path, Summary: "Where I am signed in", Tag: tag, Secret: true},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*openSessionsOut, error) {
			list, err := s.ListSessions(ctx, who)
			out := &openSessionsOut{}
			out.Body.Sessions = make([]OpenSessionBody, len(list))
			for i, o := range list {
				out.Body.Sessions[i] = OpenSessionBody{o.ID, o.Device, o.Since.Time, o.UsedAt.Time, o.Current}
			}
			return out, err
		})
	Register(a, Op{ID: "end-own-session", Method: http.MethodDelete, Path: path + "/{id}", Summary: "End one of my sign-ins", Tag: tag, Secret: true},
		func(ctx context.Context, who identity.Actor, in *openSessionIn) (*messageOut, error) {
			return done("Session ended"), s.EndSession(ctx, who, in.ID)
		})
	Register(a, Op{ID: "end-other-sessions", Method: http.MethodDelete, Path: path, Summary: "End all my sign-ins but this one", Tag: tag, Secret: true},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*messageOut, error) {
			return done("Sessions ended"), s.EndOtherSessions(ctx, who)
		})
}
