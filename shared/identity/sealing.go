package identity

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

// Sealer keeps private keys sealed at rest: whoever has the database, or a copy of
// it, cannot sign tokens. fernet.Ring is one.
type Sealer interface {
	Seal(plain []byte, now time.Time) (string, error)
	Open(token string) ([]byte, error)
	// Reseal gives the token under the newest key, and whether that changed it.
	Reseal(token string, now time.Time) (out string, changed bool, err error)
}

// toStore is a seed as the database keeps it.
func (s *Service) toStore(seed []byte) ([]byte, error) {
	if s.sealer == nil {
		return seed, nil
	}
	token, err := s.sealer.Seal(seed, s.clock.Now())
	if err != nil {
		return nil, fmt.Errorf("seal a private key: %w", err)
	}
	return []byte(token), nil
}

// opened gives what is stored as it is used: a bare seed of before there was
// sealing, or what the seal holds. ok is false for one that was sealed with a key
// this node does not have, such as another box's.
func (s *Service) opened(k secretKey) (_ secretKey, ok bool) {
	k.stored = k.seed
	if len(k.seed) == ed25519.SeedSize {
		return k, true
	}
	if s.sealer == nil {
		return k, false
	}
	seed, err := s.sealer.Open(string(k.seed))
	if err != nil || len(seed) != ed25519.SeedSize {
		return k, false
	}
	k.seed = seed
	return k, true
}

// secretOf is the private key kid; db.ErrNoRows when this node cannot use it.
func (s *Service) secretOf(ctx context.Context, tx db.Tx, kid string) (secretKey, error) {
	k, err := db.First(ctx, tx, selectSecret, scanSecret, kid)
	if err != nil {
		return k, err
	}
	k, ok := s.opened(k)
	if !ok {
		return k, db.ErrNoRows
	}
	return k, nil
}

// secrets are the private keys that this node can use, newest first. One that was
// sealed elsewhere is passed over, and a new one is made in its place: people sign
// in again, which a box in another's place asks of them anyway.
func (s *Service) secrets(ctx context.Context, tx db.Tx) ([]secretKey, error) {
	stored, err := db.All(ctx, tx, selectSecrets, scanSecret)
	if err != nil {
		return nil, err
	}
	out := make([]secretKey, 0, len(stored))
	for _, k := range stored {
		if k, ok := s.opened(k); ok {
			out = append(out, k)
		}
	}
	return out, nil
}

// sealAnew seals what lies bare, or under an older key of the ring.
func (s *Service) sealAnew(ctx context.Context, tx db.Tx, keys []secretKey) error {
	if s.sealer == nil {
		return nil
	}
	for _, k := range keys {
		var token []byte
		if len(k.stored) == ed25519.SeedSize {
			var err error
			if token, err = s.toStore(k.seed); err != nil {
				return err
			}
		} else {
			again, changed, err := s.sealer.Reseal(string(k.stored), s.clock.Now())
			if err != nil {
				return fmt.Errorf("seal a private key anew: %w", err)
			}
			if !changed {
				continue
			}
			token = []byte(again)
		}
		if _, err := tx.Exec(ctx, updateSecret, k.id, token); err != nil {
			return err
		}
	}
	return nil
}

// Sealed are the columns of people's names and numbers that lie sealed: first those
// that are looked for, then the others.
func Sealed() (soon, later []db.SealedColumn) {
	return []db.SealedColumn{{Table: "guardians", Column: "phone", Alike: true}, {Table: "logins", Column: "phone", Alike: true},
			{Table: "profiles", Column: "phone", Alike: true}},
		[]db.SealedColumn{{Table: "guardians", Column: "name"}, {Table: "consents", Column: "guardian_name"}}
}
