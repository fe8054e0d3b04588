package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Line is a learner as the roster shows her. Waiting says that the cloud has not
// answered a change yet.
type Line struct {
	Account identity.Account
	Age     *int
	Waiting bool
}

// List gives the learners of a school, of one class or of all when class is empty,
// with the school's classes' teachers and duty holders in mind: for its
// instructors and admins.
func (s *Service) List(ctx context.Context, who identity.Actor, school identity.SchoolID, class string) ([]Line, error) {
	lines, err := s.people.Roster(ctx, who, school, class)
	if err != nil {
		return nil, err
	}
	out := make([]Line, len(lines))
	err = s.db.View(ctx, func(tx db.Tx) error {
		open, err := openChangesAt(ctx, tx, school)
		if err != nil {
			return err
		}
		waiting := map[identity.AccountID]bool{}
		for _, c := range open {
			waiting[c.Account], waiting[c.Other] = true, true
		}
		for i, l := range lines {
			out[i] = Line{Account: l.Account, Waiting: waiting[l.Account.ID]}
			if age, known := Age(l.Account.Born, s.clock.Now()); known {
				out[i].Age = &age
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the roster: %w", err)
	}
	return out, nil
}

// Add brings a learner to a school. change is the id of the change, made by the
// page, so that a repeated request adds nobody twice; empty: made here.
func (s *Service) Add(ctx context.Context, who identity.Actor, school identity.SchoolID, change string, p Patch) (identity.Account, error) {
	if change == "" {
		change = id.New()
	}
	if !id.Valid(change) {
		return identity.Account{}, invalid("not_a_uuid", "The id must be a UUID.", "id")
	}
	p, err := p.check(s.clock.Now(), true)
	if err != nil {
		return identity.Account{}, err
	}
	c := Change{ID: strings.ToLower(change), School: school, Kind: Learner, Patch: p}
	c.Account = LearnerOf(school, c.ID)
	var a identity.Account
	err = s.db.Update(ctx, func(tx db.Tx) error {
		if _, err := s.people.School(ctx, tx, school); err != nil {
			return err
		}
		if err := s.mayChange(ctx, tx, who, school, classOf(p)); err != nil {
			return err
		}
		if err := s.change(ctx, tx, who, c); err != nil {
			return err
		}
		a, err = s.mine(ctx, tx, school, c.Account)
		return err
	})
	if err != nil {
		return a, fmt.Errorf("add a learner: %w", err)
	}
	return a, nil
}

func classOf(p Patch) string {
	if p.ClassName != nil && *p.ClassName != "" {
		return *p.ClassName
	}
	if p.Grade != nil {
		return *p.Grade
	}
	return ""
}

func newChange(school identity.SchoolID, kind Kind) Change {
	return Change{ID: id.New(), School: school, Kind: kind}
}

// change keeps c and lets the clerk act on it. The same change twice is once.
func (s *Service) change(ctx context.Context, tx db.Tx, who identity.Actor, c Change) error {
	if c.ID == "" {
		c.ID = id.New()
	}
	c.By, c.At = who.Account, s.now()
	fresh, err := Changes.Save(ctx, tx, c)
	if err != nil || !fresh {
		return err
	}
	return s.clerk.act(ctx, tx, s, c)
}

// about runs a change of one learner of the school after asking whether who may.
func (s *Service) about(ctx context.Context, who identity.Actor, c Change) (identity.Account, error) {
	var a identity.Account
	err := s.db.Update(ctx, func(tx db.Tx) error {
		var err error
		if err = maySee(who, c.School); err != nil {
			return err
		}
		if a, err = s.mine(ctx, tx, c.School, c.Account); err != nil {
			return err
		}
		if err := s.mayChange(ctx, tx, who, c.School, a.ClassName); errors.Is(err, identity.ErrForbidden) {
			return identity.ErrNoSuchAccount // none of hers
		} else if err != nil {
			return err
		}
		if err := s.change(ctx, tx, who, c); err != nil {
			return err
		}
		a, err = s.people.Account(ctx, tx, c.Account)
		return err
	})
	if err != nil {
		return a, fmt.Errorf("change the roster: %w", err)
	}
	return a, nil
}

// Correct changes what is known of a learner of the school.
func (s *Service) Correct(ctx context.Context, who identity.Actor, school identity.SchoolID, learner identity.AccountID, p Patch) (identity.Account, error) {
	p, err := p.check(s.clock.Now(), false)
	if err != nil {
		return identity.Account{}, err
	}
	return s.about(ctx, who, Change{School: school, Kind: Learner, Account: learner, Patch: p})
}

// Remove says that a learner has left the school. Her record stays on the cloud.
func (s *Service) Remove(ctx context.Context, who identity.Actor, school identity.SchoolID, learner identity.AccountID) error {
	_, err := s.about(ctx, who, Change{School: school, Kind: Leave, Account: learner})
	return err
}

// UnlinkGuardian ends a guardian's link to a learner of the school.
func (s *Service) UnlinkGuardian(ctx context.Context, who identity.Actor, school identity.SchoolID, learner identity.AccountID, guardian string) error {
	if !id.Valid(guardian) {
		return identity.ErrNoSuchGuardian
	}
	_, err := s.about(ctx, who, Change{School: school, Kind: Unlink, Account: learner, Of: guardian})
	return err
}

// MergeLearners says that other is the same child as learner, whose record stays.
// What stands under other counts for learner from now on, until it is undone.
func (s *Service) MergeLearners(ctx context.Context, who identity.Actor, school identity.SchoolID, learner, other identity.AccountID) error {
	if learner == other {
		return ErrSameLearner.At("the same learner twice", "duplicate_id")
	}
	err := s.db.Update(ctx, func(tx db.Tx) error {
		if err := s.mayChange(ctx, tx, who, school, ""); err != nil {
			return err
		}
		for _, l := range []identity.AccountID{learner, other} {
			a, err := s.mine(ctx, tx, school, l)
			if err != nil {
				return err
			}
			if a.MergedInto != "" {
				return ErrSameLearner
			}
		}
		return s.change(ctx, tx, who, Change{School: school, Kind: Merge, Account: learner, Other: other})
	})
	if err != nil {
		return fmt.Errorf("merge learners: %w", err)
	}
	return nil
}

// UndoMerge takes a merge of the school back: both are as they were.
func (s *Service) UndoMerge(ctx context.Context, who identity.Actor, school identity.SchoolID, merge string) error {
	err := s.db.Update(ctx, func(tx db.Tx) error {
		if err := s.mayChange(ctx, tx, who, school, ""); err != nil {
			return err
		}
		m, err := changeByID(ctx, tx, merge)
		if isNoRows(err) || err == nil && (m.Kind != Merge || m.School != school) {
			return ErrNoChange
		}
		if err != nil {
			return err
		}
		return s.change(ctx, tx, who, Change{School: school, Kind: Unmerge, Account: m.Account, Other: m.Other, Of: m.ID})
	})
	if err != nil {
		return fmt.Errorf("undo a merge: %w", err)
	}
	return nil
}

// MergeLine is a merge that stands.
type MergeLine struct {
	Change             Change
	Learner, Duplicate identity.Account
}

// ListMerges gives the merges of a school that stand, newest first.
func (s *Service) ListMerges(ctx context.Context, who identity.Actor, school identity.SchoolID) ([]MergeLine, error) {
	var out []MergeLine
	err := s.db.View(ctx, func(tx db.Tx) error {
		if err := s.mayChange(ctx, tx, who, school, ""); err != nil {
			return err
		}
		merges, err := db.All(ctx, tx, mergesAt, scanChange, school)
		if err != nil {
			return err
		}
		undone := map[string]bool{}
		for _, m := range merges {
			undone[m.Of] = true
		}
		for _, m := range merges {
			if m.Kind != Merge || undone[m.ID] {
				continue
			}
			l := MergeLine{Change: m}
			if l.Learner, err = s.people.Account(ctx, tx, m.Account); err == nil {
				l.Duplicate, err = s.people.Account(ctx, tx, m.Other)
			}
			if errors.Is(err, identity.ErrNoSuchAccount) {
				continue
			}
			if err != nil {
				return err
			}
			out = append(out, l)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list merges: %w", err)
	}
	return out, nil
}

// Pair is two learners who may be one child.
type Pair struct{ A, B identity.Account }

// ListDuplicates gives learners of a school who may be there twice: the same UPI
// or admission number, or the same words in the name and the same grade.
func (s *Service) ListDuplicates(ctx context.Context, who identity.Actor, school identity.SchoolID) ([]Pair, error) {
	var out []Pair
	err := s.db.View(ctx, func(tx db.Tx) error {
		if err := s.mayChange(ctx, tx, who, school, ""); err != nil {
			return err
		}
		learners, err := s.people.Learners(ctx, tx, school)
		out = pairs(learners)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list duplicates: %w", err)
	}
	return out, nil
}

func pairs(learners []identity.Account) []Pair {
	by := map[string][]identity.Account{}
	seen := map[[2]identity.AccountID]bool{}
	var out []Pair
	for _, a := range learners {
		for _, key := range []string{"u" + a.UPI, "a" + strings.ToLower(a.AdmissionNumber), "n" + nameKey(a.FullName) + "\x1f" + a.Grade} {
			if len(key) == 1 {
				continue
			}
			for _, b := range by[key] {
				if pair := [2]identity.AccountID{b.ID, a.ID}; !seen[pair] {
					seen[pair] = true
					out = append(out, Pair{b, a})
				}
			}
			by[key] = append(by[key], a)
		}
	}
	return out
}

// nameKey is a name with its words in order and in lower case, so that "Otieno
// Mary" is "Mary Otieno".
func nameKey(name string) string {
	words := strings.Fields(strings.ToLower(name))
	slices.Sort(words)
	return strings.Join(words, " ")
}

// Receive asks for the learner of a transfer code that her old school or her
// guardian gave; for admins and holders of a duty. At a school the answer comes
// with the next exchange.
func (s *Service) Receive(ctx context.Context, who identity.Actor, school identity.SchoolID, typed string, p Patch) error {
	if p.Grade == nil {
		return invalid("unknown_grade", "The grade is PP1, PP2 or Grade 1 to Grade 12.", "grade")
	}
	if p.ClassName == nil {
		p.ClassName = p.Grade
	}
	if p.AdmissionNumber == nil { // the old school's means nothing here
		p.AdmissionNumber = new(string)
	}
	p.FullName, p.UPI = nil, nil
	p, err := p.check(s.clock.Now(), false)
	if err != nil {
		return err
	}
	err = s.db.Update(ctx, func(tx db.Tx) error {
		if err := s.mayChange(ctx, tx, who, school, ""); err != nil {
			return err
		}
		return s.change(ctx, tx, who, Change{School: school, Kind: Transfer, Hash: hashOf(typed), Patch: p})
	})
	if err != nil {
		return fmt.Errorf("receive a learner: %w", err)
	}
	return nil
}

// Matter is an answer of the cloud that somebody at the school has to look at.
type Matter struct {
	Change  Change
	Account identity.Account
	Refused bool
	Code    string
	At      db.Time
}

// ListTodos gives what the cloud refused or remarked on and nobody has seen,
// newest first; for admins and holders of a duty.
func (s *Service) ListTodos(ctx context.Context, who identity.Actor, school identity.SchoolID) ([]Matter, error) {
	var out []Matter
	err := s.db.View(ctx, func(tx db.Tx) error {
		if err := s.mayChange(ctx, tx, who, school, ""); err != nil {
			return err
		}
		var err error
		if out, err = db.All(ctx, tx, selectTodos, scanTodo, school); err != nil {
			return err
		}
		for i := range out {
			a, err := s.people.Account(ctx, tx, out[i].Change.Account)
			if err == nil && a.School == school {
				out[i].Account = a
			} else if err != nil && !errors.Is(err, identity.ErrNoSuchAccount) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list to-dos: %w", err)
	}
	return out, nil
}

// Dismiss says that somebody has seen the answer to a change.
func (s *Service) Dismiss(ctx context.Context, who identity.Actor, school identity.SchoolID, change string) error {
	err := s.db.Update(ctx, func(tx db.Tx) error {
		if err := s.mayChange(ctx, tx, who, school, ""); err != nil {
			return err
		}
		c, err := changeByID(ctx, tx, change)
		if isNoRows(err) || err == nil && c.School != school {
			return ErrNoChange
		}
		if err != nil {
			return err
		}
		return s.change(ctx, tx, who, Change{ID: id.Derived("roster.seen", change), School: school, Kind: Seen, Of: change})
	})
	if err != nil {
		return fmt.Errorf("dismiss a to-do: %w", err)
	}
	return nil
}
