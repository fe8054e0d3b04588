package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/api/apitest"
)

func TestEveryOperationIsDescribedWhole(t *testing.T) {
	if n := apitest.Described(t, mounted().routes()); n < 180 {
		t.Errorf("only %d operations are described", n)
	}
}

// A file of a person is of the one whom the address names, for the reason it names.
func TestTheCloudGivesThePersonOfTheAddress(t *testing.T) {
	w := newWalk(t)
	a, tokens := w.routes(), map[string]func() string{}
	for _, one := range w.walkers {
		tokens[one.Name] = one.Token
	}
	path := "/api/v1/people/" + string(w.learner.ID) + "/personal-data"
	for what, ask := range map[string]struct {
		who, path string
		status    int
		has       string
	}{
		"herself":                 {"student", "/api/v1/people/me/personal-data", http.StatusOK, "student@uhs.example"},
		"her parent":              {"parent", path, http.StatusOK, "student@uhs.example"},
		"her parent, a zip":       {"parent", path + "?format=zip", http.StatusOK, "PK"},
		"another child's parent":  {"other parent", path, http.StatusNotFound, ""},
		"an admin with a reason":  {"admin", path + "?reason=asked+by+letter", http.StatusOK, "student@uhs.example"},
		"an admin without a word": {"admin", path, http.StatusUnprocessableEntity, ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, ask.path, nil)
		r.Header.Set("Authorization", "Bearer "+tokens[ask.who]())
		res := need(a.App.Test(r, -1))(t)
		text := string(need(io.ReadAll(res.Body))(t))
		_ = res.Body.Close()
		if res.StatusCode != ask.status || !strings.Contains(text, ask.has) {
			t.Errorf("%s: %d %.300s", what, res.StatusCode, text)
		}
	}
}
