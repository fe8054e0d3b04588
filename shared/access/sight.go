package access

import (
	"slices"

	"urbanhomeschool.org/uhs/shared/identity"
)

// Viewer is a kind of person as a learner knows her.
type Viewer string

// The viewers, seen from one learner.
const (
	Herself    Viewer = "self"
	Classmate  Viewer = "classmate"
	Guardian   Viewer = "parent"
	Teacher    Viewer = "teacher"     // of her school
	NamedAdult Viewer = "named_adult" // whom her school named
	HerHead    Viewer = "head"
	HerBursar  Viewer = "bursar"
	BoxKeeper  Viewer = "site_admin"
	Office     Viewer = "office" // the admins
	Helper     Viewer = "staff"
	Partner    Viewer = "partner"
)

// Viewers are all of them, nearest first, each as the table knows her.
func Viewers() []Viewer {
	return []Viewer{Herself, Guardian, Teacher, NamedAdult, HerHead, HerBursar, BoxKeeper, Office, Helper, Partner, Classmate}
}

func (v Viewer) actor() identity.Actor {
	of := func(role identity.Role, duties ...identity.Duty) identity.Actor {
		return identity.Actor{Account: "a", Role: role, School: "s", Duties: duties}
	}
	switch v {
	case Herself, Classmate:
		return of(identity.Student)
	case Guardian:
		return of(identity.Parent)
	case Teacher, NamedAdult:
		return of(identity.Instructor)
	case HerHead:
		return of(identity.Instructor, identity.Head)
	case HerBursar:
		return of(identity.Instructor, identity.Bursar)
	case BoxKeeper:
		return of(identity.Instructor, identity.SiteAdmin)
	case Office:
		return of(identity.Admin)
	case Helper:
		return of(identity.Staff)
	case Partner:
		return of(identity.Partner)
	}
	return identity.Actor{}
}

// Sight is a thing about a learner with the operations by which somebody can
// read it, and whom their use-cases let near one learner's. The table narrows
// that; a test of the cloud asks every operation as every viewer.
type Sight struct {
	Thing      string
	Operations []string
	near       []Viewer
}

// Sights are the things about a learner that others could read.
func Sights() []Sight {
	school := []Viewer{Teacher, NamedAdult, HerHead, HerBursar, BoxKeeper}
	with := func(more ...Viewer) []Viewer { return append(slices.Clone(school), more...) }
	return []Sight{
		{"work", []string{"learner-progress"}, with(Herself, Guardian, Office)},
		{"questions", []string{"tutor-history"}, []Viewer{Herself}},
		{"danger", []string{"safeguarding-alerts"}, []Viewer{NamedAdult, HerHead, Office}},
		{"name", []string{"list-school-learners", "get-user", "staff-get-user"}, with(Office, Helper)},
		{"consents", []string{"list-consents"}, with(Herself, Guardian, Office)},
		{"contacts", []string{"list-guardians"}, with(Office)},
		{"payments", []string{"list-school-payments"}, with(Office, Helper)},
	}
}

// Seen is who sees a thing about a learner: always, or only while an admin lends
// it.
type Seen struct {
	Thing  string
	By     []Viewer
	IfLent []Viewer
}

// WhoSees says for every thing about a learner who sees it, by the table that
// admits.
func WhoSees() []Seen {
	var out []Seen
	for _, s := range Sights() {
		seen := Seen{Thing: s.Thing, By: []Viewer{}, IfLent: []Viewer{}}
		for _, v := range Viewers() {
			switch {
			case !slices.Contains(s.near, v):
			case s.admits(v, Powers{}):
				seen.By = append(seen.By, v)
			case s.admits(v, s.everyLoan()):
				seen.IfLent = append(seen.IfLent, v)
			}
		}
		out = append(out, seen)
	}
	return out
}

func (s Sight) admits(v Viewer, p Powers) bool {
	return slices.ContainsFunc(s.Operations, func(op string) bool {
		need, ok := NeedOf(op)
		return ok && Admit(v.actor(), need, p) == nil
	})
}

func (s Sight) everyLoan() (p Powers) {
	for _, op := range s.Operations {
		if need, ok := NeedOf(op); ok && Lendable(need.Feature, Full) {
			p.Loans = append(p.Loans, Loan{need.Feature, Full})
		}
	}
	return p
}
