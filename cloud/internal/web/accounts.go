package web

import (
	"context"
	"net/http"

	"urbanhomeschool.org/uhs/cloud/internal/accounts"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
)

type (
	messageReply struct{ Body api.MessageBody }

	tokenRequest struct {
		Body struct {
			Token string `json:"token" maxLength:"200"`
		}
	}
	forgotRequest struct {
		Body struct {
			Email       string `json:"email,omitempty" doc:"This or phone_number."`
			PhoneNumber string `json:"phone_number,omitempty"`
			Language    string `json:"language,omitempty" doc:"en or sw"`
		}
	}
	resetRequest struct {
		Body struct {
			Token       string `json:"token,omitempty" maxLength:"200" doc:"From the link; or phone_number and code."`
			PhoneNumber string `json:"phone_number,omitempty"`
			Code        string `json:"code,omitempty"`
			NewPassword string `json:"new_password"`
		}
	}
	codeRequest struct {
		Body struct {
			PhoneNumber string `json:"phone_number"`
			Purpose     string `json:"purpose" doc:"register or change_phone"`
			Language    string `json:"language,omitempty" doc:"en or sw"`
		}
	}
	phoneRequest struct {
		Body struct {
			PhoneNumber     string `json:"phone_number"`
			Code            string `json:"code" doc:"The six digits that were sent to the phone."`
			CurrentPassword string `json:"current_password"`
			SecondFactor    string `json:"second_factor,omitempty" maxLength:"40" doc:"A code of my second factor, where I have one."`
		}
	}
	emailRequest struct {
		Body struct {
			Email           string `json:"email" maxLength:"254"`
			CurrentPassword string `json:"current_password"`
			SecondFactor    string `json:"second_factor,omitempty" maxLength:"40" doc:"A code of my second factor, where I have one."`
		}
	}
	deactivateRequest struct {
		Body struct {
			CurrentPassword string `json:"current_password"`
		}
	}
	closeRequest struct {
		ID   string `path:"id"`
		Body struct {
			Reason string `json:"reason"`
		}
	}
	restoreRequest struct {
		ID string `path:"id"`
	}
	restoreReply struct {
		Body struct {
			Status string       `json:"status"`
			Data   restoredBody `json:"data"`
		}
	}
	restoredBody struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	}
	fileRequest struct {
		RawBody []byte `contentType:"application/octet-stream"`
	}
	avatarBody struct {
		AvatarURL string `json:"avatar_url"`
	}
	avatarReply struct {
		Body struct {
			Status string     `json:"status"`
			Data   avatarBody `json:"data"`
		}
	}
	pictureRequest struct {
		ID string `path:"id" maxLength:"64"`
	}
	fileReply struct {
		ContentType        string `header:"Content-Type"`
		CacheControl       string `header:"Cache-Control"`
		ContentDisposition string `header:"Content-Disposition"`
		ContentSecurity    string `header:"Content-Security-Policy"`
		Body               []byte
	}
)

func say(text string) *messageReply {
	return &messageReply{api.MessageBody{Status: "success", Message: text}}
}

// MountAccounts adds registration by phone, links, codes, pictures and the
// closing of accounts.
func MountAccounts(a *api.API, s *accounts.Service) {
	mountLinks(a, s)
	mountPhones(a, s)
	mountEmail(a, s)
	mountPictures(a, s)
	mountClosing(a, s)
}

func mountLinks(a *api.API, s *accounts.Service) {
	const tag = "authentication"
	api.Register(a, api.Op{ID: "verify-email", Method: http.MethodPost, Path: "/api/v1/auth/verify-email", Summary: "Confirm an e-mail address", Tag: tag, Public: true},
		func(ctx context.Context, _ identity.Actor, in *tokenRequest) (*messageReply, error) {
			return say("Email verified successfully"), s.VerifyEmail(ctx, in.Body.Token)
		})
	api.Register(a, api.Op{ID: "resend-verification", Method: http.MethodPost, Path: "/api/v1/auth/resend-verification", Summary: "Mail me another link", Tag: tag},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*messageReply, error) {
			return say("Verification email sent"), s.ResendVerification(ctx, who)
		})
	api.Register(a, api.Op{
		ID: "forgot-password", Method: http.MethodPost, Path: "/api/v1/auth/forgot-password", Tag: tag, Public: true,
		Summary: "Ask for a new password; the answer is the same whether or not the address is known",
	}, func(ctx context.Context, _ identity.Actor, in *forgotRequest) (*messageReply, error) {
		address := in.Body.Email
		if address == "" {
			address = in.Body.PhoneNumber
		}
		return say("If the address is known, a message is on its way"), s.Forgot(ctx, address, in.Body.Language)
	})
	api.Register(a, api.Op{ID: "reset-password", Method: http.MethodPost, Path: "/api/v1/auth/reset-password", Summary: "Set a new password by a link or a code", Tag: tag, Public: true},
		func(ctx context.Context, _ identity.Actor, in *resetRequest) (*messageReply, error) {
			b := in.Body
			return say("Password reset successfully"), s.ResetPassword(ctx, accounts.Reset{Token: b.Token, Phone: b.PhoneNumber, Code: b.Code, Password: b.NewPassword})
		})
}

func mountPhones(a *api.API, s *accounts.Service) {
	api.Register(a, api.Op{
		ID: "send-phone-code", Method: http.MethodPost, Path: "/api/v1/auth/phone-codes", Summary: "Send a code of six digits to a phone", Tag: "authentication", Public: true,
	}, func(ctx context.Context, _ identity.Actor, in *codeRequest) (*messageReply, error) {
		return say("Code sent"), s.SendCode(ctx, in.Body.PhoneNumber, accounts.Purpose(in.Body.Purpose), in.Body.Language)
	})
	api.Register(a, api.Op{ID: "change-own-phone", Method: http.MethodPut, Path: "/api/v1/users/me/phone", Summary: "Sign in with another phone number", Tag: "users"},
		func(ctx context.Context, who identity.Actor, in *phoneRequest) (*messageReply, error) {
			return say("Phone number changed"), s.ChangePhone(ctx, who, accounts.PhoneChange{
				Phone: in.Body.PhoneNumber, Code: in.Body.Code, Password: in.Body.CurrentPassword, Factor: in.Body.SecondFactor,
			})
		})
}

func mountEmail(a *api.API, s *accounts.Service) {
	api.Register(a, api.Op{
		ID: "change-own-email", Method: http.MethodPut, Path: "/api/v1/users/me/email", Tag: "users",
		Summary: "Mail a link to another address, which counts once it is opened; the answer is the same whether or not the address is taken",
	}, func(ctx context.Context, who identity.Actor, in *emailRequest) (*messageReply, error) {
		return say("A link is on its way to the new address"), s.ChangeEmail(ctx, who, accounts.EmailChange{
			Email: in.Body.Email, Password: in.Body.CurrentPassword, Factor: in.Body.SecondFactor,
		})
	})
}

func mountPictures(a *api.API, s *accounts.Service) {
	api.Register(a, api.Op{
		ID: "set-own-avatar", Method: http.MethodPut, Path: "/api/v1/users/me/avatar", Summary: "My picture: the bytes of a PNG or JPEG file", Tag: "users",
		MaxBody: accounts.MaxPicture + 1,
	}, func(ctx context.Context, who identity.Actor, in *fileRequest) (*avatarReply, error) {
		url, err := s.SetAvatar(ctx, who, in.RawBody)
		out := &avatarReply{}
		out.Body.Status, out.Body.Data.AvatarURL = "success", url
		return out, err
	})
	api.Register(a, api.Op{ID: "remove-own-avatar", Method: http.MethodDelete, Path: "/api/v1/users/me/avatar", Summary: "Remove my picture", Tag: "users"},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*messageReply, error) {
			return say("Picture removed"), s.RemoveAvatar(ctx, who)
		})
	api.Register(a, api.Op{ID: "get-avatar", Method: http.MethodGet, Path: "/api/v1/avatars/{id}", Summary: "A picture; its address is secret", Tag: "users", Public: true,
		Files: []string{"image/jpeg"}},
		func(ctx context.Context, _ identity.Actor, in *pictureRequest) (*fileReply, error) {
			img, err := s.Avatar(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return &fileReply{
				ContentType: "image/jpeg", CacheControl: "private, max-age=31536000, immutable", ContentDisposition: "inline",
				ContentSecurity: "default-src 'none'; sandbox", Body: img,
			}, nil
		})
}

func mountClosing(a *api.API, s *accounts.Service) {
	admins := []identity.Role{identity.Admin}
	api.Register(a, api.Op{ID: "deactivate-own-account", Method: http.MethodPost, Path: "/api/v1/users/me/deactivate", Summary: "Close my account", Tag: "users"},
		func(ctx context.Context, who identity.Actor, in *deactivateRequest) (*messageReply, error) {
			return say("Account deactivated"), s.Deactivate(ctx, who, in.Body.CurrentPassword)
		})
	api.Register(a, api.Op{ID: "delete-user", Method: http.MethodDelete, Path: "/api/v1/admin/users/{id}", Summary: "Close a user's account; it can be restored", Tag: "admin", Roles: admins},
		func(ctx context.Context, who identity.Actor, in *closeRequest) (*messageReply, error) {
			return say("Account closed"), s.Delete(ctx, who, identity.AccountID(in.ID), in.Body.Reason)
		})
	api.Register(a, api.Op{ID: "restore-user", Method: http.MethodPost, Path: "/api/v1/admin/users/{id}/restore", Summary: "Open a closed account again", Tag: "admin", Roles: admins},
		func(ctx context.Context, who identity.Actor, in *restoreRequest) (*restoreReply, error) {
			p, err := s.Restore(ctx, who, identity.AccountID(in.ID))
			out := &restoreReply{}
			out.Body.Status, out.Body.Data = "success", restoredBody{string(p.Account.ID), string(p.Account.Status)}
			return out, err
		})
}
