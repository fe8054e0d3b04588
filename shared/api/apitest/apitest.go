// Package apitest writes down what a binary serves, its routes and its OpenAPI
// document, and compares that with the files in the repository. It is for tests:
// a route that appears, goes, or changes who may call it shows in a diff.
package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/api"
)

// parameter is {id} in huma's paths, :id in Fiber's.
var parameter = regexp.MustCompile(`\{(\w+)\}`)

// Routes lists every route of a: method, path, and who may call it. A plain
// route stands beside the operations and checks its callers itself.
func Routes(a *api.API) string {
	var lines []string
	known := map[string]bool{}
	for _, r := range a.Routes() {
		known[r.Method+" "+parameter.ReplaceAllString(r.Path, ":$1")] = true
		lines = append(lines, line(r.Path, r.Method, callers(r)))
	}
	for _, r := range a.App.GetRoutes(true) {
		path := strings.TrimSuffix(r.Path, "/")
		if r.Method == http.MethodHead || known[r.Method+" "+r.Path] || known[r.Method+" "+path] {
			continue
		}
		lines = append(lines, line(r.Path, r.Method, "plain"))
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "")
}

func line(path, method, callers string) string {
	return fmt.Sprintf("%-62s %-6s %s\n", path, method, callers)
}

func callers(r api.Route) string {
	switch {
	case r.Public:
		return "public"
	case len(r.Roles) == 0:
		return "signed in"
	}
	var roles []string
	for _, role := range r.Roles {
		roles = append(roles, string(role))
	}
	slices.Sort(roles)
	return strings.Join(roles, ",")
}

// document is an OpenAPI document as far as merging must know it.
type document struct {
	OpenAPI    string                    `json:"openapi"`
	Info       map[string]any            `json:"info"`
	Paths      map[string]map[string]any `json:"paths"`
	Components map[string]map[string]any `json:"components"`
	Servers    []any                     `json:"servers,omitempty"`
}

// Document is the OpenAPI document of a.
func Document(a *api.API) ([]byte, error) { return json.Marshal(a.Huma.OpenAPI()) }

// Merge joins documents into one. Operations and schemas that several of them
// have must be equal: the web app has one set of types for both sides. The
// result does not depend on the build's version.
func Merge(docs ...[]byte) ([]byte, error) {
	out := document{Paths: map[string]map[string]any{}, Components: map[string]map[string]any{}}
	var problems []error
	for _, raw := range docs {
		var d document
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("read a document: %w", err)
		}
		out.OpenAPI = d.OpenAPI
		out.Info = map[string]any{"title": d.Info["title"], "version": "1"}
		problems = append(problems, join(out.Paths, d.Paths)...)
		problems = append(problems, join(out.Components, d.Components)...)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(out, "", "  ")
	return append(b, '\n'), err
}

func join(into, from map[string]map[string]any) (problems []error) {
	for group, members := range from {
		if into[group] == nil {
			into[group] = map[string]any{}
		}
		for name, value := range members {
			if have, ok := into[group][name]; ok && !reflect.DeepEqual(have, value) {
				problems = append(problems, fmt.Errorf("%s: %s differs between the two sides", group, name))
				continue
			}
			into[group][name] = value
		}
	}
	return problems
}

// Golden compares got with the file at path; with write it writes the file
// instead. The flag to say so is named in what a failure prints.
func Golden(t testing.TB, path string, got []byte, write *bool) {
	t.Helper()
	if *write {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	t.Errorf("%s is out of date: %s\nread the difference; if it is meant, run `make generate`", path, firstDifference(string(want), string(got)))
}

// firstDifference shows the first line that differs, with its number.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		var a, b string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n  file: %s\n  code: %s", i+1, a, b)
		}
	}
	return "only the end differs"
}
