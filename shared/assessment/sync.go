package assessment

import (
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Attempts travel both ways, for learners who work at school and at home.
var Attempts = syncer.Entity[Attempt]{
	Spec: syncproto.Spec{
		Name: "assessment.attempt", Version: 1,
		Lane: syncproto.LaneLearning, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly,
	},
	ID:       func(a Attempt) string { return string(a.ID) },
	Audience: func(a Attempt) syncproto.Audience { return syncproto.OfLearner(string(a.LearnerID)) },
	School:   func(a Attempt) string { return string(a.SchoolID) },
	Put:      putAttempt,
	Get:      getAttempt,
	List:     syncer.ListOf(&pageAttempts, scanAttempt),
	Bulk:     &syncer.Bulk[Attempt]{Table: "attempts", Columns: attemptColumns, Row: attemptRow},
}
