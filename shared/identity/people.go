package identity

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// usersFeature is access.Users, which is above this package.
const usersFeature = "user_management"

// mayLookUp lets admins look up people, and staff to whom that was lent.
func mayLookUp(who Actor) error {
	if who.Borrowed(usersFeature, "view", "manage", "full") {
		return nil
	}
	return who.Require(Admin)
}

// Errors of changing a role.
var (
	ErrOwnAccount   = fault.New(fault.Conflict, "Somebody else must do this to your own account.").WithCode("own_account")
	ErrRoleOfSchool = fault.New(fault.Conflict, "A member of a school keeps the role there.").WithCode("role_of_school")
)

type roleWas struct {
	Role   Role   `json:"role"`
	Reason string `json:"reason,omitempty"`
}

// SetRole gives an account another role and ends its sessions, whose tokens name
// the old one; for admins, with a reason. Not one's own account, so that one
// admin always remains, and not a member of a school.
func (s *Service) SetRole(ctx context.Context, who Actor, account AccountID, role Role, reason string) (previous Role, err error) {
	if err := who.Require(Admin); err != nil {
		return "", err
	}
	if who.Account == account {
		return "", ErrOwnAccount
	}
	if !knownRole(role) {
		return "", invalid("unknown_role", "The role is student, parent, instructor, admin, staff or partner.", "new_role")
	}
	if reason == "" {
		return "", invalid("reason_missing", "Say why.", "reason")
	}
	err = s.db.Update(ctx, func(tx db.Tx) error {
		p, err := s.personIn(ctx, tx, account)
		if err != nil {
			return err
		}
		a := p.Account
		if a.School != "" {
			return ErrRoleOfSchool
		}
		previous = a.Role
		a.Role, a.Email, a.UpdatedAt = role, "", s.now()
		if role == Instructor {
			a.Email = p.Email
		}
		if err := saveAccount(ctx, tx, a); err != nil {
			return err
		}
		if err := s.endAll(ctx, tx, account, ""); err != nil {
			return err
		}
		return s.noteUser(ctx, tx, "user.role", a, roleWas{Role: previous}, roleWas{role, reason})
	})
	if err != nil {
		return "", fmt.Errorf("set a role: %w", err)
	}
	return previous, nil
}

func knownRole(role Role) bool {
	switch role {
	case Student, Parent, Instructor, Admin, Staff, Partner:
		return true
	}
	return false
}

// ChangeStatus suspends an account or makes it active again in tx, as SetStatus
// does for an admin; for domains that have authorised it. It gives false, and
// changes nothing, for an account that is neither.
func (s *Service) ChangeStatus(ctx context.Context, tx db.Tx, account AccountID, status Status) (bool, error) {
	a, err := s.Account(ctx, tx, account)
	if err != nil {
		return false, err
	}
	if a.Status != Active && a.Status != Suspended {
		return false, nil
	}
	return true, s.changeStatus(ctx, tx, a, status)
}

func (s *Service) changeStatus(ctx context.Context, tx db.Tx, a Account, status Status) error {
	before := statusWas{a.Status}
	a.Status, a.UpdatedAt = status, s.now()
	if err := saveAccount(ctx, tx, a); err != nil {
		return err
	}
	if status != Active {
		if err := s.endAll(ctx, tx, a.ID, ""); err != nil {
			return err
		}
	}
	return s.noteUser(ctx, tx, "user.status", a, before, statusWas{status})
}

// Visits is how often a person signed in.
func (s *Service) Visits(ctx context.Context, tx db.Tx, account AccountID) (int64, error) {
	return db.First(ctx, tx, countSessions, db.Scalar[int64], account)
}

// ParentOf is the first guardian with an account of a learner, if there is one.
func (s *Service) ParentOf(ctx context.Context, tx db.Tx, learner AccountID) (Account, bool, error) {
	parents, err := db.All(ctx, tx, selectParents, scanAccount, learner)
	if err != nil || len(parents) == 0 {
		return Account{}, false, err
	}
	return parents[0], true, nil
}

func (s *Service) personIn(ctx context.Context, tx db.Tx, account AccountID) (Person, error) {
	p, err := db.First(ctx, tx, selectPerson, scanPerson, account)
	if errors.Is(err, db.ErrNoRows) {
		return p, ErrNoSuchAccount
	}
	return p, err
}

// NamesOf gives the names of those of ids that are people here, for pages that
// show who did something.
func (s *Service) NamesOf(ctx context.Context, ids []string) (map[string]string, error) {
	out := map[string]string{}
	err := s.db.View(ctx, func(tx db.Tx) error {
		for _, id := range ids {
			if _, done := out[id]; done || id == "" {
				continue
			}
			a, err := s.Account(ctx, tx, AccountID(id))
			if err != nil && !errors.Is(err, ErrNoSuchAccount) {
				return err
			}
			out[id] = a.FullName
		}
		return nil
	})
	return out, err
}

// PersonIn is Person in tx, for domains that have authorised it.
func (s *Service) PersonIn(ctx context.Context, tx db.Tx, account AccountID) (Person, error) {
	return s.personIn(ctx, tx, account)
}
