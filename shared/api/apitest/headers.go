package apitest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/api"
)

// inPath is a parameter in Fiber's paths.
var inPath = regexp.MustCompile(`:\w+\??|\*`)

// Headers asks every route of a, as nobody, and checks what protects the browser
// on each answer, whatever it is: that other sites hear nothing, that nothing can
// be framed, run, or guessed to be a page, and that children's records stay in no
// cache. It returns how many it asked.
func Headers(t testing.TB, a *api.API) int {
	t.Helper()
	a.Bare()
	asked := 0
	for _, r := range a.App.GetRoutes(true) {
		if r.Method == http.MethodHead || r.Method == http.MethodConnect || r.Method == http.MethodTrace {
			continue
		}
		path := inPath.ReplaceAllString(r.Path, "x")
		for _, origin := range []string{"https://evil.example", "null"} {
			req := httptest.NewRequest(r.Method, path, strings.NewReader("{}"))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Origin", origin)
			res, err := a.App.Test(req, -1)
			if err != nil {
				t.Errorf("%s %s: %v", r.Method, path, err)
				continue
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			for _, wrong := range wrongHeaders(res.Header, path) {
				t.Errorf("%s %s (%d): %s", r.Method, path, res.StatusCode, wrong)
			}
			if strings.HasPrefix(path, "/api/") && r.Method != http.MethodGet && r.Method != http.MethodOptions && res.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s: a page of %s changes something: %d %.80s", r.Method, path, origin, res.StatusCode, body)
			}
		}
		asked++
	}
	return asked
}

func wrongHeaders(h http.Header, path string) (out []string) {
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if h.Get(name) != want {
			out = append(out, fmt.Sprintf("%s is %q", name, h.Get(name)))
		}
	}
	for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Server", "Strict-Transport-Security"} {
		if h.Get(name) != "" {
			out = append(out, fmt.Sprintf("%s is %q", name, h.Get(name)))
		}
	}
	policy := map[string]string{}
	for part := range strings.SplitSeq(h.Get("Content-Security-Policy"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), " ")
		policy[name] = value
	}
	scripts, ok := policy["script-src"]
	if !ok {
		scripts = policy["default-src"]
	}
	if policy["frame-ancestors"] != "'none'" || scripts != "'self'" && scripts != "'none'" || policy["base-uri"] == "" || policy["form-action"] == "" {
		out = append(out, fmt.Sprintf("the content security policy is %q", h.Get("Content-Security-Policy")))
	}
	if !strings.Contains(h.Get("Permissions-Policy"), "geolocation=()") {
		out = append(out, "no permissions policy")
	}
	if strings.HasPrefix(path, "/api/") && h.Get("Cache-Control") != "no-store" {
		out = append(out, fmt.Sprintf("an answer of the API may be cached: %q", h.Get("Cache-Control")))
	}
	return out
}
