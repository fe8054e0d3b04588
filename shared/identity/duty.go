package identity

import (
	"context"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
)

// InstructorLine is an instructor as those who manage her school see her.
type InstructorLine struct {
	Account Account
	Duties  []Duty
	// HasPassword tells whether she can sign in at the school's box.
	HasPassword bool
}

// ListInstructors gives the instructors of a school, by name; for admins, the
// head and the site admin.
func (s *Service) ListInstructors(ctx context.Context, who Actor, school SchoolID) ([]InstructorLine, error) {
	if err := mayManage(who, school, Head, SiteAdmin); err != nil {
		return nil, err
	}
	var lines []InstructorLine
	var grants []DutyGrant
	err := s.db.View(ctx, func(tx db.Tx) error {
		if _, err := s.School(ctx, tx, school); err != nil {
			return err
		}
		var err error
		if lines, err = db.All(ctx, tx, selectInstructors, scanInstructor, school); err != nil {
			return err
		}
		grants, err = db.All(ctx, tx, selectSchoolDuties, scanDuty, school)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list instructors: %w", err)
	}
	duties := map[AccountID][]Duty{}
	for _, g := range grants {
		duties[g.Account] = append(duties[g.Account], g.Duty)
	}
	for i := range lines {
		lines[i].Duties = duties[lines[i].Account.ID]
	}
	return lines, nil
}

func checkDuty(d Duty) error {
	if !slices.Contains([]Duty{Head, Bursar, SiteAdmin}, d) {
		return invalid("unknown_duty", "The duty is head, bursar or site_admin.", "duty")
	}
	return nil
}

// GrantDuty gives an instructor of the school a duty; for admins and the head.
// It shows in tokens from the next refresh on.
func (s *Service) GrantDuty(ctx context.Context, who Actor, school SchoolID, account AccountID, duty Duty) error {
	return s.setDuty(ctx, who, DutyGrant{School: school, Account: account, Duty: duty, Active: true})
}

// WithdrawDuty takes a duty back and ends the person's cloud sessions, whose
// tokens still name it; for admins and the head. Sessions at the school's box
// lose it at their next refresh.
func (s *Service) WithdrawDuty(ctx context.Context, who Actor, school SchoolID, account AccountID, duty Duty) error {
	return s.setDuty(ctx, who, DutyGrant{School: school, Account: account, Duty: duty})
}

func (s *Service) setDuty(ctx context.Context, who Actor, g DutyGrant) error {
	if err := mayManage(who, g.School, Head); err != nil {
		return err
	}
	if err := checkDuty(g.Duty); err != nil {
		return err
	}
	err := s.db.Update(ctx, func(tx db.Tx) error {
		a, err := s.Account(ctx, tx, g.Account)
		if err != nil {
			return err
		}
		if a.Role != Instructor || a.School != g.School {
			return ErrNoSuchAccount
		}
		if err := s.saveDuty(ctx, tx, g); err != nil || g.Active {
			return err
		}
		return s.endAll(ctx, tx, g.Account, "")
	})
	if err != nil {
		return fmt.Errorf("set a duty: %w", err)
	}
	return nil
}

func (s *Service) saveDuty(ctx context.Context, tx db.Tx, g DutyGrant) error {
	g.ID, g.UpdatedAt = dutyID(g.School, g.Account, g.Duty), s.now()
	held, err := dutiesOf(ctx, tx, g.Account, g.School)
	if err != nil {
		return err
	}
	if _, err := DutyGrants.Save(ctx, tx, g); err != nil {
		return err
	}
	return s.noteUser(ctx, tx, "user.duty", Account{ID: g.Account, School: g.School}, dutyWas{g.Duty, slices.Contains(held, g.Duty)}, dutyWas{g.Duty, g.Active})
}

// SetNamedAdult names the instructor who is told when a child is in danger; for
// admins and the head.
func (s *Service) SetNamedAdult(ctx context.Context, who Actor, school SchoolID, account AccountID) (School, error) {
	if err := mayManage(who, school, Head); err != nil {
		return School{}, err
	}
	var v School
	err := s.db.Update(ctx, func(tx db.Tx) error {
		var err error
		if v, err = s.School(ctx, tx, school); err != nil {
			return err
		}
		a, err := s.Account(ctx, tx, account)
		if err != nil {
			return err
		}
		if a.Role != Instructor || a.School != school {
			return ErrNoSuchAccount
		}
		v.NamedAdult, v.UpdatedAt = account, s.now()
		_, err = Schools.Save(ctx, tx, v)
		return err
	})
	if err != nil {
		return School{}, fmt.Errorf("set the named adult: %w", err)
	}
	return v, nil
}
