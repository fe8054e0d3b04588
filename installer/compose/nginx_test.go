package compose

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// proxy is nginx with its files, which the names of our services do not reach here:
// they become addresses of the loopback.
type proxy struct{ program, dir string }

func newProxy(t *testing.T, listen, cloud string) proxy {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("nginx is missing: apt-get install nginx-light")
			}
			t.Skip("nginx is not installed: apt-get install nginx-light")
		}
	}
	p := proxy{program, t.TempDir()}
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.NewReplacer("/etc/nginx/uhs/", p.dir+"/", "cloud:8000", cloud, "listen 80 ", "listen "+listen+" ").Replace(string(b))
	}
	write := func(name, body string) {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("routes.conf", read("routes.conf"))
	write("uhs.conf", read("nginx.conf"))
	dir := p.dir
	write("nginx.conf", "daemon off; master_process off; pid "+dir+"/pid; error_log stderr; events {} http { access_log off; client_body_temp_path "+dir+
		"; proxy_temp_path "+dir+"; fastcgi_temp_path "+dir+"; uwsgi_temp_path "+dir+"; scgi_temp_path "+dir+"; include "+dir+"/uhs.conf; }\n")
	return p
}

func (p proxy) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, p.program, append(args, "-c", filepath.Join(p.dir, "nginx.conf"))...)
}

func TestNginxAcceptsItsFiles(t *testing.T) {
	out, err := newProxy(t, "127.0.0.1:18080", "127.0.0.1:8000").command(t.Context(), "-t").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A school at eight o'clock has one address. A program that floods has one, too.
func TestASchoolBehindOneAddressPassesNginxAndAFloodDoesNot(t *testing.T) {
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	defer cloud.Close()
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	nginx := newProxy(t, listen, strings.TrimPrefix(cloud.URL, "http://")).command(t.Context())
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = nginx.Process.Kill(), nginx.Wait() }()

	send := func(path string) (int, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listen+path, strings.NewReader("{}"))
		if err != nil {
			return 0, err
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	for range 100 {
		if _, err = send("/api/v1/things"); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}

	// wave sends so many requests, as fast as 20 phones can, and counts the refused.
	wave := func(n int) (refused int64) {
		var left, no atomic.Int64
		left.Store(int64(n))
		done := make(chan error)
		for range 20 {
			go func() {
				for left.Add(-1) >= 0 {
					status, err := send("/api/v1/auth/login")
					if err == nil && status != http.StatusOK && status != http.StatusTooManyRequests {
						err = fmt.Errorf("status %d", status)
					}
					if err != nil {
						done <- err
						return
					}
					if status == http.StatusTooManyRequests {
						no.Add(1)
					}
				}
				done <- nil
			}()
		}
		for range 20 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		return no.Load()
	}
	if refused := wave(60 * 3); refused > 0 {
		t.Errorf("60 children with three tries each: %d are refused", refused)
	}
	if refused := wave(3000); refused < 1000 {
		t.Errorf("of a flood of 3000 only %d are refused", refused)
	}
}
