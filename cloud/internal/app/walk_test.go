package app

import (
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/permits"
	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/api/apitest"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
)

const goodWord = "Sunny-Day-2026"

// walk is a cloud with two schools, and people of every kind.
type walk struct {
	*testing.T
	*core

	admin       identity.Actor
	home, other identity.School
	learner     identity.Account
	walkers     []apitest.Walker
}

func need[V any](v V, err error) func(*testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	k := need(open(t.Context(), Config{
		DatabaseURL: dbtest.PostgresURL(t), SecretKey: strings.Repeat("k", 40), DataDir: t.TempDir(), PublicURL: "http://127.0.0.1:1", LeafAddr: "127.0.0.1:0",
		Environment: "development", Demo: true, LogLevel: "error", BcryptCost: 4, PaymentFresh: "10m",
	}, io.Discard))(t)
	t.Cleanup(k.pool.Close)
	if err := k.addNetwork(); err != nil {
		t.Fatal(err)
	}
	w := &walk{T: t, core: k}
	first := need(k.domains.Identity.CreateFirstAdmin(t.Context(), "first@uhs.example", goodWord, "First Admin"))(t)
	w.admin = identity.Actor{Account: first.Account.ID, Role: identity.Admin}
	w.home = need(k.domains.Identity.CreateSchool(t.Context(), w.admin, identity.NewSchool{Name: "Home School", County: "Kisumu"}))(t)
	w.other = need(k.domains.Identity.CreateSchool(t.Context(), w.admin, identity.NewSchool{Name: "Other School", County: "Kisumu"}))(t)
	w.populate()
	return w
}

func (w *walk) account(role identity.Role, name string) identity.Person {
	w.Helper()
	return need(w.domains.Identity.CreateAccount(w.Context(), w.admin, identity.Registration{Email: strings.ReplaceAll(name, " ", ".") + "@uhs.example", Password: goodWord, Role: role, FullName: name}))(w.T)
}

// add lets a person walk, signed in with her own password.
func (w *walk) add(p identity.Person, school identity.SchoolID, duties ...identity.Duty) *apitest.Walker {
	w.Helper()
	w.walkers = append(w.walkers, apitest.Walker{
		Name: p.Account.FullName, Who: identity.Actor{Account: p.Account.ID, Role: p.Account.Role, School: school, Duties: duties},
		Token: w.token(p.Email),
	})
	return &w.walkers[len(w.walkers)-1]
}

// token signs in again whenever the walk has ended the session.
func (w *walk) token(email string) func() string {
	access := ""
	return func() string {
		w.Helper()
		if access != "" {
			if _, err := w.domains.Identity.Verify(w.Context(), access); err == nil {
				return access
			}
		}
		access = need(w.domains.Identity.SignIn(w.Context(), email, goodWord))(w.T).Access
		return access
	}
}

func (w *walk) instructor(school identity.SchoolID, name string, duties ...identity.Duty) *apitest.Walker {
	w.Helper()
	p := w.account(identity.Instructor, name)
	need(w.domains.Identity.AddInstructor(w.Context(), w.admin, school, identity.NewInstructor{Account: p.Account.ID, Duties: duties}))(w.T)
	return w.add(p, school, duties...)
}

func (w *walk) student(school identity.SchoolID, name string) identity.Person {
	w.Helper()
	p := w.account(identity.Student, name)
	need(w.domains.Identity.AddLearner(w.Context(), w.admin, school, identity.NewLearner{Account: p.Account.ID, FullName: name, Grade: "Grade 4", ClassName: "4 Blue"}))(w.T)
	return p
}

func (w *walk) populate() {
	w.Helper()
	child, otherChild := w.student(w.home.ID, "student"), w.student(w.other.ID, "other student")
	w.learner = child.Account
	w.add(child, w.home.ID)
	w.add(otherChild, w.other.ID).Stranger = true
	for name, of := range map[string]struct {
		school  identity.SchoolID
		learner identity.AccountID
	}{"parent": {w.home.ID, child.Account.ID}, "other parent": {w.other.ID, otherChild.Account.ID}} {
		p := w.account(identity.Parent, name)
		need(w.domains.Identity.LinkGuardian(w.Context(), w.admin, of.school, identity.NewGuardian{Learner: of.learner, Parent: p.Account.ID, Relationship: "mother"}))(w.T)
		w.add(p, "").Stranger = of.school == w.other.ID
	}
	w.instructor(w.home.ID, "instructor")
	for _, duty := range []identity.Duty{identity.Head, identity.Bursar, identity.SiteAdmin} {
		w.instructor(w.home.ID, string(duty), duty)
		w.instructor(w.other.ID, "other "+string(duty), duty).Stranger = true
	}
	for _, role := range []identity.Role{identity.Admin, identity.Staff, identity.Partner} {
		w.add(w.account(role, string(role)), "")
	}
	lent := w.account(identity.Staff, "staff with loans")
	for _, l := range apitest.EveryLoan().Loans {
		need(w.permits.Delegate(w.Context(), w.admin, permits.Delegation{Account: lent.Account.ID, Feature: l.Feature, Grade: l.Grade, Reason: "the walk",
			Until: db.Time{Time: time.Now().Add(time.Hour)}}))(w.T)
	}
	w.add(lent, "").Powers = apitest.EveryLoan()
}

// nowhere is an id that nothing has.
const nowhere = "00000000-0000-7000-8000-00000000dead"

// object puts the home school and its learner into a path.
func (w *walk) object(path string) (string, bool) {
	school, learner := string(w.home.ID), string(w.learner.ID)
	named := maps.Clone(parameters)
	named["learner"] = learner
	return apitest.Path(path, map[string]string{"/api/v1/schools/": school, "/api/v1/fleet/": school, "/api/v1/learners/": learner, "/api/v1/people/": learner, "/api/v1/parent/children/": learner,
		"/api/v1/admin/users/": learner, "/api/v1/staff/users/": learner, "/api/v1/instructors/": nowhere}, named)
}

// parameters stand for objects that are nobody's.
var parameters = map[string]string{
	"app_id": nowhere, "code": "x", "photo": "x", "id": nowhere, "assessment_id": nowhere, "course_id": nowhere, "lesson_id": nowhere, "enrollment_id": nowhere, "transaction_ref": "X", "held": "1", "lane": "4",
	"guardian": nowhere, "change": nowhere, "merge": nowhere, "child": nowhere, "restriction": nowhere, "token": "x", "secret": "x", "epoch": "1", "seq": "1", "class": "x", "n": "1", "name": "x", "file": "x", "kind": "x",
}

func TestEveryRouteLetsInWhomTheTableLetsIn(t *testing.T) {
	w := newWalk(t)
	apitest.Walk(t, w.routes(), w.walkers, w.object)
}

func TestEveryRouteIsInTheTable(t *testing.T) { apitest.Complete(t, mounted().routes().Routes()) }

func TestThePageOfAccessIsUpToDate(t *testing.T) {
	var page strings.Builder
	page.WriteString("# Who may do what\n\nGenerated from shared/access (`make generate`). The routes of a school's box are in `access-school.md`.\n\n" +
		"## The table\n\nGrades by role and, for instructors at their own school, by duty. *Full* opens everything; *delegated* is what an\nadmin lends to a member of staff for a time. " +
		"Whether an object is somebody else's is another question: the answer is\n404, as if it did not exist.\n\n")
	columns := []string{"student", "parent", "instructor", "admin", "staff", "partner"}
	duties := []string{"head", "bursar", "site_admin"}
	page.WriteString("| feature | " + strings.Join(columns, " | ") + " | " + strings.Join(duties, " | ") + " |\n|---|" + strings.Repeat("---|", len(columns)+len(duties)) + "\n")
	cell := func(grades []access.Grade) string {
		if len(grades) == 0 {
			return " – |"
		}
		return " " + strings.ReplaceAll(string(grades[0]), "_", " ") + " |"
	}
	for _, row := range access.Table() {
		fmt.Fprintf(&page, "| %s |", row.Name)
		for _, c := range columns {
			page.WriteString(cell(row.Roles[identity.Role(c)]))
		}
		for _, d := range duties {
			page.WriteString(cell(row.Duties[identity.Duty(d)]))
		}
		page.WriteString("\n")
	}
	page.WriteString("\n## Routes of the cloud\n\n*lent*: only with a delegation.\n\n" + apitest.Access(mounted().routes().Routes()))
	apitest.Golden(t, "../../../docs/access.md", []byte(page.String()), write)
}
