package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// schoolDay is a small school behind the API: the token is the account's id.
type schoolDay struct {
	t      *testing.T
	api    *api.API
	course catalogue.Content
}

const dayOf = "2026-11-04T09:00:00Z" // a Wednesday, noon in Nairobi

var (
	pupil   = identity.Actor{Account: "00000000-0000-4000-8000-00000000000a", Role: identity.Student, School: "s1"}
	parent  = identity.Actor{Account: "00000000-0000-4000-8000-00000000000c", Role: identity.Parent}
	teacher = identity.Actor{Account: "00000000-0000-4000-8000-00000000000d", Role: identity.Instructor, School: "s1"}
)

type forgetful struct{}

func (forgetful) Record(context.Context, db.Tx, syncer.Change) error { return nil }

type unpaid struct{}

func (unpaid) CanOpen(context.Context, db.Tx, identity.Actor, catalogue.CourseID) (bool, error) {
	return false, nil
}

type heardOf struct{ at time.Time }

func (h heardOf) AsOf(context.Context, db.Tx, string) (time.Time, error) { return h.at, nil }

func newSchoolDay(t *testing.T) *schoolDay {
	t.Helper()
	noon, err := time.Parse(time.RFC3339, dayOf)
	if err != nil {
		t.Fatal(err)
	}
	at, now := db.Time{Time: noon}, clock.NewFake(noon)
	d := syncer.WithJournal(dbtest.SQLite(t), forgetful{})
	people := identity.New(identity.Options{DB: d, Clock: now})
	courses := catalogue.New(catalogue.Options{DB: d, Access: unpaid{}, Enrolments: learning.Counts{}})
	l := learning.New(learning.Options{DB: d, Clock: now, Access: courses, People: people, Practice: assessment.Sittings{}})
	s := assessment.New(assessment.Options{DB: d, Clock: now, Log: slog.New(slog.DiscardHandler), Access: courses, Learning: l, Families: people, Freshness: heardOf{noon.Add(-time.Hour)}})
	day := &schoolDay{t: t, course: oneLesson(at)}
	actors := map[string]identity.Actor{}
	err = d.Update(t.Context(), func(tx db.Tx) error {
		if _, err := identity.Schools.Put(t.Context(), tx, identity.School{ID: "s1", Name: "School", Code: "S", CreatedAt: at, UpdatedAt: at}); err != nil {
			return err
		}
		for _, who := range []identity.Actor{pupil, parent, teacher} {
			actors[string(who.Account)] = who
			a := identity.Account{ID: who.Account, Role: who.Role, FullName: "Amina Otieno", Status: identity.Active, School: who.School, CreatedAt: at, UpdatedAt: at}
			if _, err := identity.Accounts.Put(t.Context(), tx, a); err != nil {
				return err
			}
		}
		g := identity.Guardian{ID: id.New(), Learner: pupil.Account, Account: parent.Account, Name: "Mama", UpdatedAt: at}
		if _, err := identity.Guardians.Put(t.Context(), tx, g); err != nil {
			return err
		}
		return catalogue.Install(t.Context(), tx, day.course)
	})
	if err != nil {
		t.Fatal(err)
	}
	day.api = api.New(api.Options{Name: "test", Log: slog.New(slog.DiscardHandler), Verify: func(_ context.Context, token string) (identity.Actor, error) {
		who, ok := actors[token]
		if !ok {
			return identity.Actor{}, identity.ErrNobody
		}
		return who, nil
	}})
	api.MountLearning(day.api, l)
	api.MountAssessment(day.api, s)
	return day
}

func oneLesson(at db.Time) catalogue.Content {
	c := catalogue.CourseIDOf("fractions")
	lesson, quiz := catalogue.LessonIDOf(c, "halves"), catalogue.QuizIDOf(c, "halves")
	return catalogue.Content{
		Course:  catalogue.Course{ID: c, Slug: "fractions", Title: "Fractions", Grade: "Grade 4", LearningArea: "Mathematics", Owner: catalogue.OwnerPlatform, Currency: "KES", Edition: 1, PublishedAt: at},
		Lessons: []catalogue.Lesson{{LessonSummary: catalogue.LessonSummary{ID: lesson, CourseID: c, Slug: "halves", Title: "Halves", Minutes: 30, QuizID: quiz}}},
		Quizzes: []catalogue.Quiz{{
			QuizForm: catalogue.QuizForm{ID: quiz, CourseID: c, LessonID: lesson, Edition: 1, Title: "Halves quiz", PassPercent: 50, Questions: []catalogue.Question{
				{ID: "q1", Kind: catalogue.SingleChoice, Prompt: "Half of four?", Options: []catalogue.Option{{ID: "a", Text: "one"}, {ID: "b", Text: "two"}}},
				{ID: "q2", Kind: catalogue.Numeric, Prompt: "Half of 24?"},
			}},
			Keys: []catalogue.Key{{QuestionID: "q1", Options: []string{"b"}, Explanation: "two and two"}, {QuestionID: "q2", Value: 12, Explanation: "twelve and twelve"}},
		}},
	}
}

// call sends body (or nothing) as who and gives status and answer.
func (s *schoolDay) call(who identity.Actor, method, path, body string) (int, map[string]any, string) {
	s.t.Helper()
	req := httptest.NewRequest(method, path, bytes.NewBufferString(body))
	req.Header.Set("Authorization", "Bearer "+string(who.Account))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := s.api.App.Test(req, -1)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var out map[string]any
	_ = json.Unmarshal(raw, &out) // a list stays text
	return res.StatusCode, out, string(raw)
}

// dig walks a JSON answer by keys and indices.
func dig(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func TestLearningRoutes(t *testing.T) {
	s := newSchoolDay(t)
	course := "/api/v1/courses/" + string(s.course.Course.ID)
	lesson := string(s.course.Lessons[0].ID)

	var enrolment string
	t.Run("enrolling needs no body and gives the published fields", func(t *testing.T) {
		status, out, raw := s.call(pupil, http.MethodPost, course+"/enroll", "")
		if status != http.StatusOK || out["status"] != "active" || out["progress"] != 0.0 || out["student_id"] != string(pupil.Account) {
			t.Fatalf("%d %s", status, raw)
		}
		enrolment = out["id"].(string)
		for _, field := range []string{"payment_id", "payment_amount", "rating", "review", "completed_at"} {
			if v, ok := out[field]; !ok || v != nil {
				t.Errorf("%s is %v", field, v)
			}
		}
	})
	t.Run("a published body is taken too", func(t *testing.T) {
		if status, _, raw := s.call(pupil, http.MethodPost, course+"/enroll", `{"payment_id":null}`); status != http.StatusOK {
			t.Errorf("%d %s", status, raw)
		}
	})
	t.Run("opening a lesson and its time", func(t *testing.T) {
		if status, _, raw := s.call(pupil, http.MethodPost, course+"/lessons/"+lesson+"/open", ""); status != http.StatusOK {
			t.Errorf("%d %s", status, raw)
		}
		if status, out, raw := s.call(pupil, http.MethodPost, course+"/lessons/"+lesson+"/time", `{"seconds":120}`); status != http.StatusOK || out["total_time_spent_minutes"] != 2.0 {
			t.Errorf("%d %s", status, raw)
		}
	})
	t.Run("completing the only lesson completes the course", func(t *testing.T) {
		status, out, raw := s.call(pupil, http.MethodPost, "/api/v1/courses/enrollments/"+enrolment+"/complete-lesson", `{"lesson_id":"`+lesson+`","time_spent_minutes":8}`)
		if status != http.StatusOK || out["status"] != "completed" || out["progress"] != 100.0 || out["total_time_spent_minutes"] != 10.0 || dig(out, "completed_lessons", 0) != lesson {
			t.Errorf("%d %s", status, raw)
		}
	})
	t.Run("impossible time is marked at its field", func(t *testing.T) {
		status, out, raw := s.call(pupil, http.MethodPost, "/api/v1/courses/enrollments/"+enrolment+"/complete-lesson", `{"lesson_id":"`+lesson+`","time_spent_minutes":-8}`)
		if status != http.StatusUnprocessableEntity || fmt.Sprint(dig(out, "errors", 0, "loc")) != "[body time_spent_minutes]" {
			t.Errorf("%d %s", status, raw)
		}
	})
	t.Run("enrolments are listed by status", func(t *testing.T) {
		if status, _, raw := s.call(pupil, http.MethodGet, "/api/v1/courses/my-enrollments?status_filter=completed", ""); status != http.StatusOK || !strings.Contains(raw, enrolment) {
			t.Errorf("%d %s", status, raw)
		}
		if _, _, raw := s.call(pupil, http.MethodGet, "/api/v1/courses/my-enrollments?status_filter=active", ""); strings.TrimSpace(raw) != "[]" {
			t.Errorf("got %s", raw)
		}
	})
	t.Run("the teacher sees the class and the learner", func(t *testing.T) {
		status, out, raw := s.call(teacher, http.MethodGet, "/api/v1/schools/s1/progress", "")
		if status != http.StatusOK || dig(out, "learners", 0, "courses", 0, "progress_percent") != 100.0 {
			t.Errorf("%d %s", status, raw)
		}
		status, out, raw = s.call(teacher, http.MethodGet, "/api/v1/learners/"+string(pupil.Account)+"/progress", "")
		if status != http.StatusOK || dig(out, "streak", "current") != 1.0 {
			t.Errorf("%d %s", status, raw)
		}
	})
	t.Run("a parent may not enrol herself, nobody may do anything", func(t *testing.T) {
		if status, _, raw := s.call(parent, http.MethodPost, course+"/enroll", ""); status != http.StatusForbidden {
			t.Errorf("%d %s", status, raw)
		}
		if status, _, raw := s.call(identity.Actor{Account: "x"}, http.MethodPost, course+"/enroll", ""); status != http.StatusUnauthorized {
			t.Errorf("%d %s", status, raw)
		}
	})
}

func TestAssessmentRoutes(t *testing.T) {
	s := newSchoolDay(t)
	quiz := "/api/v1/assessments/" + string(s.course.Quizzes[0].ID)
	attempt := id.New()
	submit := `{"attempt_id":"` + attempt + `","answers":[{"question_id":"q1","selected_option":"b"},{"question_id":"q2","numeric_answer":12}],"time_spent_seconds":60}`

	t.Run("before submitting no answer or explanation leaves the server", func(t *testing.T) {
		for _, path := range []string{"/api/v1/assessments/", "/api/v1/assessments", quiz} {
			status, _, raw := s.call(pupil, http.MethodGet, path, "")
			if status != http.StatusOK || strings.Contains(raw, "two and two") || strings.Contains(raw, "explanation") || strings.Contains(raw, "correct") {
				t.Errorf("%s: %d %s", path, status, raw)
			}
		}
	})
	t.Run("the quiz has the published fields", func(t *testing.T) {
		_, out, raw := s.call(pupil, http.MethodGet, quiz, "")
		if out["status"] != "success" || dig(out, "data", "total_points") != 2.0 || dig(out, "data", "passing_score") != 50.0 || dig(out, "data", "questions", 0, "options", 1, "text") != "two" {
			t.Errorf("got %s", raw)
		}
	})
	t.Run("wrong shapes are marked at their place and store nothing", func(t *testing.T) {
		status, out, raw := s.call(pupil, http.MethodPost, quiz+"/submit", `{"answers":[{"question_id":"q1","selected_option":"b"},{"question_id":"q2","text_answer":"secret words"}]}`)
		if status != http.StatusUnprocessableEntity || fmt.Sprint(dig(out, "errors", 0, "loc")) != "[body answers 1 text_answer]" || strings.Contains(raw, "secret") {
			t.Errorf("%d %s", status, raw)
		}
		if status, _, raw := s.call(pupil, http.MethodPost, quiz+"/submit", `{"answers":[{"question_id":"q2","numeric_answer":"12"}]}`); status != http.StatusUnprocessableEntity {
			t.Errorf("%d %s", status, raw)
		}
		if status, _, raw := s.call(pupil, http.MethodGet, quiz+"/grade", ""); status != http.StatusNotFound {
			t.Errorf("%d %s", status, raw)
		}
	})
	t.Run("submitting gives marks and explanations, twice the same", func(t *testing.T) {
		for range 2 {
			status, out, raw := s.call(pupil, http.MethodPost, quiz+"/submit", submit)
			if status != http.StatusOK || dig(out, "data", "submission_id") != attempt || dig(out, "data", "percentage") != 100.0 ||
				dig(out, "data", "attempt_number") != 1.0 || dig(out, "data", "results", 0, "explanation") != "two and two" {
				t.Errorf("%d %s", status, raw)
			}
		}
	})
	t.Run("grade and list agree", func(t *testing.T) {
		_, out, raw := s.call(pupil, http.MethodGet, quiz+"/grade", "")
		if dig(out, "data", "answers", "q2") != 12.0 || dig(out, "data", "assessment_title") != "Halves quiz" {
			t.Errorf("got %s", raw)
		}
		_, out, raw = s.call(pupil, http.MethodGet, "/api/v1/assessments/my-submissions", "")
		if dig(out, "data", "submissions", 0, "submission_id") != attempt || dig(out, "data", "pagination", "total_items") != 1.0 {
			t.Errorf("got %s", raw)
		}
		_, out, raw = s.call(pupil, http.MethodGet, "/api/v1/assessments/my-submissions?page=9", "")
		if l, ok := dig(out, "data", "submissions").([]any); !ok || len(l) != 0 {
			t.Errorf("got %s", raw)
		}
	})
	t.Run("the learner's day shows what is done, and null for what nobody keeps", func(t *testing.T) {
		status, out, raw := s.call(pupil, http.MethodGet, "/api/v1/student/dashboard/today", "")
		if status != http.StatusOK || dig(out, "streak", "current") != 1.0 || dig(out, "daily_plan", "items", 0, "completed") != true || out["part_of_day"] != "afternoon" {
			t.Errorf("%d %s", status, raw)
		}
		for _, field := range []string{"mood", "quote", "xp"} {
			if v, ok := out[field]; !ok || v != nil {
				t.Errorf("%s is %v", field, v)
			}
		}
	})
	t.Run("the parent sees the attempt with its as-of time", func(t *testing.T) {
		status, out, raw := s.call(parent, http.MethodGet, "/api/v1/parent/children/"+string(pupil.Account)+"/progress", "")
		if status != http.StatusOK || out["as_of"] != "2026-11-04T08:00:00Z" || dig(out, "recent_activities", 0, "score") != 100.0 || dig(out, "subjects", 0, "name") != "Mathematics" {
			t.Errorf("%d %s", status, raw)
		}
		status, out, raw = s.call(parent, http.MethodGet, "/api/v1/parent/dashboard/overview", "")
		if status != http.StatusOK || out["active_today"] != 1.0 || out["total_minutes_today"] != 1.0 || dig(out, "children", 0, "performance", "weekly_average") != 100.0 || dig(out, "children", 0, "as_of") != "2026-11-04T08:00:00Z" {
			t.Errorf("%d %s", status, raw)
		}
		status, out, raw = s.call(parent, http.MethodGet, "/api/v1/parent/dashboard/highlights", "")
		if status != http.StatusOK || dig(out, "highlights", 0, "id") != attempt || dig(out, "highlights", 0, "description") != "2 of 2 points" {
			t.Errorf("%d %s", status, raw)
		}
	})
	t.Run("a child that is not hers does not exist for a parent", func(t *testing.T) {
		if status, _, raw := s.call(parent, http.MethodGet, "/api/v1/parent/children/"+string(teacher.Account)+"/progress", ""); status != http.StatusNotFound {
			t.Errorf("%d %s", status, raw)
		}
	})
}
