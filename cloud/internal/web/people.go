package web

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/permits"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

type (
	personIn struct {
		ID string `path:"id"`
	}
	// ManagedUser is a user as an admin sees her, in the published shape.
	ManagedUser struct {
		api.UserLine

		ProfileData struct {
			GradeLevel      string  `json:"grade_level,omitempty"`
			AdmissionNumber string  `json:"admission_number,omitempty"`
			LearningStyle   *string `json:"learning_style" doc:"Always null: nobody is sorted by style here."`
		} `json:"profile_data"`
		ParentID     *string           `json:"parent_id"`
		ParentName   *string           `json:"parent_name"`
		Activity     UserActivity      `json:"activity"`
		Restrictions []RestrictionBody `json:"restrictions" nullable:"false"`
		UpdatedAt    time.Time         `json:"updated_at"`
	}
	// UserActivity is how much a person did.
	UserActivity struct {
		LastLogin        *time.Time `json:"last_login"`
		TotalSessions    int64      `json:"total_sessions"`
		TotalTimeHours   float64    `json:"total_time_hours"`
		CoursesEnrolled  int64      `json:"courses_enrolled"`
		CoursesCompleted int64      `json:"courses_completed"`
	}
	// RestrictionBody is what was taken from a person.
	RestrictionBody struct {
		ID               string     `json:"id"`
		UserID           string     `json:"user_id"`
		RestrictionType  string     `json:"restriction_type"`
		Reason           string     `json:"reason"`
		RestrictedBy     string     `json:"restricted_by"`
		StartsAt         time.Time  `json:"starts_at"`
		ExpiresAt        *time.Time `json:"expires_at"`
		NotificationSent bool       `json:"notification_sent"`
	}
	personOut struct {
		Body struct {
			Status string      `json:"status"`
			Data   ManagedUser `json:"data"`
		}
	}
	roleIn struct {
		ID   string `path:"id"`
		Body struct {
			NewRole string `json:"new_role" maxLength:"50"`
			Reason  string `json:"reason" maxLength:"500"`
		}
	}
	// RoleChange is a role that was changed.
	RoleChange struct {
		UserID       string    `json:"user_id"`
		PreviousRole string    `json:"previous_role"`
		NewRole      string    `json:"new_role"`
		ChangedBy    string    `json:"changed_by"`
		Reason       string    `json:"reason"`
		ChangedAt    time.Time `json:"changed_at"`
	}
	roleOut struct {
		Body struct {
			Status string     `json:"status"`
			Data   RoleChange `json:"data"`
		}
	}
)

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func moment(t db.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}

func managedUser(of permits.Of) ManagedUser {
	p := of.Person
	d := ManagedUser{UserLine: api.UserLineOf(p), ParentID: optional(string(of.Parent.ID)), ParentName: optional(of.Parent.FullName), UpdatedAt: p.Account.UpdatedAt.Time}
	d.ProfileData.GradeLevel, d.ProfileData.AdmissionNumber = p.Account.Grade, p.Account.AdmissionNumber
	d.Activity = UserActivity{moment(p.LastLogin), of.Visits, of.Hours, of.Enrolled, of.Completed}
	d.Restrictions = make([]RestrictionBody, len(of.Restrictions))
	for i, r := range of.Restrictions {
		d.Restrictions[i] = restrictionBody(r)
	}
	return d
}

func restrictionBody(r permits.Restriction) RestrictionBody {
	return RestrictionBody{r.ID, string(r.Account), r.Kind, r.Reason, string(r.By), r.StartsAt.Time, moment(r.ExpiresAt), r.Notified}
}

func mountPeople(a *api.API, o Office) {
	const tag, path = "admin", "/api/v1/admin/users/{id}"
	api.Register(a, api.Op{ID: "get-user", Method: http.MethodGet, Path: path, Summary: "A user", Tag: tag, Roles: onlyAdmins},
		func(ctx context.Context, who identity.Actor, in *personIn) (*personOut, error) {
			of, err := o.Permits.Describe(ctx, who, identity.AccountID(in.ID))
			if err != nil {
				return nil, err
			}
			out := &personOut{}
			out.Body.Status, out.Body.Data = success, managedUser(of)
			return out, nil
		})
	api.Register(a, api.Op{ID: "set-user-role", Method: http.MethodPut, Path: path + "/role", Summary: "Give a user another role", Tag: tag, Roles: onlyAdmins},
		func(ctx context.Context, who identity.Actor, in *roleIn) (*roleOut, error) {
			b := in.Body
			previous, err := o.People.SetRole(ctx, who, identity.AccountID(in.ID), identity.Role(b.NewRole), b.Reason)
			if err != nil {
				return nil, err
			}
			p, err := o.People.Person(ctx, who, identity.AccountID(in.ID))
			out := &roleOut{}
			out.Body.Status = success
			out.Body.Data = RoleChange{in.ID, string(previous), string(p.Account.Role), string(who.Account), b.Reason, p.Account.UpdatedAt.Time}
			return out, err
		})
}

type (
	restrictIn struct {
		ID   string `path:"id"`
		Body struct {
			RestrictionType string `json:"restriction_type" maxLength:"50" doc:"sign_in, or a feature of the table of permissions."`
			Reason          string `json:"reason" maxLength:"500"`
			DurationDays    int    `json:"duration_days,omitempty" minimum:"0" maximum:"366" doc:"0 or absent: until it is lifted."`
			NotifyUser      bool   `json:"notify_user,omitempty"`
		}
	}
	restrictOut struct {
		Body struct {
			Status string          `json:"status"`
			Data   RestrictionBody `json:"data"`
		}
	}
	liftIn struct {
		ID          string `path:"id"`
		Restriction string `path:"restriction"`
	}
)

func mountRestrictions(a *api.API, o Office) {
	const tag, path = "admin", "/api/v1/admin/users/{id}"
	api.Register(a, api.Op{ID: "restrict-user", Method: http.MethodPost, Path: path + "/restrict", Summary: "Take signing in or a feature from a user", Tag: tag, Roles: onlyAdmins},
		func(ctx context.Context, who identity.Actor, in *restrictIn) (*restrictOut, error) {
			b := in.Body
			r, err := o.Permits.Restrict(ctx, who, identity.AccountID(in.ID), permits.NewRestriction{Kind: b.RestrictionType, Reason: b.Reason, Days: b.DurationDays, Notify: b.NotifyUser})
			out := &restrictOut{}
			out.Body.Status, out.Body.Data = success, restrictionBody(r)
			return out, err
		})
	api.Register(a, api.Op{ID: "lift-restriction", Method: http.MethodDelete, Path: path + "/restrictions/{restriction}", Summary: "Lift a restriction", Tag: tag, Roles: onlyAdmins},
		func(ctx context.Context, who identity.Actor, in *liftIn) (*doneOut, error) {
			return &doneOut{api.MessageBody{Status: success, Message: "Lifted"}}, o.Permits.Lift(ctx, who, identity.AccountID(in.ID), in.Restriction)
		})
}

type (
	staffUsersIn struct {
		Page      int    `query:"page" default:"1" minimum:"1" maximum:"1000000"`
		Limit     int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
		Role      string `query:"role"`
		Status    string `query:"status"`
		Search    string `query:"search" maxLength:"100"`
		SortBy    string `query:"sort_by" default:"created_at"`
		SortOrder string `query:"sort_order" default:"desc"`
	}
	// StaffUserLine is a user in the list of staff.
	StaffUserLine struct {
		ID          string     `json:"id"`
		FirstName   string     `json:"first_name"`
		LastName    string     `json:"last_name"`
		Email       string     `json:"email"`
		PhoneNumber string     `json:"phone_number"`
		Role        string     `json:"role"`
		Status      string     `json:"status"`
		GradeLevel  string     `json:"grade_level"`
		LastLogin   *time.Time `json:"last_login"`
		CreatedAt   time.Time  `json:"created_at"`
	}
	staffUsersOut struct {
		Body struct {
			Users []StaffUserLine `json:"users" nullable:"false"`
			Total int             `json:"total"`
			Page  int             `json:"page"`
			Limit int             `json:"limit"`
			Pages int             `json:"pages"`
		}
	}
	// StaffUser is a user as staff see her.
	StaffUser struct {
		StaffUserLine

		EnrolledCourses  int64          `json:"enrolled_courses"`
		CompletedCourses int64          `json:"completed_courses"`
		LoginCount       int64          `json:"login_count"`
		UpdatedAt        time.Time      `json:"updated_at"`
		ParentAccount    *ParentAccount `json:"parent_account,omitempty"`
	}
	// ParentAccount is the first guardian of a learner who has an account.
	ParentAccount struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	staffUserOut struct{ Body StaffUser }
)

func staffLine(p identity.Person) StaffUserLine {
	first, last := p.Account.FirstAndLast()
	return StaffUserLine{string(p.Account.ID), first, last, p.Email, p.Profile.Phone, string(p.Account.Role), string(p.Account.Status), p.Account.Grade,
		moment(p.LastLogin), p.Account.CreatedAt.Time}
}

func mountStaffPeople(a *api.API, o Office) {
	const tag = "staff"
	api.Register(a, api.Op{ID: "staff-list-users", Method: http.MethodGet, Path: "/api/v1/staff/users", Summary: "All users, for staff", Tag: tag, Roles: onlyStaff},
		func(ctx context.Context, who identity.Actor, in *staffUsersIn) (*staffUsersOut, error) {
			page, total, err := o.People.ListPersons(ctx, who, identity.PersonFilter{Role: identity.Role(in.Role), Status: identity.Status(in.Status),
				Search: in.Search, Sort: in.SortBy, Order: in.SortOrder, Skip: (in.Page - 1) * in.Limit, Limit: in.Limit})
			out := &staffUsersOut{}
			b := &out.Body
			b.Users, b.Total, b.Page, b.Limit, b.Pages = make([]StaffUserLine, len(page)), total, in.Page, in.Limit, (total+in.Limit-1)/in.Limit
			for i, p := range page {
				b.Users[i] = staffLine(p)
			}
			return out, err
		})
	api.Register(a, api.Op{ID: "staff-get-user", Method: http.MethodGet, Path: "/api/v1/staff/users/{id}", Summary: "A user, for staff", Tag: tag, Roles: onlyStaff},
		func(ctx context.Context, who identity.Actor, in *personIn) (*staffUserOut, error) {
			of, err := o.Permits.Describe(ctx, who, identity.AccountID(in.ID))
			if err != nil {
				return nil, err
			}
			out := &staffUserOut{StaffUser{StaffUserLine: staffLine(of.Person), EnrolledCourses: of.Enrolled, CompletedCourses: of.Completed, LoginCount: of.Visits,
				UpdatedAt: of.Person.Account.UpdatedAt.Time}}
			if of.Parent.ID != "" {
				out.Body.ParentAccount = &ParentAccount{string(of.Parent.ID), of.Parent.FullName, of.Parent.Email}
			}
			return out, nil
		})
}
