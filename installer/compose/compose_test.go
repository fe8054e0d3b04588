// Package compose holds the files that run the cloud in containers. No container
// engine is needed to build or test the project, so these tests only read the
// files as the engines would.
package compose

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

const root = "../.."

func TestTheComposeFileIsValid(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithEnv([]string{
		"POSTGRES_PASSWORD=x", "SECRET_KEY=x", "PUBLIC_URL=https://uhs.example.org", "NATS_PUBLIC_URL=tls://uhs.example.org:7422",
	}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := project.ServiceNames(); !slices.Equal(got, []string{"cloud", "nginx", "postgres"}) {
		t.Errorf("services %v", got)
	}
	for name, s := range project.Services {
		if s.HealthCheck == nil || len(s.HealthCheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
	}
	for _, v := range project.Services["nginx"].Volumes {
		if _, err := os.Stat(v.Source); v.Type == "bind" && err != nil {
			t.Errorf("nginx mounts what is not there: %v", err)
		}
	}
}

func TestWithoutItsSecretsTheComposeFileIsRefused(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithEnv(nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := options.LoadProject(t.Context()); err == nil || !strings.Contains(err.Error(), "set it in .env") {
		t.Errorf("got %v", err)
	}
}

func TestTheDockerfilesAreValid(t *testing.T) {
	files, err := filepath.Glob("*.Dockerfile")
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		t.Run(f, func(t *testing.T) {
			body, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := parser.Parse(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			stages, _, err := instructions.Parse(tree.AST, linter.New(&linter.Config{}))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range stages {
				for _, c := range s.Commands {
					checkSources(t, c)
				}
			}
		})
	}
}

// checkSources looks that what is copied from the repository is there.
func checkSources(t *testing.T, c instructions.Command) {
	t.Helper()
	copied, ok := c.(*instructions.CopyCommand)
	if !ok || copied.From != "" {
		return
	}
	for _, source := range copied.SourcePaths {
		if _, err := os.Stat(filepath.Join(root, source)); err != nil {
			t.Errorf("it copies what is not there: %v", err)
		}
	}
}

// nginx itself reads its files; the names of our services do not exist here, so
// they become the loopback.
func TestNginxAcceptsItsFiles(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("nginx is missing: apt-get install nginx-light")
			}
			t.Skip("nginx is not installed: apt-get install nginx-light")
		}
	}
	dir := t.TempDir()
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.NewReplacer("/etc/nginx/uhs/", dir+"/", "cloud:8000", "127.0.0.1:8000", "listen 80 ", "listen 127.0.0.1:18080 ").Replace(string(b))
	}
	write := func(name, body string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("routes.conf", read("routes.conf"))
	write("uhs.conf", read("nginx.conf"))
	write("nginx.conf", "pid "+dir+"/pid; error_log stderr; events {} http { access_log off; client_body_temp_path "+dir+"; proxy_temp_path "+dir+
		"; fastcgi_temp_path "+dir+"; uwsgi_temp_path "+dir+"; scgi_temp_path "+dir+"; include "+dir+"/uhs.conf; }\n")
	out, err := exec.CommandContext(t.Context(), nginx, "-t", "-c", filepath.Join(dir, "nginx.conf")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
