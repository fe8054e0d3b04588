package web_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/cloud/internal/fleet/packs"
	"urbanhomeschool.org/uhs/cloud/internal/web"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
)

// office is the licences' routes over a real cloud, with a course published
// before any school had a box.
type office struct {
	*fleettest.Cloud
	api    *api.API
	course packs.Edition
	tokens map[identity.Role]string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{Cloud: fleettest.New(t), tokens: map[identity.Role]string{}}
	store, err := pack.OpenStore(t.TempDir())
	o.Must(err)
	p, err := packs.New(packs.Options{
		DB: o.DB, Store: store, Signer: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)), Secret: []byte("a secret for tests only"),
		Clock: o.Clock, Log: logging.Discard(), School: o.People.School,
		Instructor: func(context.Context, db.Tx, string) (identity.AccountID, error) { return fleettest.Admin.Account, nil },
		Holders: func(ctx context.Context, tx db.Tx) (out []packs.Holder, err error) {
			boxes, err := fleet.Recipients(ctx, tx)
			for school, recipient := range boxes {
				out = append(out, packs.Holder{School: identity.SchoolID(school), Recipient: recipient})
			}
			return out, err
		},
	})
	o.Must(err)
	o.course, err = p.Publish(t.Context(), course())
	o.Must(err)
	o.api = api.New(api.Options{Name: "Test", Version: "test", Log: logging.Discard(), Verify: o.People.Verify})
	web.MountLicences(o.api, p)
	for _, role := range []identity.Role{identity.Admin, identity.Staff, identity.Parent} {
		email := string(role) + "@example.org"
		_, err := o.People.CreateAccount(t.Context(), fleettest.Admin, identity.Registration{Email: email, Password: "A-long-password-123", Role: role, FullName: "Somebody"})
		o.Must(err)
		tokens, err := o.People.SignIn(t.Context(), email, "A-long-password-123")
		o.Must(err)
		o.tokens[role] = tokens.Access
	}
	return o
}

func course() fs.FS {
	return fstest.MapFS{
		"course.yaml": {Data: []byte("slug: counting\ntitle: Counting\ndescription: About it.\ngrade: Grade 6\nlearning_area: Mathematics\n" +
			"curriculum: KICD-2024\nlanguage: en\nowner: instructor\ninstructor_email: teacher@example.org\nprice_minor: 50000\ncurrency: KES\n" +
			"strands:\n  - title: Numbers\n    sub_strands:\n      - {title: Whole numbers, competencies: [self-efficacy], lessons: [one]}\n")},
		"lessons/one.md":        {Data: []byte("---\ntitle: One\nminutes: 10\noutcomes: [I can count]\n---\n\n## Count\n\nOne.\n")},
		"lessons/one.quiz.yaml": {Data: []byte("title: Quiz\npass_percent: 50\nquestions:\n  - {id: q1, kind: numeric, prompt: \"1 + 1?\", answer: 2, explanation: \"Count on.\"}\n")},
	}
}

func (o *office) call(role identity.Role, method string, school identity.SchoolID, body string, out any) (status int, code string) {
	o.T.Helper()
	r := httptest.NewRequest(method, "/api/v1/schools/"+string(school)+"/licences", bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+o.tokens[role])
	resp, err := o.api.App.Test(r, -1)
	o.Must(err)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 300 {
		o.Must(json.NewDecoder(resp.Body).Decode(out))
		return resp.StatusCode, ""
	}
	var p struct{ Code string }
	o.Must(json.NewDecoder(resp.Body).Decode(&p))
	return resp.StatusCode, p.Code
}

func TestALicenceIsGivenToASchoolWithABox(t *testing.T) {
	o := newOffice(t)
	school := o.School("LODWAR-1")
	this := `{"course_id":"` + string(o.course.CourseID) + `"}`
	const nobody = "00000000-0000-7000-8000-000000000000"
	var list struct{ Licences []web.Licence }
	var one web.Licence

	if n, _ := o.call(identity.Staff, http.MethodGet, school.ID, "", &list); n != http.StatusOK || list.Licences == nil || len(list.Licences) != 0 {
		t.Fatalf("before: %d %+v", n, list)
	}
	if n, code := o.call(identity.Admin, http.MethodPost, school.ID, this, &one); n != http.StatusConflict || code != "school_without_box" {
		t.Errorf("without a box: %d %s", n, code)
	}
	b := o.Box()
	if p := b.Claim(o.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	if n, code := o.call(identity.Admin, http.MethodPost, school.ID, this, &one); n != http.StatusCreated || one.Edition != 1 || one.Title != o.course.Title {
		t.Errorf("with a box: %d %s %+v", n, code, one)
	}
	first := one.At
	o.Clock.Advance(60 * 1e9)
	if n, _ := o.call(identity.Admin, http.MethodPost, school.ID, this, &one); n != http.StatusCreated || !one.At.Equal(first) {
		t.Errorf("again: %d, at %v, first %v", n, one.At, first)
	}
	if n, _ := o.call(identity.Admin, http.MethodGet, school.ID, "", &list); n != http.StatusOK || len(list.Licences) != 1 || list.Licences[0] != one {
		t.Errorf("after: %d %+v", n, list)
	}

	for name, x := range map[string]struct {
		role         identity.Role
		method, body string
		school       identity.SchoolID
		status       int
		code         string
	}{
		"an unknown course":         {identity.Admin, http.MethodPost, `{"course_id":"` + nobody + `"}`, school.ID, 404, "course_not_published"},
		"an unknown school":         {identity.Admin, http.MethodPost, this, nobody, 404, "no_such_school"},
		"the list of no school":     {identity.Admin, http.MethodGet, "", nobody, 404, "no_such_school"},
		"staff may not give":        {identity.Staff, http.MethodPost, this, school.ID, 403, "forbidden"},
		"parents may not even look": {identity.Parent, http.MethodGet, "", school.ID, 403, "forbidden"},
	} {
		if n, code := o.call(x.role, x.method, x.school, x.body, &one); n != x.status || code != x.code {
			t.Errorf("%s: %d %q, want %d %q", name, n, code, x.status, x.code)
		}
	}
}
