package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// The courses the tests use, by slug.
const (
	freeCourse       = "grade-4-mathematics"
	instructorCourse = "grade-6-science-and-technology"
	platformCourse   = "saving-money"
)

type lessonHead struct {
	ID           string `json:"id"`
	Title        string `json:"title"`
	AssessmentID string `json:"assessment_id"`
}

type course struct {
	ID      string       `json:"id"`
	Slug    string       `json:"slug"`
	Title   string       `json:"title"`
	Price   float64      `json:"price"`
	Lessons []lessonHead `json:"lessons"`
}

// findCourse reads a course with its lessons by slug.
func findCourse(ctx context.Context, c *world.Client, slug string) (out course, err error) {
	var list struct {
		Courses []course `json:"courses"`
	}
	if err := c.Get(ctx, "/api/v1/courses/?limit=100", &list); err != nil {
		return out, err
	}
	for _, k := range list.Courses {
		if k.Slug == slug {
			return out, c.Get(ctx, "/api/v1/courses/"+k.ID, &out)
		}
	}
	return out, fmt.Errorf("the course %s is not on the shelf", slug)
}

type question struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Question string `json:"question"`
}

type quiz struct {
	ID        string     `json:"id"`
	Edition   int64      `json:"edition"`
	Title     string     `json:"title"`
	Questions []question `json:"questions"`
}

// result is what a learner is told after a quiz.
type result struct {
	AttemptID   string    `json:"attempt_id"`
	Score       int64     `json:"score"`
	TotalPoints int64     `json:"total_points"`
	Percentage  float64   `json:"percentage"`
	Passed      bool      `json:"passed"`
	SubmittedAt time.Time `json:"submitted_at"`
	Results     []struct {
		QuestionID  string `json:"question_id"`
		Correct     bool   `json:"correct"`
		Explanation string `json:"explanation"`
	} `json:"results"`
}

func readQuiz(ctx context.Context, c *world.Client, id string) (quiz, error) {
	var out struct{ Data quiz }
	return out.Data, c.Get(ctx, "/api/v1/assessments/"+id, &out)
}

func submit(ctx context.Context, c *world.Client, q quiz, attempt string, answers []map[string]any) (result, error) {
	var out struct{ Data result }
	err := c.Post(ctx, "/api/v1/assessments/"+q.ID+"/submit",
		map[string]any{"answers": answers, "attempt_id": attempt, "edition": q.Edition, "time_spent_seconds": 90}, &out)
	return out.Data, err
}

// keys are the right answers by prompt, read from the sources of a course: the
// test knows them as a teacher would, not from the server.
func keys(t *testing.T, dir string) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "lessons", "*.quiz.yaml"))
	must(t, err)
	out := map[string]map[string]any{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(t, err)
		var source struct {
			Questions []struct {
				Kind   string `yaml:"kind"`
				Prompt string `yaml:"prompt"`
				Answer any    `yaml:"answer"`
			} `yaml:"questions"`
		}
		must(t, yaml.Unmarshal(b, &source))
		for _, q := range source.Questions {
			field := map[string]string{"single": "selected_option", "multiple": "selected_options", "numeric": "numeric_answer", "short_text": "text_answer"}[q.Kind]
			answer := q.Answer
			if list, ok := answer.([]any); ok && q.Kind == "short_text" {
				answer = list[0]
			}
			out[strings.TrimSpace(q.Prompt)] = map[string]any{field: answer}
		}
	}
	return out
}

// rightAnswers answers every question of the quiz from the sources.
func rightAnswers(t *testing.T, q quiz, from map[string]map[string]any) []map[string]any {
	t.Helper()
	var out []map[string]any
	for _, question := range q.Questions {
		key, ok := from[strings.TrimSpace(question.Question)]
		if !ok {
			t.Fatalf("no key for the question %q", question.Question)
		}
		answer := map[string]any{"question_id": question.ID}
		maps.Copy(answer, key)
		out = append(out, answer)
	}
	return out
}

// newID is a random UUID, as the page makes one for each attempt.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// learnerAt signs a learner in at the school's box.
func learnerAt(t *testing.T, w *world.World, s *world.School, name string) *world.Client {
	t.Helper()
	who := w.People().Learner(name)
	c := world.NewClient(s.Edge.URL)
	must(t, c.SignInPIN(t.Context(), who.ID, who.PIN))
	return c
}

// bursarAt signs the bursar in at the school's box, with the school password.
func bursarAt(t *testing.T, w *world.World, s *world.School) *world.Client {
	t.Helper()
	c := world.NewClient(s.Edge.URL)
	must(t, c.SignIn(t.Context(), w.People().Teacher(s.Key, "bursar").Email, world.SchoolPassword))
	return c
}

func parentOf(t *testing.T, w *world.World, name string) *world.Client {
	t.Helper()
	c := world.NewClient(w.Cloud.URL)
	must(t, c.SignIn(t.Context(), w.People().Parent(name).Email, world.AdminPassword))
	return c
}

func schoolOf(t *testing.T, w *world.World, key string) *world.School {
	t.Helper()
	s, err := w.School(key)
	must(t, err)
	return s
}

// cut takes the internet away and waits until the box knows.
func cut(t *testing.T, s *world.School) {
	t.Helper()
	s.Link.Cut()
	await(t, "the box notices that the internet is gone", func(ctx context.Context) (bool, error) {
		st, err := s.Status(ctx)
		return st.Link == "down", err
	})
}

// settled waits until nothing at the box waits for the cloud.
func settled(t *testing.T, s *world.School) {
	t.Helper()
	await(t, "nothing waits at "+s.Name, func(ctx context.Context) (bool, error) {
		st, err := s.Status(ctx)
		return st.Link == "up" && st.Waiting == 0, err
	})
}
