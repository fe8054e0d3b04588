package compose

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
)

// secretSettings are the cloud's settings that are secrets, as its source has
// them; the program itself cannot be imported here.
func secretSettings(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "cloud/internal/app/config.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok || field.Tag == nil {
			return true
		}
		raw, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			t.Fatal(err)
		}
		if tag := reflect.StructTag(raw); tag.Get("secret") == "true" {
			out = append(out, tag.Get("env"))
		}
		return true
	})
	if len(out) < 10 {
		t.Fatalf("found only %v", out)
	}
	return out
}

// A secret that cannot be set in a container is the same in every installation,
// or cannot be changed after it leaked.
func TestEverySecretCanBeSetInProduction(t *testing.T) {
	secrets := secretSettings(t)
	env := []string{"PUBLIC_URL=https://uhs.example.org", "NATS_PUBLIC_URL=tls://uhs.example.org:7422", "POSTGRES_PASSWORD=set"}
	for _, name := range secrets {
		env = append(env, name+"=set")
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(root, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range secrets {
		if name == "DATABASE_URL" { // made of POSTGRES_PASSWORD
			name = "POSTGRES_PASSWORD"
		} else if got := project.Services["cloud"].Environment[name]; got == nil || *got != "set" {
			t.Errorf("docker-compose.yml does not hand %s to the cloud", name)
		}
		if !regexp.MustCompile(`(?m)^` + name + `=$`).Match(example) {
			t.Errorf(".env.example has no %s, or gives it a value that many would keep", name)
		}
	}
}
