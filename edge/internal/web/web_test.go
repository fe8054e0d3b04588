package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/edge/internal/web"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/logging"
)

// claim posts a claim to a fresh box whose configured cloud is at cloudURL.
func claim(t *testing.T, cloudURL, body string) (status int, code string, claimed bool) {
	t.Helper()
	box, err := agent.Open(t.Context(), dbtest.SQLite(t), t.TempDir(), "test")
	if err != nil {
		t.Fatal(err)
	}
	a := api.New(api.Options{Name: "Test", Version: "test", Log: logging.Discard()})
	web.MountClaim(a, box, cloudURL, func() { claimed = true })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/claim", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	resp, err := a.App.Test(r, 20_000)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var p struct{ Code string }
	_ = json.NewDecoder(resp.Body).Decode(&p)
	return resp.StatusCode, p.Code, claimed
}

func TestWhoeverStandsAtTheBoxIsToldWhyItWasNotClaimed(t *testing.T) {
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusGone)
		_, _ = io.WriteString(w, `{"detail":"This claim code was used already.","code":"claim_code_used"}`)
	}))
	defer cloud.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, x := range map[string]struct {
		configured, body string
		status           int
		code             string
	}{
		"the cloud's own words":    {cloud.URL, `{"code":"AAAA-BBBB-CCCC"}`, 410, "claim_code_used"},
		"an address in the form":   {"", `{"code":"AAAA-BBBB-CCCC","cloud_url":"` + cloud.URL + `"}`, 410, "claim_code_used"},
		"no cloud there":           {gone.URL, `{"code":"AAAA-BBBB-CCCC"}`, 503, "cloud_unreachable"},
		"no address anywhere":      {"", `{"code":"AAAA-BBBB-CCCC"}`, 422, "cloud_url"},
		"an address of a file":     {"", `{"code":"AAAA-BBBB-CCCC","cloud_url":"file:///etc/passwd"}`, 422, "cloud_url"},
		"an address that is none":  {"", `{"code":"AAAA-BBBB-CCCC","cloud_url":"http://%zz"}`, 422, "cloud_url"},
		"a code that is too short": {cloud.URL, `{"code":"A"}`, 422, "invalid"},
		"no code":                  {cloud.URL, `{}`, 422, "invalid"},
	} {
		status, code, claimed := claim(t, x.configured, x.body)
		if status != x.status || code != x.code || claimed {
			t.Errorf("%s: got %d %q, claimed: %v; want %d %q", name, status, code, claimed, x.status, x.code)
		}
	}
}
