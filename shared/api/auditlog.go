package api

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/identity"
)

// NamedActor is who did something; the name is empty when nobody was signed in,
// or the person is not known here.
type NamedActor struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
}

// AuditTarget is what something was done to.
type AuditTarget struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// AuditDetails are what was before and after, as JSON values without secrets.
type AuditDetails struct {
	Before any   `json:"before"`
	After  any   `json:"after"`
	Status int64 `json:"status,omitempty" doc:"Of the HTTP answer, when the request itself was noted."`
	Erased bool  `json:"erased,omitempty"`
}

// AuditEntry is a line of the audit log.
type AuditEntry struct {
	ID        string       `json:"id"`
	Action    string       `json:"action"`
	Actor     NamedActor   `json:"actor"`
	Target    AuditTarget  `json:"target"`
	Details   AuditDetails `json:"details"`
	IPAddress string       `json:"ip_address"`
	UserAgent string       `json:"user_agent"`
	RequestID string       `json:"request_id"`
	SchoolID  string       `json:"school_id,omitempty"`
	Node      string       `json:"node" doc:"cloud, or the school's box."`
	Timestamp time.Time    `json:"timestamp"`
}

// AuditQuery is what selects entries.
type AuditQuery struct {
	Action string    `query:"action" maxLength:"100" doc:"An action, or a family of actions that ends in a dot."`
	Actor  string    `query:"user_id" maxLength:"100"`
	Target string    `query:"target_id" maxLength:"100"`
	From   time.Time `query:"start_date"`
	Until  time.Time `query:"end_date"`
	Page   int       `query:"page" default:"1" minimum:"1" maximum:"1000000"`
	Limit  int       `query:"limit" default:"50" minimum:"1" maximum:"100"`
}

// Filter is the query for the log.
func (q AuditQuery) Filter() audit.Filter {
	return audit.Filter{Action: q.Action, Actor: q.Actor, Target: q.Target, From: q.From, Until: q.Until, Skip: (q.Page - 1) * q.Limit, Limit: q.Limit}
}

// NameOf gives the names of people by id.
type NameOf func(ctx context.Context, ids []string) (map[string]string, error)

// AuditEntries are entries of the log with the names of the people in them.
func AuditEntries(ctx context.Context, records []audit.Record, names NameOf) ([]AuditEntry, error) {
	var people []string
	for _, r := range records {
		people = append(people, r.Actor, r.TargetID)
	}
	called, err := names(ctx, people)
	if err != nil {
		return nil, err
	}
	out := make([]AuditEntry, len(records))
	for i, r := range records {
		before, after := r.Change()
		out[i] = AuditEntry{
			ID: r.ID, Action: r.Action, Actor: NamedActor{r.Actor, called[r.Actor], r.Role},
			Target:  AuditTarget{r.TargetKind, r.TargetID, called[r.TargetID]},
			Details: AuditDetails{before, after, r.Status, r.Erased()}, IPAddress: r.IP, UserAgent: r.UserAgent,
			RequestID: r.RequestID, SchoolID: r.School, Node: r.Node, Timestamp: r.At.Time,
		}
	}
	return out, nil
}

// AuditPage is a page of the audit log.
type AuditPage struct {
	Logs  []AuditEntry `json:"logs" nullable:"false"`
	Total int          `json:"total"`
	Page  int          `json:"page"`
	Limit int          `json:"limit"`
}

type (
	schoolAuditIn struct {
		AuditQuery

		School string `path:"id"`
	}
	schoolAuditOut struct {
		Body struct {
			Status string    `json:"status"`
			Data   AuditPage `json:"data"`
		}
	}
)

// MountSchoolAudit adds a school's own audit log, for its head and site admin,
// at the school's box and at the cloud.
func MountSchoolAudit(a *API, log *audit.Log, names NameOf) {
	Register(a, Op{ID: "school-audit-log", Method: http.MethodGet, Path: "/api/v1/schools/{id}/audit-logs", Summary: "What was done at a school", Tag: "schools",
		Roles: []identity.Role{identity.Admin, identity.Instructor}},
		func(ctx context.Context, who identity.Actor, in *schoolAuditIn) (*schoolAuditOut, error) {
			if who.Role != identity.Admin && (who.School == "" || string(who.School) != in.School) {
				return nil, identity.ErrNoSuchSchool
			}
			f := in.Filter()
			f.School = in.School
			page, err := log.List(ctx, f)
			if err != nil {
				return nil, err
			}
			out := &schoolAuditOut{}
			out.Body.Status, out.Body.Data = statusSuccess, AuditPage{Total: page.Total, Page: in.Page, Limit: in.Limit}
			out.Body.Data.Logs, err = AuditEntries(ctx, page.Entries, names)
			return out, err
		})
}
