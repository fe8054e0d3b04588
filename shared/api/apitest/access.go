package apitest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
)

// kinds are the columns of the page of access: the roles, and an instructor with
// each duty.
var kinds = []struct {
	name string
	who  identity.Actor
}{
	{"student", identity.Actor{Role: identity.Student}}, {"parent", identity.Actor{Role: identity.Parent}},
	{"instructor", identity.Actor{Role: identity.Instructor}}, {"head", identity.Actor{Role: identity.Instructor, Duties: []identity.Duty{identity.Head}}},
	{"bursar", identity.Actor{Role: identity.Instructor, Duties: []identity.Duty{identity.Bursar}}},
	{"site admin", identity.Actor{Role: identity.Instructor, Duties: []identity.Duty{identity.SiteAdmin}}},
	{"admin", identity.Actor{Role: identity.Admin}}, {"staff", identity.Actor{Role: identity.Staff}}, {"partner", identity.Actor{Role: identity.Partner}},
}

// EveryLoan is everything that can be lent to staff.
func EveryLoan() access.Powers {
	var p access.Powers
	for _, row := range access.Table() {
		if access.Lendable(row.Feature, access.Full) {
			p.Loans = append(p.Loans, access.Loan{Feature: row.Feature, Grade: access.Full})
		}
	}
	return p
}

// May tells whether the table, narrowed by the route's own roles, lets who in.
func May(r api.Route, who identity.Actor, p access.Powers) bool {
	if r.Public {
		return true
	}
	if who.Account == "" || len(r.Roles) > 0 && !slices.Contains(r.Roles, who.Role) {
		return false
	}
	return access.Admit(who, r.Need, p) == nil
}

// Access is the page of all routes by role.
func Access(routes []api.Route) string {
	var out strings.Builder
	out.WriteString("| route | needs |")
	for _, k := range kinds {
		out.WriteString(" " + k.name + " |")
	}
	out.WriteString("\n|---|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	var lines []string
	for _, r := range routes {
		var line strings.Builder
		fmt.Fprintf(&line, "| `%s %s` | %s |", r.Method, r.Path, needs(r))
		for _, k := range kinds {
			who := k.who
			who.Account, who.School = "somebody", "school"
			switch {
			case May(r, who, access.Powers{}):
				line.WriteString(" yes |")
			case May(r, who, EveryLoan()):
				line.WriteString(" lent |")
			default:
				line.WriteString(" – |")
			}
		}
		lines = append(lines, line.String()+"\n")
	}
	slices.Sort(lines)
	return out.String() + strings.Join(slices.Compact(lines), "")
}

func needs(r api.Route) string {
	if r.Public {
		return "nothing"
	}
	grades := []string{string(access.Full)}
	for _, g := range r.Need.Grades {
		grades = append(grades, string(g))
	}
	return string(r.Need.Feature) + ": " + strings.Join(grades, ", ")
}

// Complete fails for a route that the table does not know, and for one whose own
// roles name somebody whom the table never lets in.
func Complete(t testing.TB, routes []api.Route) {
	t.Helper()
	for _, r := range routes {
		if r.Public {
			continue
		}
		if r.Need.Feature == "" {
			t.Errorf("%s %s (%s) has no need: say in shared/access/operations.go what opens it", r.Method, r.Path, r.ID)
			continue
		}
		for _, role := range r.Roles {
			who := identity.Actor{Account: "somebody", Role: role, School: "school"}
			if role == identity.Instructor {
				who.Duties = []identity.Duty{identity.Head, identity.Bursar, identity.SiteAdmin}
			}
			if !May(r, who, EveryLoan()) {
				t.Errorf("%s %s (%s): its roles name %s, whom the table never lets in", r.Method, r.Path, r.ID, role)
			}
		}
	}
}

// decided are the operations for which more than role and duty counts, and what:
// the use-case may still say 403.
var decided = map[string]string{
	"safeguarding-alerts": "of the instructors, only the school's named adult and the head",
}

// Walker is one person on the walk.
type Walker struct {
	Name string
	Who  identity.Actor
	// Powers are what was lent to her.
	Powers access.Powers
	// Token gives an access token that is good now.
	Token func() string
	// Stranger is a person to whom every object of the walk belongs to others.
	Stranger bool
	// Classmate is a person of the walk's school who is not the walk's learner: what
	// is the learner's belongs to another.
	Classmate bool
}

// Walk calls every route as every walker and as nobody, and compares with the
// table: 401 for nobody, 403 exactly for those whom the table keeps out, and 404
// (or a complaint about the empty input) for a stranger at an object of others.
// object gives the path with the objects of the walk in the place of its
// parameters; false fails the walk.
func Walk(t *testing.T, a *api.API, walkers []Walker, object func(path string) (string, bool)) {
	t.Helper()
	seen := 0
	for _, r := range a.Routes() {
		path, ok := object(r.Path)
		if !ok {
			t.Errorf("%s %s: the walk has no object for it", r.Method, r.Path)
			continue
		}
		if got := ask(t, a, r, path, ""); !r.Public && got != http.StatusUnauthorized || got >= http.StatusInternalServerError && got != http.StatusServiceUnavailable {
			t.Errorf("%s %s as nobody: %d", r.Method, r.Path, got)
		}
		if r.Public {
			continue
		}
		for _, w := range walkers {
			seen++
			got, may := ask(t, a, r, path, w.Token()), May(r, w.Who, w.Powers)
			switch {
			case got >= http.StatusInternalServerError && got != http.StatusServiceUnavailable, got == http.StatusUnauthorized:
				t.Errorf("%s %s as %s: %d", r.Method, r.Path, w.Name, got)
			case may && got == http.StatusForbidden && decided[r.ID] != "":
			case may == (got == http.StatusForbidden):
				t.Errorf("%s %s as %s: %d, and the table lets her in: %v", r.Method, r.Path, w.Name, got, may)
			case may && w.astray(r.Path) && got != http.StatusNotFound && got != http.StatusUnprocessableEntity && got != http.StatusBadRequest:
				t.Errorf("%s %s as %s: %d for an object of others", r.Method, r.Path, w.Name, got)
			}
		}
	}
	t.Logf("%d requests on %d routes", seen, len(a.Routes()))
}

// astray tells whether a path names a school or a person that are not w's.
func (w Walker) astray(path string) bool {
	ofAPerson := strings.Contains(path, "/learners/{") || strings.Contains(path, "/children/{") || strings.Contains(path, "/users/{") || strings.Contains(path, "/people/{")
	return w.Stranger && (ofAPerson || strings.Contains(path, "/schools/{")) || w.Classmate && ofAPerson
}

// Shut calls every route with tokens that are not good here, by the name of who
// has them: what is not public answers 401, whoever it is.
func Shut(t *testing.T, a *api.API, tokens map[string]string, object func(path string) (string, bool)) {
	t.Helper()
	asked := 0
	for _, r := range a.Routes() {
		path, ok := object(r.Path)
		if !ok || r.Public {
			continue
		}
		for name, token := range tokens {
			asked++
			if got := ask(t, a, r, path, token); got != http.StatusUnauthorized {
				t.Errorf("%s %s with the token of %s: %d", r.Method, r.Path, name, got)
			}
		}
	}
	if asked == 0 {
		t.Error("nothing was asked")
	}
	t.Logf("%d requests with foreign tokens", asked)
}

func ask(t *testing.T, a *api.API, r api.Route, path, token string) int {
	t.Helper()
	body := ""
	if r.Method != http.MethodGet {
		body = "{}"
	}
	q := httptest.NewRequestWithContext(t.Context(), r.Method, path, strings.NewReader(body))
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := a.App.Test(q, -1)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// Path puts objects into a route's path: the one behind a prefix by prefixes, the
// others by their parameter's name. False when a parameter has no object.
func Path(path string, prefixes, named map[string]string) (string, bool) {
	for prefix, id := range prefixes {
		if rest, ok := strings.CutPrefix(path, prefix+"{"); ok {
			_, rest, _ = strings.Cut(rest, "}")
			path = prefix + id + rest
		}
	}
	for strings.Contains(path, "{") {
		before, rest, _ := strings.Cut(path, "{")
		name, after, _ := strings.Cut(rest, "}")
		value, ok := named[name]
		if !ok {
			return "", false
		}
		path = before + value + after
	}
	return path, true
}
