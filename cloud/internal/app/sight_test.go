package app

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/permits"
	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// What a child reads on the page "who can see what" is what the service does:
// every operation is asked as every viewer about the same learner.
func TestWhatAChildIsToldOfWhoSeesWhatIsTrue(t *testing.T) {
	w := newWalk(t)
	tokens := map[access.Viewer]func() string{}
	for _, one := range w.walkers {
		names := map[string]access.Viewer{"student": access.Herself, "parent": access.Guardian, "instructor": access.Teacher, "head": access.HerHead, "bursar": access.HerBursar,
			"site_admin": access.BoxKeeper, "admin": access.Office, "staff": access.Helper, "partner": access.Partner}
		if v, ok := names[one.Name]; ok {
			tokens[v] = one.Token
		}
	}
	tokens[access.Classmate] = w.token(w.student(w.home.ID, "classmate").Email)
	adult := w.instructor(w.home.ID, "named adult")
	need(w.domains.Identity.SetNamedAdult(t.Context(), w.admin, w.home.ID, adult.Who.Account))(t)
	tokens[access.NamedAdult] = adult.Token
	if len(tokens) != len(access.Viewers()) {
		t.Fatalf("%d viewers ask, there are %d", len(tokens), len(access.Viewers()))
	}

	asked := w.seen(tokens)
	for i, told := range access.WhoSees() {
		if got := asked[i]; !slices.Equal(got, told.By) {
			t.Errorf("%s: the service shows it to %v, a child is told %v", told.Thing, got, told.By)
		}
	}

	lent := w.account(identity.Staff, "lent staff")
	for _, f := range []access.Feature{access.Users, access.Analytics, access.Audit} {
		need(w.permits.Delegate(t.Context(), w.admin, permits.Delegation{Account: lent.Account.ID, Feature: f, Grade: access.Full, Reason: "sights",
			Until: db.Time{Time: time.Now().Add(time.Hour)}}))(t)
	}
	asked = w.seen(map[access.Viewer]func() string{access.Helper: w.token(lent.Email)})
	for i, told := range access.WhoSees() {
		want := slices.Contains(told.By, access.Helper) || slices.Contains(told.IfLent, access.Helper)
		if got := len(asked[i]) > 0; got != want {
			t.Errorf("%s, to staff with loans: the service shows it: %v, a child is told: %v", told.Thing, got, want)
		}
	}
}

// seen gives, for every sight, those of the viewers whom the service shows the
// learner's.
func (w *walk) seen(tokens map[access.Viewer]func() string) (out [][]access.Viewer) {
	w.Helper()
	routes := map[string]string{}
	a := w.routes()
	for _, r := range a.Routes() {
		routes[r.ID] = r.Path
	}
	for _, sight := range access.Sights() {
		var by []access.Viewer
		for _, v := range access.Viewers() {
			token, ok := tokens[v]
			if !ok {
				continue
			}
			shown := slices.ContainsFunc(sight.Operations, func(op string) bool {
				path, ok := w.object(routes[op])
				if !ok || routes[op] == "" {
					w.Fatalf("there is no operation %s", op)
				}
				q := httptest.NewRequestWithContext(w.Context(), http.MethodGet, path, strings.NewReader(""))
				q.Header.Set("Authorization", "Bearer "+token())
				answer, err := a.App.Test(q, -1)
				if err != nil {
					w.Fatal(err)
				}
				_ = answer.Body.Close()
				return answer.StatusCode == http.StatusOK && !w.ownOnly(op, v)
			})
			if shown {
				by = append(by, v)
			}
		}
		out = append(out, by)
	}
	return out
}

// ownOnly tells whether an operation without an object in its path answered with
// what is the viewer's own: a classmate's talk with the tutor is not the learner's.
func (w *walk) ownOnly(op string, v access.Viewer) bool {
	return op == "tutor-history" && v == access.Classmate
}
