package identity

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
)

// saveLearnerSecret stores a learner's PIN or pictures. When they take the place
// of others her sessions here end: whoever guessed the old ones is out too. The
// first ones of a child end nothing.
func (s *Service) saveLearnerSecret(ctx context.Context, tx db.Tx, a Account, kind CredentialKind, verifier string) error {
	had, err := db.All(ctx, tx, selectCredentials, scanCredential, a.ID, a.School)
	if err != nil {
		return err
	}
	if err := s.saveCredential(ctx, tx, a, kind, verifier); err != nil {
		return err
	}
	for _, c := range had {
		if ofLearner(c.Kind) && c.Verifier != "" {
			return s.endAll(ctx, tx, a.ID, "")
		}
	}
	return nil
}

func ofLearner(kind CredentialKind) bool { return kind == PIN || kind == PictureSecret }

// OnCredentials ends what learners have open here under a PIN or pictures that
// were replaced at the cloud; for the reactions of a school's box, which runs them
// for new records only.
func (s *Service) OnCredentials(ctx context.Context, tx db.Tx, in []Credential) error {
	for _, c := range in {
		if !ofLearner(c.Kind) {
			continue
		}
		if err := s.endAll(ctx, tx, c.Account, ""); err != nil {
			return err
		}
	}
	return nil
}
