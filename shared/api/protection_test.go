package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
)

// guarded is an API with the routes that have limits of their own. The token is the
// account's name.
func guarded(t *testing.T, o api.Options) *api.API {
	t.Helper()
	o.Name, o.Version, o.Log = "test", "1", logging.Discard()
	o.Verify = func(_ context.Context, token string) (identity.Actor, error) {
		return identity.Actor{Account: identity.AccountID(token), Role: identity.Student}, nil
	}
	a := api.New(o)
	for _, path := range []string{
		"/api/v1/auth/login", "/api/v1/auth/logout", "/api/v1/ai-tutor/chat", "/api/v1/student/ai/chat", "/api/v1/payments/initiate",
		"/api/v1/home/return", "/api/v1/things", "/api/v1/carry/uploads", "/hk/x/c", "/api/v1/payments/mpesa/callback",
	} {
		api.Register(a, api.Op{ID: path, Method: http.MethodPost, Path: path, Public: true},
			func(ctx context.Context, _ identity.Actor, _ *struct{ Body map[string]any }) (*struct{ Body string }, error) {
				return &struct{ Body string }{api.AddressOf(ctx)}, nil
			})
	}
	a.MountSite(fstest.MapFS{"index.html": {Data: []byte("<html>app</html>")}})
	return a
}

type shot struct {
	path, token, body string
	header            map[string]string
}

func (s shot) send(t *testing.T, a *api.API) (*http.Response, string) {
	t.Helper()
	if s.body == "" {
		s.body = "{}"
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, s.path, strings.NewReader(s.body))
	r.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	for k, v := range s.header {
		if k == "Host" {
			r.Host = v
		}
		r.Header.Set(k, v)
	}
	res, err := a.App.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func atEight() *clock.Fake { return clock.NewFake(time.Date(2026, 3, 2, 8, 0, 15, 0, time.UTC)) }

func TestEachSortOfRequestHasItsLimit(t *testing.T) {
	for path, most := range map[string]int{
		"/api/v1/auth/login": 10, "/api/v1/ai-tutor/chat": 30, "/api/v1/student/ai/chat": 30, "/api/v1/payments/initiate": 5, "/api/v1/things": 100,
		"/api/v1/auth/logout": 100, "/api/v1/home/return": 10,
	} {
		c := atEight()
		a := guarded(t, api.Options{Limits: api.Limits{Clock: c, Factor: 1, Crowd: 1}})
		s := shot{path: path, token: "amina", body: `{"email": "a@b.c"}`}
		for i := range most {
			res, _ := s.send(t, a)
			if res.StatusCode != http.StatusOK || res.Header.Get("X-Ratelimit-Limit") != fmt.Sprint(most) ||
				res.Header.Get("X-Ratelimit-Remaining") != fmt.Sprint(most-i-1) || res.Header.Get("X-Ratelimit-Reset") != "1772438460" {
				t.Fatalf("%s, request %d: %d %v", path, i+1, res.StatusCode, res.Header)
			}
		}
		res, body := s.send(t, a)
		if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "45" || !strings.Contains(body, "too_many_requests") ||
			res.Header.Get("X-Ratelimit-Remaining") != "0" {
			t.Errorf("%s, one too many: %d %v %s", path, res.StatusCode, res.Header, body)
		}
		if res, _ := (shot{path: path, token: "baraka", body: `{"email": "a@b.c"}`}).send(t, a); res.StatusCode != http.StatusOK {
			t.Errorf("%s: somebody else waits too", path)
		}
		c.Advance(45 * time.Second)
		if res, _ := s.send(t, a); res.StatusCode != http.StatusOK {
			t.Errorf("%s: still refused in the next minute", path)
		}
	}
}

func TestMachinesAreNotCounted(t *testing.T) {
	a := guarded(t, api.Options{Limits: api.Limits{Clock: atEight(), Factor: 1, Crowd: 1}})
	for _, path := range []string{"/hk/x/c", "/api/v1/carry/uploads", "/api/v1/payments/mpesa/callback"} {
		for range 150 {
			if res, _ := (shot{path: path}).send(t, a); res.StatusCode != http.StatusOK || res.Header.Get("X-Ratelimit-Limit") != "" {
				t.Fatalf("%s: %d %v", path, res.StatusCode, res.Header)
			}
		}
	}
}

func TestWhoIsNotSignedInIsCountedByAddress(t *testing.T) {
	a := guarded(t, api.Options{Limits: api.Limits{Clock: atEight(), Factor: 1, Crowd: 1}})
	passed := 0
	for i := range 150 { // one address, a name for every try
		if res, _ := (shot{path: "/api/v1/auth/login", body: fmt.Sprintf(`{"email": "a%d@b.c"}`, i)}).send(t, a); res.StatusCode == http.StatusOK {
			passed++
		}
	}
	if passed != 100 {
		t.Errorf("%d tries with other names from one address passed, want 100", passed)
	}
}

// A class of 60 at eight o'clock: one access point that shows one address, or one
// tablet that goes from hand to hand.
func TestAClassDoesNotWaitForItself(t *testing.T) {
	school := api.Limits{Clock: atEight(), Factor: 1, Crowd: 60, Device: "uhs_device"}
	for name, device := range map[string]func(child int) string{
		"a phone each": func(child int) string { return fmt.Sprintf("uhs_device=phone%d", child) },
		"one tablet":   func(int) string { return "uhs_device=tablet" },
		"new phones":   func(int) string { return "" },
	} {
		a := guarded(t, api.Options{Limits: school})
		for child := range 60 {
			header := map[string]string{"Cookie": device(child)}
			for try := range 3 {
				body := fmt.Sprintf(`{"learner_id": "child%d", "pin": "%d"}`, child, try)
				if res, _ := (shot{path: "/api/v1/auth/login", body: body, header: header}).send(t, a); res.StatusCode != http.StatusOK {
					t.Fatalf("%s: try %d of child %d is refused", name, try+1, child+1)
				}
			}
			if res, _ := (shot{path: "/api/v1/things", token: fmt.Sprint("child", child), header: header}).send(t, a); res.StatusCode != http.StatusOK {
				t.Fatalf("%s: child %d, signed in, is refused", name, child+1)
			}
		}
	}
	// One child on one device is held to ten all the same, and one who clears the
	// cookie for every try to the address's limit.
	a := guarded(t, api.Options{Limits: school})
	passed, cleared := 0, 0
	for i := range 7000 {
		s := shot{path: "/api/v1/auth/login", body: `{"learner_id": "victim"}`, header: map[string]string{"Cookie": "uhs_device=one"}}
		if i < 20 {
			if res, _ := s.send(t, a); res.StatusCode == http.StatusOK {
				passed++
			}
		}
		s.header["Cookie"] = fmt.Sprint("uhs_device=", i)
		if res, _ := s.send(t, a); res.StatusCode == http.StatusOK {
			cleared++
		}
	}
	if passed != 10 || cleared > 6000 {
		t.Errorf("%d tries on one device and %d with cleared cookies passed", passed, cleared)
	}
}

func TestOnlyTrustedProxiesSayWhoAsks(t *testing.T) {
	local, err := api.ParseProxies([]string{"0.0.0.0", " 10.0.0.0/8", ""})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		trusted bool
		said    string
		want    string
	}{
		{"nobody is trusted", false, "203.0.113.9", "0.0.0.0"},
		{"the proxy says whom it saw", true, "203.0.113.9", "203.0.113.9"},
		{"what the person wrote herself stands left of it", true, "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"two proxies", true, "198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"},
		{"nonsense", true, "rubbish, 10.1.2.3", "10.1.2.3"},
		{"nothing", true, "", "0.0.0.0"},
	} {
		o := api.Options{}
		if c.trusted {
			o.Proxies = local
		}
		_, body := shot{path: "/api/v1/things", header: map[string]string{"X-Forwarded-For": c.said}}.send(t, guarded(t, o))
		if strings.Trim(strings.TrimSpace(body), `"`) != c.want {
			t.Errorf("%s: %s, want %s", c.name, body, c.want)
		}
	}
	if _, err := api.ParseProxies([]string{"nginx"}); err == nil {
		t.Error("a name is taken for a proxy's address")
	}
}

func TestOtherSitesHearNothing(t *testing.T) {
	a := guarded(t, api.Options{Origins: []string{"https://friend.example"}})
	for _, c := range []struct {
		origin, host string
		status       int
		allowed      string
	}{
		{"", "uhs.example", 200, ""},
		{"https://uhs.example", "uhs.example", 200, ""},
		{"http://10.0.0.1:8080", "10.0.0.1:8080", 200, ""},
		{"https://friend.example", "uhs.example", 200, "https://friend.example"},
		{"https://evil.example", "uhs.example", 403, ""},
		{"https://friend.example.evil.example", "uhs.example", 403, ""},
		{"https://uhs.example.evil.example", "uhs.example", 403, ""},
		{"null", "uhs.example", 403, ""},
	} {
		header := map[string]string{"Host": c.host}
		if c.origin != "" {
			header["Origin"] = c.origin
		}
		res, body := shot{path: "/api/v1/things", header: header}.send(t, a)
		if res.StatusCode != c.status || res.Header.Get("Access-Control-Allow-Origin") != c.allowed || res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("origin %q: %d %v %s", c.origin, res.StatusCode, res.Header, body)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/api/v1/things", nil)
		r.Header.Set("Origin", c.origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		if c.origin == "" {
			continue
		}
		res, err := a.App.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		if res.Header.Get("Access-Control-Allow-Origin") != c.allowed || (res.Header.Get("Access-Control-Allow-Methods") != "") != (c.allowed != "") {
			t.Errorf("before a request from %q: %v", c.origin, res.Header)
		}
	}
}

func TestHTTPSIsOnlyInsistedOnOverHTTPS(t *testing.T) {
	proxy, err := api.ParseProxies([]string{"0.0.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o     api.Options
		proto string
		want  bool
	}{
		{api.Options{HSTS: true, Proxies: proxy}, "https", true},
		{api.Options{HSTS: true, Proxies: proxy}, "http", false},
		{api.Options{HSTS: true}, "https", false},     // anybody can write that
		{api.Options{Proxies: proxy}, "https", false}, // a school
	} {
		res, _ := shot{path: "/api/v1/things", header: map[string]string{"X-Forwarded-Proto": c.proto}}.send(t, guarded(t, c.o))
		if got := res.Header.Get("Strict-Transport-Security") != ""; got != c.want {
			t.Errorf("%+v over %s: %v", c.o, c.proto, got)
		}
	}
}

func TestNestingHasAnEnd(t *testing.T) {
	a := guarded(t, api.Options{})
	nested := func(n int) string { return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	for body, want := range map[string]int{
		nested(39): 200, nested(40): 400, nested(100_000): 400, `{"a": "` + strings.Repeat("[", 500) + `"}`: 200, `{"a": "\"` + strings.Repeat("{", 500) + `"}`: 200,
		`{"a": "x\u0000y"}`: 400, // PostgreSQL keeps no such text
	} {
		if res, _ := (shot{path: "/api/v1/things", body: body}).send(t, a); res.StatusCode != want {
			t.Errorf("%.30s…: %d, want %d", body, res.StatusCode, want)
		}
	}
}

func TestAConnectionThatDripsIsClosed(t *testing.T) {
	a := guarded(t, api.Options{HeaderTime: 300 * time.Millisecond})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- a.App.Listener(l) }()
	t.Cleanup(func() {
		_ = a.App.Shutdown()
		if err := <-served; err != nil {
			t.Log(err)
		}
	})
	for name, c := range map[string]struct{ first, drip string }{
		"its headers": {"POST /api/v1/things HTTP/1.1\r\nHost: x\r\n", "X-A: 1\r\n"},
		"its body":    {"POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", " "},
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, c.first)
		ended := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, bufio.NewReader(conn))
			close(ended)
		}()
		tick := time.NewTicker(50 * time.Millisecond)
		deadline := time.After(8 * time.Second)
	drip:
		for {
			select {
			case <-ended:
				break drip
			case <-deadline:
				t.Errorf("a connection that drips %s is still open", name)
				break drip
			case <-tick.C:
				_, _ = io.WriteString(conn, c.drip)
			}
		}
		tick.Stop()
		_ = conn.Close()
	}
}
