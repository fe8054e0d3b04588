package catalogue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Access decides about paid courses: payments answers it from entitlements.
type Access interface {
	// CanOpen tells whether who holds an entitlement for course.
	CanOpen(ctx context.Context, tx db.Tx, who identity.Actor, course CourseID) (bool, error)
}

// Enrolments counts learners: learning answers it.
type Enrolments interface {
	CountByCourse(ctx context.Context, tx db.Tx, courses []CourseID) (map[CourseID]int, error)
}

// Answers of this package.
var (
	ErrNoCourse = fault.New(fault.NotFound, "This course is not here.").WithCode("course_not_found")
	ErrNoLesson = fault.New(fault.NotFound, "This lesson is not here.").WithCode("lesson_not_found")
	ErrNoQuiz   = fault.New(fault.NotFound, "This quiz is not here.").WithCode("quiz_not_found")
	ErrNoArea   = fault.New(fault.NotFound, "There is no such learning area.").WithCode("category_not_found")
	// ErrLocked answers a learner who may see that a course exists but not open it yet.
	ErrLocked = fault.New(fault.Forbidden, "This course is not unlocked yet.").WithCode("course_locked")
)

// Service reads the catalogue. On both sides its courses are the installed ones.
type Service struct {
	db     db.DB
	access Access
	counts Enrolments
	opened func(CourseID)
}

// Options are what New needs.
type Options struct {
	DB     db.DB
	Access Access
	// Enrolments is optional: without it courses have no count of learners.
	Enrolments Enrolments
	// Opened, optional, hears of each lesson that somebody opens, by its course. It
	// must not block.
	Opened func(course CourseID)
}

// New makes the service.
func New(o Options) *Service {
	return &Service{db: o.DB, access: o.Access, counts: o.Enrolments, opened: o.Opened}
}

// Filter chooses courses; empty fields choose all.
type Filter struct {
	// Grade as a person writes it, see ParseGrade.
	Grade string
	// LearningArea is a name or slug.
	LearningArea string
	// Search is found in title or description, in any case.
	Search       string
	FeaturedOnly bool
	Instructor   identity.AccountID
	Skip, Limit  int
}

// Listed is a course in a list.
type Listed struct {
	Course
	// Enrolments is nil when nobody counts them.
	Enrolments *int
}

// Page is one page of courses and how many there are in all.
type Page struct {
	Courses     []Listed
	Total       int
	Skip, Limit int
}

// maxPage is the published limit of a list.
const maxPage = 100

// ListCourses gives the courses that fit f, for anybody. An unknown grade or
// learning area gives an empty page.
func (s *Service) ListCourses(ctx context.Context, f Filter) (Page, error) {
	if f.Skip < 0 || f.Limit < 0 {
		return Page{}, fault.New(fault.Invalid, "skip and limit are not negative.").WithCode("bad_page")
	}
	if f.Limit == 0 {
		f.Limit = 20
	}
	page := Page{Courses: []Listed{}, Skip: f.Skip, Limit: min(f.Limit, maxPage)}
	if grade, ok := ParseGrade(f.Grade); ok {
		f.Grade = grade
	}
	if area, ok := ParseArea(f.LearningArea); ok {
		f.LearningArea = area.Name
	}
	where := []any{f.Grade, f.LearningArea, likePattern(f.Search), f.FeaturedOnly, string(f.Instructor)}

	err := s.db.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, countCourses, where...)
		if page.Total, err = db.One(rows, err, db.Scalar[int]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, selectCourses, append(where, page.Limit, page.Skip)...)
		courses, err := db.Collect(rows, err, scanCourse)
		if err != nil {
			return err
		}
		page.Courses, err = s.listed(ctx, tx, courses)
		return err
	})
	if err != nil {
		return Page{}, fmt.Errorf("list courses: %w", err)
	}
	return page, nil
}

func (s *Service) listed(ctx context.Context, tx db.Tx, courses []Course) ([]Listed, error) {
	out := make([]Listed, len(courses))
	ids := make([]CourseID, len(courses))
	for i, c := range courses {
		out[i].Course, ids[i] = c, c.ID
	}
	if s.counts == nil || len(ids) == 0 {
		return out, nil
	}
	counts, err := s.counts.CountByCourse(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	for i := range out {
		n := counts[out[i].ID]
		out[i].Enrolments = &n
	}
	return out, nil
}

// likePattern finds text anywhere; wildcards in it stand for themselves.
func likePattern(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

// Detail is a course with its lessons in order.
type Detail struct {
	Listed
	Lessons []LessonSummary
	// Open tells whether who asked may open the lessons.
	Open bool
}

// Course gives one course, for anybody, also nobody.
func (s *Service) Course(ctx context.Context, who identity.Actor, id CourseID) (Detail, error) {
	var d Detail
	err := s.db.View(ctx, func(tx db.Tx) error {
		c, err := CourseByID(ctx, tx, id)
		if err != nil {
			return err
		}
		listed, err := s.listed(ctx, tx, []Course{c})
		if err != nil {
			return err
		}
		d.Listed = listed[0]
		if d.Lessons, err = LessonsOf(ctx, tx, id); err != nil {
			return err
		}
		err = s.MayOpen(ctx, tx, who, c)
		d.Open = err == nil
		if err != nil && fault.KindOf(err) == fault.Internal {
			return err
		}
		return nil
	})
	return d, wrap(err, "read course")
}

// OpenLesson is a lesson and its neighbours in the course; empty at the ends.
type OpenLesson struct {
	Lesson
	CourseTitle    string
	Previous, Next LessonID
}

// Lesson gives a lesson to somebody who may open its course: ErrLocked when a
// paid course is not unlocked for who.
func (s *Service) Lesson(ctx context.Context, who identity.Actor, course CourseID, id LessonID) (OpenLesson, error) {
	var out OpenLesson
	err := s.db.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, selectLesson, id)
		out.Lesson, err = db.One(rows, err, scanLesson)
		if errors.Is(err, db.ErrNoRows) || (err == nil && out.CourseID != course) {
			return ErrNoLesson
		}
		if err != nil {
			return err
		}
		c, err := CourseByID(ctx, tx, course)
		if err != nil {
			return err
		}
		if err := s.MayOpen(ctx, tx, who, c); err != nil {
			return err
		}
		out.CourseTitle = c.Title
		lessons, err := LessonsOf(ctx, tx, course)
		for i, l := range lessons {
			if l.ID == id && i > 0 {
				out.Previous = lessons[i-1].ID
			}
			if l.ID == id && i+1 < len(lessons) {
				out.Next = lessons[i+1].ID
			}
		}
		return err
	})
	if err != nil {
		return OpenLesson{}, wrap(err, "open lesson")
	}
	if s.opened != nil {
		s.opened(course)
	}
	return out, nil
}

// Quiz gives a quiz without its answers to somebody who may open its course.
func (s *Service) Quiz(ctx context.Context, who identity.Actor, id QuizID) (QuizForm, error) {
	var out QuizForm
	err := s.db.View(ctx, func(tx db.Tx) error {
		q, err := QuizByID(ctx, tx, id)
		if err != nil {
			return err
		}
		c, err := CourseByID(ctx, tx, q.CourseID)
		if err != nil {
			return err
		}
		if err := s.MayOpen(ctx, tx, who, c); err != nil {
			return err
		}
		out = q.QuizForm
		return nil
	})
	return out, wrap(err, "open quiz")
}

// MayOpen is nil when who may open c: a free course is open to everybody who is
// signed in, a paid one to its owner, to those who run the platform and to
// holders of an entitlement. Otherwise ErrLocked, or ErrNobody.
func (s *Service) MayOpen(ctx context.Context, tx db.Tx, who identity.Actor, c Course) error {
	switch {
	case who.Account == "":
		return identity.ErrNobody
	case c.Free(), who.Role == identity.Admin, who.Role == identity.Staff:
		return nil
	case c.InstructorID != "" && c.InstructorID == who.Account:
		return nil
	}
	ok, err := s.access.CanOpen(ctx, tx, who, c.ID)
	if err != nil {
		return fmt.Errorf("decide access to course %s: %w", c.ID, err)
	}
	if !ok {
		return ErrLocked
	}
	return nil
}

// Open lists the courses who may open; none for nobody.
func (s *Service) Open(ctx context.Context, who identity.Actor) (open []CourseID, err error) {
	if who.Account == "" {
		return nil, nil
	}
	err = s.db.View(ctx, func(tx db.Tx) error { open, err = s.OpenCourses(ctx, tx, who); return err })
	return open, err
}

// OpenCourses lists the courses who may open: what the tutor may quote to them.
func (s *Service) OpenCourses(ctx context.Context, tx db.Tx, who identity.Actor) ([]CourseID, error) {
	rows, err := tx.Query(ctx, selectCourseIDs)
	ids, err := db.Collect(rows, err, db.Scalar[CourseID])
	if err != nil {
		return nil, fmt.Errorf("list open courses: %w", err)
	}
	open := []CourseID{}
	for _, id := range ids {
		c, err := CourseByID(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		err = s.MayOpen(ctx, tx, who, c)
		if errors.Is(err, ErrLocked) {
			continue
		}
		if err != nil {
			return nil, err
		}
		open = append(open, id)
	}
	return open, nil
}

// wrap names the use-case around an error that is not for the person.
func wrap(err error, verb string) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	return fmt.Errorf("%s: %w", verb, err)
}
