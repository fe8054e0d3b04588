package tutor

import (
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Questions travel only with consent: use-cases call Save for those and Put for
// the others.
var Questions = syncer.Entity[Question]{
	Spec: syncproto.Spec{Name: "tutor.question", Version: 1,
		Lane: syncproto.LaneTutor, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly},
	ID:       func(q Question) string { return string(q.ID) },
	Audience: func(q Question) syncproto.Audience { return syncproto.OfLearner(string(q.LearnerID)) },
	School:   func(q Question) string { return string(q.SchoolID) },
	Put:      putQuestion,
	Get:      getQuestion,
	List:     syncer.ListOf(&pageQuestions, scanQuestion),
	Bulk:     &syncer.Bulk[Question]{Table: "tutor_questions", Columns: questionColumns, Row: questionRow},
}

// Answers travel from the cloud to the schools of the learner; an appliance only
// Puts its own, which the cloud has no use for.
var Answers = syncer.Entity[Answer]{
	Spec: syncproto.Spec{Name: "tutor.answer", Version: 1,
		Lane: syncproto.LaneTutor, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly},
	ID:       func(a Answer) string { return a.ID },
	Audience: func(a Answer) syncproto.Audience { return syncproto.OfLearner(string(a.LearnerID)) },
	School:   func(a Answer) string { return string(a.SchoolID) },
	Put:      putAnswer,
	Get:      getAnswer,
	List:     syncer.ListOf(&pageAnswers, scanAnswer),
	Bulk:     &syncer.Bulk[Answer]{Table: "tutor_answers", Columns: answerColumns, Row: answerRow},
}

// Alerts travel both ways at once: a named adult may be at the school or on the
// cloud page.
var Alerts = syncer.Entity[Alert]{
	Spec: syncproto.Spec{Name: "tutor.alert", Version: 1,
		Lane: syncproto.LaneControl, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly},
	ID:       func(a Alert) string { return a.ID },
	Audience: func(a Alert) syncproto.Audience { return syncproto.OfLearner(string(a.LearnerID)) },
	School:   func(a Alert) string { return string(a.SchoolID) },
	Put:      putAlert,
	Get:      getAlert,
	List:     syncer.ListOf(&pageAlerts, scanAlert),
	Bulk:     &syncer.Bulk[Alert]{Table: "tutor_alerts", Columns: alertColumns, Row: alertRow},
}

// Acknowledgements say who has taken up an alert.
var Acknowledgements = syncer.Entity[Acknowledgement]{
	Spec: syncproto.Spec{Name: "tutor.acknowledgement", Version: 1,
		Lane: syncproto.LaneControl, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly},
	ID:       func(a Acknowledgement) string { return a.ID },
	Audience: func(a Acknowledgement) syncproto.Audience { return syncproto.OfLearner(string(a.LearnerID)) },
	School:   func(a Acknowledgement) string { return string(a.SchoolID) },
	Put:      putAcknowledgement,
	Get:      getAcknowledgement,
	List:     syncer.ListOf(&pageAcknowledgements, scanAcknowledgement),
	Bulk: &syncer.Bulk[Acknowledgement]{Table: "tutor_acknowledgements", Columns: acknowledgementColumns,
		Row: acknowledgementRow},
}
