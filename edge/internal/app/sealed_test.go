package app

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

const (
	guardianPhone = "254711555888"
	guardianName  = "Wambui Otieno"
	childsWords   = "why does zebra migration make me so sad"
)

// filesWith are the files of the box's database, and of what belongs to it, in which
// a text lies.
func (p *place) filesWith(text string) (out []string) {
	p.Helper()
	files := need(filepath.Glob(filepath.Join(p.box.config.DataDir, databaseName+"*")))(p.TB)
	if len(files) < 2 {
		p.Fatalf("only %v are there", files)
	}
	for _, f := range files {
		if bytes.Contains(need(os.ReadFile(f))(p.TB), []byte(text)) {
			out = append(out, filepath.Base(f))
		}
	}
	return out
}

func (p *place) walker(name string) string {
	p.Helper()
	for _, w := range p.walkers {
		if w.Name == name {
			return w.Token()
		}
	}
	p.Fatal("nobody is called " + name)
	return ""
}

func (p *place) call(token, method, path, body string) (int, string) {
	p.Helper()
	r := httptest.NewRequestWithContext(p.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	res := need(p.api.App.Test(r, -1))(p.TB)
	defer func() { _ = res.Body.Close() }()
	var text bytes.Buffer
	_, err := text.ReadFrom(res.Body)
	need(true, err)(p.TB)
	return res.StatusCode, text.String()
}

// live has a child ask, a family pay and a school write to its roster.
func (p *place) live() {
	p.Helper()
	guardian := identity.Guardian{ID: nowhere, Learner: p.learner, Name: guardianName, Phone: guardianPhone, Verified: true, Relationship: "mother", UpdatedAt: db.Time{Time: p.box.clock.Now()}}
	if err := p.box.db.Update(p.Context(), func(tx db.Tx) error { _, err := identity.Guardians.Put(p.Context(), tx, guardian); return err }); err != nil {
		p.Fatal(err)
	}
	ask := `{"message":"` + childsWords + `"}`
	if status, text := p.call(p.walker("student"), http.MethodPost, "/api/v1/ai-tutor/chat", ask); status != http.StatusOK {
		p.Fatalf("%d %s", status, text)
	}
}

func TestACopyOfTheDatabaseSaysNothingOfPeople(t *testing.T) {
	p := newOffice(t).place(t, "Home School")
	p.live()
	for what, text := range map[string]string{"a guardian's phone": guardianPhone, "a guardian's name": guardianName, "what a child asked": childsWords} {
		if found := p.filesWith(text); len(found) > 0 {
			t.Errorf("%s lies bare in %v", what, found)
		}
	}
	if len(p.filesWith("4 Blue")) == 0 {
		t.Error("a class, which lies bare, is not found either: this test sees nothing")
	}
	if _, text := p.call(p.walker("student"), http.MethodGet, "/api/v1/ai-tutor/history", ""); !strings.Contains(text, childsWords) {
		t.Errorf("the child does not see what she asked: %s", text)
	}
	if _, text := p.call(p.walker("instructor head"), http.MethodGet, "/api/v1/learners/"+string(p.learner)+"/guardians", ""); !strings.Contains(text, guardianName) || !strings.Contains(text, guardianPhone) {
		t.Errorf("the head does not see the guardian: %s", text)
	}
}
