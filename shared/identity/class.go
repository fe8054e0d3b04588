package identity

import (
	"context"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
)

// RosterLine is a learner as her teachers see her.
type RosterLine struct {
	Account             Account
	HasPIN, HasPictures bool
}

// Roster lists the learners of a school, of one class or of all when class is
// empty; for admins and the instructors of the school.
func (s *Service) Roster(ctx context.Context, who Actor, school SchoolID, class string) ([]RosterLine, error) {
	if err := who.Require(Admin, Instructor); err != nil {
		return nil, err
	}
	if who.Role != Admin && (who.School == "" || who.School != school) {
		return nil, ErrNoSuchSchool
	}
	var out []RosterLine
	err := s.db.View(ctx, func(tx db.Tx) error {
		if _, err := s.School(ctx, tx, school); err != nil {
			return err
		}
		var err error
		out, err = db.All(ctx, tx, selectRoster, scanRoster, school, class)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list a roster: %w", err)
	}
	return out, nil
}

// Class is one class at the school's sign-in page.
type Class struct {
	ID, Name string
	Learners int
}

// ListClasses gives the school this node serves and its classes, for the
// sign-in page: anybody on the school's network may ask.
func (s *Service) ListClasses(ctx context.Context) (School, []Class, error) {
	var school School
	var classes []Class
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		if school, err = s.School(ctx, tx, s.school); err != nil {
			return err
		}
		classes, err = db.All(ctx, tx, selectClasses, scanClass, s.school)
		return err
	})
	if err != nil {
		return school, nil, fmt.Errorf("list classes: %w", err)
	}
	for i := range classes {
		classes[i].ID = classID(s.school, classes[i].Name)
	}
	return school, classes, nil
}

func classID(school SchoolID, name string) string {
	return id.Derived("identity.class", string(school), name)
}

// SignInName is a learner on the sign-in page: first name and initial, and no
// more unless two in the class share it.
type SignInName struct {
	ID                  AccountID
	Name                string
	HasPIN, HasPictures bool
}

// ListSignInNames gives the names of a class, for the sign-in page.
func (s *Service) ListSignInNames(ctx context.Context, class string) ([]SignInName, error) {
	var out []SignInName
	err := s.db.View(ctx, func(tx db.Tx) error {
		classes, err := db.All(ctx, tx, selectClasses, scanClass, s.school)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(classes, func(c Class) bool { return classID(s.school, c.Name) == class })
		if i < 0 {
			return fault.New(fault.NotFound, "There is no such class.").WithCode("no_such_class")
		}
		roster, err := db.All(ctx, tx, selectRoster, scanRoster, s.school, classes[i].Name)
		if err != nil {
			return err
		}
		out = signInNames(roster)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the names of a class: %w", err)
	}
	return out, nil
}

func signInNames(roster []RosterLine) []SignInName {
	count := map[string]int{}
	for _, l := range roster {
		count[l.Account.shortName()]++
	}
	out := make([]SignInName, 0, len(roster))
	for _, l := range roster {
		if l.Account.Status != Active {
			continue
		}
		name := l.Account.shortName()
		if count[name] > 1 {
			name = l.Account.FullName
		}
		out = append(out, SignInName{l.Account.ID, name, l.HasPIN, l.HasPictures})
	}
	return out
}
