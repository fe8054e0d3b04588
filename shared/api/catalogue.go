package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/identity"
)

// CourseBody is a course in a list. Rating is null until learners rate;
// Language, Curriculum, Edition, LessonCount and DurationMinutes are ours beside
// the published fields.
type CourseBody struct {
	ID                string    `json:"id"`
	Slug              string    `json:"slug"`
	Title             string    `json:"title"`
	Description       string    `json:"description"`
	GradeLevels       []string  `json:"grade_levels" nullable:"false"`
	LearningArea      string    `json:"learning_area"`
	InstructorID      *string   `json:"instructor_id"`
	Price             float64   `json:"price" doc:"In major units."`
	Currency          string    `json:"currency"`
	IsPaid            bool      `json:"is_paid"`
	IsPublished       bool      `json:"is_published"`
	IsFeatured        bool      `json:"is_featured"`
	IsPlatformCreated bool      `json:"is_platform_created"`
	Rating            *float64  `json:"rating"`
	TotalEnrollments  *int      `json:"total_enrollments"`
	CreatedAt         time.Time `json:"created_at" doc:"When this edition was published."`
	UpdatedAt         time.Time `json:"updated_at"`
	Language          string    `json:"language"`
	Curriculum        string    `json:"curriculum"`
	Edition           int64     `json:"edition"`
	LessonCount       int       `json:"lesson_count"`
	DurationMinutes   int       `json:"duration_minutes"`
	Entitled          *bool     `json:"entitled,omitempty" doc:"Whether who is signed in may open the lessons; absent for nobody."`
}

// LessonHead is a lesson in a course. Strand, SubStrand and AssessmentID are
// ours beside the published fields.
type LessonHead struct {
	ID              string  `json:"id"`
	Title           string  `json:"title"`
	Description     string  `json:"description" doc:"The first outcome."`
	DurationMinutes int     `json:"duration_minutes"`
	ContentType     string  `json:"content_type"`
	Order           int     `json:"order" doc:"From 1."`
	Strand          string  `json:"strand"`
	SubStrand       string  `json:"sub_strand"`
	AssessmentID    *string `json:"assessment_id"`
}

// StrandBody is a strand of a syllabus.
type StrandBody struct {
	Name       string   `json:"name"`
	SubStrands []string `json:"sub_strands" nullable:"false"`
}

// SyllabusBody is the order of a course.
type SyllabusBody struct {
	Strands []StrandBody `json:"strands" nullable:"false"`
}

// CourseDetailBody is one course with its lessons.
type CourseDetailBody struct {
	CourseBody
	Syllabus SyllabusBody `json:"syllabus"`
	Lessons  []LessonHead `json:"lessons" nullable:"false"`
}

// LessonBody is an open lesson.
type LessonBody struct {
	LessonHead
	CourseID         string   `json:"course_id"`
	CourseTitle      string   `json:"course_title"`
	HTML             string   `json:"html"`
	Outcomes         []string `json:"outcomes" nullable:"false"`
	PreviousLessonID *string  `json:"previous_lesson_id"`
	NextLessonID     *string  `json:"next_lesson_id"`
}

type coursesIn struct {
	Skip         int    `query:"skip" minimum:"0" maximum:"100000000"`
	Limit        int    `query:"limit" minimum:"0" maximum:"100" default:"20"`
	GradeLevel   string `query:"grade_level" maxLength:"40"`
	LearningArea string `query:"learning_area" maxLength:"80"`
	IsFeatured   bool   `query:"is_featured"`
	Search       string `query:"search" maxLength:"200"`
	InstructorID string `query:"instructor_id" maxLength:"40"`
}

type coursesOut struct {
	Body struct {
		Courses []CourseBody `json:"courses" nullable:"false"`
		Total   int          `json:"total"`
		Skip    int          `json:"skip"`
		Limit   int          `json:"limit"`
		HasMore bool         `json:"has_more"`
	}
}

type courseIn struct {
	CourseID string `path:"course_id" maxLength:"40"`
}

type lessonIn struct {
	CourseID string `path:"course_id" maxLength:"40"`
	LessonID string `path:"lesson_id" maxLength:"40"`
}

type (
	courseOut struct{ Body CourseDetailBody }
	lessonOut struct{ Body LessonBody }
)

// MountCatalogue adds courses, lessons and categories. Mount it after learning,
// whose fixed paths below /courses would otherwise be read as course ids.
func MountCatalogue(a *API, s *catalogue.Service, now func() time.Time) {
	Register(a, Op{ID: "list-courses", Method: http.MethodGet, Path: "/api/v1/courses/", Summary: "Courses", Tag: "courses", Public: true},
		func(ctx context.Context, who identity.Actor, in *coursesIn) (*coursesOut, error) {
			return listCourses(ctx, s, who, in)
		})
	Register(a, Op{ID: "get-course", Method: http.MethodGet, Path: "/api/v1/courses/{course_id}", Summary: "A course", Tag: "courses", Public: true},
		func(ctx context.Context, who identity.Actor, in *courseIn) (*courseOut, error) {
			return getCourse(ctx, s, who, catalogue.CourseID(in.CourseID))
		})
	Register(a, Op{ID: "get-lesson", Method: http.MethodGet, Path: "/api/v1/courses/{course_id}/lessons/{lesson_id}", Summary: "A lesson", Tag: "courses"},
		func(ctx context.Context, who identity.Actor, in *lessonIn) (*lessonOut, error) {
			l, err := s.Lesson(ctx, who, catalogue.CourseID(in.CourseID), catalogue.LessonID(in.LessonID))
			if err != nil {
				return nil, err
			}
			return &lessonOut{LessonBody{LessonHead: lessonHead(l.LessonSummary), CourseID: string(l.CourseID), CourseTitle: l.CourseTitle,
				HTML: l.HTML, Outcomes: l.Outcomes, PreviousLessonID: orNull(l.Previous), NextLessonID: orNull(l.Next)}}, nil
		})
	mountCategories(a, s, now)
}

func listCourses(ctx context.Context, s *catalogue.Service, who identity.Actor, in *coursesIn) (*coursesOut, error) {
	page, err := s.ListCourses(ctx, catalogue.Filter{Grade: in.GradeLevel, LearningArea: in.LearningArea, Search: in.Search,
		FeaturedOnly: in.IsFeatured, Instructor: identity.AccountID(in.InstructorID), Skip: in.Skip, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	open, err := s.Open(ctx, who)
	if err != nil {
		return nil, err
	}
	out := &coursesOut{}
	out.Body.Courses = make([]CourseBody, len(page.Courses))
	for i, c := range page.Courses {
		out.Body.Courses[i] = courseBody(c)
		if who.Account != "" {
			entitled := slices.Contains(open, c.ID)
			out.Body.Courses[i].Entitled = &entitled
		}
	}
	out.Body.Total, out.Body.Skip, out.Body.Limit = page.Total, page.Skip, page.Limit
	out.Body.HasMore = page.Skip+len(page.Courses) < page.Total
	return out, nil
}

func getCourse(ctx context.Context, s *catalogue.Service, who identity.Actor, id catalogue.CourseID) (*courseOut, error) {
	d, err := s.Course(ctx, who, id)
	if err != nil {
		return nil, err
	}
	out := CourseDetailBody{CourseBody: courseBody(d.Listed), Syllabus: SyllabusBody{Strands: []StrandBody{}}, Lessons: make([]LessonHead, len(d.Lessons))}
	for _, strand := range d.Strands {
		b := StrandBody{Name: strand.Title, SubStrands: []string{}}
		for _, sub := range strand.SubStrands {
			b.SubStrands = append(b.SubStrands, sub.Title)
		}
		out.Syllabus.Strands = append(out.Syllabus.Strands, b)
	}
	for i, l := range d.Lessons {
		out.Lessons[i] = lessonHead(l)
	}
	if who.Account != "" {
		out.Entitled = &d.Open
	}
	return &courseOut{out}, nil
}

func courseBody(c catalogue.Listed) CourseBody {
	return CourseBody{ID: string(c.ID), Slug: c.Slug, Title: c.Title, Description: c.Description, GradeLevels: []string{c.Grade},
		LearningArea: c.LearningArea, InstructorID: orNull(c.InstructorID), Price: float64(c.PriceMinor) / 100, Currency: c.Currency,
		IsPaid: !c.Free(), IsPublished: true, // what is not published is not in the catalogue
		IsFeatured: c.Featured, IsPlatformCreated: c.Owner == catalogue.OwnerPlatform, TotalEnrollments: c.Enrolments,
		CreatedAt: c.PublishedAt.Time, UpdatedAt: c.PublishedAt.Time, Language: c.Language, Curriculum: c.Curriculum, Edition: c.Edition,
		LessonCount: c.LessonCount, DurationMinutes: c.Minutes}
}

func lessonHead(l catalogue.LessonSummary) LessonHead {
	h := LessonHead{ID: string(l.ID), Title: l.Title, DurationMinutes: l.Minutes, ContentType: "text", Order: l.Position + 1,
		Strand: l.Strand, SubStrand: l.SubStrand, AssessmentID: orNull(l.QuizID)}
	if len(l.Outcomes) > 0 {
		h.Description = l.Outcomes[0]
	}
	return h
}

// orNull is null on the wire for an empty id.
func orNull[T ~string](v T) *string {
	if v == "" {
		return nil
	}
	s := string(v)
	return &s
}
