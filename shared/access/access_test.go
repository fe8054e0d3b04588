package access_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/identity"
)

var roles = []identity.Role{identity.Student, identity.Parent, identity.Instructor, identity.Admin, identity.Staff, identity.Partner}

// The published matrix, written down a second time: row by row, in the order of
// the roles above.
func TestTheEightPublishedRowsAreAsPublished(t *testing.T) {
	published := map[access.Feature][6]access.Grade{
		"ai_tutor_chat":      {"full", "", "", "manage", "", ""},
		"course_enrollment":  {"full", "view_child", "", "full", "view", "sponsor"},
		"course_creation":    {"", "", "full", "full", "create", ""},
		"payment_initiation": {"full", "full", "payout", "full", "", "full"},
		"forum_access":       {"full", "read", "full", "moderate", "moderate", "read"},
		"analytics":          {"own", "view_child", "own", "full", "delegated", "own"},
		"user_management":    {"", "view_child", "own", "full", "delegated", ""},
		"ai_provider_config": {"", "", "", "full", "", ""},
	}
	found := 0
	for _, r := range access.Table() {
		want, ok := published[r.Feature]
		if !ok {
			continue
		}
		found++
		for i, role := range roles {
			var got access.Grade
			if len(r.Roles[role]) > 0 {
				got = r.Roles[role][0]
			}
			if got != want[i] {
				t.Errorf("%s, %s: %q, published is %q", r.Feature, role, got, want[i])
			}
		}
	}
	if found != len(published) {
		t.Errorf("%d of the published features are in the table", found)
	}
}

func actor(role identity.Role, duties ...identity.Duty) identity.Actor {
	return identity.Actor{Account: "a", Role: role, School: "s", Duties: duties}
}

func TestWhoIsAdmitted(t *testing.T) {
	view := access.Need{Feature: access.Users, Grades: []access.Grade{access.View}}
	lent := access.Powers{Loans: []access.Loan{{Feature: access.Users, Grade: access.View}}}
	for name, c := range map[string]struct {
		who  identity.Actor
		need access.Need
		p    access.Powers
		want error
	}{
		"nobody":                                  {identity.Actor{}, view, access.Powers{}, identity.ErrNobody},
		"an admin":                                {actor(identity.Admin), view, access.Powers{}, nil},
		"staff without a loan":                    {actor(identity.Staff), view, access.Powers{}, identity.ErrForbidden},
		"staff with a loan":                       {actor(identity.Staff), view, lent, nil},
		"staff with a loan that is too small":     {actor(identity.Staff), access.Need{Feature: access.Users, Grades: []access.Grade{access.Manage}}, lent, identity.ErrForbidden},
		"staff with a loan of another feature":    {actor(identity.Staff), access.Need{Feature: access.Audit, Grades: []access.Grade{access.View}}, lent, identity.ErrForbidden},
		"a loan to somebody who is not staff":     {actor(identity.Partner), view, lent, identity.ErrForbidden},
		"a loan where nothing can be lent":        {actor(identity.Staff), access.Need{Feature: access.Permissions}, access.Powers{Loans: []access.Loan{{Feature: access.Permissions, Grade: access.Full}}}, identity.ErrForbidden},
		"a student's tutor":                       {actor(identity.Student), access.Need{Feature: access.Tutor}, access.Powers{}, nil},
		"managing is not chatting":                {actor(identity.Admin), access.Need{Feature: access.Tutor}, access.Powers{}, identity.ErrForbidden},
		"restricted":                              {actor(identity.Student), access.Need{Feature: access.Tutor}, access.Powers{Restricted: []access.Feature{access.Tutor}}, access.ErrRestricted},
		"restricted elsewhere":                    {actor(identity.Student), access.Need{Feature: access.Enrolment}, access.Powers{Restricted: []access.Feature{access.Tutor}}, nil},
		"a bursar pays for a family":              {actor(identity.Instructor, identity.Bursar), access.Need{Feature: access.Payments}, access.Powers{}, nil},
		"a teacher does not":                      {actor(identity.Instructor), access.Need{Feature: access.Payments}, access.Powers{}, identity.ErrForbidden},
		"a head reads her school's log":           {actor(identity.Instructor, identity.Head), access.Need{Feature: access.Audit, Grades: []access.Grade{access.Own}}, access.Powers{}, nil},
		"a duty without a school is none":         {identity.Actor{Account: "a", Role: identity.Instructor, Duties: []identity.Duty{identity.Head}}, access.Need{Feature: access.Audit, Grades: []access.Grade{access.Own}}, access.Powers{}, identity.ErrForbidden},
		"a duty on another role is none":          {actor(identity.Parent, identity.Head), access.Need{Feature: access.Audit, Grades: []access.Grade{access.Own}}, access.Powers{}, identity.ErrForbidden},
		"a feature that is not in the table":      {actor(identity.Admin), access.Need{Feature: "x"}, access.Powers{}, identity.ErrForbidden},
		"an operation without a need opens never": {actor(identity.Admin), access.Need{}, access.Powers{}, identity.ErrForbidden},
	} {
		if err := access.Admit(c.who, c.need, c.p); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestEveryOperationNamesAFeatureOfTheTable(t *testing.T) {
	var features []access.Feature
	for _, r := range access.Table() {
		features = append(features, r.Feature)
	}
	for id, n := range access.Operations() {
		if !slices.Contains(features, n.Feature) {
			t.Errorf("%s needs %q, which is not in the table", id, n.Feature)
		}
		if slices.Contains(n.Grades, access.Delegated) {
			t.Errorf("%s: delegated is not a grade to ask for", id)
		}
	}
	if access.Lendable(access.Permissions, access.View) || access.Lendable(access.Users, access.Own) || !access.Lendable(access.Users, access.View) || access.Restrictable(access.Account) {
		t.Error("what can be lent or taken away is not as it should be")
	}
}

// The tests of the two binaries say that every route has a row here. This is the
// other way round: a row of no route says that something is open which is not there.
// Both documents of the API are held up to date by those tests.
func TestEveryRowHasARoute(t *testing.T) {
	there := map[string]bool{}
	for _, file := range []string{"../web/src/api/openapi.json", "../../edge/internal/app/openapi.golden"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Paths map[string]map[string]struct {
				ID string `json:"operationId"`
			} `json:"paths"`
		}
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		for _, methods := range doc.Paths {
			for _, op := range methods {
				there[op.ID] = true
			}
		}
	}
	if len(there) < 150 {
		t.Fatalf("only %d operations", len(there))
	}
	for id := range access.Operations() {
		if !there[id] {
			t.Errorf("%s is in the table and no route of the cloud or of a box", id)
		}
	}
}
