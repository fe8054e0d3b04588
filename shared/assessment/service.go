package assessment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// The faults of assessment.
var (
	ErrNoAttempt   = fault.New(fault.NotFound, "There is no such attempt.").WithCode("no_such_attempt")
	ErrNoGrade     = fault.New(fault.NotFound, "You have not taken this quiz yet.").WithCode("no_attempt_yet")
	ErrAttemptID   = fault.New(fault.Invalid, "The attempt's id must be a UUID.").WithCode("not_a_uuid")
	ErrOtherQuiz   = fault.New(fault.Conflict, "This attempt belongs to another quiz.").WithCode("attempt_of_other_quiz")
	ErrNoQuestions = fault.New(fault.Conflict, "This quiz has no questions yet.").WithCode("quiz_empty")
)

// maxSitting is the longest time a quiz is believed to have taken.
const maxSitting = 6 * time.Hour

// Submission is a quiz as a learner hands it in.
type Submission struct {
	QuizID catalogue.QuizID
	// AttemptID is a UUID made by the page, to send again after a lost answer.
	// Empty: made here.
	AttemptID AttemptID
	// Edition the learner saw; 0 or an unknown one means the present edition.
	Edition int64
	Answers []Answer
	// Seconds it took by the page's own stopwatch, which is right also where the
	// phone's clock is wrong. Cut to between 0 and six hours.
	Seconds int64
}

// Marked is a result: the attempt, its number and the quiz as it was.
type Marked struct {
	Attempt
	// Number counts the learner's attempts at this quiz from 1, by time.
	Number int
	// Quiz has the keys of the attempt's edition, for explanations; without
	// questions when that edition is not here.
	Quiz        catalogue.Quiz
	CourseTitle string
}

// Submit grades a quiz at once and keeps it as an attempt. The first submission
// of an id is the attempt; another one gives the first result. Somebody else's
// id is ErrNoAttempt, an answer of the wrong shape ErrBadAnswers with nothing
// stored. It enrols the learner in the course when that was not done yet.
func (s *Service) Submit(ctx context.Context, who identity.Actor, in Submission) (Marked, error) {
	if err := who.Require(identity.Student); err != nil {
		return Marked{}, err
	}
	if in.AttemptID = AttemptID(strings.ToLower(string(in.AttemptID))); in.AttemptID == "" {
		in.AttemptID = AttemptID(id.New())
	}
	if !id.Valid(string(in.AttemptID)) {
		return Marked{}, ErrAttemptID.At("must be a UUID", "attempt_id")
	}
	var out Marked
	err := s.db.Update(ctx, func(tx db.Tx) error {
		first, found, err := s.first(ctx, tx, who, in)
		if err != nil {
			return err
		}
		if !found {
			if first, err = s.grade(ctx, tx, who, in); err != nil {
				return err
			}
		}
		out, err = s.marked(ctx, tx, first)
		return err
	})
	return out, err
}

// first is the attempt that in.AttemptID already names.
func (s *Service) first(ctx context.Context, tx db.Tx, who identity.Actor, in Submission) (Attempt, bool, error) {
	a, err := getAttempt(ctx, tx, string(in.AttemptID))
	switch {
	case errors.Is(err, db.ErrNoRows):
		return Attempt{}, false, nil
	case err != nil:
		return Attempt{}, false, fmt.Errorf("look for attempt %s: %w", in.AttemptID, err)
	case a.LearnerID != who.Account:
		return Attempt{}, false, ErrNoAttempt
	case a.QuizID != in.QuizID:
		return Attempt{}, false, ErrOtherQuiz
	}
	s.log.InfoContext(ctx, "attempt submitted again: the first result stands", "attempt", a.ID)
	return a, true, nil
}

// grade marks in and stores it.
func (s *Service) grade(ctx context.Context, tx db.Tx, who identity.Actor, in Submission) (Attempt, error) {
	quiz, err := s.open(ctx, tx, who, in.QuizID)
	if err != nil {
		return Attempt{}, err
	}
	if in.Edition != 0 && in.Edition != quiz.Edition {
		if seen, err := catalogue.QuizEdition(ctx, tx, in.QuizID, in.Edition); err == nil {
			quiz = seen
		} else if !errors.Is(err, catalogue.ErrNoQuiz) {
			return Attempt{}, err
		}
	}
	if len(quiz.Questions) == 0 {
		return Attempt{}, ErrNoQuestions
	}
	result, err := Grade(quiz, in.Answers)
	if err != nil {
		return Attempt{}, err
	}

	now := s.clock.Now()
	took := time.Duration(min(max(in.Seconds, 0), int64(maxSitting/time.Second))) * time.Second
	a := Attempt{
		ID: in.AttemptID, LearnerID: who.Account, SchoolID: who.School, CourseID: quiz.CourseID, QuizID: quiz.ID,
		Edition: quiz.Edition, PassPercent: int64(quiz.PassPercent), ScorePoints: result.Score, MaxPoints: result.Max,
		Passed: result.Passed, Responses: result.Responses,
		StartedAt: db.Time{Time: now.Add(-took)}, SubmittedAt: db.Time{Time: now},
	}
	if _, err := s.learning.Ensure(ctx, tx, who, quiz.CourseID); err != nil {
		return Attempt{}, fmt.Errorf("enrol for attempt %s: %w", a.ID, err)
	}
	inserted, err := Attempts.Save(ctx, tx, a)
	if err != nil || inserted {
		return a, err
	}
	// The same id came in at the same moment on another connection.
	first, _, err := s.first(ctx, tx, who, in)
	return first, err
}

// open is a quiz of a course that who may open.
func (s *Service) open(ctx context.Context, tx db.Tx, who identity.Actor, quiz catalogue.QuizID) (catalogue.Quiz, error) {
	q, err := catalogue.QuizByID(ctx, tx, quiz)
	if err != nil {
		return catalogue.Quiz{}, err
	}
	course, err := catalogue.CourseByID(ctx, tx, q.CourseID)
	if err != nil {
		return catalogue.Quiz{}, err
	}
	return q, s.access.MayOpen(ctx, tx, who, course)
}

// marked numbers an attempt among its learner's and adds the quiz.
func (s *Service) marked(ctx context.Context, tx db.Tx, a Attempt) (Marked, error) {
	attempts, err := listAttempts(ctx, tx, a.LearnerID)
	if err != nil {
		return Marked{}, fmt.Errorf("list attempts: %w", err)
	}
	out := Marked{Attempt: a, Number: numbers(attempts)[a.ID]}
	out.Quiz, err = quizOf(ctx, tx, a)
	return out, err
}

// numbers counts each learner's attempts at each quiz from 1, by time, then id.
// attempts are of one learner, in any order.
func numbers(attempts []Attempt) map[AttemptID]int {
	attempts = slices.SortedFunc(slices.Values(attempts), byTime)
	out, count := make(map[AttemptID]int, len(attempts)), map[catalogue.QuizID]int{}
	for _, a := range attempts {
		count[a.QuizID]++
		out[a.ID] = count[a.QuizID]
	}
	return out
}

func byTime(a, b Attempt) int {
	if c := a.SubmittedAt.Compare(b.SubmittedAt.Time); c != 0 {
		return c
	}
	return strings.Compare(string(a.ID), string(b.ID))
}

// quizOf is the quiz as it was attempted, else as it is now, else one that has
// only its ids: a course may have been removed from this box.
func quizOf(ctx context.Context, tx db.Tx, a Attempt) (catalogue.Quiz, error) {
	q, err := catalogue.QuizEdition(ctx, tx, a.QuizID, a.Edition)
	if errors.Is(err, catalogue.ErrNoQuiz) {
		q, err = catalogue.QuizByID(ctx, tx, a.QuizID)
	}
	if errors.Is(err, catalogue.ErrNoQuiz) {
		return catalogue.Quiz{QuizForm: catalogue.QuizForm{ID: a.QuizID, CourseID: a.CourseID}}, nil
	}
	return q, err
}

// Grade is who's newest attempt at quiz: ErrNoGrade before the first.
func (s *Service) Grade(ctx context.Context, who identity.Actor, quiz catalogue.QuizID) (Marked, error) {
	if err := who.Require(identity.Student); err != nil {
		return Marked{}, err
	}
	var out Marked
	err := s.db.View(ctx, func(tx db.Tx) error {
		attempts, err := listAttempts(ctx, tx, who.Account)
		if err != nil {
			return fmt.Errorf("list attempts: %w", err)
		}
		attempts = slices.DeleteFunc(attempts, func(a Attempt) bool { return a.QuizID != quiz })
		if len(attempts) == 0 {
			return ErrNoGrade
		}
		out, err = s.marked(ctx, tx, slices.MaxFunc(attempts, byTime))
		return err
	})
	return out, err
}

// Submissions gives who's attempts, newest first.
func (s *Service) Submissions(ctx context.Context, who identity.Actor) ([]Marked, error) {
	if err := who.Require(identity.Student); err != nil {
		return nil, err
	}
	var out []Marked
	err := s.db.View(ctx, func(tx db.Tx) (err error) {
		out, err = submissions(ctx, tx, who.Account)
		return err
	})
	return out, err
}

// submissions are all attempts of a learner, newest first, with their quizzes.
func submissions(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]Marked, error) {
	attempts, err := listAttempts(ctx, tx, learner)
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	number := numbers(attempts)
	titles := map[catalogue.CourseID]string{}
	quizzes := map[seen]catalogue.Quiz{}
	out := make([]Marked, 0, len(attempts))
	for _, a := range slices.Backward(slices.SortedFunc(slices.Values(attempts), byTime)) {
		key := seen{a.QuizID, a.Edition}
		if _, known := quizzes[key]; !known {
			if quizzes[key], err = quizOf(ctx, tx, a); err != nil {
				return nil, err
			}
		}
		if _, known := titles[a.CourseID]; !known {
			course, err := catalogue.CourseByID(ctx, tx, a.CourseID)
			if err != nil && !errors.Is(err, catalogue.ErrNoCourse) {
				return nil, err
			}
			titles[a.CourseID] = course.Title
		}
		out = append(out, Marked{Attempt: a, Number: number[a.ID], Quiz: quizzes[key], CourseTitle: titles[a.CourseID]})
	}
	return out, nil
}

type seen struct {
	quiz    catalogue.QuizID
	edition int64
}
