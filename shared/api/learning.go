package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
)

// Enrollment is a course that a learner takes, with her progress in it.
type Enrollment struct {
	ID        string `json:"id"`
	StudentID string `json:"student_id"`
	CourseID  string `json:"course_id"`
	Status    string `json:"status" enum:"active,completed"`
	// Progress is the percentage of the course's lessons that are completed.
	Progress              float64    `json:"progress"`
	CompletedLessons      []string   `json:"completed_lessons" nullable:"false"`
	TotalTimeSpentMinutes int64      `json:"total_time_spent_minutes"`
	PaymentID             *string    `json:"payment_id" doc:"Always null: payments are listed under /payments."`
	PaymentAmount         *float64   `json:"payment_amount" doc:"Always null: payments are listed under /payments."`
	Rating                *int       `json:"rating" doc:"Null: not rated."`
	Review                *string    `json:"review" doc:"Null: not reviewed."`
	EnrolledAt            time.Time  `json:"enrolled_at"`
	CompletedAt           *time.Time `json:"completed_at"`

	CourseTitle  string      `json:"course_title" doc:"Empty while the course is not on this server."`
	LearningArea string      `json:"learning_area"`
	TotalLessons int         `json:"total_lessons"`
	LastActivity *time.Time  `json:"last_activity"`
	NextLesson   *NextLesson `json:"next_lesson" doc:"Where to go on; null when every lesson is completed."`
}

// TransformSchema implements huma.SchemaTransformer.
func (Enrollment) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return mayBeNull(s, "next_lesson")
}

// NextLesson is where a learner goes on.
type NextLesson struct {
	ID              string `json:"id"`
	Title           string `json:"title"`
	DurationMinutes int    `json:"duration_minutes"`
}

// ClassMember is one learner of a class with her courses.
type ClassMember struct {
	LearnerID  string        `json:"learner_id"`
	Name       string        `json:"name"`
	GradeLevel string        `json:"grade_level"`
	ClassName  string        `json:"class_name"`
	Courses    []ClassCourse `json:"courses" nullable:"false"`
}

// ClassCourse is how far one learner of a class is in one course.
type ClassCourse struct {
	CourseID         string     `json:"course_id"`
	Title            string     `json:"title"`
	LearningArea     string     `json:"learning_area"`
	ProgressPercent  int        `json:"progress_percent"`
	LessonsCompleted int        `json:"lessons_completed"`
	TotalLessons     int        `json:"total_lessons"`
	MinutesSpent     int64      `json:"minutes_spent"`
	LastActivity     *time.Time `json:"last_activity"`
}

// StreakView is a run of days of learning.
type StreakView struct {
	Current    int    `json:"current"`
	Longest    int    `json:"longest"`
	StreakType string `json:"streak_type" doc:"learning_days: school days with any learning; weekends do not break it."`
}

type enrollmentOut struct{ Body Enrollment }

type enrollmentsOut struct{ Body []Enrollment }

type classProgressOut struct {
	Body struct {
		SchoolID string        `json:"school_id"`
		Learners []ClassMember `json:"learners" nullable:"false"`
	}
}

type learnerProgressOut struct {
	Body struct {
		LearnerID   string       `json:"learner_id"`
		Name        string       `json:"name"`
		GradeLevel  string       `json:"grade_level"`
		Streak      StreakView   `json:"streak"`
		Enrollments []Enrollment `json:"enrollments" nullable:"false"`
	}
}

type enrollIn struct {
	CourseID string `path:"course_id"`
	Body     *struct {
		PaymentID *string `json:"payment_id,omitempty" doc:"Accepted and not needed: the server knows what is paid."`
	} `required:"false"`
}

type myEnrollmentsIn struct {
	Status string `query:"status_filter" enum:"active,completed" doc:"Only enrolments in this state."`
}

type completeLessonIn struct {
	EnrollmentID string `path:"enrollment_id"`
	Body         struct {
		LessonID         string `json:"lesson_id"`
		TimeSpentMinutes int64  `json:"time_spent_minutes,omitempty" minimum:"0" maximum:"720"`
	}
}

type openLessonIn struct {
	CourseID string `path:"course_id"`
	LessonID string `path:"lesson_id"`
}

type spendTimeIn struct {
	CourseID string `path:"course_id"`
	LessonID string `path:"lesson_id"`
	Body     struct {
		Seconds    int64  `json:"seconds" minimum:"0" maximum:"43200"`
		ActivityID string `json:"activity_id,omitempty" doc:"A UUID made by the page, so that a report sent twice counts once."`
	}
}

type courseProgressIn struct {
	CourseID string `path:"course_id"`
}

type classProgressIn struct {
	SchoolID string `path:"school_id"`
	Class    string `query:"class_name"`
}

type learnerProgressIn struct {
	LearnerID string `path:"learner_id"`
}

// MountLearning adds enrolments, progress and the class list. Mount it before
// the catalogue: Fiber takes the first route that fits, and
// /courses/my-enrollments also fits /courses/{course_id}.
func MountLearning(a *API, s *learning.Service) {
	const tag = "courses"
	student := []identity.Role{identity.Student}
	Register(a, Op{ID: "my-enrollments", Method: http.MethodGet, Path: "/api/v1/courses/my-enrollments", Summary: "My courses", Tag: tag, Roles: student},
		func(ctx context.Context, who identity.Actor, in *myEnrollmentsIn) (*enrollmentsOut, error) {
			taken, err := s.ListEnrolments(ctx, who)
			return &enrollmentsOut{enrollments(taken, in.Status)}, err
		})
	Register(a, Op{ID: "complete-lesson", Method: http.MethodPost, Path: "/api/v1/courses/enrollments/{enrollment_id}/complete-lesson", Summary: "I completed a lesson", Tag: tag, Roles: student},
		func(ctx context.Context, who identity.Actor, in *completeLessonIn) (*enrollmentOut, error) {
			taken, err := s.CompleteLesson(ctx, who, learning.EnrolmentID(in.EnrollmentID),
				learning.Work{LessonID: catalogue.LessonID(in.Body.LessonID), Seconds: in.Body.TimeSpentMinutes * 60})
			return &enrollmentOut{enrollment(taken)}, err
		})
	Register(a, Op{ID: "enroll", Method: http.MethodPost, Path: "/api/v1/courses/{course_id}/enroll", Summary: "Take a course", Tag: tag, Roles: student},
		func(ctx context.Context, who identity.Actor, in *enrollIn) (*enrollmentOut, error) {
			taken, err := s.Enrol(ctx, who, catalogue.CourseID(in.CourseID))
			return &enrollmentOut{enrollment(taken)}, err
		})
	Register(a, Op{ID: "course-progress", Method: http.MethodGet, Path: "/api/v1/courses/{course_id}/progress", Summary: "My progress in a course", Tag: tag, Roles: student},
		func(ctx context.Context, who identity.Actor, in *courseProgressIn) (*enrollmentOut, error) {
			taken, err := s.CourseProgress(ctx, who, catalogue.CourseID(in.CourseID))
			return &enrollmentOut{enrollment(taken)}, err
		})
	Register(a, Op{ID: "open-lesson", Method: http.MethodPost, Path: "/api/v1/courses/{course_id}/lessons/{lesson_id}/open", Summary: "I opened a lesson", Tag: tag, Roles: student},
		func(ctx context.Context, who identity.Actor, in *openLessonIn) (*enrollmentOut, error) {
			taken, err := s.OpenLesson(ctx, who, learning.Work{CourseID: catalogue.CourseID(in.CourseID), LessonID: catalogue.LessonID(in.LessonID)})
			return &enrollmentOut{enrollment(taken)}, err
		})
	Register(a, Op{ID: "spend-time", Method: http.MethodPost, Path: "/api/v1/courses/{course_id}/lessons/{lesson_id}/time", Summary: "I worked on a lesson", Tag: tag, Roles: student},
		func(ctx context.Context, who identity.Actor, in *spendTimeIn) (*enrollmentOut, error) {
			taken, err := s.SpendTime(ctx, who, learning.Work{
				CourseID: catalogue.CourseID(in.CourseID), LessonID: catalogue.LessonID(in.LessonID), Seconds: in.Body.Seconds, ID: in.Body.ActivityID,
			})
			return &enrollmentOut{enrollment(taken)}, err
		})
	mountClassProgress(a, s)
}

func mountClassProgress(a *API, s *learning.Service) {
	teachers := []identity.Role{identity.Instructor, identity.Admin}
	Register(a, Op{ID: "class-progress", Method: http.MethodGet, Path: "/api/v1/schools/{school_id}/progress", Summary: "Progress of a school or class", Tag: "schools", Roles: teachers},
		func(ctx context.Context, who identity.Actor, in *classProgressIn) (*classProgressOut, error) {
			lines, err := s.ClassProgress(ctx, who, identity.SchoolID(in.SchoolID), in.Class)
			out := &classProgressOut{}
			out.Body.SchoolID, out.Body.Learners = in.SchoolID, classMembers(lines)
			return out, err
		})
	Register(a, Op{ID: "learner-progress", Method: http.MethodGet, Path: "/api/v1/learners/{learner_id}/progress", Summary: "Progress of one learner", Tag: "schools"},
		func(ctx context.Context, who identity.Actor, in *learnerProgressIn) (*learnerProgressOut, error) {
			sum, err := s.LearnerSummary(ctx, who, identity.AccountID(in.LearnerID))
			out := &learnerProgressOut{}
			out.Body.LearnerID, out.Body.Name, out.Body.GradeLevel = string(sum.Learner.ID), sum.Learner.FullName, sum.Learner.Grade
			out.Body.Streak, out.Body.Enrollments = streakView(sum.Record.Streak), enrollments(sum.Courses, "")
			return out, err
		})
}

func streakView(s learning.Streak) StreakView {
	return StreakView{Current: s.Current, Longest: s.Longest, StreakType: "learning_days"}
}

// sometime is nil for the zero time.
func sometime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func enrollments(taken []learning.Taken, status string) []Enrollment {
	out := []Enrollment{}
	for _, t := range taken {
		if e := enrollment(t); status == "" || e.Status == status {
			out = append(out, e)
		}
	}
	return out
}

func enrollment(t learning.Taken) Enrollment {
	p := t.Progress
	e := Enrollment{
		ID: string(t.ID), StudentID: string(t.LearnerID), CourseID: string(t.CourseID), Status: "active",
		Progress: float64(p.Percent), CompletedLessons: []string{}, TotalTimeSpentMinutes: p.Seconds / 60,
		EnrolledAt: t.EnrolledAt.Time, CompletedAt: sometime(p.CompletedAt), CourseTitle: p.Course.Title,
		LearningArea: p.Course.LearningArea, TotalLessons: p.Total, LastActivity: sometime(p.LastAt),
	}
	if p.Done() {
		e.Status = "completed"
	}
	for _, l := range p.Completed {
		e.CompletedLessons = append(e.CompletedLessons, string(l))
	}
	if p.Next != nil {
		e.NextLesson = &NextLesson{ID: string(p.Next.ID), Title: p.Next.Title, DurationMinutes: p.Next.Minutes}
	}
	return e
}

// classMembers groups the lines, which are in the order of learners.
func classMembers(lines []learning.ClassLine) []ClassMember {
	out := []ClassMember{}
	for _, l := range lines {
		if n := len(out); n == 0 || out[n-1].LearnerID != string(l.Learner.ID) {
			out = append(out, ClassMember{
				LearnerID: string(l.Learner.ID), Name: l.Learner.FullName, GradeLevel: l.Learner.Grade,
				ClassName: l.Learner.ClassName, Courses: []ClassCourse{},
			})
		}
		if l.Course.ID == "" {
			continue
		}
		m := &out[len(out)-1]
		m.Courses = append(m.Courses, ClassCourse{
			CourseID: string(l.Course.ID), Title: l.Course.Title, LearningArea: l.Course.LearningArea, ProgressPercent: l.Percent,
			LessonsCompleted: l.Completed, TotalLessons: l.Total, MinutesSpent: l.Minutes, LastActivity: sometime(l.LastAt),
		})
	}
	return out
}
