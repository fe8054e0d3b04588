package access

import "urbanhomeschool.org/uhs/shared/identity"

// The features: first the eight of the published matrix, then our own.
const (
	Tutor     Feature = "ai_tutor_chat"
	Enrolment Feature = "course_enrollment"
	Courses   Feature = "course_creation"
	Payments  Feature = "payment_initiation"
	Forum     Feature = "forum_access"
	Analytics Feature = "analytics"
	Users     Feature = "user_management"
	Providers Feature = "ai_provider_config"

	Account      Feature = "own_account"
	Applications Feature = "applications"
	Lessons      Feature = "lessons"
	Schools      Feature = "school"
	Roster       Feature = "roster"
	Guardians    Feature = "guardians"
	SignIn       Feature = "school_sign_in"
	Consents     Feature = "consents"
	Safeguarding Feature = "safeguarding"
	Finance      Feature = "finance"
	Box          Feature = "school_box"
	Fleet        Feature = "fleet"
	Permissions  Feature = "permissions"
	Audit        Feature = "audit"
	Errors       Feature = "error_log"
)

// Row is a feature with its grades by role and by duty.
type Row struct {
	Feature Feature
	// Name is the English name, as published where it is.
	Name   string
	Roles  map[identity.Role][]Grade
	Duties map[identity.Duty][]Grade
}

func row(f Feature, name string, student, parent, instructor, admin, staff, partner Grade) Row {
	r := Row{Feature: f, Name: name, Roles: map[identity.Role][]Grade{}}
	for role, g := range map[identity.Role]Grade{
		identity.Student: student, identity.Parent: parent, identity.Instructor: instructor,
		identity.Admin: admin, identity.Staff: staff, identity.Partner: partner,
	} {
		if g != none {
			r.Roles[role] = []Grade{g}
		}
	}
	return r
}

func (r Row) with(head, bursar, siteAdmin Grade) Row {
	r.Duties = map[identity.Duty][]Grade{}
	for d, g := range map[identity.Duty]Grade{identity.Head: head, identity.Bursar: bursar, identity.SiteAdmin: siteAdmin} {
		if g != none {
			r.Duties[d] = []Grade{g}
		}
	}
	return r
}

// applicants adds what is open to those who wait for approval.
func (r Row) applicants(g Grade) Row {
	r.Roles[identity.Applicant] = []Grade{g}
	return r
}

const none Grade = ""

// Table is the table of permissions. with adds what the duties head, bursar and
// site admin open for an instructor, at her own school only.
func Table() []Row {
	return []Row{
		//                                          student  parent     instructor admin   staff      partner
		row(Tutor, "AI Tutor Chat", Full, none, none, Manage, none, none),
		row(Enrolment, "Course Enrollment", Full, ViewChild, none, Full, View, Sponsor),
		row(Courses, "Course Creation", none, none, Full, Full, Create, none),
		row(Payments, "Payment Initiation", Full, Full, Payout, Full, none, Full).with(Full, Full, none),
		row(Forum, "Forum Access", Full, Read, Full, Moderate, Moderate, Read),
		row(Analytics, "Analytics", Own, ViewChild, Own, Full, Delegated, Own),
		row(Users, "User Management", none, ViewChild, Own, Full, Delegated, none),
		row(Providers, "AI Provider Config", none, none, none, Full, none, none),

		row(Account, "Own Account", Own, Own, Own, Own, Own, Own).applicants(Own),
		row(Applications, "Teachers' Applications", none, none, Own, Full, Manage, none).applicants(Own),
		row(Lessons, "Lessons and Quizzes", Full, Read, Full, Full, Read, Read),
		row(Schools, "School", View, View, View, Full, View, View),
		row(Roster, "Class Lists", none, none, View, Full, none, none).with(Full, none, Manage),
		row(Guardians, "Guardians", none, none, none, Full, none, none).with(Full, View, Manage),
		row(SignIn, "Sign-in at School", Own, none, View, Full, none, none).with(Full, none, Manage),
		row(Consents, "Consents", View, Own, Manage, Full, none, none),
		row(Safeguarding, "Safeguarding", none, none, View, Full, none, none).with(Full, none, none),
		row(Finance, "School's Money", none, none, none, Full, View, none).with(View, View, none),
		row(Box, "School's Box", none, none, View, Full, View, none).with(Full, none, Full),
		row(Fleet, "Fleet of Boxes", none, none, none, Full, View, none),
		row(Permissions, "Permissions", none, none, none, Full, none, none),
		row(Audit, "Audit Log", none, none, none, Full, Delegated, none).with(Own, none, Own),
		row(Errors, "Error Log", none, none, none, Full, Delegated, none),
	}
}
