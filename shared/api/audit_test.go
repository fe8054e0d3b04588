package api_test

import (
	"net/http"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// auditedAPI is a cloud's identity with the audit log beneath it.
func auditedAPI(t *testing.T, d db.DB) (*api.API, *audit.Log) {
	t.Helper()
	d = syncer.WithJournal(d, noJournal{})
	log := audit.New(audit.Options{DB: d, Clock: clock.System{}, Node: audit.Cloud})
	s := identity.New(identity.Options{
		DB: d, Clock: clock.System{}, Issuer: "https://uhs.example", Audience: identity.CloudAudience, Audit: log,
		Pepper:    func(identity.SchoolID) ([]byte, error) { return []byte("pepper"), nil },
		Passwords: identity.CloudPasswords{}, AnnounceKey: identity.Keys.Save, BcryptCost: 4,
	})
	if err := s.EnsureKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateFirstAdmin(t.Context(), "admin@uhs.example", password, "Ada Admin"); err != nil {
		t.Fatal(err)
	}
	a := api.New(api.Options{Name: "test", Version: "1", Verify: s.Verify, Log: logging.Discard(), Audit: log})
	api.MountIdentity(a, s)
	api.MountIdentityCloud(a, s, s)
	return a, log
}

// noted are the entries since the last call, the oldest first.
func noted(t *testing.T, l *audit.Log) func() []audit.Record {
	seen := 0
	return func() []audit.Record {
		t.Helper()
		p, err := l.List(t.Context(), audit.Filter{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		fresh := p.Entries[:p.Total-seen]
		seen = p.Total
		out := make([]audit.Record, len(fresh))
		for i, e := range fresh {
			out[len(fresh)-1-i] = e
		}
		return out
	}
}

func TestWhatAdminsChangeIsNoted(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		a, log := auditedAPI(t, d)
		since := noted(t, log)
		since()
		const secret = "Other-Word-2026"

		call(t, a, http.MethodPost, "/api/v1/auth/login", "", `{"email":"admin@uhs.example","password":"`+secret+`"}`)
		if e := since(); len(e) != 1 || e[0].Action != "sign_in.failed" || e[0].Actor != "" || e[0].TargetID == "" || !strings.Contains(e[0].Details, "wrong_password") {
			t.Fatalf("a failed sign-in: %+v", e)
		}
		token := login(t, a, "admin@uhs.example")["access_token"].(string)
		signIn := since()
		if len(signIn) != 1 || signIn[0].Action != "sign_in" || signIn[0].Role != "admin" || signIn[0].RequestID == "" || signIn[0].IP == "" {
			t.Fatalf("a sign-in: %+v", signIn)
		}
		admin := signIn[0].Actor

		_, text := call(t, a, http.MethodPost, "/api/v1/admin/users", token,
			`{"email":"st@example.org","password":"`+secret+`","role":"staff","profile_data":{"full_name":"Sam Staff"},"pasword":"`+secret+`"}`)
		id := decode(t, text)["data"].(map[string]any)["id"].(string)
		if e := since(); len(e) != 1 || e[0].Action != "user.created" || e[0].Actor != admin || e[0].TargetID != id {
			t.Errorf("a new user is noted once, by the use-case: %+v", e)
		}
		call(t, a, http.MethodPut, "/api/v1/admin/users/"+id+"/status", token, `{"status":"suspended"}`)
		if e := since(); len(e) != 1 || e[0].Action != "user.status" || !strings.Contains(e[0].Details, `"before":{"status":"active"},"after":{"status":"suspended"}`) {
			t.Errorf("before and after: %+v", e)
		}
		call(t, a, http.MethodPut, "/api/v1/users/me", token, `{"bio":"Hello","password":"`+secret+`"}`)
		if e := since(); len(e) != 1 || e[0].Action != "request.update-own-profile" || e[0].Status != 200 || !strings.Contains(e[0].Details, "Hello") {
			t.Errorf("a request without a note of its own: %+v", e)
		}
		for name, c := range map[string]struct {
			method, path, body string
			status             int64
		}{
			"refused by a rule": {http.MethodPut, "/api/v1/admin/users/" + id + "/status", `{"status":"` + secret + `"}`, 422},
			"not read":          {http.MethodPost, "/api/v1/admin/users", `{"email":"` + secret, 400},
			"no such person":    {http.MethodPut, "/api/v1/admin/users/00000000-0000-7000-8000-000000000000/status", `{"status":"active"}`, 404},
			"not her role's":    {http.MethodPost, "/api/v1/learners/x/consents", `{}`, 422},
		} {
			call(t, a, c.method, c.path, token, c.body)
			if e := since(); len(e) != 1 || e[0].Status != c.status || e[0].Details != "" {
				t.Errorf("%s: %+v", name, e)
			}
		}
		call(t, a, http.MethodGet, "/api/v1/admin/users", token, "")
		if e := since(); len(e) != 0 {
			t.Errorf("reading is noted: %+v", e)
		}

		p, err := log.List(t.Context(), audit.Filter{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			if strings.Contains(e.Details+e.TargetID+e.Action, secret) || strings.Contains(e.Details, password) {
				t.Errorf("a secret is in the log: %+v", e)
			}
		}
	})
}

func TestWhatOthersChangeIsNotNoted(t *testing.T) {
	a, log := auditedAPI(t, dbtest.SQLite(t))
	since := noted(t, log)
	call(t, a, http.MethodPost, "/api/v1/auth/register", "", `{"email":"mary@example.org","password":"`+password+`","role":"parent"}`)
	token := login(t, a, "mary@example.org")["access_token"].(string)
	since()
	call(t, a, http.MethodPut, "/api/v1/users/me", token, `{"bio":"Two children."}`)
	if e := since(); len(e) != 0 {
		t.Errorf("a parent's profile is noted: %+v", e)
	}
}
