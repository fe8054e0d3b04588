package tutor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

// Reasons in an answer's source, beside the kinds of failure.
const (
	ReasonConsent   = "consent_withdrawn" // between the asking and the sending
	ReasonNoConsent = "no_consent"
	ReasonDanger    = "danger"
	ReasonGivenUp   = "given_up"
	reasonLimit     = "daily_limit"
	reasonNoModel   = "no_model"
)

// OnQuestions is the reaction to questions that arrived from a school: each waits
// here for a hosted model.
func (s *Service) OnQuestions(ctx context.Context, tx db.Tx, questions []Question) error {
	for _, q := range questions {
		if err := addJob(ctx, tx, q, arrived, JobPending, s.opts.Clock.Now()); err != nil {
			return fmt.Errorf("queue question %s: %w", q.ID, err)
		}
	}
	tx.AfterCommit(s.poke)
	return nil
}

// OnRestored is the reaction to questions that a school's box gets back in a
// snapshot: they went to the cloud once, and wait until its answer is there.
func (s *Service) OnRestored(ctx context.Context, tx db.Tx, questions []Question) error {
	for _, q := range questions {
		if err := addJob(ctx, tx, q, askedHere, JobForwarded, s.opts.Clock.Now()); err != nil {
			return fmt.Errorf("queue question %s: %w", q.ID, err)
		}
	}
	return nil
}

// OnAnswers is the reaction to answers that came down: their questions no longer
// wait.
func (s *Service) OnAnswers(ctx context.Context, tx db.Tx, answers []Answer) error {
	for _, a := range answers {
		state := JobDone
		if a.refusal() {
			state = JobRefused
		}
		if _, err := tx.Exec(ctx, finishForwarded, string(a.QuestionID), string(state), a.Source.Reason); err != nil {
			return fmt.Errorf("finish question %s: %w", a.QuestionID, err)
		}
	}
	return nil
}

// poke wakes the answerer; one waiting poke is enough.
func (s *Service) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Answerer gives the service that works through the questions that wait here for
// a hosted model. Its work list is a table, so that a restart loses nothing; two
// of them may share a database.
func (s *Service) Answerer() service.Service {
	return service.NewLoop(func(ctx context.Context) {
		tick := time.NewTicker(pollEvery)
		defer tick.Stop()
		for {
			worked, err := s.AnswerPending(ctx)
			if err != nil && ctx.Err() == nil {
				s.opts.Log.Warn("answer waiting questions", logging.Err(err))
			}
			if worked > 0 && err == nil {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-s.wake:
			case <-tick.C:
			}
		}
	})
}

// AnswerPending works once through the questions that are due, a few at a time,
// and tells how many it took.
func (s *Service) AnswerPending(ctx context.Context) (int, error) {
	var jobs []job
	err := s.db.Update(ctx, func(tx db.Tx) (err error) {
		jobs, err = claim(ctx, tx, s.opts.Clock.Now())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("claim questions: %w", err)
	}
	var errs []error
	for _, j := range jobs {
		if err := s.work(ctx, j); err != nil {
			errs = append(errs, fmt.Errorf("question %s: %w", j.question, err))
		}
	}
	return len(jobs), errors.Join(errs...)
}

// verdict is how a job ends, for now.
type verdict struct {
	state  JobState
	reason string
	// wait before the next attempt of a job that stays pending.
	wait   time.Duration
	answer *Answer
	danger *Danger
}

// work answers one question. Consent is read again here, because it may have
// been withdrawn while the question was on its way.
func (s *Service) work(ctx context.Context, j job) error {
	p, v, err := s.reconsider(ctx, j)
	if err != nil {
		return err
	}
	if v.state == "" {
		v = s.hosted(ctx, j, p)
	}
	if v.state == JobPending && s.opts.Clock.Now().Sub(j.createdAt.Time) > giveUpAfter {
		v = refused(p.question, JobFailed, ReasonGivenUp, s.now())
	}
	return s.finish(ctx, j, p.question, v)
}

// reconsider loads the question and decides whether it may be sent at all; a
// zero verdict: it may.
func (s *Service) reconsider(ctx context.Context, j job) (plan, verdict, error) {
	var p plan
	var v verdict
	err := s.db.View(ctx, func(tx db.Tx) error {
		q, err := getQuestion(ctx, tx, string(j.question))
		if err != nil {
			return fmt.Errorf("load question: %w", err)
		}
		p.question, p.original = q, q.Text
		if d, ok := s.danger.find(q.Text); ok { // a newer list than the school's
			v = refused(q, JobRefused, ReasonDanger, s.now())
			safe := answerTo(q, safetyAnswer(q), Source{Kind: FromSafety}, s.now())
			v.answer, v.danger = &safe, &d
			return nil
		}
		asked, err := hostedSince(ctx, tx, q.LearnerID, s.opts.Clock.Now().Add(-24*time.Hour))
		if err != nil {
			return fmt.Errorf("count answers: %w", err)
		}
		if err := s.gather(ctx, tx, Asking{Context: -1}, &p); err != nil {
			return err
		}
		switch {
		case !p.consent:
			v = refused(q, JobRefused, ReasonConsent, s.now())
		case !s.chain.serves(true):
			v = verdict{state: JobPending, reason: reasonNoModel, wait: retryMost}
		case asked >= int64(s.opts.DailyLimit):
			v = verdict{state: JobPending, reason: reasonLimit, wait: time.Hour}
		}
		return nil
	})
	return p, v, err
}

// refused ends a job with an answer that says so, so that nobody waits for it.
func refused(q Question, state JobState, reason string, at db.Time) verdict {
	a := answerTo(q, nothingAnswer(q.Language, false), Source{Kind: FromNothing, Provider: fromCloud, Reason: reason}, at)
	return verdict{state: state, reason: reason, answer: &a}
}

// hosted asks the hosted models.
func (s *Service) hosted(ctx context.Context, j job, p plan) verdict {
	reply, r, failure := s.chain.answer(ctx, request{hosted: p.prompt(p.strip)})
	if r != nil {
		a := s.answerOf(p.question, reply, r, p.passages)
		return verdict{state: JobDone, answer: &a}
	}
	if failure.Kind == Moderated {
		return refused(p.question, JobRefused, string(Moderated), s.now())
	}
	return verdict{state: JobPending, reason: string(failure.Kind), wait: backoff(j.attempts, failure.RetryAfter)}
}

// finish stores the verdict and what follows from it in one transaction. The
// answer to a question from a school travels back; one asked here stays.
func (s *Service) finish(ctx context.Context, j job, q Question, v verdict) error {
	j.state, j.reason = v.state, v.reason
	if v.state != JobPending || (v.reason != reasonLimit && v.reason != reasonNoModel) {
		j.attempts++
	}
	j.nextAt = db.Time{Time: s.opts.Clock.Now().Add(v.wait)}
	return s.db.Update(ctx, func(tx db.Tx) error {
		if v.answer != nil {
			store := Answers.Put
			if j.origin == arrived {
				store = Answers.Save
			}
			if _, err := store(ctx, tx, *v.answer); err != nil {
				return fmt.Errorf("store answer: %w", err)
			}
		}
		if v.danger != nil {
			if _, err := Alerts.Save(ctx, tx, alertOf(q, *v.danger, s.now())); err != nil {
				return fmt.Errorf("raise alert: %w", err)
			}
		}
		return storeJob(ctx, tx, j)
	})
}
