// Package access says who may do what: one table of *features* by role, with a
// *grade* in each cell (Full, View, Own, Delegated ...), the grades that a
// *duty* at a school adds, and for every operation of the API the feature and
// the grades that open it. The API admits by it, the web app shows by it, and
// docs/access.md is made from it.
//
// What is lent or taken away beside the table comes in as Powers: an admin can
// delegate some features to a member of staff for a time, and can restrict a
// person.
//
// The rule that surprises: the table decides only about the role. Whether an
// object is somebody else's is the use-case's to say, and its answer is "there
// is no such thing", never "forbidden".
package access

import (
	"slices"

	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Feature is a part of the platform that a role may use or not.
type Feature string

// Grade is how far a role may use a feature.
type Grade string

// The grades. Full opens everything in its feature; the others only what names
// them.
const (
	Full      Grade = "full"
	Manage    Grade = "manage"
	Moderate  Grade = "moderate"
	Create    Grade = "create"
	View      Grade = "view"
	Read      Grade = "read"
	Own       Grade = "own"        // her own progress, courses, campaigns, pupils
	ViewChild Grade = "view_child" // her linked children's
	Sponsor   Grade = "sponsor"
	Payout    Grade = "payout"
	Delegated Grade = "delegated" // what an admin lends, see Powers
)

// Need is what an operation asks for: one of Grades in Feature. Full is always
// enough.
type Need struct {
	Feature Feature
	Grades  []Grade
}

// Loan is a grade that an admin has lent to a member of staff.
type Loan struct {
	Feature Feature
	Grade   Grade
}

// Powers are what one person may do beside the table, or may not.
type Powers struct {
	Loans      []Loan
	Restricted []Feature
}

// ErrRestricted answers a person from whom a feature was taken for a time.
var ErrRestricted = fault.New(fault.Forbidden, "You may not use this at present.").WithCode("restricted")

// Grades are what who has in a feature: her role's and, at her school, her
// duties'.
func Grades(f Feature, who identity.Actor) []Grade {
	row, ok := rowOf(f)
	if !ok {
		return nil
	}
	out := slices.Clone(row.Roles[who.Role])
	if who.Role == identity.Instructor && who.School != "" {
		for _, d := range who.Duties {
			out = append(out, row.Duties[d]...)
		}
	}
	return out
}

// Admit gives nil when who may: ErrNobody for nobody, ErrForbidden when neither
// role, duty nor loan opens it, ErrRestricted when it was taken away.
func Admit(who identity.Actor, need Need, p Powers) error {
	if who.Account == "" {
		return identity.ErrNobody
	}
	have := Grades(need.Feature, who)
	if slices.Contains(have, Delegated) {
		for _, l := range p.Loans {
			if l.Feature == need.Feature {
				have = append(have, l.Grade)
			}
		}
	}
	if !opens(have, need.Grades) {
		return identity.ErrForbidden
	}
	if slices.Contains(p.Restricted, need.Feature) {
		return ErrRestricted
	}
	return nil
}

func opens(have, need []Grade) bool {
	return slices.Contains(have, Full) || slices.ContainsFunc(need, func(g Grade) bool { return slices.Contains(have, g) })
}

// Lendable are the features and grades that can be delegated to staff.
func Lendable(f Feature, g Grade) bool {
	row, ok := rowOf(f)
	return ok && slices.Contains(row.Roles[identity.Staff], Delegated) && slices.Contains([]Grade{View, Manage, Full}, g)
}

// Restrictable tells whether a feature can be taken from a person.
func Restrictable(f Feature) bool {
	_, ok := rowOf(f)
	return ok && f != Account
}

func rowOf(f Feature) (Row, bool) {
	i := slices.IndexFunc(Table(), func(r Row) bool { return r.Feature == f })
	if i < 0 {
		return Row{}, false
	}
	return Table()[i], true
}
