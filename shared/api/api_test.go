package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/danielgtaylor/huma/v2"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

const secret = "s3cr3t-Passw0rd!"

type echoIn struct {
	Body struct {
		Email    string `json:"email" minLength:"3"`
		Password string `json:"password" minLength:"40"`
	}
}

type empty struct{ Body struct{} }

// service is an API with operations that fail in every way.
func service(t *testing.T) (*api.API, *bytes.Buffer) {
	t.Helper()
	logs := &bytes.Buffer{}
	a := api.New(api.Options{Name: "test", Version: "1", Environment: "test", Log: slog.New(slog.NewTextHandler(logs, nil)),
		Verify: func(_ context.Context, token string) (identity.Actor, error) {
			if token != "good" {
				return identity.Actor{}, identity.ErrTokenExpired
			}
			return identity.Actor{Account: "a", Role: identity.Student}, nil
		}})
	post := func(name string, op api.Op, err func(in *echoIn) error) {
		op.ID, op.Method, op.Path = name, http.MethodPost, "/api/v1/"+name
		api.Register(a, op, func(_ context.Context, _ identity.Actor, in *echoIn) (*empty, error) { return nil, err(in) })
	}
	public := api.Op{Public: true}
	post("login", public, func(*echoIn) error { return nil })
	post("helper", public, func(in *echoIn) error {
		return huma.Error422UnprocessableEntity("bad", &huma.ErrorDetail{Message: "bad", Location: "body.password", Value: in.Body.Password})
	})
	post("wrapped", public, func(in *echoIn) error {
		return fmt.Errorf("sign in: %w", &huma.ErrorDetail{Message: "bad", Location: "body", Value: in.Body})
	})
	post("broken", public, func(*echoIn) error { return errors.New("pq: relation accounts does not exist") })
	post("panics", public, func(*echoIn) error { panic("a nil map") })
	post("refused", public, func(*echoIn) error {
		return fault.New(fault.Conflict, "Too late.").WithCode("too_late").Hint("for the log")
	})
	post("students", api.Op{Roles: []identity.Role{identity.Student}}, func(*echoIn) error { return nil })
	post("admins", api.Op{Roles: []identity.Role{identity.Admin}}, func(*echoIn) error { return nil })
	a.MountSite(fstest.MapFS{"index.html": {Data: []byte("<html>app</html>")}, "assets/x-1.js": {Data: []byte("1")}})
	return a, logs
}

func send(t *testing.T, a *api.API, method, path, token, body string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := a.App.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestAnErrorNeverRepeatsWhatWasSubmitted(t *testing.T) {
	a, logs := service(t)
	long := secret + strings.Repeat("x", 40)
	for path, body := range map[string]string{
		"/api/v1/login":                `{"email": "a@b.c", "password": "` + secret + `"}`,
		"/api/v1/login?field=misspelt": `{"email": "a@b.c", "pasword": "` + secret + `"}`,
		"/api/v1/login?json=broken":    `{"email": "a@b.c", "password": "` + secret,
		"/api/v1/helper":               `{"email": "a@b.c", "password": "` + long + `"}`,
		"/api/v1/wrapped":              `{"email": "a@b.c", "password": "` + long + `"}`,
	} {
		resp, answer := send(t, a, http.MethodPost, path, "", body)
		if resp.StatusCode < 400 || strings.Contains(answer, "s3cr3t") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, answer)
		}
		if ct := resp.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/problem+json") {
			t.Errorf("%s: content type %s", path, ct)
		}
	}
	if strings.Contains(logs.String(), "s3cr3t") {
		t.Errorf("the log has it: %s", logs)
	}
}

func TestProblems(t *testing.T) {
	a, logs := service(t)
	good := `{"email": "a@b.c", "password": "` + strings.Repeat("x", 40) + `"}`
	for _, c := range []struct {
		name, method, path, token, body string
		status                          int
		code                            string
	}{
		{"a fault keeps its code", "POST", "/api/v1/refused", "", good, 409, "too_late"},
		{"an unknown error says nothing", "POST", "/api/v1/broken", "", good, 500, ""},
		{"a panic says nothing and stops nothing", "POST", "/api/v1/panics", "", good, 500, ""},
		{"an unknown route is a problem too", "GET", "/api/v1/nowhere", "", "", 404, "no_such_route"},
		{"nobody is asked to sign in", "POST", "/api/v1/students", "", good, 401, "sign_in"},
		{"an expired token is named", "POST", "/api/v1/students", "old", good, 401, "token_expired"},
		{"the wrong role is refused", "POST", "/api/v1/admins", "good", good, 403, "forbidden"},
		{"who may not ask learns nothing about the input", "POST", "/api/v1/admins", "good", `{`, 403, "forbidden"},
		{"an oversized body is refused", "POST", "/api/v1/login", "", `{"email": "` + strings.Repeat("x", 2<<20) + `"}`, 413, "too_large"},
	} {
		resp, body := send(t, a, c.method, c.path, c.token, c.body)
		var p api.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Errorf("%s: %v in %s", c.name, err, body)
			continue
		}
		if resp.StatusCode != c.status || p.Status != c.status || p.StatusCode != c.status || p.Code != c.code {
			t.Errorf("%s: got %d %+v", c.name, resp.StatusCode, p)
		}
		if strings.Contains(body, "relation") || strings.Contains(body, "for the log") {
			t.Errorf("%s: the inside is shown: %s", c.name, body)
		}
	}
	if !strings.Contains(logs.String(), "relation accounts") {
		t.Error("the cause of the 500 is not in the log")
	}
	if resp, body := send(t, a, http.MethodPost, "/api/v1/login", "", `{"email": "a@b.c", "password": "`+strings.Repeat("x", 40)+`", "unknown": 1}`); resp.StatusCode >= 400 {
		t.Errorf("an unknown field was refused: %s", body)
	}
}

func TestACompressedRequestIsRefusedUnopened(t *testing.T) {
	a, _ := service(t)
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := w.Write(bytes.Repeat([]byte(" "), 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/api/v1/login", &bomb)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	resp, err := a.App.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var p api.Problem
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || resp.StatusCode != http.StatusBadRequest || p.Code != "compressed_request" {
		t.Errorf("got %d %+v, %v", resp.StatusCode, p, err)
	}
}

func TestTheSite(t *testing.T) {
	a, _ := service(t)
	for path, want := range map[string]struct {
		status int
		cache  string
	}{
		"/student/lessons/7": {200, "no-cache"}, "/assets/x-1.js": {200, "immutable"}, "/assets/x-2.js": {404, ""}, "/media/nothing.svg": {404, ""},
	} {
		resp, _ := send(t, a, http.MethodGet, path, "", "")
		if resp.StatusCode != want.status || !strings.Contains(resp.Header.Get("Cache-Control"), want.cache) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Cache-Control"))
		}
	}
	resp, body := send(t, a, http.MethodGet, "/", "", "")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"docs":"/docs"`) {
		t.Errorf("the service's card: %d %s", resp.StatusCode, body)
	}
}
