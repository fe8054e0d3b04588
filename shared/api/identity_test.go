package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
)

const password = "Sunny-Day-2026"

// noJournal drops what is recorded: these tests are about HTTP.
type noJournal struct{}

func (noJournal) Record(context.Context, db.Tx, syncer.Change) error { return nil }

// identityAPI is the API of a cloud, with the sign-in of the school served so
// that all routes of identity are there; admin is an access token.
func identityAPI(t *testing.T, d db.DB, school identity.SchoolID) (a *api.API, s *identity.Service) {
	t.Helper()
	s = identity.New(identity.Options{
		DB: syncer.WithJournal(d, noJournal{}), Clock: clock.System{}, Issuer: "https://uhs.example", Audience: identity.CloudAudience,
		School: school, Pepper: func(identity.SchoolID) ([]byte, error) { return []byte("pepper"), nil },
		Passwords: identity.CloudPasswords{}, AnnounceKey: identity.Keys.Save, BcryptCost: 4,
	})
	if err := s.EnsureKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = api.New(api.Options{Name: "test", Version: "1", Verify: s.Verify, Log: logging.Discard()})
	api.MountIdentity(a, s)
	api.MountIdentityCloud(a, s, s)
	api.MountSchoolSignIn(a, s)
	return a, s
}

// call sends a request and gives status and body.
func call(t *testing.T, a *api.API, method, path, token, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := a.App.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

func login(t *testing.T, a *api.API, email string) map[string]any {
	t.Helper()
	status, text := call(t, a, http.MethodPost, "/api/v1/auth/login", "", `{"email":"`+email+`","password":"`+password+`"}`)
	if status != http.StatusOK {
		t.Fatalf("login of %s: %d %s", email, status, text)
	}
	return decode(t, text)
}

func TestIdentityRoutes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		a, s := identityAPI(t, d, "")
		if _, err := s.CreateFirstAdmin(t.Context(), "admin@uhs.example", password, "Ada Admin"); err != nil {
			t.Fatal(err)
		}
		admin := login(t, a, "admin@uhs.example")["access_token"].(string)

		t.Run("register, sign in, me, refresh, log out", func(t *testing.T) {
			status, text := call(t, a, http.MethodPost, "/api/v1/auth/register", "",
				`{"email":"mary@example.org","password":"`+password+`","role":"parent","profile_data":{"full_name":"Mary Mother","phone_number":"0711000001","shoe":41}}`)
			if m := decode(t, text); status != http.StatusCreated || m["role"] != "parent" || m["is_active"] != true || m["last_login"] != nil {
				t.Fatalf("register: %d %s", status, text)
			}
			tokens := login(t, a, "mary@example.org")
			if tokens["token_type"] != "bearer" || tokens["expires_in"] != float64(1800) {
				t.Errorf("tokens = %v", tokens)
			}
			access, refresh := tokens["access_token"].(string), tokens["refresh_token"].(string)
			_, text = call(t, a, http.MethodGet, "/api/v1/auth/me", access, "")
			if m := decode(t, text); m["email"] != "mary@example.org" || m["profile_data"].(map[string]any)["phone_number"] != "254711000001" || m["last_login"] == nil {
				t.Errorf("me: %s", text)
			}
			_, text = call(t, a, http.MethodPut, "/api/v1/users/me", access, `{"bio":"Two children."}`)
			if m := decode(t, text); m["status"] != "success" || m["data"].(map[string]any)["profile_data"].(map[string]any)["bio"] != "Two children." {
				t.Errorf("update: %s", text)
			}
			if status, text = call(t, a, http.MethodPost, "/api/v1/auth/refresh", "", `{"refresh_token":"`+refresh+`"}`); status != http.StatusOK {
				t.Errorf("refresh: %d %s", status, text)
			}
			if status, _ = call(t, a, http.MethodPost, "/api/v1/auth/logout", access, ""); status != http.StatusOK {
				t.Errorf("logout: %d", status)
			}
			status, text = call(t, a, http.MethodGet, "/api/v1/auth/me", access, "")
			if status != http.StatusUnauthorized || decode(t, text)["code"] != "token_revoked" {
				t.Errorf("after logging out: %d %s", status, text)
			}
		})
		t.Run("answers to bad input have the right status and never the password", func(t *testing.T) {
			const secret = "Xyzzy-Plugh-4242"
			for name, c := range map[string]struct {
				path, body string
				status     int
				code       string
			}{
				"wrong password": {"login", `{"email":"mary@example.org","password":"` + secret + `"}`, 401, "wrong_password"},
				"misspelt field": {"login", `{"email":"mary@example.org","passwrd":"` + secret + `"}`, 422, "invalid"},
				"wrong type":     {"login", `{"email":["` + secret + `"],"password":"x"}`, 422, "invalid"},
				"no JSON":        {"login", `{"password":"` + secret, 400, "malformed"},
				"weak":           {"register", `{"email":"x@example.org","password":"xyzzyplugh","role":"parent"}`, 422, "weak_password"},
				"staff":          {"register", `{"email":"x@example.org","password":"` + secret + `","role":"staff"}`, 403, "role_not_public"},
				"taken":          {"register", `{"email":"mary@example.org","password":"` + secret + `","role":"parent"}`, 409, "email_taken"},
				"bad refresh":    {"refresh", `{"refresh_token":"` + secret + `"}`, 401, "sign_in_again"},
			} {
				status, text := call(t, a, http.MethodPost, "/api/v1/auth/"+c.path, "", c.body)
				if status != c.status || decode(t, text)["code"] != c.code {
					t.Errorf("%s: %d %s", name, status, text)
				}
				if strings.Contains(text, secret) || strings.Contains(text, "xyzzyplugh") {
					t.Errorf("%s: the answer repeats the password", name)
				}
			}
		})
		t.Run("administration is for admins", func(t *testing.T) {
			parent := login(t, a, "mary@example.org")["access_token"].(string)
			for path, want := range map[string]int{"": 401, parent: 403, admin: 200} {
				if status, text := call(t, a, http.MethodGet, "/api/v1/admin/users?role=parent&limit=5", path, ""); status != want {
					t.Errorf("list users: %d %s; want %d", status, text, want)
				} else if want == http.StatusOK {
					data := decode(t, text)["data"].(map[string]any)
					user := data["users"].([]any)[0].(map[string]any)
					if data["total"] != float64(1) || data["pages"] != float64(1) || user["first_name"] != "Mary" || user["last_name"] != "Mother" {
						t.Errorf("users: %s", text)
					}
				}
			}
			status, text := call(t, a, http.MethodPost, "/api/v1/admin/users", admin, `{"email":"staff@uhs.example","password":"`+password+`","role":"staff"}`)
			if status != http.StatusCreated {
				t.Fatalf("create staff: %d %s", status, text)
			}
		})
		t.Run("the keys are public and hold no private part", func(t *testing.T) {
			status, text := call(t, a, http.MethodGet, "/.well-known/jwks.json", "", "")
			keys := decode(t, text)["keys"].([]any)
			if status != http.StatusOK || len(keys) != 1 || keys[0].(map[string]any)["d"] != nil || keys[0].(map[string]any)["crv"] != "Ed25519" {
				t.Errorf("jwks: %d %s", status, text)
			}
		})
	})
}

func TestSchoolRoutes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		cloud, s := identityAPI(t, d, "")
		p, err := s.CreateFirstAdmin(t.Context(), "admin@uhs.example", password, "Ada Admin")
		if err != nil {
			t.Fatal(err)
		}
		admin := login(t, cloud, "admin@uhs.example")["access_token"].(string)
		school, err := s.CreateSchool(t.Context(), identity.Actor{Account: p.Account.ID, Role: identity.Admin}, identity.NewSchool{Name: "Alfa"})
		if err != nil {
			t.Fatal(err)
		}
		base := "/api/v1/schools/" + string(school.ID)
		post := func(path, body string) map[string]any {
			t.Helper()
			status, text := call(t, cloud, http.MethodPost, path, admin, body)
			if status != http.StatusCreated {
				t.Fatalf("%s: %d %s", path, status, text)
			}
			return decode(t, text)
		}
		learner := post(base+"/learners", `{"full_name":"Amina Otieno","grade":"Grade 4","class_name":"4 Blue","pin":"4711"}`)["id"].(string)
		teacher := post(base+"/instructors", `{"email":"tom@example.org","full_name":"Tom Teacher","school_password":"Box-Secret-2026","duties":["bursar"]}`)["id"].(string)

		t.Run("guardians, consents, duties and the named adult", func(t *testing.T) {
			post(base+"/guardians", `{"learner_id":"`+learner+`","name":"Mary","phone_number":"0711000001","verified":true}`)
			post("/api/v1/learners/"+learner+"/consents", `{"purpose":"cloud_tutor","given":true,"method":"paper","guardian_name":"Mary","text_version":"1"}`)
			for path, want := range map[string]string{
				base + "/learners": `"has_pin":true`, "/api/v1/learners/" + learner + "/guardians": `"phone_number":"254711000001"`,
				"/api/v1/learners/" + learner + "/consents": `"given":true`, base: `"name":"Alfa"`,
			} {
				if status, text := call(t, cloud, http.MethodGet, path, admin, ""); status != http.StatusOK || !strings.Contains(text, want) {
					t.Errorf("%s: %d %s", path, status, text)
				}
			}
			for path, c := range map[string][2]string{
				base + "/duties": {http.MethodPost, `{"account_id":"` + teacher + `","duty":"head"}`}, base + "/named-adult": {http.MethodPut, `{"account_id":"` + teacher + `"}`},
				"/api/v1/learners/" + learner + "/pin":                {http.MethodPut, `{"pin":"4712"}`},
				"/api/v1/instructors/" + teacher + "/school-password": {http.MethodPut, `{"school_password":"Box-Secret-2027"}`},
			} {
				if status, text := call(t, cloud, c[0], path, admin, c[1]); status != http.StatusOK {
					t.Errorf("%s: %d %s", path, status, text)
				}
			}
		})
		t.Run("a learner signs in by class, name and PIN", func(t *testing.T) {
			box, _ := identityAPI(t, d, school.ID)
			_, text := call(t, box, http.MethodGet, "/api/v1/auth/classes", "", "")
			class := decode(t, text)["classes"].([]any)[0].(map[string]any)["id"].(string)
			_, text = call(t, box, http.MethodGet, "/api/v1/auth/classes/"+class+"/learners", "", "")
			if !strings.Contains(text, "Amina O.") || strings.Contains(text, "Otieno") {
				t.Errorf("names: %s", text)
			}
			status, text := call(t, box, http.MethodPost, "/api/v1/auth/pin", "", `{"learner_id":"`+learner+`","pin":"4712"}`)
			if status != http.StatusOK {
				t.Fatalf("PIN: %d %s", status, text)
			}
			token := decode(t, text)["access_token"].(string)
			_, text = call(t, box, http.MethodGet, "/api/v1/users/me", token, "")
			if m := decode(t, text)["data"].(map[string]any); m["id"] != learner || m["class_name"] != "4 Blue" {
				t.Errorf("me: %s", text)
			}
			if status, text = call(t, box, http.MethodGet, base+"/learners", token, ""); status != http.StatusForbidden {
				t.Errorf("the roster for a learner: %d %s", status, text)
			}
			status, text = call(t, box, http.MethodPost, "/api/v1/auth/pin", "", `{"learner_id":"`+learner+`","pin":"0000"}`)
			if status != http.StatusUnauthorized || decode(t, text)["code"] != "wrong_pin" {
				t.Errorf("wrong PIN: %d %s", status, text)
			}
		})
		t.Run("the OpenAPI document holds every route", func(t *testing.T) {
			_, text := call(t, cloud, http.MethodGet, "/openapi.json", "", "")
			for _, r := range cloud.Routes() {
				if !strings.Contains(text, `"`+r.Path+`"`) {
					t.Errorf("%s %s is missing", r.Method, r.Path)
				}
			}
		})
	})
}
