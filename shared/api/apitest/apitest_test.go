package apitest_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/api/apitest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
)

type bodyA struct{ Body struct{ Name string } }

func serving(op api.Op) *api.API {
	a := api.New(api.Options{Name: "Test", Version: "7", Log: logging.Discard()})
	api.Register(a, op, func(context.Context, identity.Actor, *struct {
		ID string `path:"id"`
	},
	) (*bodyA, error) {
		return &bodyA{}, nil
	})
	a.App.Post("/plain/:x", func(c *fiber.Ctx) error { return nil })
	return a
}

func TestRoutesSayWhoMayCall(t *testing.T) {
	const path = "/api/v1/things/{id}"
	for want, op := range map[string]api.Op{
		"admin,staff": {ID: "a", Method: "GET", Path: path, Roles: []identity.Role{identity.Staff, identity.Admin}},
		"signed in":   {ID: "b", Method: "GET", Path: path},
		"public":      {ID: "c", Method: "GET", Path: path, Public: true},
	} {
		lines := strings.Split(apitest.Routes(serving(op)), "\n")
		found := map[string]string{}
		for _, l := range lines {
			if f := strings.Fields(l); len(f) > 2 {
				found[f[1]+" "+f[0]] += strings.Join(f[2:], " ")
			}
		}
		if got := found["GET "+path]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := found["POST /plain/:x"]; got != "plain" {
			t.Errorf("the plain route is %q", got)
		}
		if got := found["GET /api/v1/things/:id"]; got != "" {
			t.Errorf("the operation is listed twice: %q", got)
		}
	}
}

func TestMergingRefusesTwoMeaningsOfOneName(t *testing.T) {
	one := []byte(`{"openapi":"3.1.0","info":{"title":"x","version":"dev"},"paths":{"/a":{"get":{"operationId":"a"}}},"components":{"schemas":{"S":{"type":"string"}}}}`)
	two := []byte(`{"openapi":"3.1.0","info":{"title":"x","version":"1.2"},"paths":{"/a":{"put":{"operationId":"b"}}},"components":{"schemas":{"S":{"type":"string"},"T":{}}}}`)
	merged, err := apitest.Merge(one, two)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Info       map[string]string
		Paths      map[string]map[string]any
		Components map[string]map[string]any
	}
	if err := json.Unmarshal(merged, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Paths["/a"]) != 2 || len(doc.Components["schemas"]) != 2 || doc.Info["version"] != "1" {
		t.Errorf("got %s", merged)
	}
	for name, other := range map[string]string{
		"a schema":     strings.Replace(string(two), `"S":{"type":"string"}`, `"S":{"type":"integer"}`, 1),
		"an operation": strings.Replace(string(two), `"put":{"operationId":"b"}`, `"get":{"operationId":"b"}`, 1),
	} {
		if _, err := apitest.Merge(one, []byte(other)); err == nil {
			t.Errorf("%s with two meanings was merged", name)
		}
	}
}

// record takes failures instead of failing.
type record struct {
	testing.TB

	failures []string
}

func (r *record) Helper()                      {}
func (r *record) Errorf(f string, args ...any) { r.failures = append(r.failures, f) }

func TestGoldenNoticesEveryDifference(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.golden")
	yes, no := true, false
	for name, c := range map[string]struct {
		file, code string
		same       bool
	}{
		"equal": {"a\nb\n", "a\nb\n", true}, "a line more": {"a\n", "a\nb\n", false}, "a line less": {"a\nb\n", "a\n", false}, "no file": {"", "a\n", false},
	} {
		_ = os.Remove(path)
		if c.file != "" {
			apitest.Golden(t, path, []byte(c.file), &yes)
		}
		r := &record{TB: t}
		apitest.Golden(r, path, []byte(c.code), &no)
		if (len(r.failures) == 0) != c.same {
			t.Errorf("%s: %v", name, r.failures)
		}
	}
}
