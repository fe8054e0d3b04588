package learning

import (
	"context"
	"errors"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// The faults of learning.
var (
	ErrNoEnrolment   = fault.New(fault.NotFound, "There is no such enrolment.").WithCode("no_such_enrolment")
	ErrNoLesson      = fault.New(fault.NotFound, "There is no such lesson in this course.").WithCode("no_such_lesson")
	ErrTooLong       = fault.New(fault.Invalid, "A lesson cannot take longer than a day.").WithCode("time_out_of_range")
	ErrNoActivityID  = fault.New(fault.Invalid, "The id must be a UUID.").WithCode("not_a_uuid")
	ErrOtherActivity = fault.New(fault.Conflict, "This id belongs to something else.").WithCode("id_taken")
)

// maxSeconds is the longest stretch of work that is believed.
const maxSeconds = 12 * 60 * 60

// Taken is an enrolment with the progress folded for it.
type Taken struct {
	Enrolment
	Progress Progress
}

// Enrol makes who take a course that is free or that who is entitled to.
// Enrolling again gives the first enrolment.
func (s *Service) Enrol(ctx context.Context, who identity.Actor, course catalogue.CourseID) (Taken, error) {
	if err := who.Require(identity.Student); err != nil {
		return Taken{}, err
	}
	var out Taken
	err := s.db.Update(ctx, func(tx db.Tx) error {
		outline, err := s.open(ctx, tx, who, course)
		if err != nil {
			return err
		}
		enrolment, err := s.Ensure(ctx, tx, who, course)
		if err != nil {
			return err
		}
		record, err := s.RecordOf(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		out = Taken{enrolment, record.In(outline)}
		return nil
	})
	return out, err
}

// open is the outline of a course that who may open.
func (s *Service) open(ctx context.Context, tx db.Tx, who identity.Actor, course catalogue.CourseID) (Outline, error) {
	outline, err := outlineOf(ctx, tx, course)
	if err != nil {
		return Outline{}, err
	}
	return outline, s.access.MayOpen(ctx, tx, who, outline.Course)
}

// outlineOf answers catalogue.ErrNoCourse for a course that is not here.
func outlineOf(ctx context.Context, tx db.Tx, course catalogue.CourseID) (Outline, error) {
	c, err := catalogue.CourseByID(ctx, tx, course)
	if err != nil {
		return Outline{}, err
	}
	lessons, err := catalogue.LessonsOf(ctx, tx, course)
	return Outline{c, lessons}, err
}

// Ensure gives who's enrolment in course and makes it when there is none. For
// use-cases that have decided that who may open the course.
func (s *Service) Ensure(ctx context.Context, tx db.Tx, who identity.Actor, course catalogue.CourseID) (Enrolment, error) {
	e := Enrolment{
		ID: EnrolmentOf(who.Account, course), LearnerID: who.Account, CourseID: course,
		SchoolID: who.School, EnrolledAt: db.Time{Time: s.clock.Now()},
	}
	inserted, err := Enrolments.Save(ctx, tx, e)
	if err != nil || inserted {
		return e, err
	}
	return getEnrolment(ctx, tx, string(e.ID))
}

// ListEnrolments gives who's courses with their progress, oldest first.
func (s *Service) ListEnrolments(ctx context.Context, who identity.Actor) ([]Taken, error) {
	if err := who.Require(identity.Student); err != nil {
		return nil, err
	}
	var out []Taken
	err := s.db.View(ctx, func(tx db.Tx) error {
		summary, err := s.SummaryOf(ctx, tx, identity.Account{ID: who.Account})
		out = summary.Courses
		return err
	})
	return out, err
}

// CourseProgress is who's progress in one course that who is enrolled in.
func (s *Service) CourseProgress(ctx context.Context, who identity.Actor, course catalogue.CourseID) (Taken, error) {
	if err := who.Require(identity.Student); err != nil {
		return Taken{}, err
	}
	var out Taken
	err := s.db.View(ctx, func(tx db.Tx) (err error) {
		out, err = s.taken(ctx, tx, who.Account, EnrolmentOf(who.Account, course))
		if !errors.Is(err, ErrNoEnrolment) {
			return err
		}
		list, listed := listEnrolments(ctx, tx, who.Account) // under a duplicate of hers
		for _, e := range list {
			if e.CourseID == course {
				out, err = s.taken(ctx, tx, who.Account, e.ID)
			}
		}
		return errors.Join(listed, err)
	})
	return out, err
}

// taken is learner's own enrolment with its progress.
func (s *Service) taken(ctx context.Context, tx db.Tx, learner identity.AccountID, enrolment EnrolmentID) (Taken, error) {
	e, err := ownEnrolment(ctx, tx, learner, enrolment)
	if err != nil {
		return Taken{}, err
	}
	outline, err := knownOutline(ctx, tx, e.CourseID)
	if err != nil {
		return Taken{}, err
	}
	record, err := s.RecordOf(ctx, tx, learner)
	if err != nil {
		return Taken{}, err
	}
	return Taken{e, record.In(outline)}, nil
}

func ownEnrolment(ctx context.Context, tx db.Tx, learner identity.AccountID, enrolment EnrolmentID) (Enrolment, error) {
	e, err := getEnrolment(ctx, tx, string(enrolment))
	if isNoRows(err) {
		return Enrolment{}, ErrNoEnrolment
	}
	if err != nil {
		return Enrolment{}, err
	}
	hers, err := isSelf(ctx, tx, learner, e.LearnerID)
	if err == nil && !hers {
		err = ErrNoEnrolment
	}
	return e, err
}

// Work is a learner's word about one lesson.
type Work struct {
	CourseID catalogue.CourseID
	LessonID catalogue.LessonID
	Seconds  int64
	// ID is for SpendTime: a UUID made by the page, so that a repeated report
	// counts once. Empty: made here.
	ID string
}

// OpenLesson records that who opened a lesson of a course that who may open,
// and enrols who when that was not done yet.
func (s *Service) OpenLesson(ctx context.Context, who identity.Actor, w Work) (Taken, error) {
	w.Seconds, w.ID = 0, ""
	return s.work(ctx, who, w, LessonOpened)
}

// SpendTime records a stretch of work on a lesson. The same id twice is once.
func (s *Service) SpendTime(ctx context.Context, who identity.Actor, w Work) (Taken, error) {
	return s.work(ctx, who, w, TimeSpent)
}

func (s *Service) work(ctx context.Context, who identity.Actor, w Work, kind Kind) (Taken, error) {
	if err := who.Require(identity.Student); err != nil {
		return Taken{}, err
	}
	if err := w.check(); err != nil {
		return Taken{}, err
	}
	var out Taken
	err := s.db.Update(ctx, func(tx db.Tx) error {
		outline, err := s.open(ctx, tx, who, w.CourseID)
		if err != nil {
			return err
		}
		if !outline.has(w.LessonID) {
			return ErrNoLesson
		}
		e, err := s.Ensure(ctx, tx, who, w.CourseID)
		if err != nil {
			return err
		}
		if err := s.record(ctx, tx, s.activity(who, w, kind)); err != nil {
			return err
		}
		out, err = s.taken(ctx, tx, who.Account, e.ID)
		return err
	})
	return out, err
}

// check refuses times that cannot be and ids that are none.
func (w Work) check() error {
	if w.Seconds < 0 || w.Seconds > maxSeconds {
		return ErrTooLong.At("must be between 0 and 12 hours", "seconds")
	}
	if w.ID != "" && !id.Valid(w.ID) {
		return ErrNoActivityID.At("must be a UUID", "activity_id")
	}
	return nil
}

func (o Outline) has(lesson catalogue.LessonID) bool {
	for _, l := range o.Lessons {
		if l.ID == lesson {
			return true
		}
	}
	return false
}

func (s *Service) activity(who identity.Actor, w Work, kind Kind) Activity {
	a := Activity{
		ID: ActivityID(strings.ToLower(w.ID)), Kind: kind, LearnerID: who.Account, SchoolID: who.School,
		CourseID: w.CourseID, LessonID: w.LessonID, Seconds: w.Seconds, At: db.Time{Time: s.clock.Now()},
	}
	switch {
	case kind == LessonCompleted:
		a.ID = CompletionOf(who.Account, w.LessonID)
	case a.ID == "":
		a.ID = ActivityID(id.New())
	}
	return a
}

// record saves a. A client's id that is already another learner's is refused;
// its own, repeated, changes nothing.
func (s *Service) record(ctx context.Context, tx db.Tx, a Activity) error {
	inserted, err := Activities.Save(ctx, tx, a)
	if err != nil || inserted {
		return err
	}
	first, err := getActivity(ctx, tx, string(a.ID))
	if err != nil {
		return err
	}
	if first.LearnerID != a.LearnerID || first.LessonID != a.LessonID || first.Kind != a.Kind {
		return ErrOtherActivity
	}
	return nil
}

// CompleteLesson records that who completed a lesson of an enrolment, and the
// time it took. The first completion stays: repeating it, also on the other
// side, changes nothing, so its time counts once.
func (s *Service) CompleteLesson(ctx context.Context, who identity.Actor, enrolment EnrolmentID, w Work) (Taken, error) {
	if err := who.Require(identity.Student); err != nil {
		return Taken{}, err
	}
	if err := w.check(); err != nil {
		return Taken{}, err
	}
	var out Taken
	err := s.db.Update(ctx, func(tx db.Tx) error {
		e, err := ownEnrolment(ctx, tx, who.Account, enrolment)
		if err != nil {
			return err
		}
		w.CourseID = e.CourseID
		outline, err := s.open(ctx, tx, who, e.CourseID)
		if err != nil {
			return err
		}
		if !outline.has(w.LessonID) {
			return ErrNoLesson
		}
		if err := s.record(ctx, tx, s.activity(who, w, LessonCompleted)); err != nil {
			return err
		}
		out, err = s.taken(ctx, tx, who.Account, e.ID)
		return err
	})
	return out, err
}

// minutes is d in whole minutes, rounded down.
func minutes(seconds int64) int64 { return seconds / int64(time.Minute/time.Second) }
