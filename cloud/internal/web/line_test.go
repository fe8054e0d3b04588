package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/cloud/internal/web"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestAnAdminPlansASchoolsLineAndTheBoxIsTold(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	a := api.New(api.Options{Name: "Test", Version: "test", Log: logging.Discard(), Verify: c.People.Verify})
	web.MountLine(a, c.Fleet)
	tokens := map[identity.Role]string{}
	for _, role := range []identity.Role{identity.Admin, identity.Staff, identity.Parent} {
		email := string(role) + "@example.org"
		_, err := c.People.CreateAccount(t.Context(), fleettest.Admin, identity.Registration{Email: email, Password: "A-long-password-123", Role: role, FullName: "Somebody"})
		c.Must(err)
		signed, err := c.People.SignIn(t.Context(), email, "A-long-password-123")
		c.Must(err)
		tokens[role] = signed.Access
	}
	call := func(role identity.Role, method, id, body string) (status int, out web.LineUse) {
		t.Helper()
		r := httptest.NewRequest(method, "/api/v1/schools/"+id+"/line", bytes.NewReader([]byte(body)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+tokens[role])
		resp, err := a.App.Test(r, -1)
		c.Must(err)
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode < 300 {
			c.Must(json.NewDecoder(resp.Body).Decode(&out))
		}
		return resp.StatusCode, out
	}
	const plan = `{"metered":true,"every_minutes":30,"day_mb":5,"month_mb":100,"shillings_per_mb":0.5,"windows":[{"from":1320,"to":300,"days":0}]}`
	if status, got := call(identity.Staff, http.MethodGet, string(school.ID), ""); status != 200 || got.Metered || got.Windows == nil {
		t.Errorf("before: %d %+v", status, got)
	}
	if status, got := call(identity.Admin, http.MethodPut, string(school.ID), plan); status != 200 || !got.Metered || got.DayMB != 5 || got.PerMB != 0.5 || len(got.Windows) != 1 {
		t.Errorf("set: %d %+v", status, got)
	}
	if status, got := call(identity.Staff, http.MethodGet, string(school.ID), ""); status != 200 || got.MonthMB != 100 || got.Every != 30 {
		t.Errorf("after: %d %+v", status, got)
	}
	var heads syncer.Heads
	c.Must(c.DB.View(t.Context(), func(tx db.Tx) (err error) {
		heads, err = syncer.ReadHeads(t.Context(), tx, syncer.Log{School: string(school.ID), Epoch: syncer.DownEpoch})
		return err
	}))
	before := heads.Out[syncproto.LaneControl].Seq
	if before == 0 {
		t.Error("the box is told nothing")
	}
	for name, x := range map[string]struct {
		role             identity.Role
		method, id, body string
		status           int
	}{
		"staff may not set":       {identity.Staff, http.MethodPut, string(school.ID), plan, 403},
		"parents may not look":    {identity.Parent, http.MethodGet, string(school.ID), "", 403},
		"an unknown school":       {identity.Admin, http.MethodPut, "00000000-0000-7000-8000-000000000000", plan, 404},
		"a window of no length":   {identity.Admin, http.MethodPut, string(school.ID), strings.ReplaceAll(plan, "1320", "300"), 422},
		"a budget below zero":     {identity.Admin, http.MethodPut, string(school.ID), strings.ReplaceAll(plan, `"day_mb":5`, `"day_mb":-5`), 422},
		"an hour that is no hour": {identity.Admin, http.MethodPut, string(school.ID), strings.ReplaceAll(plan, "1320", "1440"), 422},
	} {
		if status, _ := call(x.role, x.method, x.id, x.body); status != x.status {
			t.Errorf("%s: %d, want %d", name, status, x.status)
		}
	}
}
