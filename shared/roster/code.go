package roster

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// CodeKind is what a code is good for.
type CodeKind string

// The kinds.
const (
	// LinkParent makes the parent who types it a guardian of the child.
	LinkParent CodeKind = "link"
	// MoveLearner lets another school take the child in.
	MoveLearner CodeKind = "transfer"
)

// CodeLife is how long a code on a slip is good.
const CodeLife = 30 * 24 * time.Hour

// codeLength is in characters of 5 bits: 60 bits, which no stolen copy of the
// hashes gives away within a code's life.
const codeLength = 12

// Code is what is kept of a code: where it is from, whom it is about, and a hash
// of what is printed.
type Code struct {
	ID        string             `cbor:"1,keyasint" json:"id"`
	School    identity.SchoolID  `cbor:"2,keyasint" json:"school_id"`
	Learner   identity.AccountID `cbor:"3,keyasint" json:"learner_id"`
	Kind      CodeKind           `cbor:"4,keyasint" json:"kind"`
	Hash      string             `cbor:"5,keyasint" json:"hash"`
	By        identity.AccountID `cbor:"6,keyasint" json:"by_id"`
	At        db.Time            `cbor:"7,keyasint" json:"at"`
	ExpiresAt db.Time            `cbor:"8,keyasint" json:"expires_at"`
}

// Use says that a code was used. There is at most one for each.
type Use struct {
	ID      string             `cbor:"1,keyasint" json:"id"`
	School  identity.SchoolID  `cbor:"2,keyasint" json:"school_id"`
	Code    string             `cbor:"3,keyasint" json:"code_id"`
	Learner identity.AccountID `cbor:"4,keyasint" json:"learner_id"`
	By      identity.AccountID `cbor:"5,keyasint" json:"by_id"`
	At      db.Time            `cbor:"6,keyasint" json:"at"`
}

// hashOf is all that is kept of a code. A fast hash is enough: see codeLength.
func hashOf(typed string) string {
	sum := sha256.Sum256([]byte("uhs roster code 1\x1f" + id.Typed(typed)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Slip is one code to print. Text is shown once and kept nowhere.
type Slip struct {
	Code
	Text    string
	Account identity.Account
}

// MakeCodes makes a code for each of the learners of a school, for its slips.
func (s *Service) MakeCodes(ctx context.Context, who identity.Actor, school identity.SchoolID, kind CodeKind, learners []identity.AccountID) ([]Slip, error) {
	if kind != LinkParent && kind != MoveLearner {
		return nil, invalid("unknown_code_kind", "A code is for link or transfer.", "kind")
	}
	if len(learners) == 0 || len(learners) > 200 {
		return nil, invalid("too_many_learners", "Slips are printed for 1 to 200 learners at a time.", "learners")
	}
	var out []Slip
	err := s.db.Update(ctx, func(tx db.Tx) error {
		out = out[:0]
		for _, l := range learners {
			a, err := s.mine(ctx, tx, school, l)
			if err != nil {
				return err
			}
			if err := s.mayChange(ctx, tx, who, school, a.ClassName); err != nil {
				return err
			}
			slip, err := s.newCode(ctx, tx, Code{School: school, Learner: l, Kind: kind, By: who.Account})
			if err != nil {
				return err
			}
			slip.Account = a
			out = append(out, slip)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make codes: %w", err)
	}
	return out, nil
}

func (s *Service) newCode(ctx context.Context, tx db.Tx, c Code) (Slip, error) {
	text := id.Code(codeLength)
	c.ID, c.Hash, c.At = id.New(), hashOf(text), s.now()
	c.ExpiresAt = db.Time{Time: c.At.Add(CodeLife)}
	_, err := Codes.Save(ctx, tx, c)
	return Slip{Code: c, Text: text[:4] + "-" + text[4:8] + "-" + text[8:]}, err
}

// MakeTransferCode lets a guardian give her child to another school.
func (s *Service) MakeTransferCode(ctx context.Context, who identity.Actor, child identity.AccountID) (Slip, error) {
	if err := who.Require(identity.Parent); err != nil {
		return Slip{}, err
	}
	var out Slip
	err := s.db.Update(ctx, func(tx db.Tx) error {
		linked, err := s.people.IsGuardianOf(ctx, tx, who.Account, child)
		if err != nil {
			return err
		}
		if !linked {
			return identity.ErrNoSuchAccount
		}
		a, err := s.people.Account(ctx, tx, child)
		if err != nil {
			return err
		}
		if a.School == "" {
			return ErrNotHere
		}
		out, err = s.newCode(ctx, tx, Code{School: a.School, Learner: child, Kind: MoveLearner, By: who.Account})
		out.Account = a
		return err
	})
	if err != nil {
		return Slip{}, fmt.Errorf("make a transfer code: %w", err)
	}
	return out, nil
}

// AddChild links the parent who types a code to the child it is about; on the
// cloud. ErrNoCode also while the code is on its way from the school's box.
func (s *Service) AddChild(ctx context.Context, who identity.Actor, typed string) (identity.Account, error) {
	if err := who.Require(identity.Parent); err != nil {
		return identity.Account{}, err
	}
	var child identity.Account
	err := s.db.Update(ctx, func(tx db.Tx) error {
		c, a, err := s.open(ctx, tx, hashOf(typed), LinkParent)
		if err != nil {
			return err
		}
		if err := s.use(ctx, tx, c, who.Account); err != nil {
			return err
		}
		child = a
		_, err = s.people.LinkParent(ctx, tx, who.Account, a.ID)
		return err
	})
	if err != nil {
		return child, fmt.Errorf("add a child: %w", err)
	}
	return child, nil
}

// open is an unused code that is good now, and the learner, who is still at the
// school that gave it.
func (s *Service) open(ctx context.Context, tx db.Tx, hash string, kind CodeKind) (Code, identity.Account, error) {
	c, err := codeByHash(ctx, tx, hash)
	if isNoRows(err) || err == nil && c.Kind != kind {
		return c, identity.Account{}, ErrNoCode
	}
	if err != nil {
		return c, identity.Account{}, err
	}
	_, err = useByID(ctx, tx, useID(c))
	switch {
	case err == nil:
		return c, identity.Account{}, ErrCodeUsed
	case !isNoRows(err):
		return c, identity.Account{}, err
	case c.ExpiresAt.Before(s.clock.Now()):
		return c, identity.Account{}, ErrCodeOld
	}
	a, err := s.mine(ctx, tx, c.School, c.Learner)
	if fault.KindOf(err) == fault.NotFound {
		return c, a, ErrCodeStale
	}
	return c, a, err
}

func useID(c Code) string { return id.Derived("roster.code_use", c.ID) }

// use marks a code used; exactly one caller gets through.
func (s *Service) use(ctx context.Context, tx db.Tx, c Code, by identity.AccountID) error {
	first, err := Uses.Save(ctx, tx, Use{ID: useID(c), School: c.School, Code: c.ID, Learner: c.Learner, By: by, At: s.now()})
	if err == nil && !first {
		return ErrCodeUsed
	}
	return err
}

// settleTransfer takes in the learner of a transfer code: with her duplicates,
// her past and what the box must know of her. Her old school's box loses her. A
// suspended learner stays where she is, and so does a suspended duplicate: a code
// that a school or a guardian gives must not lift what an admin said.
func (s *Service) settleTransfer(ctx context.Context, tx db.Tx, c Change) error {
	code, a, err := s.open(ctx, tx, c.Hash, MoveLearner)
	if err != nil {
		return err
	}
	if code.School == c.School {
		return invalid("same_school", "The child is at this school already.", "code")
	}
	if a.Status != identity.Active {
		return ErrNotHere
	}
	if c.Patch, err = c.Patch.check(s.clock.Now(), false); err != nil {
		return err
	}
	if err := s.use(ctx, tx, code, c.By); err != nil {
		return err
	}
	selves, err := s.people.Selves(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	for _, self := range selves {
		b, err := s.people.Account(ctx, tx, self)
		if err != nil {
			return err
		}
		if b.ID == a.ID {
			c.Account = a.ID
			b = Apply(b, c)
		}
		if b.School == c.School || b.Status != identity.Active {
			continue
		}
		if b, err = s.people.Join(ctx, tx, b, c.School); err != nil {
			return err
		}
		if s.history == nil {
			continue
		}
		if err := s.history(ctx, tx, b.ID, c.School); err != nil {
			return fmt.Errorf("bring the past of a learner: %w", err)
		}
	}
	return nil
}
