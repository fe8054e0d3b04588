package app

import (
	"net/http"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/api/apitest"
)

func TestEveryOperationOfABoxIsDescribedWhole(t *testing.T) {
	n := apitest.Described(t, mounted().setupAPI(func() {})) + apitest.Described(t, mounted().schoolAPI(&school{}))
	if n < 100 {
		t.Errorf("only %d operations are described", n)
	}
}

// A file of a person is of the one whom the address names, for the reason it names.
func TestTheBoxGivesThePersonOfTheAddress(t *testing.T) {
	p := newOffice(t).place(t, "Home School")
	path := "/api/v1/people/" + string(p.learner) + "/personal-data"
	for what, ask := range map[string]struct {
		who, path string
		status    int
	}{
		"a head with a reason": {"instructor head", path + "?reason=asked+by+letter", http.StatusOK},
		"a head without one":   {"instructor head", path, http.StatusUnprocessableEntity},
		"a classmate":          {"classmate", path, http.StatusNotFound},
		"herself":              {"student", "/api/v1/people/me/personal-data", http.StatusOK},
	} {
		status, text := p.call(p.walker(ask.who), http.MethodGet, ask.path, "")
		if status != ask.status || status == http.StatusOK && !strings.Contains(text, string(p.learner)) {
			t.Errorf("%s: %d %.300s", what, status, text)
		}
	}
}
