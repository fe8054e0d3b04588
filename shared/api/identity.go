package api

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// statusSuccess is the "status" of answers that wrap their data.
const statusSuccess = "success"

// ProfileData is the profile_data of a user, as published.
type ProfileData struct {
	FullName          string   `json:"full_name"`
	PhoneNumber       string   `json:"phone_number,omitempty"`
	GradeLevel        string   `json:"grade_level,omitempty"`
	SchoolName        string   `json:"school_name,omitempty"`
	Bio               string   `json:"bio,omitempty"`
	AvatarURL         string   `json:"avatar_url,omitempty"`
	DateOfBirth       string   `json:"date_of_birth,omitempty"`
	County            string   `json:"county,omitempty"`
	LearningInterests []string `json:"learning_interests,omitempty"`
}

// UserBody is a person as she sees herself. SchoolID, ClassName and Duties are
// ours beside the published fields.
type UserBody struct {
	ID          string      `json:"id"`
	Email       string      `json:"email"`
	Role        string      `json:"role"`
	IsActive    bool        `json:"is_active"`
	IsVerified  bool        `json:"is_verified"`
	Language    string      `json:"language" doc:"Of letters to her: en or sw."`
	ProfileData ProfileData `json:"profile_data"`
	CreatedAt   time.Time   `json:"created_at"`
	UpdatedAt   time.Time   `json:"updated_at"`
	LastLogin   *time.Time  `json:"last_login"`
	SchoolID    string      `json:"school_id,omitempty"`
	ClassName   string      `json:"class_name,omitempty"`
	Duties      []string    `json:"duties,omitempty"`
	// Limited is set while a second factor must be set up before anything else.
	Limited bool `json:"second_factor_first,omitempty"`
	// AtHome is set in a child's session on her guardian's phone.
	AtHome bool `json:"at_home,omitempty"`
}

// TokenBody answers every sign-in.
type TokenBody struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in" doc:"Seconds."`
}

// MessageBody is an answer that only says that it is done.
type MessageBody struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type (
	userOut      struct{ Body UserBody }
	tokenOut     struct{ Body TokenBody }
	messageOut   struct{ Body MessageBody }
	userDataBody struct {
		Status  string   `json:"status"`
		Data    UserBody `json:"data"`
		Message string   `json:"message,omitempty"`
	}
	userDataOut struct{ Body userDataBody }
	jwksBody    struct {
		Keys []jwkBody `json:"keys"`
	}
	jwkBody struct {
		KeyType   string `json:"kty"`
		Curve     string `json:"crv"`
		X         string `json:"x"`
		KeyID     string `json:"kid"`
		Use       string `json:"use"`
		Algorithm string `json:"alg"`
	}
	jwksOut struct{ Body jwksBody }
)

type (
	loginIn struct {
		Body struct {
			Email    string `json:"email"`
			Password string `json:"password"`
			Code     string `json:"code,omitempty" maxLength:"40" doc:"Of the second factor, when the answer before was second_factor."`
		}
	}
	refreshIn struct {
		Body struct {
			RefreshToken string `json:"refresh_token"`
		}
	}
)

// MountIdentity adds what both binaries serve: sign-in by e-mail, sessions,
// one's own account, and what a school's people read and record about learners.
func MountIdentity(a *API, s *identity.Service) {
	mountSessions(a, s)
	mountOwnAccount(a, s)
	mountOwnSessions(a, s)
	mountLearners(a, s)
}

func mountSessions(a *API, s *identity.Service) {
	const tag = "authentication"
	Register(a, Op{ID: "login", Method: http.MethodPost, Path: "/api/v1/auth/login", Summary: "Sign in by e-mail", Tag: tag, Public: true},
		func(ctx context.Context, _ identity.Actor, in *loginIn) (*tokenOut, error) {
			return asTokens(s.SignInWithCode(ctx, in.Body.Email, in.Body.Password, in.Body.Code))
		})
	Register(a, Op{ID: "refresh", Method: http.MethodPost, Path: "/api/v1/auth/refresh", Summary: "Exchange a refresh token", Tag: tag, Public: true},
		func(ctx context.Context, _ identity.Actor, in *refreshIn) (*tokenOut, error) {
			return asTokens(s.Refresh(ctx, in.Body.RefreshToken))
		})
	Register(a, Op{ID: "logout", Method: http.MethodPost, Path: "/api/v1/auth/logout", Summary: "End this session", Tag: tag, Limited: true},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*messageOut, error) {
			if err := s.SignOut(ctx, who); err != nil {
				return nil, err
			}
			return done("Logged out successfully"), nil
		})
	Register(a, Op{ID: "jwks", Method: http.MethodGet, Path: "/.well-known/jwks.json", Summary: "Keys that verify access tokens", Tag: tag, Public: true},
		func(ctx context.Context, _ identity.Actor, _ *struct{}) (*jwksOut, error) {
			keys, err := s.JWKS(ctx)
			out := &jwksOut{Body: jwksBody{Keys: make([]jwkBody, len(keys))}}
			for i, k := range keys {
				out.Body.Keys[i] = jwkBody(k)
			}
			return out, err
		})
}

func mountOwnAccount(a *API, s *identity.Service) {
	Register(a, Op{ID: "me", Method: http.MethodGet, Path: "/api/v1/auth/me", Summary: "Who am I", Tag: "authentication", Limited: true},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*userOut, error) {
			p, err := s.Me(ctx, who)
			if err != nil {
				return nil, err
			}
			return &userOut{ownBody(p, who)}, nil
		})
	Register(a, Op{ID: "get-own-profile", Method: http.MethodGet, Path: "/api/v1/users/me", Summary: "My profile", Tag: "users"},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*userDataOut, error) {
			p, err := s.Me(ctx, who)
			if err != nil {
				return nil, err
			}
			return &userDataOut{userDataBody{Status: statusSuccess, Data: ownBody(p, who)}}, nil
		})
}

func asTokens(t identity.Tokens, err error) (*tokenOut, error) {
	if err != nil {
		return nil, err
	}
	return &tokenOut{TokenBody{
		AccessToken: t.Access, RefreshToken: t.Refresh, TokenType: "bearer", ExpiresIn: int(t.ExpiresIn.Seconds()),
	}}, nil
}

func done(message string) *messageOut {
	return &messageOut{MessageBody{Status: statusSuccess, Message: message}}
}

func ownBody(p identity.Person, who identity.Actor) UserBody {
	b := userBody(p)
	b.Limited, b.AtHome = who.Limited, who.Guardian != ""
	for _, d := range who.Duties {
		b.Duties = append(b.Duties, string(d))
	}
	return b
}

func userBody(p identity.Person) UserBody {
	a, f := p.Account, p.Profile
	return UserBody{
		ID: string(a.ID), Email: p.Email, Role: string(a.Role), IsActive: a.Status == identity.Active, IsVerified: p.Verified, Language: p.Language,
		ProfileData: ProfileData{
			FullName: a.FullName, PhoneNumber: f.Phone, GradeLevel: a.Grade, SchoolName: f.SchoolName, Bio: f.Bio, AvatarURL: f.AvatarURL,
			DateOfBirth: f.DateOfBirth, County: f.County, LearningInterests: f.LearningInterests,
		},
		CreatedAt: a.CreatedAt.Time, UpdatedAt: a.UpdatedAt.Time, LastLogin: whenever(p.LastLogin),
		SchoolID: string(a.School), ClassName: a.ClassName,
	}
}

// whenever is a time on the wire, null when it has not happened.
func whenever(t db.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}
