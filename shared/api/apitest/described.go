package apitest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/api"
)

var named = regexp.MustCompile(`\{(\w+)\}`)

// Described fails where the document of a leaves out what a client, or a tool that
// reads it, has to know: a parameter of the path, which then is not read either; the
// ends of a number in the query, which the databases have too; what a refusal looks
// like. It gives how many operations there are.
func Described(t testing.TB, a *api.API) (operations int) {
	t.Helper()
	doc := map[string]any{}
	raw, err := Document(a)
	if err == nil {
		err = json.Unmarshal(raw, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	paths := object(doc["paths"])
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for method, op := range object(paths[path]) {
			operations++
			for _, wrong := range undescribed(path, object(op)) {
				t.Errorf("%s %s: %s", strings.ToUpper(method), path, wrong)
			}
		}
	}
	return operations
}

func undescribed(path string, op map[string]any) (wrong []string) {
	missing := map[string]bool{}
	for _, m := range named.FindAllStringSubmatch(path, -1) {
		missing[m[1]] = true
	}
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		p := object(p)
		name, _ := p["name"].(string)
		schema := object(p["schema"])
		switch {
		case p["in"] == "path":
			delete(missing, name)
		case p["in"] == "query" && schema["type"] == "integer" && (schema["minimum"] == nil || schema["maximum"] == nil):
			wrong = append(wrong, name+" has no least or no most")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		wrong = append(wrong, name+" of the path is not read")
	}
	if object(object(op["responses"])["default"])["content"] == nil {
		wrong = append(wrong, "it does not say what a refusal looks like")
	}
	return wrong
}
