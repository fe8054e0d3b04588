// Package compose holds the files that run the cloud in containers. No container
// engine is needed to build or test the project, so these tests only read the
// files as the engines would.
package compose

import (
	"bytes"
	"os"
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
