package web

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/permits"
	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/mishap"
)

// Office is what admins and staff work with.
type Office struct {
	People  *identity.Service
	Permits *permits.Service
	Audit   *audit.Log
	Mishaps *mishap.Log
}

const success = "success"

var (
	onlyAdmins = []identity.Role{identity.Admin}
	onlyStaff  = []identity.Role{identity.Admin, identity.Staff}
)

// MountAdmin adds the administration of people and permissions, and the logs.
func MountAdmin(a *api.API, o Office) {
	mountPeople(a, o)
	mountRestrictions(a, o)
	mountStaffPeople(a, o)
	mountPermissions(a, o)
	mountDelegations(a, o)
	mountLogs(a, o)
}

type (
	permissionsOut struct {
		Body struct {
			Status string          `json:"status"`
			Data   PermissionTable `json:"data"`
		}
	}
	// PermissionTable is the table of permissions: by role as published, and by
	// feature for the page.
	PermissionTable struct {
		Roles    []PermittedRole    `json:"roles" nullable:"false"`
		Features []PermittedFeature `json:"features" nullable:"false"`
	}
	// PermittedRole is a role, or a duty at a school, with what it may do.
	PermittedRole struct {
		Name        string   `json:"name"`
		Description string   `json:"description"`
		Permissions []string `json:"permissions" nullable:"false" doc:"feature:grade"`
		Duty        bool     `json:"duty,omitempty"`
	}
	// PermittedFeature is a row of the table: grades by role and duty.
	PermittedFeature struct {
		Feature  string            `json:"feature"`
		Name     string            `json:"name"`
		Grades   map[string]string `json:"grades" doc:"By role and duty; absent: none."`
		Lendable bool              `json:"lendable" doc:"Whether it can be delegated to staff."`
	}
)

// described are the roles and duties in the order of the table.
var described = []PermittedRole{
	{Name: "student", Description: "A learner."}, {Name: "parent", Description: "A guardian of learners."},
	{Name: "instructor", Description: "A teacher."}, {Name: "admin", Description: "Runs the platform."},
	{Name: "staff", Description: "Helps to run it; what is delegated, an admin lends."}, {Name: "partner", Description: "Sponsors learners."},
	{Name: "head", Description: "Head of a school.", Duty: true}, {Name: "bursar", Description: "Keeps a school's money.", Duty: true},
	{Name: "site_admin", Description: "Looks after a school's box.", Duty: true},
}

func permissionTable() PermissionTable {
	var out PermissionTable
	for _, r := range described {
		r.Permissions = []string{}
		for _, row := range access.Table() {
			if g := gradeOf(row, r); g != "" {
				r.Permissions = append(r.Permissions, string(row.Feature)+":"+g)
			}
		}
		out.Roles = append(out.Roles, r)
	}
	for _, row := range access.Table() {
		f := PermittedFeature{Feature: string(row.Feature), Name: row.Name, Grades: map[string]string{}, Lendable: access.Lendable(row.Feature, access.View)}
		for _, r := range described {
			if g := gradeOf(row, r); g != "" {
				f.Grades[r.Name] = g
			}
		}
		out.Features = append(out.Features, f)
	}
	return out
}

func gradeOf(row access.Row, r PermittedRole) string {
	grades := row.Roles[identity.Role(r.Name)]
	if r.Duty {
		grades = row.Duties[identity.Duty(r.Name)]
	}
	if len(grades) == 0 {
		return ""
	}
	return string(grades[0])
}

func mountPermissions(a *api.API, _ Office) {
	api.Register(a, api.Op{ID: "permissions", Method: http.MethodGet, Path: "/api/v1/admin/permissions", Summary: "Who may do what", Tag: "admin", Roles: onlyAdmins},
		func(context.Context, identity.Actor, *struct{}) (*permissionsOut, error) {
			out := &permissionsOut{}
			out.Body.Status, out.Body.Data = success, permissionTable()
			return out, nil
		})
}

type (
	// DelegationBody is what an admin has lent to a member of staff.
	DelegationBody struct {
		ID        string    `json:"id"`
		AccountID string    `json:"account_id"`
		Name      string    `json:"name"`
		Feature   string    `json:"feature"`
		Grade     string    `json:"grade"`
		Reason    string    `json:"reason"`
		GrantedBy string    `json:"granted_by"`
		GrantedAt time.Time `json:"granted_at"`
		Until     time.Time `json:"until"`
	}
	delegationsOut struct {
		Body struct {
			Status string           `json:"status"`
			Data   []DelegationBody `json:"data" nullable:"false"`
		}
	}
	delegationOut struct {
		Body struct {
			Status string         `json:"status"`
			Data   DelegationBody `json:"data"`
		}
	}
	delegateIn struct {
		Body struct {
			AccountID string    `json:"account_id" maxLength:"100"`
			Feature   string    `json:"feature" maxLength:"100"`
			Grade     string    `json:"grade" maxLength:"100"`
			Reason    string    `json:"reason" maxLength:"500"`
			Until     time.Time `json:"until"`
		}
	}
	delegationIn struct {
		ID string `path:"id"`
	}
	doneOut struct {
		Body api.MessageBody
	}
)

func delegationBody(d permits.Delegation) DelegationBody {
	return DelegationBody{d.ID, string(d.Account), d.Name, string(d.Feature), string(d.Grade), d.Reason, string(d.GrantedBy), d.GrantedAt.Time, d.Until.Time}
}

func mountDelegations(a *api.API, o Office) {
	const tag, path = "admin", "/api/v1/admin/delegations"
	api.Register(a, api.Op{ID: "list-delegations", Method: http.MethodGet, Path: path, Summary: "What is lent to staff", Tag: tag, Roles: onlyAdmins},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*delegationsOut, error) {
			list, err := o.Permits.ListDelegations(ctx, who)
			out := &delegationsOut{}
			out.Body.Status, out.Body.Data = success, make([]DelegationBody, len(list))
			for i, d := range list {
				out.Body.Data[i] = delegationBody(d)
			}
			return out, err
		})
	api.Register(a, api.Op{ID: "delegate", Method: http.MethodPost, Path: path, Summary: "Lend a feature to a member of staff", Tag: tag, Roles: onlyAdmins, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *delegateIn) (*delegationOut, error) {
			b := in.Body
			d, err := o.Permits.Delegate(ctx, who, permits.Delegation{Account: identity.AccountID(b.AccountID), Feature: access.Feature(b.Feature),
				Grade: access.Grade(b.Grade), Reason: b.Reason, Until: db.Time{Time: b.Until}})
			out := &delegationOut{}
			out.Body.Status, out.Body.Data = success, delegationBody(d)
			return out, err
		})
	api.Register(a, api.Op{ID: "withdraw-delegation", Method: http.MethodDelete, Path: path + "/{id}", Summary: "Take back what was lent", Tag: tag, Roles: onlyAdmins},
		func(ctx context.Context, who identity.Actor, in *delegationIn) (*doneOut, error) {
			return &doneOut{api.MessageBody{Status: success, Message: "Withdrawn"}}, o.Permits.Withdraw(ctx, who, in.ID)
		})
}

type (
	auditIn  struct{ api.AuditQuery }
	auditOut struct {
		Body struct {
			Status string        `json:"status"`
			Data   api.AuditPage `json:"data"`
		}
	}
	staffAuditIn struct {
		Action string    `query:"action_type" maxLength:"100"`
		Actor  string    `query:"actor_id" maxLength:"100"`
		From   time.Time `query:"start_date"`
		Until  time.Time `query:"end_date"`
		Page   int       `query:"page" default:"1" minimum:"1" maximum:"1000000"`
		Limit  int       `query:"limit" default:"50" minimum:"1" maximum:"100"`
	}
	// StaffAuditEntry is an entry as the published staff page has it.
	StaffAuditEntry struct {
		ID          string           `json:"id"`
		ActionType  string           `json:"action_type"`
		Description string           `json:"description"`
		Actor       api.NamedActor   `json:"actor"`
		Target      api.AuditTarget  `json:"target"`
		Details     api.AuditDetails `json:"details"`
		IPAddress   string           `json:"ip_address"`
		Timestamp   time.Time        `json:"timestamp"`
	}
	staffAuditOut struct {
		Body struct {
			Entries []StaffAuditEntry `json:"entries" nullable:"false"`
			Total   int               `json:"total"`
			Page    int               `json:"page"`
			Limit   int               `json:"limit"`
		}
	}
	// Failure is a kind of error of ours, and how often it came.
	Failure struct {
		ID        string    `json:"id"`
		Kind      string    `json:"kind" doc:"panic or error"`
		Method    string    `json:"method"`
		Route     string    `json:"route"`
		Message   string    `json:"message"`
		Place     string    `json:"place"`
		Version   string    `json:"version"`
		Count     int64     `json:"count"`
		RequestID string    `json:"request_id" doc:"Of the latest."`
		FirstAt   time.Time `json:"first_at"`
		LastAt    time.Time `json:"last_at"`
	}
	failuresIn struct {
		Page  int `query:"page" default:"1" minimum:"1" maximum:"1000000"`
		Limit int `query:"limit" default:"50" minimum:"1" maximum:"100"`
	}
	failuresOut struct {
		Body struct {
			Status string      `json:"status"`
			Data   FailurePage `json:"data"`
		}
	}
	// FailurePage is a page of the error log.
	FailurePage struct {
		Errors []Failure `json:"errors" nullable:"false"`
		Total  int       `json:"total"`
		Page   int       `json:"page"`
		Limit  int       `json:"limit"`
	}
)

func mountLogs(a *api.API, o Office) {
	api.Register(a, api.Op{ID: "audit-logs", Method: http.MethodGet, Path: "/api/v1/admin/operations/audit-logs", Summary: "Who did what", Tag: "admin", Roles: onlyAdmins},
		func(ctx context.Context, _ identity.Actor, in *auditIn) (*auditOut, error) {
			page, err := o.Audit.List(ctx, in.Filter())
			if err != nil {
				return nil, err
			}
			out := &auditOut{}
			out.Body.Status, out.Body.Data = success, api.AuditPage{Total: page.Total, Page: in.Page, Limit: in.Limit}
			out.Body.Data.Logs, err = api.AuditEntries(ctx, page.Entries, o.People.NamesOf)
			return out, err
		})
	api.Register(a, api.Op{ID: "staff-audit-log", Method: http.MethodGet, Path: "/api/v1/staff/system/audit-log", Summary: "Who did what, for staff", Tag: "staff", Roles: onlyStaff},
		func(ctx context.Context, _ identity.Actor, in *staffAuditIn) (*staffAuditOut, error) {
			page, err := o.Audit.List(ctx, audit.Filter{Action: in.Action, Actor: in.Actor, From: in.From, Until: in.Until, Skip: (in.Page - 1) * in.Limit, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			entries, err := api.AuditEntries(ctx, page.Entries, o.People.NamesOf)
			out := &staffAuditOut{}
			out.Body.Entries, out.Body.Total, out.Body.Page, out.Body.Limit = make([]StaffAuditEntry, len(entries)), page.Total, in.Page, in.Limit
			for i, e := range entries {
				out.Body.Entries[i] = StaffAuditEntry{e.ID, e.Action, e.Action, e.Actor, e.Target, e.Details, e.IPAddress, e.Timestamp}
			}
			return out, err
		})
	api.Register(a, api.Op{ID: "error-log", Method: http.MethodGet, Path: "/api/v1/admin/operations/errors", Summary: "What went wrong here", Tag: "admin", Roles: onlyStaff},
		func(ctx context.Context, _ identity.Actor, in *failuresIn) (*failuresOut, error) {
			page, total, err := o.Mishaps.List(ctx, (in.Page-1)*in.Limit, in.Limit)
			out := &failuresOut{}
			out.Body.Status = success
			d := &out.Body.Data
			d.Errors, d.Total, d.Page, d.Limit = make([]Failure, len(page)), total, in.Page, in.Limit
			for i, l := range page {
				d.Errors[i] = Failure{l.Fingerprint, string(l.Kind), l.Method, l.Route, l.Message, l.Place, l.Version, l.Count, l.RequestID, l.FirstAt.Time, l.LastAt.Time}
			}
			return out, err
		})
}
