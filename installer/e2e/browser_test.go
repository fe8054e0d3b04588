package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// shown is a question as the browser answers it.
type shown struct {
	Question string   `json:"question"`
	Type     string   `json:"type"`
	Choices  []string `json:"choices,omitempty"`
	Text     string   `json:"text,omitempty"`
}

// TestBrowser plays the pages in Chromium: a school without internet first,
// then, with the cable back, the parent's and the admin's pages at the cloud.
// UHS_SHOTS names a folder for the pictures of README.
func TestBrowser(t *testing.T) {
	if os.Getenv("UHS_BROWSER") == "" && os.Getenv("UHS_SHOTS") == "" {
		t.Skip("a part of its own: make browser")
	}
	w := theWorld(t)
	s := schoolOf(t, w, "nakuru")
	settled(t, s)
	learner := w.People().Learner("Wanjiru")
	box := learnerAt(t, w, s, "Wanjiru")
	c, err := findCourse(t.Context(), box, "grade-5-kiswahili")
	must(t, err)
	paid, err := findCourse(t.Context(), box, platformCourse)
	must(t, err)

	cut(t, s)
	play(t, "school", map[string]any{
		"base": s.Edge.URL, "course": c.ID, "lesson": c.Lessons[0].ID, "ask": "Methali ni nini?",
		"learner":   map[string]string{"className": learner.Class, "name": learner.Name, "pin": learner.PIN},
		"questions": onScreen(t, box, c),
		"bursar":    map[string]string{"email": w.People().Teacher(s.Key, "bursar").Email, "password": world.SchoolPassword},
		"pay":       map[string]string{"learner": learner.ID, "course": paid.ID},
		"look":      schoolPages(w, s.Key, learner),
	})
	must(t, s.Link.Plug())
	settled(t, s)
	play(t, "cloud", map[string]any{
		"base": w.Cloud.URL, "school": s.Name, "child": map[string]string{"id": learner.ID, "name": learner.Name},
		"parent": map[string]string{"email": w.People().Parent("Njeri").Email, "password": world.AdminPassword},
		"admin":  map[string]string{"email": world.AdminEmail, "password": world.AdminPassword},
		"look":   cloudPages(w, s, learner),
	})
}

// looker is a person whose pages axe reads; without an address or a PIN, nobody.
type looker struct {
	As        string   `json:"as"`
	Email     string   `json:"email,omitempty"`
	Password  string   `json:"password,omitempty"`
	ClassName string   `json:"className,omitempty"`
	Name      string   `json:"name,omitempty"`
	PIN       string   `json:"pin,omitempty"`
	Paths     []string `json:"paths"`
}

// schoolPages are the pages of sign-in, people and safety at a school's box.
func schoolPages(w *world.World, school string, learner world.Person) []looker {
	return []looker{
		{As: "nobody", Paths: []string{"/sign-in", "/sign-in/password", "/sign-in/school-password", "/sign-in/recovery", "/sign-in/renewal"}},
		{As: "learner", ClassName: learner.Class, Name: learner.Name, PIN: learner.PIN, Paths: []string{"/me", "/me/privacy", "/me/security", "/who-sees"}},
		{
			As: "head", Email: w.People().Teacher(school, "head").Email, Password: world.SchoolPassword,
			Paths: []string{"/class-sign-in", "/recovery-sheets", "/claim-again", "/alerts", "/learners/" + learner.ID, "/me", "/me/security", "/who-sees"},
		},
	}
}

// cloudPages are those at the cloud.
func cloudPages(w *world.World, s *world.School, learner world.Person) []looker {
	return []looker{
		{As: "nobody", Paths: []string{"/sign-in", "/register", "/forgot", "/verify-email?token=x", "/reset-password?token=x"}},
		{As: "parent", Email: w.People().Parent("Njeri").Email, Password: world.AdminPassword, Paths: []string{"/children/" + learner.ID, "/me", "/me/security", "/who-sees"}},
		{
			As: "head", Email: w.People().Teacher(s.Key, "head").Email, Password: world.AdminPassword,
			Paths: []string{"/schools/" + s.ID, "/learners/" + learner.ID, "/alerts", "/payments", "/me"},
		},
		{
			As: "admin", Email: world.AdminEmail, Password: world.AdminPassword,
			Paths: []string{
				"/", "/applications", "/office", "/office/people", "/office/people/" + learner.ID, "/office/permissions", "/office/audit", "/office/errors",
				"/alerts", "/schools/" + s.ID, "/me", "/me/security",
			},
		},
	}
}

// onScreen is the first quiz of the course with its right answers, as a person
// sees them: the words of the options.
func onScreen(t *testing.T, c *world.Client, k course) []shown {
	t.Helper()
	var full struct {
		Data struct {
			Questions []struct {
				question
				Options []struct{ ID, Text string } `json:"options"`
			} `json:"questions"`
		}
	}
	must(t, c.Get(t.Context(), "/api/v1/assessments/"+k.Lessons[0].AssessmentID, &full))
	right := keys(t, filepath.Join("..", "content", k.Slug))
	var out []shown
	for _, q := range full.Data.Questions {
		s := shown{Question: q.Question, Type: q.Type}
		for field, value := range right[q.Question] {
			if field == "numeric_answer" || field == "text_answer" {
				s.Text = fmt.Sprint(value)
				continue
			}
			chosen, ok := value.([]any)
			if !ok {
				chosen = []any{value}
			}
			for _, o := range q.Options {
				for _, id := range chosen {
					if o.ID == id {
						s.Choices = append(s.Choices, o.Text)
					}
				}
			}
		}
		if s.Text == "" && len(s.Choices) == 0 {
			t.Fatalf("no answer for %q", q.Question)
		}
		out = append(out, s)
	}
	return out
}

// play runs the browser's part.
func play(t *testing.T, part string, input map[string]any) {
	t.Helper()
	input["shots"] = os.Getenv("UHS_SHOTS")
	b, err := json.Marshal(input)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", filepath.Join("browser", "pages.mjs"), part)
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
