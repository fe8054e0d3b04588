package assessment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Form is a quiz before it is taken, with what all attempts at it add up to.
type Form struct {
	catalogue.QuizForm
	CreatorID identity.AccountID
	// Since is when the edition was published.
	Since    time.Time
	Attempts int
	// Average of the scores in percent; nil before the first attempt.
	Average *float64
}

// Quiz is a quiz of a course that who may open, without its answers.
func (s *Service) Quiz(ctx context.Context, who identity.Actor, quiz catalogue.QuizID) (Form, error) {
	var out Form
	err := s.db.View(ctx, func(tx db.Tx) error {
		q, err := s.open(ctx, tx, who, quiz)
		if err != nil {
			return err
		}
		course, err := catalogue.CourseByID(ctx, tx, q.CourseID)
		if err != nil {
			return err
		}
		forms, err := withStats(ctx, tx, []Form{formOf(course, q)})
		if err == nil {
			out = forms[0]
		}
		return err
	})
	return out, err
}

// ListQuizzes gives the quizzes of the courses that who may open, without
// answers; of one course when course is not empty.
func (s *Service) ListQuizzes(ctx context.Context, who identity.Actor, course catalogue.CourseID) ([]Form, error) {
	var out []Form
	err := s.db.View(ctx, func(tx db.Tx) error {
		courses, err := s.access.OpenCourses(ctx, tx, who)
		if err != nil {
			return fmt.Errorf("list open courses: %w", err)
		}
		if course != "" {
			courses = slices.DeleteFunc(courses, func(c catalogue.CourseID) bool { return c != course })
		}
		for _, id := range courses {
			c, err := catalogue.CourseByID(ctx, tx, id)
			if errors.Is(err, catalogue.ErrNoCourse) {
				continue
			}
			if err != nil {
				return err
			}
			quizzes, err := catalogue.QuizzesOf(ctx, tx, id)
			if err != nil {
				return fmt.Errorf("list quizzes of course %s: %w", id, err)
			}
			for _, q := range quizzes {
				out = append(out, formOf(c, q))
			}
		}
		out, err = withStats(ctx, tx, out)
		return err
	})
	return out, err
}

func formOf(c catalogue.Course, q catalogue.Quiz) Form {
	return Form{QuizForm: q.QuizForm, CreatorID: c.InstructorID, Since: c.PublishedAt.Time}
}

func withStats(ctx context.Context, tx db.Tx, forms []Form) ([]Form, error) {
	ids := make([]catalogue.QuizID, len(forms))
	for i, f := range forms {
		ids[i] = f.ID
	}
	found, err := statsByQuiz(ctx, tx, ids)
	if err != nil {
		return nil, fmt.Errorf("add up attempts: %w", err)
	}
	for i := range forms {
		if st, ok := found[forms[i].ID]; ok {
			average := st.average()
			forms[i].Attempts, forms[i].Average = st.attempts, &average
		}
	}
	return forms, nil
}
