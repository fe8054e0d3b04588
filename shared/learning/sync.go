package learning

import (
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Enrolments travel both ways: a parent may enrol a child on the cloud's pages
// later, a child enrols herself at school.
var Enrolments = syncer.Entity[Enrolment]{
	Spec: syncproto.Spec{
		Name: "learning.enrolment", Version: 1,
		Lane: syncproto.LaneLearning, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly,
	},
	ID:       func(e Enrolment) string { return string(e.ID) },
	Audience: func(e Enrolment) syncproto.Audience { return syncproto.OfLearner(string(e.LearnerID)) },
	School:   func(e Enrolment) string { return string(e.SchoolID) },
	Put:      putEnrolment,
	Get:      getEnrolment,
	List:     syncer.ListOf(&pageEnrolments, scanEnrolment),
	Bulk:     &syncer.Bulk[Enrolment]{Table: "enrolments", Columns: enrolmentColumns, Row: enrolmentRow},
}

// Activities travel both ways, for learners who work at school and at home.
var Activities = syncer.Entity[Activity]{
	Spec: syncproto.Spec{
		Name: "learning.activity", Version: 1,
		Lane: syncproto.LaneLearning, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly,
	},
	ID:       func(a Activity) string { return string(a.ID) },
	Audience: func(a Activity) syncproto.Audience { return syncproto.OfLearner(string(a.LearnerID)) },
	School:   func(a Activity) string { return string(a.SchoolID) },
	Put:      putActivity,
	Get:      getActivity,
	List:     syncer.ListOf(&pageActivities, scanActivity),
	Bulk:     &syncer.Bulk[Activity]{Table: "learning_activities", Columns: activityColumns, Row: activityRow},
}
