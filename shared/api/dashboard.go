package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
)

// PlanItem is one thing to do today.
type PlanItem struct {
	ID              string `json:"id"`
	Title           string `json:"title"`
	Type            string `json:"type" enum:"lesson,quiz"`
	Subject         string `json:"subject"`
	DurationMinutes int    `json:"duration_minutes"`
	Priority        string `json:"priority" enum:"high,medium" doc:"high: where the learner stopped."`
	Completed       bool   `json:"completed"`
	CourseID        string `json:"course_id"`
	LessonID        string `json:"lesson_id"`
	AssessmentID    string `json:"assessment_id,omitempty"`
}

// StudentToday is the learner's first page. What no part of the platform keeps
// yet (mood, quote, experience points) is null, what is always empty a list.
type StudentToday struct {
	Greeting  string `json:"greeting"`
	PartOfDay string `json:"part_of_day" enum:"morning,afternoon,evening" doc:"For a greeting in the reader's language."`
	Date      string `json:"date"`
	DailyPlan struct {
		Items          []PlanItem `json:"items" nullable:"false"`
		ManuallyEdited bool       `json:"manually_edited"`
	} `json:"daily_plan"`
	MinutesToday int64      `json:"minutes_today"`
	Streak       StreakView `json:"streak"`
	Mood         any        `json:"mood"`
	UrgentItems  []struct{} `json:"urgent_items" nullable:"false"`
	Quote        *struct{}  `json:"quote"`
	XP           *struct{}  `json:"xp"`
}

type todayOut struct{ Body StudentToday }

// FamilyChild is one child on the parent's first page.
type FamilyChild struct {
	ID              string     `json:"id"`
	Name            string     `json:"name"`
	GradeLevel      string     `json:"grade_level"`
	AvatarURL       *string    `json:"avatar_url"`
	IsOnline        *bool      `json:"is_online" doc:"Null: not known away from the school."`
	CurrentActivity *string    `json:"current_activity"`
	MinutesToday    int64      `json:"minutes_today"`
	SessionsToday   int        `json:"sessions_today"`
	Mood            any        `json:"mood"`
	Alerts          []struct{} `json:"alerts" nullable:"false"`
	Performance     struct {
		WeeklyAverage    *float64 `json:"weekly_average" doc:"Percent, over seven days; null without attempts."`
		Trend            *string  `json:"trend" enum:"improving,stable,declining" doc:"Against the seven days before; null when one of the weeks has no attempts."`
		StrongestSubject *string  `json:"strongest_subject"`
	} `json:"performance"`
	LastActivity *time.Time `json:"last_activity"`
	AsOf         *time.Time `json:"as_of" doc:"Up to when the school's work has arrived here; null: nothing has arrived yet."`
}

// FamilyOverview is the parent's first page.
type FamilyOverview struct {
	TotalChildren      int           `json:"total_children"`
	ActiveToday        int           `json:"active_today"`
	TotalMinutesToday  int64         `json:"total_minutes_today"`
	TotalSessionsToday int           `json:"total_sessions_today"`
	Children           []FamilyChild `json:"children" nullable:"false"`
	FamilyStreak       int           `json:"family_streak"`
	WeeklyAverages     struct {
		MinutesPerDay  float64  `json:"minutes_per_day"`
		SessionsPerDay float64  `json:"sessions_per_day"`
		CompletionRate *float64 `json:"completion_rate" doc:"Percent of the lessons of all courses taken; null without courses."`
	} `json:"weekly_averages"`
	AsOf *time.Time `json:"as_of" doc:"The oldest of the children's."`
}

type overviewOut struct{ Body FamilyOverview }

// Highlight is something that a child did.
type Highlight struct {
	ID          string    `json:"id"`
	Type        string    `json:"type" enum:"quiz,lesson,course"`
	ChildID     string    `json:"child_id"`
	ChildName   string    `json:"child_name"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Icon        string    `json:"icon"`
	Score       *int64    `json:"score" doc:"For a quiz."`
	TotalPoints *int64    `json:"total_points"`
	Passed      *bool     `json:"passed"`
	Timestamp   time.Time `json:"timestamp"`
}

type highlightsOut struct {
	Body struct {
		Highlights []Highlight `json:"highlights" nullable:"false"`
		AISummary  *string     `json:"ai_summary"`
		AsOf       *time.Time  `json:"as_of"`
	}
}

// SubjectProgress is one learning area of a child.
type SubjectProgress struct {
	Name             string     `json:"name"`
	ProgressPercent  int        `json:"progress_percent"`
	AverageScore     *float64   `json:"average_score"`
	TimeSpentHours   float64    `json:"time_spent_hours"`
	LessonsCompleted int        `json:"lessons_completed"`
	TotalLessons     int        `json:"total_lessons"`
	Trend            *string    `json:"trend"`
	LastActivity     *time.Time `json:"last_activity"`
}

// ChildActivity is one of a child's newest activities.
type ChildActivity struct {
	ID          string    `json:"id"`
	Type        string    `json:"type" enum:"quiz,lesson,course"`
	Subject     string    `json:"subject"`
	Title       string    `json:"title"`
	Score       *float64  `json:"score" doc:"Percent, for a quiz."`
	Passed      *bool     `json:"passed"`
	Attempt     *int      `json:"attempt_number"`
	CompletedAt time.Time `json:"completed_at"`
}

// ChildProgress is the parent's page about one child.
type ChildProgress struct {
	ChildID         string `json:"child_id"`
	ChildName       string `json:"child_name"`
	GradeLevel      string `json:"grade_level"`
	OverallProgress struct {
		CoursesEnrolled  int      `json:"courses_enrolled"`
		CoursesCompleted int      `json:"courses_completed"`
		AverageScore     *float64 `json:"average_score"`
		TotalTimeHours   float64  `json:"total_time_hours"`
		StreakDays       int      `json:"streak_days"`
	} `json:"overall_progress"`
	Subjects         []SubjectProgress `json:"subjects" nullable:"false"`
	RecentActivities []ChildActivity   `json:"recent_activities" nullable:"false"`
	AsOf             *time.Time        `json:"as_of" doc:"Up to when the school's work has arrived here; null: nothing has arrived yet."`
}

type childProgressIn struct {
	ChildID string `path:"child_id"`
}

type childProgressOut struct{ Body ChildProgress }

func mountToday(a *API, s *assessment.Service) {
	Register(a, Op{ID: "student-today", Method: http.MethodGet, Path: "/api/v1/student/dashboard/today", Summary: "My day", Tag: "student-dashboard", Roles: []identity.Role{identity.Student}},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*todayOut, error) {
			t, err := s.Today(ctx, who)
			return &todayOut{today(t)}, err
		})
}

func mountFamily(a *API, s *assessment.Service) {
	const tag = "parent-dashboard"
	parent := []identity.Role{identity.Parent}
	Register(a, Op{ID: "family-overview", Method: http.MethodGet, Path: "/api/v1/parent/dashboard/overview", Summary: "My children today", Tag: tag, Roles: parent},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*overviewOut, error) {
			children, err := s.Children(ctx, who)
			return &overviewOut{overview(children)}, err
		})
	Register(a, Op{ID: "family-highlights", Method: http.MethodGet, Path: "/api/v1/parent/dashboard/highlights", Summary: "What my children did", Tag: tag, Roles: parent},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*highlightsOut, error) {
			children, err := s.Children(ctx, who)
			out := &highlightsOut{}
			out.Body.Highlights, out.Body.AsOf = highlights(children), oldest(children)
			return out, err
		})
	Register(a, Op{ID: "child-progress", Method: http.MethodGet, Path: "/api/v1/parent/children/{child_id}/progress", Summary: "How one child is doing", Tag: tag, Roles: parent},
		func(ctx context.Context, who identity.Actor, in *childProgressIn) (*childProgressOut, error) {
			c, err := s.Child(ctx, who, identity.AccountID(in.ChildID))
			return &childProgressOut{childProgress(c)}, err
		})
}

func today(t assessment.Today) StudentToday {
	out := StudentToday{
		Greeting: "Good " + string(t.Part) + "!", PartOfDay: string(t.Part), Date: t.Date.String(),
		MinutesToday: t.Day.Seconds / 60, Streak: streakView(t.Streak), UrgentItems: []struct{}{},
	}
	out.DailyPlan.Items = []PlanItem{}
	for _, p := range t.Plan {
		item := PlanItem{
			ID: p.ID, Title: p.Title, Type: string(p.Kind), Subject: p.Subject, DurationMinutes: p.Minutes, Priority: "medium",
			Completed: p.Completed, CourseID: string(p.CourseID), LessonID: string(p.LessonID), AssessmentID: string(p.QuizID),
		}
		if p.First {
			item.Priority = "high"
		}
		out.DailyPlan.Items = append(out.DailyPlan.Items, item)
	}
	return out
}

// week is how many days an average per day looks back.
const week = 7

func overview(children []assessment.Child) FamilyOverview {
	out := FamilyOverview{TotalChildren: len(children), Children: []FamilyChild{}, AsOf: oldest(children)}
	var days []learning.Date
	var seconds int64
	var sessions, completed, total int
	for _, c := range children {
		view := familyChild(c)
		out.Children = append(out.Children, view)
		if view.SessionsToday > 0 {
			out.ActiveToday++
		}
		out.TotalMinutesToday += view.MinutesToday
		out.TotalSessionsToday += view.SessionsToday
		last := c.Record.Between(c.Today-week+1, c.Today)
		seconds, sessions = seconds+last.Seconds, sessions+last.Sessions
		for _, d := range c.Record.Days {
			days = append(days, d.Date)
		}
		for _, t := range c.Courses {
			completed, total = completed+len(t.Progress.Completed), total+t.Progress.Total
		}
	}
	if len(children) > 0 {
		out.FamilyStreak = learning.StreakOf(days, children[0].Today).Current
	}
	out.WeeklyAverages.MinutesPerDay = tenths(float64(seconds) / 60 / week)
	out.WeeklyAverages.SessionsPerDay = tenths(float64(sessions) / week)
	if total > 0 {
		rate := tenths(100 * float64(completed) / float64(total))
		out.WeeklyAverages.CompletionRate = &rate
	}
	return out
}

func familyChild(c assessment.Child) FamilyChild {
	day := c.Record.On(c.Today)
	out := FamilyChild{
		ID: string(c.Learner.ID), Name: c.Learner.FullName, GradeLevel: c.Learner.Grade, MinutesToday: day.Seconds / 60,
		SessionsToday: day.Sessions, Alerts: []struct{}{}, LastActivity: sometime(c.Record.LastAt), AsOf: sometime(c.AsOf),
	}
	out.Performance.WeeklyAverage = roundedScore(c.WeekAverage())
	out.Performance.Trend = known(string(c.TrendOf(assessment.Everywhere)))
	out.Performance.StrongestSubject = known(c.Strongest())
	return out
}

// oldest is how old the oldest news of any child are; nil when one school was
// never heard of.
func oldest(children []assessment.Child) *time.Time {
	if len(children) == 0 {
		return nil
	}
	return sometime(slices.MinFunc(children, func(a, b assessment.Child) int { return a.AsOf.Compare(b.AsOf) }).AsOf)
}

// maxHighlights is how much news a parent's page holds.
const maxHighlights = 20

func highlights(children []assessment.Child) []Highlight {
	out := []Highlight{}
	for _, c := range children {
		for _, e := range c.Events(maxHighlights) {
			out = append(out, highlight(c, e))
		}
	}
	slices.SortStableFunc(out, func(a, b Highlight) int {
		return cmp.Or(b.Timestamp.Compare(a.Timestamp), cmp.Compare(a.ID, b.ID))
	})
	return out[:min(len(out), maxHighlights)]
}

func highlight(c assessment.Child, e assessment.Event) Highlight {
	h := Highlight{
		ID: e.ID, Type: string(e.Kind), ChildID: string(c.Learner.ID), ChildName: c.Learner.FullName, Title: e.Title, Timestamp: e.At,
	}
	switch e.Kind {
	case assessment.QuizDone:
		h.Icon, h.Description = "quiz", fmt.Sprintf("%d of %d points", e.Attempt.ScorePoints, e.Attempt.MaxPoints)
		h.Score, h.TotalPoints, h.Passed = &e.Attempt.ScorePoints, &e.Attempt.MaxPoints, &e.Attempt.Passed
	case assessment.LessonDone:
		h.Icon, h.Description = "lesson", "Lesson completed"
	case assessment.CourseDone:
		h.Icon, h.Description = "course", "Course completed"
	}
	return h
}

// maxActivities is how many activities a child's page lists.
const maxActivities = 20

func childProgress(c assessment.Child) ChildProgress {
	out := ChildProgress{
		ChildID: string(c.Learner.ID), ChildName: c.Learner.FullName, GradeLevel: c.Learner.Grade,
		Subjects: []SubjectProgress{}, RecentActivities: []ChildActivity{}, AsOf: sometime(c.AsOf),
	}
	out.OverallProgress.CoursesEnrolled, out.OverallProgress.CoursesCompleted = len(c.Courses), c.DoneCourses()
	out.OverallProgress.AverageScore = roundedScore(c.Average(0, c.Today, assessment.Everywhere))
	out.OverallProgress.TotalTimeHours = tenths(float64(c.Record.Seconds) / 3600)
	out.OverallProgress.StreakDays = c.Record.Streak.Current
	for _, s := range c.Subjects() {
		view := SubjectProgress{
			Name: s.Name, AverageScore: roundedScore(s.Average), TimeSpentHours: tenths(float64(s.Seconds) / 3600),
			LessonsCompleted: s.Completed, TotalLessons: s.Total, Trend: known(string(s.Trend)), LastActivity: sometime(s.LastAt),
		}
		if s.Total > 0 {
			view.ProgressPercent = 100 * s.Completed / s.Total
		}
		out.Subjects = append(out.Subjects, view)
	}
	for _, e := range c.Events(maxActivities) {
		view := ChildActivity{ID: e.ID, Type: string(e.Kind), Subject: e.Subject, Title: e.Title, CompletedAt: e.At}
		if e.Attempt != nil {
			percent := e.Attempt.Percent()
			view.Score, view.Passed, view.Attempt = &percent, &e.Attempt.Passed, &e.Attempt.Number
		}
		out.RecentActivities = append(out.RecentActivities, view)
	}
	return out
}

// tenths rounds to one decimal.
func tenths(f float64) float64 { return float64(int64(f*10+0.5)) / 10 }

func roundedScore(p *float64) *float64 {
	if p == nil {
		return nil
	}
	v := tenths(*p)
	return &v
}

// known is nil for the empty string.
func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
