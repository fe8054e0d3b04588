package api

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/identity"
)

type (
	profileIn struct {
		FullName          string   `json:"full_name,omitempty"`
		PhoneNumber       string   `json:"phone_number,omitempty"`
		GradeLevel        string   `json:"grade_level,omitempty"`
		SchoolName        string   `json:"school_name,omitempty"`
		Bio               string   `json:"bio,omitempty"`
		AvatarURL         string   `json:"avatar_url,omitempty"`
		DateOfBirth       string   `json:"date_of_birth,omitempty"`
		County            string   `json:"county,omitempty"`
		LearningInterests []string `json:"learning_interests,omitempty"`
	}
	registrationBody struct {
		Email       string    `json:"email,omitempty" doc:"This or phone_number."`
		PhoneNumber string    `json:"phone_number,omitempty"`
		Code        string    `json:"code,omitempty" doc:"What was sent to phone_number; see /auth/phone-codes."`
		Language    string    `json:"language,omitempty" doc:"Of letters: en or sw."`
		Password    string    `json:"password,omitempty" doc:"Admins may leave it out: the person gets a link to set one."`
		Role        string    `json:"role"`
		ProfileData profileIn `json:"profile_data,omitzero"`
	}
	registerIn struct{ Body registrationBody }

	profileChangeIn struct {
		Body struct {
			FullName          *string   `json:"full_name,omitempty"`
			PhoneNumber       *string   `json:"phone_number,omitempty"`
			Bio               *string   `json:"bio,omitempty"`
			GradeLevel        *string   `json:"grade_level,omitempty"`
			AvatarURL         *string   `json:"avatar_url,omitempty"`
			County            *string   `json:"county,omitempty"`
			DateOfBirth       *string   `json:"date_of_birth,omitempty"`
			LearningInterests *[]string `json:"learning_interests,omitempty"`
			Language          *string   `json:"language,omitempty" doc:"Of letters to me: en or sw."`
		}
	}
	passwordChangeIn struct {
		Body struct {
			CurrentPassword string `json:"current_password"`
			NewPassword     string `json:"new_password"`
		}
	}
)

// Opening opens and changes accounts. identity.Service does; the cloud's accounts
// do it with letters.
type Opening interface {
	Register(ctx context.Context, in identity.Registration) (identity.Person, error)
	CreateAccount(ctx context.Context, who identity.Actor, in identity.Registration) (identity.Person, error)
	ChangePassword(ctx context.Context, who identity.Actor, current, next string) error
	SetStatus(ctx context.Context, who identity.Actor, account identity.AccountID, status identity.Status) (identity.Person, error)
}

// MountIdentityCloud adds what only the authority for people serves:
// registration, changes of one's account, administration, and a school's roster.
func MountIdentityCloud(a *API, s *identity.Service, opening Opening) {
	mountRegistration(a, s, opening)
	mountUsers(a, s, opening)
	mountRoster(a, s)
	mountCredentials(a, s)
}

func mountRegistration(a *API, s *identity.Service, opening Opening) {
	Register(a, Op{
		ID: "register", Method: http.MethodPost, Path: "/api/v1/auth/register", Summary: "Open an account", Tag: "authentication",
		Public: true, Status: http.StatusCreated,
	}, func(ctx context.Context, _ identity.Actor, in *registerIn) (*userOut, error) {
		p, err := opening.Register(ctx, in.Body.registration())
		return &userOut{userBody(p)}, err
	})
	Register(a, Op{ID: "update-own-profile", Method: http.MethodPut, Path: "/api/v1/users/me", Summary: "Change my profile", Tag: "users", Secret: true},
		func(ctx context.Context, who identity.Actor, in *profileChangeIn) (*userDataOut, error) {
			b := in.Body
			p, err := s.UpdateMe(ctx, who, identity.PersonChange{
				FullName: b.FullName, Phone: b.PhoneNumber, Bio: b.Bio, Grade: b.GradeLevel, AvatarURL: b.AvatarURL, County: b.County,
				DateOfBirth: b.DateOfBirth, LearningInterests: b.LearningInterests, Language: b.Language,
			})
			return &userDataOut{userDataBody{Status: statusSuccess, Data: ownBody(p, who), Message: "Profile updated successfully"}}, err
		})
	Register(a, Op{ID: "change-own-password", Method: http.MethodPut, Path: "/api/v1/users/me/password", Summary: "Change my password", Tag: "users"},
		func(ctx context.Context, who identity.Actor, in *passwordChangeIn) (*messageOut, error) {
			return done("Password changed successfully"), opening.ChangePassword(ctx, who, in.Body.CurrentPassword, in.Body.NewPassword)
		})
}

func (b registrationBody) registration() identity.Registration {
	p := b.ProfileData
	return identity.Registration{
		Email: b.Email, Phone: b.PhoneNumber, PhoneCode: b.Code, Language: b.Language, Password: b.Password, Role: identity.Role(b.Role), FullName: p.FullName, Grade: p.GradeLevel,
		Profile: identity.Profile{
			Phone: p.PhoneNumber, Bio: p.Bio, AvatarURL: p.AvatarURL, DateOfBirth: p.DateOfBirth, County: p.County,
			SchoolName: p.SchoolName, LearningInterests: p.LearningInterests,
		},
	}
}

type (
	usersIn struct {
		Page      int    `query:"page" default:"1" minimum:"1" maximum:"1000000"`
		Limit     int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
		Role      string `query:"role"`
		Status    string `query:"status"`
		Search    string `query:"search" maxLength:"100"`
		SortBy    string `query:"sort_by" default:"created_at"`
		SortOrder string `query:"sort_order" default:"desc"`
	}
	usersOut struct {
		Body struct {
			Status string    `json:"status"`
			Data   usersBody `json:"data"`
		}
	}
	usersBody struct {
		Users []UserLine `json:"users"`
		Total int        `json:"total"`
		Page  int        `json:"page"`
		Limit int        `json:"limit"`
		Pages int        `json:"pages"`
	}
	// UserLine is a user in the list.
	UserLine struct {
		ID         string     `json:"id"`
		Email      string     `json:"email"`
		FirstName  string     `json:"first_name"`
		LastName   string     `json:"last_name"`
		Role       string     `json:"role"`
		Status     string     `json:"status"`
		IsVerified bool       `json:"is_verified"`
		SchoolID   string     `json:"school_id,omitempty"`
		LastLogin  *time.Time `json:"last_login"`
		CreatedAt  time.Time  `json:"created_at"`
	}
	userDetail struct {
		UserLine
		ProfileData struct {
			GradeLevel      string `json:"grade_level,omitempty"`
			AdmissionNumber string `json:"admission_number,omitempty"`
		} `json:"profile_data"`
		UpdatedAt time.Time `json:"updated_at"`
	}
	userDetailOut struct {
		Body struct {
			Status string     `json:"status"`
			Data   userDetail `json:"data"`
		}
	}
	userStatusIn struct {
		ID   string `path:"id"`
		Body struct {
			Status string `json:"status"`
		}
	}
)

func mountUsers(a *API, s *identity.Service, opening Opening) {
	const tag = "admin"
	admins := []identity.Role{identity.Admin}
	Register(a, Op{ID: "list-users", Method: http.MethodGet, Path: "/api/v1/admin/users", Summary: "All users", Tag: tag, Roles: admins},
		func(ctx context.Context, who identity.Actor, in *usersIn) (*usersOut, error) {
			page, total, err := s.ListPersons(ctx, who, identity.PersonFilter{
				Role: identity.Role(in.Role), Status: identity.Status(in.Status), Search: in.Search, Sort: in.SortBy, Order: in.SortOrder,
				Skip: (in.Page - 1) * in.Limit, Limit: in.Limit,
			})
			out := &usersOut{}
			out.Body.Status = statusSuccess
			out.Body.Data = usersBody{
				Users: make([]UserLine, len(page)), Total: total, Page: in.Page, Limit: in.Limit, Pages: (total + in.Limit - 1) / in.Limit,
			}
			for i, p := range page {
				out.Body.Data.Users[i] = UserLineOf(p)
			}
			return out, err
		})
	Register(a, Op{
		ID: "create-user", Method: http.MethodPost, Path: "/api/v1/admin/users", Summary: "Open an account of any role", Tag: tag,
		Roles: admins, Status: http.StatusCreated,
	}, func(ctx context.Context, who identity.Actor, in *registerIn) (*userDetailOut, error) {
		return asUserDetail(opening.CreateAccount(ctx, who, in.Body.registration()))
	})
	Register(a, Op{ID: "set-user-status", Method: http.MethodPut, Path: "/api/v1/admin/users/{id}/status", Summary: "Approve, suspend or restore a user", Tag: tag, Roles: admins},
		func(ctx context.Context, who identity.Actor, in *userStatusIn) (*userDetailOut, error) {
			return asUserDetail(opening.SetStatus(ctx, who, identity.AccountID(in.ID), identity.Status(in.Body.Status)))
		})
}

// UserLineOf is a person as a line of the list of users.
func UserLineOf(p identity.Person) UserLine {
	first, last := p.Account.FirstAndLast()
	return UserLine{
		ID: string(p.Account.ID), Email: p.Email, FirstName: first, LastName: last, Role: string(p.Account.Role),
		Status: string(p.Account.Status), IsVerified: p.Verified, SchoolID: string(p.Account.School),
		LastLogin: whenever(p.LastLogin), CreatedAt: p.Account.CreatedAt.Time,
	}
}

func asUserDetail(p identity.Person, err error) (*userDetailOut, error) {
	if err != nil {
		return nil, err
	}
	out := &userDetailOut{}
	d := &out.Body.Data
	out.Body.Status, d.UserLine, d.UpdatedAt = statusSuccess, UserLineOf(p), p.Account.UpdatedAt.Time
	d.ProfileData.GradeLevel, d.ProfileData.AdmissionNumber = p.Account.Grade, p.Account.AdmissionNumber
	return out, nil
}

type (
	addLearnerIn struct {
		School string `path:"id"`
		Body   struct {
			AccountID       string `json:"account_id,omitempty" doc:"An existing student, for admins."`
			FullName        string `json:"full_name,omitempty"`
			Grade           string `json:"grade,omitempty"`
			ClassName       string `json:"class_name,omitempty"`
			AdmissionNumber string `json:"admission_number,omitempty"`
			PIN             string `json:"pin,omitempty"`
		}
	}
	learnerOut      struct{ Body LearnerBody }
	addInstructorIn struct {
		School string `path:"id"`
		Body   struct {
			AccountID      string   `json:"account_id,omitempty" doc:"An existing instructor, for admins."`
			Email          string   `json:"email,omitempty"`
			FullName       string   `json:"full_name,omitempty"`
			SchoolPassword string   `json:"school_password,omitempty"`
			Duties         []string `json:"duties,omitempty"`
		}
	}
	instructorBody struct {
		ID       string `json:"id"`
		Email    string `json:"email"`
		FullName string `json:"full_name"`
		SchoolID string `json:"school_id"`
	}
	instructorOut  struct{ Body instructorBody }
	instructorsOut struct {
		Body struct {
			Instructors []SchoolInstructor `json:"instructors" nullable:"false"`
		}
	}
	guardianIn struct {
		School string `path:"id"`
		Body   struct {
			LearnerID    string `json:"learner_id"`
			ParentID     string `json:"parent_id,omitempty"`
			ParentEmail  string `json:"parent_email,omitempty"`
			Name         string `json:"name,omitempty"`
			PhoneNumber  string `json:"phone_number,omitempty"`
			Relationship string `json:"relationship,omitempty"`
			Verified     bool   `json:"verified,omitempty"`
		}
	}
	guardianOut struct{ Body GuardianBody }
)

func mountRoster(a *API, s *identity.Service) {
	const tag = "schools"
	managers := []identity.Role{identity.Admin, identity.Instructor}
	Register(a, Op{
		ID: "add-learner", Method: http.MethodPost, Path: "/api/v1/schools/{id}/learners", Summary: "Add a learner to a school", Tag: tag,
		Roles: managers, Status: http.StatusCreated,
	}, func(ctx context.Context, who identity.Actor, in *addLearnerIn) (*learnerOut, error) {
		b := in.Body
		l, err := s.AddLearner(ctx, who, identity.SchoolID(in.School), identity.NewLearner{
			Account: identity.AccountID(b.AccountID), FullName: b.FullName, Grade: b.Grade, ClassName: b.ClassName,
			AdmissionNumber: b.AdmissionNumber, PIN: b.PIN,
		})
		out := &learnerOut{learnerBody(l)}
		out.Body.HasPIN = b.PIN != ""
		return out, err
	})
	Register(a, Op{
		ID: "add-instructor", Method: http.MethodPost, Path: "/api/v1/schools/{id}/instructors", Summary: "Add an instructor to a school", Tag: tag,
		Roles: managers, Status: http.StatusCreated,
	}, func(ctx context.Context, who identity.Actor, in *addInstructorIn) (*instructorOut, error) {
		b := in.Body
		duties := make([]identity.Duty, len(b.Duties))
		for i, d := range b.Duties {
			duties[i] = identity.Duty(d)
		}
		t, err := s.AddInstructor(ctx, who, identity.SchoolID(in.School), identity.NewInstructor{
			Account: identity.AccountID(b.AccountID), Email: b.Email, FullName: b.FullName, SchoolPassword: b.SchoolPassword, Duties: duties,
		})
		return &instructorOut{instructorBody{string(t.ID), t.Email, t.FullName, string(t.School)}}, err
	})
	Register(a, Op{
		ID: "link-guardian", Method: http.MethodPost, Path: "/api/v1/schools/{id}/guardians", Summary: "Link a guardian to a learner", Tag: tag,
		Roles: managers, Status: http.StatusCreated,
	}, func(ctx context.Context, who identity.Actor, in *guardianIn) (*guardianOut, error) {
		b := in.Body
		g, err := s.LinkGuardian(ctx, who, identity.SchoolID(in.School), identity.NewGuardian{
			Learner: identity.AccountID(b.LearnerID), Parent: identity.AccountID(b.ParentID), ParentEmail: b.ParentEmail, Name: b.Name,
			Phone: b.PhoneNumber, Relationship: b.Relationship, Verified: b.Verified,
		})
		return &guardianOut{guardianBody(g)}, err
	})
}

type (
	dutyIn struct {
		School string `path:"id"`
		Body   struct {
			AccountID string `json:"account_id"`
			Duty      string `json:"duty"`
			Active    *bool  `json:"active,omitempty" doc:"false takes the duty back."`
		}
	}
	namedAdultIn struct {
		School string `path:"id"`
		Body   struct {
			AccountID string `json:"account_id"`
		}
	}
	newPINIn struct {
		Learner string `path:"id"`
		Body    struct {
			PIN string `json:"pin"`
		}
	}
	newSchoolPasswordIn struct {
		Account string `path:"id"`
		Body    struct {
			SchoolPassword string `json:"school_password"`
		}
	}
)

// SchoolInstructor is an instructor as those who manage her school see her.
type SchoolInstructor struct {
	ID                string   `json:"id"`
	FullName          string   `json:"full_name"`
	Email             string   `json:"email"`
	Status            string   `json:"status"`
	Duties            []string `json:"duties" nullable:"false" doc:"head, bursar, site_admin"`
	HasSchoolPassword bool     `json:"has_school_password" doc:"Whether she can sign in at the school's box."`
}

func mountInstructors(a *API, s *identity.Service) {
	Register(a, Op{ID: "list-instructors", Method: http.MethodGet, Path: "/api/v1/schools/{id}/instructors", Summary: "The instructors of a school with their duties",
		Tag: "schools", Roles: []identity.Role{identity.Admin, identity.Instructor}},
		func(ctx context.Context, who identity.Actor, in *schoolIn) (*instructorsOut, error) {
			lines, err := s.ListInstructors(ctx, who, identity.SchoolID(in.School))
			out := &instructorsOut{}
			out.Body.Instructors = make([]SchoolInstructor, len(lines))
			for i, l := range lines {
				duties := make([]string, len(l.Duties))
				for k, d := range l.Duties {
					duties[k] = string(d)
				}
				a := l.Account
				out.Body.Instructors[i] = SchoolInstructor{string(a.ID), a.FullName, a.Email, string(a.Status), duties, l.HasPassword}
			}
			return out, err
		})
}

func mountCredentials(a *API, s *identity.Service) {
	const tag = "schools"
	managers := []identity.Role{identity.Admin, identity.Instructor}
	Register(a, Op{ID: "set-duty", Method: http.MethodPost, Path: "/api/v1/schools/{id}/duties", Summary: "Grant a duty or take it back", Tag: tag, Roles: managers},
		func(ctx context.Context, who identity.Actor, in *dutyIn) (*messageOut, error) {
			school, account, duty := identity.SchoolID(in.School), identity.AccountID(in.Body.AccountID), identity.Duty(in.Body.Duty)
			if in.Body.Active != nil && !*in.Body.Active {
				return done("Duty withdrawn"), s.WithdrawDuty(ctx, who, school, account, duty)
			}
			return done("Duty granted"), s.GrantDuty(ctx, who, school, account, duty)
		})
	Register(a, Op{ID: "set-named-adult", Method: http.MethodPut, Path: "/api/v1/schools/{id}/named-adult", Summary: "Name who is told when a child is in danger", Tag: tag, Roles: managers},
		func(ctx context.Context, who identity.Actor, in *namedAdultIn) (*schoolOut, error) {
			v, err := s.SetNamedAdult(ctx, who, identity.SchoolID(in.School), identity.AccountID(in.Body.AccountID))
			return &schoolOut{schoolBody(v)}, err
		})
	Register(a, Op{ID: "set-pin", Method: http.MethodPut, Path: "/api/v1/learners/{id}/pin", Summary: "Give a learner a new PIN", Tag: tag, Roles: managers},
		func(ctx context.Context, who identity.Actor, in *newPINIn) (*messageOut, error) {
			return done("PIN set"), s.SetPIN(ctx, who, identity.AccountID(in.Learner), in.Body.PIN)
		})
	Register(a, Op{ID: "set-school-password", Method: http.MethodPut, Path: "/api/v1/instructors/{id}/school-password", Summary: "Give an instructor a new password for the school's box", Tag: tag, Roles: managers},
		func(ctx context.Context, who identity.Actor, in *newSchoolPasswordIn) (*messageOut, error) {
			return done("School password set"), s.SetSchoolPassword(ctx, who, identity.AccountID(in.Account), in.Body.SchoolPassword)
		})
}
