package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/edge/internal/door"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
)

// DeviceCookie names a browser to the box. It opens nothing by itself: it says at
// which device a try was made, and which one a teacher opened.
const DeviceCookie = "uhs_device"

const deviceYears = 3

// KnowDevices gives every browser that comes to the sign-in a name, and tells the
// routes after it. The cookie is not Secure: the school's network has no
// certificate that a phone trusts.
func KnowDevices(a *api.API) {
	a.App.Use(func(c *fiber.Ctx) error {
		token := c.Cookies(DeviceCookie)
		if len(token) > 64 {
			token = ""
		}
		if token == "" && strings.HasPrefix(c.Path(), "/api/v1/auth/") {
			token = door.NewDevice()
			c.Cookie(&fiber.Cookie{
				Name: DeviceCookie, Value: token, Path: "/api/v1", MaxAge: deviceYears * 365 * 24 * 3600, HTTPOnly: true, SameSite: fiber.CookieSameSiteStrictMode,
			})
		}
		c.SetUserContext(door.WithDevice(c.UserContext(), token))
		return c.Next()
	})
}

type (
	// DoorState is what the sign-in page knows of the door.
	DoorState struct {
		OpenClasses   []string   `json:"open_classes" nullable:"false" doc:"Classes whose pictures work on this device."`
		TeachersUntil *time.Time `json:"teachers_until" doc:"When teachers can no longer sign in unless the box hears of the cloud."`
		LearnersUntil *time.Time `json:"learners_until"`
		Warn          bool       `json:"warn"`
	}
	doorOut    struct{ Body DoorState }
	picturesIn struct {
		Body struct {
			LearnerID string   `json:"learner_id"`
			Pictures  []string `json:"pictures" minItems:"3" maxItems:"3" nullable:"false"`
		}
	}
	codeIn struct {
		Body struct {
			Email    string `json:"email" maxLength:"254"`
			Code     string `json:"code" maxLength:"40" doc:"The one-time code of the cloud."`
			Password string `json:"password" maxLength:"400" doc:"The new password for this box."`
		}
	}
	recoverIn struct {
		Body struct {
			Email         string   `json:"email" maxLength:"254"`
			Password      string   `json:"password" maxLength:"400"`
			Codes         []string `json:"codes" minItems:"1" maxItems:"2" nullable:"false"`
			AdminEmail    string   `json:"admin_email,omitempty" maxLength:"254" doc:"Who looks after the box, when she is there."`
			AdminPassword string   `json:"admin_password,omitempty" maxLength:"400"`
		}
	}
	renewIn struct {
		Body struct {
			Code string `json:"code" maxLength:"40"`
		}
	}
	openIn struct {
		Body struct {
			ClassName string `json:"class_name" maxLength:"120"`
			Reach     string `json:"reach" enum:"device,network"`
		}
	}
	openOut struct {
		Body struct {
			Until time.Time `json:"until"`
		}
	}
	closeIn struct {
		Class string `query:"class_name" maxLength:"120"`
	}
	lockedOut struct {
		Body struct {
			Learners []string `json:"learners" nullable:"false"`
		}
	}
	unlockIn struct {
		Learner string `path:"id"`
	}
	tokenOut   struct{ Body api.TokenBody }
	messageOut struct{ Body api.MessageBody }
)

func doorState(s door.State) DoorState {
	out := DoorState{OpenClasses: append([]string{}, s.Open...), Warn: s.Warn}
	if !s.TeachersUntil.IsZero() {
		out.TeachersUntil, out.LearnersUntil = &s.TeachersUntil, &s.LearnersUntil
	}
	return out
}

func said(message string) *messageOut {
	return &messageOut{api.MessageBody{Status: "success", Message: message}}
}

// MountDoor adds what only a school's own sign-in has.
func MountDoor(a *api.API, people *identity.Service, d *door.Service) {
	mountDoorOutside(a, people, d)
	mountDoorInside(a, d)
}

// mountDoorOutside is for who is not signed in yet.
func mountDoorOutside(a *api.API, people *identity.Service, d *door.Service) {
	const tag = "authentication"
	public := func(id, method, path, summary string) api.Op {
		return api.Op{ID: id, Method: method, Path: path, Summary: summary, Tag: tag, Public: true}
	}
	api.Register(a, public("get-door", http.MethodGet, "/api/v1/auth/door", "How this school's door is"),
		func(ctx context.Context, _ identity.Actor, _ *struct{}) (*doorOut, error) {
			s, err := d.State(ctx)
			return &doorOut{doorState(s)}, err
		})
	api.Register(a, public("sign-in-by-pictures", http.MethodPost, "/api/v1/auth/pictures", "Sign in as a learner with three pictures"),
		func(ctx context.Context, _ identity.Actor, in *picturesIn) (*tokenOut, error) {
			t, err := people.SignInPictures(ctx, identity.AccountID(in.Body.LearnerID), in.Body.Pictures)
			return &tokenOut{api.TokenBody{AccessToken: t.Access, RefreshToken: t.Refresh, TokenType: "bearer", ExpiresIn: int(t.ExpiresIn.Seconds())}}, err
		})
	api.Register(a, public("set-password-by-code", http.MethodPost, "/api/v1/auth/school-password", "Set the password for this box with a code of the cloud"),
		func(ctx context.Context, _ identity.Actor, in *codeIn) (*messageOut, error) {
			return said("Password set"), d.SetPassword(ctx, in.Body.Email, in.Body.Code, in.Body.Password)
		})
	api.Register(a, public("recover-password", http.MethodPost, "/api/v1/auth/recovery", "Set a forgotten password with codes on paper"),
		func(ctx context.Context, _ identity.Actor, in *recoverIn) (*messageOut, error) {
			b := in.Body
			return said("Password set"), d.Recover(ctx, door.Recovery{
				Email: b.Email, Password: b.Password, Codes: slices.Clone(b.Codes), AdminEmail: b.AdminEmail, AdminPassword: b.AdminPassword,
			})
		})
	api.Register(a, public("renew-door", http.MethodPost, "/api/v1/auth/renewal", "Go on without the cloud, with a code of the head's sheet"),
		func(ctx context.Context, _ identity.Actor, in *renewIn) (*doorOut, error) {
			s, err := d.Renew(ctx, in.Body.Code)
			return &doorOut{doorState(s)}, err
		})
}

// mountDoorInside is for the teachers.
func mountDoorInside(a *api.API, d *door.Service) {
	const tag = "schools"
	teachers := []identity.Role{identity.Instructor}
	api.Register(a, api.Op{ID: "open-pictures", Method: http.MethodPost, Path: "/api/v1/door/classes", Summary: "Let the pictures of a class work here", Tag: tag, Roles: teachers},
		func(ctx context.Context, who identity.Actor, in *openIn) (*openOut, error) {
			until, err := d.Open(ctx, who, in.Body.ClassName, door.Reach(in.Body.Reach))
			out := &openOut{}
			out.Body.Until = until
			return out, err
		})
	api.Register(a, api.Op{ID: "close-pictures", Method: http.MethodDelete, Path: "/api/v1/door/classes", Summary: "Stop the pictures of a class here", Tag: tag, Roles: teachers},
		func(ctx context.Context, who identity.Actor, in *closeIn) (*messageOut, error) {
			return said("Closed"), d.Close(ctx, who, in.Class)
		})
	api.Register(a, api.Op{ID: "list-locked", Method: http.MethodGet, Path: "/api/v1/door/locked", Summary: "Learners who wait for a teacher", Tag: tag, Roles: teachers},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*lockedOut, error) {
			list, err := d.Locked(ctx, who)
			out := &lockedOut{}
			out.Body.Learners = make([]string, len(list))
			for i, l := range list {
				out.Body.Learners[i] = string(l)
			}
			return out, err
		})
	api.Register(a, api.Op{ID: "unlock-learner", Method: http.MethodPost, Path: "/api/v1/learners/{id}/unlock", Summary: "Let a learner try again", Tag: tag, Roles: teachers},
		func(ctx context.Context, who identity.Actor, in *unlockIn) (*messageOut, error) {
			return said("Unlocked"), d.Unlock(ctx, who, identity.AccountID(in.Learner))
		})
}
