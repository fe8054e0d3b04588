package privacy

import (
	"context"
	"errors"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// hintsADay is how often a day a phone is told how to answer: a phone that answers
// by itself makes no loop.
const hintsADay = 3

// unclear is the template that says how to answer.
const unclear = "consent_unclear"

// misread tells a guardian with an open question how to answer it, after a message
// that answers none. Strangers are told nothing.
func (s *Service) misread(ctx context.Context, tx db.Tx, phone, language string) (bool, error) {
	now := s.now()
	q, err := db.First(ctx, tx, lockOpen, scanQuestion, phone, now)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	g, err := s.o.People.GuardianByID(ctx, tx, q.Guardian)
	if err != nil {
		return false, err
	}
	learner, err := s.o.People.Survivor(ctx, tx, q.Learner)
	if err != nil {
		return false, err
	}
	if err := s.isOf(ctx, tx, g, learner.ID); err != nil {
		if errors.Is(err, identity.ErrNoSuchGuardian) { // a merge was taken back: the question is not hers
			return false, nil
		}
		return false, err
	}
	told, err := db.First(ctx, tx, countHints, db.Scalar[int64], phone, unclear, db.Time{Time: now.Add(-24 * time.Hour)})
	if err != nil || told >= hintsADay {
		return true, err
	}
	q.Phone = phone
	return true, s.reply(ctx, tx, q, courier.Letter{Template: unclear, Language: language})
}
