package api

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/identity"
)

// LearnerBody is a learner as her teachers see her.
type LearnerBody struct {
	ID              string `json:"id"`
	FullName        string `json:"full_name"`
	Grade           string `json:"grade"`
	ClassName       string `json:"class_name"`
	AdmissionNumber string `json:"admission_number,omitempty"`
	Status          string `json:"status"`
	HasPIN          bool   `json:"has_pin"`
	HasPictures     bool   `json:"has_pictures"`
}

// SchoolBody is a school.
type SchoolBody struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Code       string `json:"code"`
	County     string `json:"county,omitempty"`
	Language   string `json:"language"`
	NamedAdult string `json:"named_adult_id,omitempty"`
}

// GuardianBody is an adult responsible for a learner.
type GuardianBody struct {
	ID           string `json:"id"`
	LearnerID    string `json:"learner_id"`
	AccountID    string `json:"account_id,omitempty"`
	Name         string `json:"name"`
	PhoneNumber  string `json:"phone_number,omitempty"`
	Verified     bool   `json:"verified"`
	Relationship string `json:"relationship"`
}

// ConsentBody is the fact that a guardian gave or withdrew consent.
type ConsentBody struct {
	ID           string    `json:"id"`
	LearnerID    string    `json:"learner_id"`
	Purpose      string    `json:"purpose"`
	Given        bool      `json:"given"`
	GuardianName string    `json:"guardian_name"`
	Method       string    `json:"method"`
	TextVersion  string    `json:"text_version"`
	RecordedBy   string    `json:"recorded_by"`
	At           time.Time `json:"at"`
	Photo        string    `json:"photo,omitempty" doc:"Names the picture of the signed form."`
}

type (
	schoolIn struct {
		School string `path:"id"`
	}
	schoolOut struct{ Body SchoolBody }
	rosterIn  struct {
		School string `path:"id"`
		Class  string `query:"class_name"`
	}
	rosterOut struct {
		Body struct {
			Learners []LearnerBody `json:"learners"`
			Total    int           `json:"total"`
		}
	}
	learnerIn struct {
		Learner string `path:"id"`
	}
	guardiansOut struct {
		Body struct {
			Guardians []GuardianBody `json:"guardians"`
		}
	}
	consentsOut struct {
		Body struct {
			Consents []ConsentBody `json:"consents" doc:"Latest first."`
		}
	}
	consentIn struct {
		Learner string `path:"id"`
		Body    struct {
			Purpose      string `json:"purpose"`
			Given        bool   `json:"given"`
			Method       string `json:"method"`
			GuardianName string `json:"guardian_name,omitempty"`
			TextVersion  string `json:"text_version"`
			Photo        string `json:"photo,omitempty" maxLength:"64" doc:"From add-consent-photo."`
		}
	}
	consentOut struct{ Body ConsentBody }
)

// mountLearners adds what a school's people read and record on either side.
func mountLearners(a *API, s *identity.Service) {
	const tag = "schools"
	teachers := []identity.Role{identity.Admin, identity.Instructor}
	Register(a, Op{ID: "get-school", Method: http.MethodGet, Path: "/api/v1/schools/{id}", Summary: "A school", Tag: tag},
		func(ctx context.Context, who identity.Actor, in *schoolIn) (*schoolOut, error) {
			v, err := s.OwnSchool(ctx, who, identity.SchoolID(in.School))
			return &schoolOut{schoolBody(v)}, err
		})
	Register(a, Op{ID: "list-school-learners", Method: http.MethodGet, Path: "/api/v1/schools/{id}/learners", Summary: "The learners of a school", Tag: tag, Roles: teachers},
		func(ctx context.Context, who identity.Actor, in *rosterIn) (*rosterOut, error) {
			lines, err := s.Roster(ctx, who, identity.SchoolID(in.School), in.Class)
			out := &rosterOut{}
			out.Body.Total, out.Body.Learners = len(lines), make([]LearnerBody, len(lines))
			for i, l := range lines {
				out.Body.Learners[i] = learnerBody(l.Account)
				out.Body.Learners[i].HasPIN, out.Body.Learners[i].HasPictures = l.HasPIN, l.HasPictures
			}
			return out, err
		})
	Register(a, Op{ID: "list-guardians", Method: http.MethodGet, Path: "/api/v1/learners/{id}/guardians", Summary: "The guardians of a learner", Tag: tag, Roles: teachers},
		func(ctx context.Context, who identity.Actor, in *learnerIn) (*guardiansOut, error) {
			list, err := s.GuardiansOf(ctx, who, identity.AccountID(in.Learner))
			out := &guardiansOut{}
			out.Body.Guardians = make([]GuardianBody, len(list))
			for i, g := range list {
				out.Body.Guardians[i] = guardianBody(g)
			}
			return out, err
		})
	Register(a, Op{ID: "list-consents", Method: http.MethodGet, Path: "/api/v1/learners/{id}/consents", Summary: "The consents for a learner", Tag: tag},
		func(ctx context.Context, who identity.Actor, in *learnerIn) (*consentsOut, error) {
			list, err := s.ListConsents(ctx, who, identity.AccountID(in.Learner))
			out := &consentsOut{}
			out.Body.Consents = make([]ConsentBody, len(list))
			for i, c := range list {
				out.Body.Consents[i] = consentBody(c)
			}
			return out, err
		})
	Register(a, Op{
		ID: "record-consent", Method: http.MethodPost, Path: "/api/v1/learners/{id}/consents", Summary: "Record what a guardian said",
		Tag: tag, Status: http.StatusCreated, Roles: []identity.Role{identity.Student, identity.Parent, identity.Instructor, identity.Admin},
	}, func(ctx context.Context, who identity.Actor, in *consentIn) (*consentOut, error) {
		b := in.Body
		c, err := s.RecordConsent(ctx, who, identity.NewConsent{
			Learner: identity.AccountID(in.Learner), Purpose: identity.Purpose(b.Purpose), Given: b.Given,
			Method: identity.ConsentMethod(b.Method), GuardianName: b.GuardianName, TextVersion: b.TextVersion, Photo: b.Photo,
		})
		return &consentOut{consentBody(c)}, err
	})
}

func schoolBody(v identity.School) SchoolBody {
	return SchoolBody{
		ID: string(v.ID), Name: v.Name, Code: v.Code, County: v.County, Language: v.Language, NamedAdult: string(v.NamedAdult),
	}
}

func learnerBody(a identity.Account) LearnerBody {
	return LearnerBody{
		ID: string(a.ID), FullName: a.FullName, Grade: a.Grade, ClassName: a.ClassName, AdmissionNumber: a.AdmissionNumber, Status: string(a.Status),
	}
}

func guardianBody(g identity.Guardian) GuardianBody {
	return GuardianBody{
		ID: g.ID, LearnerID: string(g.Learner), AccountID: string(g.Account), Name: g.Name, PhoneNumber: g.Phone, Verified: g.Verified,
		Relationship: g.Relationship,
	}
}

func consentBody(c identity.Consent) ConsentBody {
	return ConsentBody{
		ID: c.ID, LearnerID: string(c.Learner), Purpose: string(c.Purpose), Given: c.Given, GuardianName: c.GuardianName,
		Method: string(c.Method), TextVersion: c.TextVersion, RecordedBy: string(c.RecordedBy), At: c.At.Time, Photo: c.Photo,
	}
}

type (
	pinIn struct {
		Body struct {
			LearnerID string `json:"learner_id"`
			PIN       string `json:"pin"`
		}
	}
	classBody struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Learners int    `json:"learners"`
	}
	classesOut struct {
		Body struct {
			SchoolID   string      `json:"school_id"`
			SchoolName string      `json:"school_name"`
			Classes    []classBody `json:"classes"`
		}
	}
	classIn struct {
		Class string `path:"class"`
	}
	namesOut struct {
		Body struct {
			Learners []signInNameBody `json:"learners"`
		}
	}
	signInNameBody struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		HasPIN      bool   `json:"has_pin"`
		HasPictures bool   `json:"has_pictures"`
	}
)

// MountSchoolSignIn adds the sign-in of learners at their school's box: class,
// name, PIN. It is public on the school's own network.
func MountSchoolSignIn(a *API, s *identity.Service) {
	const tag = "authentication"
	Register(a, Op{ID: "list-sign-in-classes", Method: http.MethodGet, Path: "/api/v1/auth/classes", Summary: "The classes of this school", Tag: tag, Public: true},
		func(ctx context.Context, _ identity.Actor, _ *struct{}) (*classesOut, error) {
			school, classes, err := s.ListClasses(ctx)
			out := &classesOut{}
			out.Body.SchoolID, out.Body.SchoolName, out.Body.Classes = string(school.ID), school.Name, make([]classBody, len(classes))
			for i, c := range classes {
				out.Body.Classes[i] = classBody(c)
			}
			return out, err
		})
	Register(a, Op{ID: "list-sign-in-names", Method: http.MethodGet, Path: "/api/v1/auth/classes/{class}/learners", Summary: "The names of a class", Tag: tag, Public: true},
		func(ctx context.Context, _ identity.Actor, in *classIn) (*namesOut, error) {
			names, err := s.ListSignInNames(ctx, in.Class)
			out := &namesOut{}
			out.Body.Learners = make([]signInNameBody, len(names))
			for i, n := range names {
				out.Body.Learners[i] = signInNameBody{string(n.ID), n.Name, n.HasPIN, n.HasPictures}
			}
			return out, err
		})
	Register(a, Op{ID: "sign-in-by-pin", Method: http.MethodPost, Path: "/api/v1/auth/pin", Summary: "Sign in as a learner", Tag: tag, Public: true},
		func(ctx context.Context, _ identity.Actor, in *pinIn) (*tokenOut, error) {
			return asTokens(s.SignInPIN(ctx, identity.AccountID(in.Body.LearnerID), in.Body.PIN))
		})
}
