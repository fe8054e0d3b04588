package tutor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// TutorName is what the tutor is called on every screen.
const TutorName = "The Bird"

// ResponseMode is how a learner wants answers.
type ResponseMode string

// The modes. Voice is the same text, read aloud by the learner's own device.
const (
	ModeText  ResponseMode = "text"
	ModeVoice ResponseMode = "voice"
)

// Modes lists what can be chosen.
func Modes() []ResponseMode { return []ResponseMode{ModeText, ModeVoice} }

// Profile is a learner's settings on this node.
type Profile struct {
	LearnerID      identity.AccountID
	ConversationID string
	Mode           ResponseMode
	// ResetAt hides everything asked before.
	ResetAt   db.Time
	CreatedAt db.Time
}

// TutorID identifies the learner's tutor, the same on every node.
func (p Profile) TutorID() string { return id.Derived("tutor.tutor", string(p.LearnerID)) }

// Status is how a learner stands with the tutor.
type Status struct {
	Profile
	Interactions    int64
	LastInteraction db.Time
	// Left is how many questions may still be asked today.
	Left int64
	// Consent tells whether questions may reach a hosted model.
	Consent bool
	// Waiting is how many questions may still get a better answer.
	Waiting int
	// Place in the line of a busy model, from 1; 0: not waiting. Line is its length.
	Place, Line int
}

// History is one page of the conversation, newest exchange first.
type History struct {
	Profile
	Exchanges []Exchange
	// Messages counts questions and answered questions.
	Messages       int64
	Oldest, Newest db.Time
}

var errNoMode = fault.New(fault.Invalid, "Answers come as text or as voice.").WithCode("response_mode")

// profile is the learner's settings, or the ones everybody starts with.
func (s *Service) profile(ctx context.Context, tx db.Tx, learner identity.AccountID) (Profile, error) {
	rows, err := tx.Query(ctx, selectProfile, string(learner))
	p, err := db.One(rows, err, scanProfile)
	if errors.Is(err, db.ErrNoRows) {
		return Profile{LearnerID: learner, ConversationID: id.Derived("tutor.conversation", string(learner), ""), Mode: ModeText}, nil
	}
	if err != nil {
		return p, fmt.Errorf("load tutor profile: %w", err)
	}
	return p, nil
}

// SetMode chooses how the learner wants answers on this node.
func (s *Service) SetMode(ctx context.Context, who identity.Actor, mode ResponseMode) (Profile, error) {
	if mode != ModeText && mode != ModeVoice {
		return Profile{}, errNoMode.At("is not text or voice", "response_mode")
	}
	return s.change(ctx, who, func(p *Profile) { p.Mode = mode })
}

// Reset starts a new conversation. Earlier questions are no longer shown or
// given to a model; they are not erased.
func (s *Service) Reset(ctx context.Context, who identity.Actor) (Profile, error) {
	return s.change(ctx, who, func(p *Profile) {
		p.ResetAt = s.now()
		p.ConversationID = id.New()
	})
}

func (s *Service) change(ctx context.Context, who identity.Actor, set func(*Profile)) (Profile, error) {
	if err := who.Require(identity.Student); err != nil {
		return Profile{}, err
	}
	var p Profile
	err := s.db.Update(ctx, func(tx db.Tx) (err error) {
		if p, err = s.profile(ctx, tx, who.Account); err != nil {
			return err
		}
		if p.CreatedAt.IsZero() {
			p.CreatedAt = s.now()
		}
		set(&p)
		return storeProfile(ctx, tx, p)
	})
	return p, err
}

// Status tells how the learner stands with the tutor.
func (s *Service) Status(ctx context.Context, who identity.Actor) (Status, error) {
	if err := who.Require(identity.Student); err != nil {
		return Status{}, err
	}
	var st Status
	err := s.db.View(ctx, func(tx db.Tx) error {
		p, err := s.profile(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		all, err := tallyOf(ctx, tx, who.Account, time.Time{})
		if err != nil {
			return fmt.Errorf("count questions: %w", err)
		}
		today, err := tallyOf(ctx, tx, who.Account, startOfDay(s.opts.Clock.Now()))
		if err != nil {
			return fmt.Errorf("count today's questions: %w", err)
		}
		waiting, err := waitingOf(ctx, tx, who.Account)
		if err != nil {
			return fmt.Errorf("list waiting questions: %w", err)
		}
		consent, err := s.opts.Consents.HasConsent(ctx, tx, who.Account, PurposeCloudTutor)
		if err != nil {
			return fmt.Errorf("read consent: %w", err)
		}
		if p.CreatedAt.IsZero() {
			p.CreatedAt = all.oldest
		}
		st = Status{Profile: p, Interactions: all.questions, LastInteraction: all.newest, Consent: consent,
			Left: max(0, int64(s.opts.DailyLimit)-today.questions), Waiting: len(waiting)}
		return nil
	})
	st.Place, st.Line = s.chain.place(string(who.Account))
	return st, err
}

// History gives limit exchanges of the conversation after skip newer ones.
func (s *Service) History(ctx context.Context, who identity.Actor, skip, limit int) (History, error) {
	if err := who.Require(identity.Student); err != nil {
		return History{}, err
	}
	var h History
	err := s.db.View(ctx, func(tx db.Tx) (err error) {
		if h.Profile, err = s.profile(ctx, tx, who.Account); err != nil {
			return err
		}
		t, err := tallyOf(ctx, tx, who.Account, h.ResetAt.Time)
		if err != nil {
			return fmt.Errorf("count questions: %w", err)
		}
		h.Messages, h.Oldest, h.Newest = t.questions+t.answered, t.oldest, t.newest
		h.Exchanges, err = s.exchanges(ctx, tx, h.Profile, limit, skip)
		return err
	})
	return h, err
}

// exchanges are the learner's questions since the last reset with what to show,
// newest first.
func (s *Service) exchanges(ctx context.Context, tx db.Tx, p Profile, limit, skip int) ([]Exchange, error) {
	rows, err := tx.Query(ctx, listQuestions, string(p.LearnerID), p.ResetAt.Time, limit, skip)
	questions, err := db.Collect(rows, err, scanQuestion)
	if err != nil {
		return nil, fmt.Errorf("list questions: %w", err)
	}
	waiting, err := waitingOf(ctx, tx, p.LearnerID)
	if err != nil {
		return nil, fmt.Errorf("list waiting questions: %w", err)
	}
	out := make([]Exchange, 0, len(questions))
	for _, q := range questions {
		answers, err := answersOf(ctx, tx, q.ID)
		if err != nil {
			return nil, fmt.Errorf("list answers: %w", err)
		}
		out = append(out, exchange(q, answers, waiting[q.ID]))
	}
	return out, nil
}
