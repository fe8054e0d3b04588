package web

import (
	"context"
	"net/http"

	"urbanhomeschool.org/uhs/cloud/internal/secondfactor"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
)

type (
	factorOut   struct{ Body secondfactor.Status }
	setupOut    struct{ Body secondfactor.Setup }
	factorBegin struct {
		Body struct {
			Password string `json:"password" maxLength:"200" doc:"The cloud password again."`
		}
	}
	factorCode struct {
		Body struct {
			Code string `json:"code" maxLength:"40" doc:"Six digits of the phone, or a recovery code."`
		}
	}
	recoveryOut struct {
		Body struct {
			Codes []string `json:"recovery_codes" nullable:"false" doc:"Shown this once."`
		}
	}
	factorDone struct {
		Body api.MessageBody
	}
	accountPath struct {
		ID string `path:"id" maxLength:"60"`
	}
)

// MountSecondFactor adds one's own second factor, and its reset by an admin.
func MountSecondFactor(a *api.API, s *secondfactor.Service) {
	const tag, path = "users", "/api/v1/users/me/second-factor"
	api.Register(a, api.Op{ID: "get-second-factor", Method: http.MethodGet, Path: path, Summary: "My second factor", Tag: tag, Limited: true},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*factorOut, error) {
			v, err := s.Status(ctx, who)
			return &factorOut{v}, err
		})
	api.Register(a, api.Op{ID: "begin-second-factor", Method: http.MethodPost, Path: path, Summary: "Begin to set up a second factor", Tag: tag, Limited: true},
		func(ctx context.Context, who identity.Actor, in *factorBegin) (*setupOut, error) {
			v, err := s.Begin(ctx, who, in.Body.Password)
			return &setupOut{v}, err
		})
	codes := func(c []string, err error) (*recoveryOut, error) {
		out := &recoveryOut{}
		out.Body.Codes = c
		return out, err
	}
	api.Register(a, api.Op{ID: "confirm-second-factor", Method: http.MethodPost, Path: path + "/confirm", Summary: "Turn my second factor on", Tag: tag, Limited: true},
		func(ctx context.Context, who identity.Actor, in *factorCode) (*recoveryOut, error) {
			return codes(s.Confirm(ctx, who, in.Body.Code))
		})
	api.Register(a, api.Op{ID: "new-recovery-codes", Method: http.MethodPost, Path: path + "/recovery-codes", Summary: "Replace my recovery codes", Tag: tag, Limited: true},
		func(ctx context.Context, who identity.Actor, in *factorCode) (*recoveryOut, error) {
			return codes(s.NewCodes(ctx, who, in.Body.Code))
		})
	api.Register(a, api.Op{ID: "remove-second-factor", Method: http.MethodPost, Path: path + "/remove", Summary: "Turn my second factor off", Tag: tag},
		func(ctx context.Context, who identity.Actor, in *factorCode) (*factorDone, error) {
			return &factorDone{api.MessageBody{Status: "success", Message: "Second factor removed"}}, s.Remove(ctx, who, in.Body.Code)
		})
	api.Register(a, api.Op{
		ID: "reset-second-factor", Method: http.MethodDelete, Path: "/api/v1/admin/users/{id}/second-factor",
		Summary: "Take away the second factor of somebody who lost it", Tag: "admin", Roles: []identity.Role{identity.Admin},
	}, func(ctx context.Context, who identity.Actor, in *accountPath) (*factorDone, error) {
		return &factorDone{api.MessageBody{Status: "success", Message: "Second factor removed"}}, s.Reset(ctx, who, identity.AccountID(in.ID))
	})
}
