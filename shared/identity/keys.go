package identity

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
)

// EnsureKey makes sure that this node has a key to sign tokens with and that it
// is the right one now: the first call on a new database makes and announces
// one, later calls take turns (KeyTurn, KeyLead). The app calls it at start and
// every minute, since a sub-command may have replaced the key.
func (s *Service) EnsureKey(ctx context.Context) error {
	var k secretKey
	err := s.db.Update(ctx, func(tx db.Tx) error {
		keys, err := s.secrets(ctx, tx)
		if err != nil {
			return err
		}
		if keys, err = s.turn(ctx, tx, keys); err != nil {
			return err
		}
		if err := s.sealAnew(ctx, tx, keys); err != nil {
			return err
		}
		k = keys[s.signing(keys)]
		return s.retire(ctx, tx, keys)
	})
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.signer = signer{kid: k.id, private: k.private()}
	return nil
}

// signing is the place of the key that signs now: the latest that has begun. A
// clock that was put back gives the one with the earliest beginning.
func (s *Service) signing(keys []secretKey) int {
	i := slices.IndexFunc(keys, func(k secretKey) bool { return !k.startsAt.After(s.clock.Now()) })
	if i < 0 {
		return len(keys) - 1
	}
	return i
}

// turn adds the next key when there is none, or when the newest one's turn ends
// soon.
func (s *Service) turn(ctx context.Context, tx db.Tx, keys []secretKey) ([]secretKey, error) {
	starts := s.now()
	if len(keys) > 0 {
		if starts.Before(keys[0].startsAt.Add(KeyTurn - KeyLead)) {
			return keys, nil
		}
		starts = db.Time{Time: starts.Add(KeyLead)}
	}
	k, err := s.newKey(ctx, tx, starts)
	if err != nil {
		return nil, err
	}
	return append([]secretKey{k}, keys...), nil
}

func (s *Service) newKey(ctx context.Context, tx db.Tx, starts db.Time) (secretKey, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return secretKey{}, err
	}
	k := secretKey{id: id.New(), seed: private.Seed(), createdAt: s.now(), startsAt: starts}
	if k.stored, err = s.toStore(k.seed); err != nil {
		return k, err
	}
	if _, err := tx.Exec(ctx, insertSecret, k.id, k.stored, k.createdAt, k.startsAt); err != nil {
		return k, err
	}
	if s.announce == nil {
		return k, nil
	}
	_, err = s.announce(ctx, tx, Key{ID: k.id, Issuer: s.issuer, Public: k.encoded(), CreatedAt: k.createdAt})
	return k, err
}

// retire deletes the private halves of keys whose successor has signed for
// KeyLinger: by then every token of theirs has expired.
func (s *Service) retire(ctx context.Context, tx db.Tx, keys []secretKey) error {
	now := s.signing(keys)
	for i := now + 1; i < len(keys); i++ {
		over := keys[i-1].startsAt
		if s.clock.Now().Before(over.Add(KeyLinger)) {
			continue
		}
		if err := s.endKey(ctx, tx, keys[i], Key{Until: over}); err != nil {
			return err
		}
	}
	return nil
}

// endKey deletes a private key and announces how its public half ended.
func (s *Service) endKey(ctx context.Context, tx db.Tx, k secretKey, how Key) error {
	if _, err := tx.Exec(ctx, deleteSecret, k.id); err != nil {
		return err
	}
	if s.announce == nil {
		return nil
	}
	how.ID, how.Issuer, how.Public, how.CreatedAt = k.id, s.issuer, k.encoded(), k.createdAt
	_, err := s.announce(ctx, tx, how)
	return err
}

// ErrNoSuchKey says that this node signs with no such key.
var ErrNoSuchKey = fault.New(fault.NotFound, "There is no such key.").WithCode("no_such_key")

// RevokeKey ends the key kid at once, for the day it got into wrong hands: its
// tokens are refused from now on, at a school from the next exchange on, and a
// new key signs. People stay signed in by their refresh tokens.
func (s *Service) RevokeKey(ctx context.Context, kid string) error {
	err := s.db.Update(ctx, func(tx db.Tx) error {
		k, err := s.secretOf(ctx, tx, kid)
		if errors.Is(err, db.ErrNoRows) {
			return ErrNoSuchKey
		}
		if err != nil {
			return err
		}
		if err := s.endKey(ctx, tx, k, Key{Until: s.now(), Revoked: true}); err != nil {
			return err
		}
		_, err = s.newKey(ctx, tx, s.now())
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke a key: %w", err)
	}
	return s.EnsureKey(ctx)
}

// SigningKey is a key of this node as its operator sees it.
type SigningKey struct {
	ID        string
	CreatedAt db.Time
	// StartsAt is when it begins to sign.
	StartsAt db.Time
	// Signs tells whether it signs now.
	Signs bool
}

// SigningKeys lists the keys this node has the private half of, newest first.
func (s *Service) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	var keys []secretKey
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		keys, err = s.secrets(ctx, tx)
		return err
	})
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	now, out := s.signing(keys), make([]SigningKey, len(keys))
	for i, k := range keys {
		out[i] = SigningKey{ID: k.id, CreatedAt: k.createdAt, StartsAt: k.startsAt, Signs: i == now}
	}
	return out, nil
}
