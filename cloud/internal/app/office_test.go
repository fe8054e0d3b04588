package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/api/apitest"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
)

// office is the walk's cloud with its API.
type office struct {
	*walk

	api *api.API
}

func (o *office) walker(name string) apitest.Walker {
	o.Helper()
	for _, w := range o.walkers {
		if w.Name == name {
			return w
		}
	}
	o.Fatal("nobody is called " + name)
	return apitest.Walker{}
}

func (o *office) call(token, method, path, body string) (int, string) {
	o.Helper()
	r := httptest.NewRequestWithContext(o.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	res := need(o.api.App.Test(r, -1))(o.T)
	defer func() { _ = res.Body.Close() }()
	text := need(io.ReadAll(res.Body))(o.T)
	return res.StatusCode, string(text)
}

func (o *office) want(status int, token, method, path, body string) string {
	o.Helper()
	got, text := o.call(token, method, path, body)
	if got != status {
		o.Errorf("%s %s: %d, want %d: %s", method, path, got, status, text)
	}
	return text
}

func (o *office) noted(action string) []audit.Record {
	o.Helper()
	return need(o.domains.Audit.List(o.Context(), audit.Filter{Action: action, Limit: 100}))(o.T).Entries
}

func data(t *testing.T, text string) map[string]any {
	t.Helper()
	var m struct{ Data map[string]any }
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m.Data
}

func TestTheOfficeOfAnAdmin(t *testing.T) {
	w := newWalk(t)
	o := &office{w, w.routes()}
	admin, staff, student := o.walker("admin"), o.walker("staff"), o.walker("student")
	partner := o.walker("partner")
	const users = "/api/v1/admin/users/"

	t.Run("a role is changed with a reason, ends the sessions and is noted", func(t *testing.T) {
		path, old := users+string(partner.Who.Account)+"/role", partner.Token()
		o.want(422, admin.Token(), http.MethodPut, path, `{"new_role":"parent","reason":""}`)
		o.want(422, admin.Token(), http.MethodPut, path, `{"new_role":"king","reason":"x"}`)
		d := data(t, o.want(200, admin.Token(), http.MethodPut, path, `{"new_role":"parent","reason":"asked for it"}`))
		if d["previous_role"] != "partner" || d["new_role"] != "parent" || d["changed_by"] != string(admin.Who.Account) || d["reason"] != "asked for it" {
			t.Errorf("%v", d)
		}
		o.want(401, old, http.MethodGet, "/api/v1/auth/me", "")
		if e := o.noted("user.role"); len(e) != 1 || !strings.Contains(e[0].Details, `"before":{"role":"partner"}`) || !strings.Contains(e[0].Details, "asked for it") {
			t.Errorf("%+v", e)
		}
		o.want(409, admin.Token(), http.MethodPut, users+string(student.Who.Account)+"/role", `{"new_role":"parent","reason":"x"}`)
		o.want(409, admin.Token(), http.MethodPut, users+string(admin.Who.Account)+"/role", `{"new_role":"parent","reason":"x"}`)
		o.want(404, admin.Token(), http.MethodPut, users+nowhere+"/role", `{"new_role":"parent","reason":"x"}`)
	})
	t.Run("a restricted feature is shut, and open again when it is lifted", func(t *testing.T) {
		mine := "/api/v1/courses/my-enrollments"
		o.want(200, student.Token(), http.MethodGet, mine, "")
		d := data(t, o.want(200, admin.Token(), http.MethodPost, users+string(student.Who.Account)+"/restrict",
			`{"restriction_type":"course_enrollment","reason":"a test","duration_days":3,"notify_user":true}`))
		if text := o.want(403, student.Token(), http.MethodGet, mine, ""); !strings.Contains(text, `"restricted"`) {
			t.Errorf("%s", text)
		}
		o.want(200, student.Token(), http.MethodGet, "/api/v1/auth/me", "")
		detail := data(t, o.want(200, admin.Token(), http.MethodGet, users+string(student.Who.Account), ""))
		if list := detail["restrictions"].([]any); len(list) != 1 || list[0].(map[string]any)["id"] != d["id"] || detail["parent_name"] != "parent" {
			t.Errorf("%v", detail)
		}
		o.want(404, admin.Token(), http.MethodDelete, users+string(student.Who.Account)+"/restrictions/"+nowhere, "")
		o.want(200, admin.Token(), http.MethodDelete, users+string(student.Who.Account)+"/restrictions/"+d["id"].(string), "")
		o.want(200, student.Token(), http.MethodGet, mine, "")
		if len(o.noted("user.restricted")) != 1 || len(o.noted("user.restriction_lifted")) != 1 {
			t.Error("it is not noted")
		}
	})
	t.Run("who is restricted from signing in is out at once, and in again when it is over", func(t *testing.T) {
		old := student.Token()
		o.want(200, admin.Token(), http.MethodPost, users+string(student.Who.Account)+"/restrict", `{"restriction_type":"sign_in","reason":"a test","duration_days":1}`)
		o.want(401, old, http.MethodGet, "/api/v1/auth/me", "")
		if _, err := o.domains.Identity.SignIn(t.Context(), "student@uhs.example", goodWord); err == nil {
			t.Error("she signed in")
		}
		if err := o.permits.EndDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := o.domains.Identity.SignIn(t.Context(), "student@uhs.example", goodWord); err == nil {
			t.Error("it was lifted before its time")
		}
		if _, err := o.pool.Pool.Exec(t.Context(), `UPDATE restrictions SET expires_at = now() - interval '1 second' WHERE kind = 'sign_in'`); err != nil {
			t.Fatal(err)
		}
		if err := o.permits.EndDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := o.domains.Identity.SignIn(t.Context(), "student@uhs.example", goodWord); err != nil {
			t.Error(err)
		}
	})
	t.Run("what was learned under a duplicate's name counts for the learner", func(t *testing.T) {
		o.learnedAsADuplicate(users+string(student.Who.Account), student.Who.Account, admin)
	})
	t.Run("the end of a restriction opens no account that an admin shut", func(t *testing.T) {
		o.overRestrictions(users+string(student.Who.Account), admin)
	})
	t.Run("staff need a delegation, which can be taken back", func(t *testing.T) {
		until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		lend := func(to identity.AccountID, feature string) string {
			return `{"account_id":"` + string(to) + `","feature":"` + feature + `","grade":"view","reason":"holidays","until":"` + until + `"}`
		}
		o.want(403, staff.Token(), http.MethodGet, "/api/v1/staff/users", "")
		o.want(422, admin.Token(), http.MethodPost, "/api/v1/admin/delegations", lend(student.Who.Account, "user_management"))
		o.want(422, admin.Token(), http.MethodPost, "/api/v1/admin/delegations", lend(staff.Who.Account, "permissions"))
		d := data(t, o.want(201, admin.Token(), http.MethodPost, "/api/v1/admin/delegations", lend(staff.Who.Account, "user_management")))
		o.want(200, staff.Token(), http.MethodGet, "/api/v1/staff/users", "")
		o.want(200, staff.Token(), http.MethodGet, "/api/v1/staff/users/"+string(student.Who.Account), "")
		o.want(403, staff.Token(), http.MethodGet, "/api/v1/staff/system/audit-log", "")
		if text := o.want(200, staff.Token(), http.MethodGet, "/api/v1/auth/powers", ""); !strings.Contains(text, `{"feature":"user_management","grades":["view"]}`) {
			t.Errorf("%s", text)
		}
		o.want(200, admin.Token(), http.MethodDelete, "/api/v1/admin/delegations/"+d["id"].(string), "")
		o.want(403, staff.Token(), http.MethodGet, "/api/v1/staff/users", "")
		o.want(404, admin.Token(), http.MethodDelete, "/api/v1/admin/delegations/"+d["id"].(string), "")
		if len(o.noted("permission.withdrawn")) != 1 {
			t.Error("it is not noted")
		}
	})
	t.Run("the logs are there for those who may read them", func(t *testing.T) {
		logs := data(t, o.want(200, admin.Token(), http.MethodGet, "/api/v1/admin/operations/audit-logs?action=user.role", ""))["logs"].([]any)
		line := logs[0].(map[string]any)
		if len(logs) != 1 || line["actor"].(map[string]any)["name"] != "admin" || line["target"].(map[string]any)["name"] != "partner" ||
			line["details"].(map[string]any)["before"].(map[string]any)["role"] != "partner" {
			t.Errorf("%v", logs)
		}
		home, other := o.walker("head"), o.walker("other head")
		path := "/api/v1/schools/" + string(o.home.ID) + "/audit-logs"
		o.want(200, home.Token(), http.MethodGet, path, "")
		o.want(404, other.Token(), http.MethodGet, path, "")
		table := data(t, o.want(200, admin.Token(), http.MethodGet, "/api/v1/admin/permissions", ""))
		if len(table["roles"].([]any)) != 9 || len(table["features"].([]any)) < 20 {
			t.Errorf("%v", table["roles"])
		}
	})
	t.Run("a failure of ours is in the log of errors, without what was submitted", func(t *testing.T) {
		const secret = "Hunter-Secret-2026"
		breaking := &office{w, api.New(api.Options{Name: "Test", Verify: o.domains.Identity.Verify, Log: logging.Discard(), Mishaps: o.mishaps})}
		api.Register(breaking.api, api.Op{ID: "breaks", Method: http.MethodPost, Path: "/api/v1/breaks/{how}", Summary: "Breaks", Need: access.Need{Feature: access.Account, Grades: []access.Grade{access.Own}}},
			func(_ context.Context, _ identity.Actor, in *struct {
				How  string `path:"how"`
				Body struct {
					Word string `json:"word"`
				}
			},
			) (*struct{}, error) {
				if in.How == "panics" {
					panic("no place for " + in.Body.Word)
				}
				return nil, io.ErrUnexpectedEOF
			})
		for range 2 {
			breaking.want(500, student.Token(), http.MethodPost, "/api/v1/breaks/panics", `{"word":"`+secret+`"}`)
		}
		breaking.want(500, student.Token(), http.MethodPost, "/api/v1/breaks/errs", `{"word":"`+secret+`"}`)
		text := o.want(200, admin.Token(), http.MethodGet, "/api/v1/admin/operations/errors", "")
		d := data(t, text)
		if d["total"] != 2.0 || strings.Contains(text, secret) || !strings.Contains(text, `"kind":"panic"`) || !strings.Contains(text, `"count":2`) ||
			!strings.Contains(text, `/api/v1/breaks/{how}`) || !strings.Contains(text, "no place for …") || !strings.Contains(text, "TestTheOfficeOfAnAdmin") {
			t.Errorf("%s", text)
		}
		o.want(403, staff.Token(), http.MethodGet, "/api/v1/admin/operations/errors", "")
	})
	t.Run("the chain holds after all that", func(t *testing.T) {
		var out strings.Builder
		if err := audit.Command(t.Context(), o.domains.Audit, []string{"verify"}, &out); err != nil || !strings.Contains(out.String(), "1 chains hold") {
			t.Errorf("%v %s", err, out.String())
		}
	})
}
