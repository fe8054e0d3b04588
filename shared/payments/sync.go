package payments

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Intents travel both ways: a school's up to be executed, a parent's down to be
// seen at the school.
var Intents = syncer.Entity[Intent]{
	Spec: syncproto.Spec{
		Name: "payments.intent", Version: 1,
		Lane: syncproto.LaneMoney, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly,
	},
	ID:       func(i Intent) string { return string(i.ID) },
	Audience: func(i Intent) syncproto.Audience { return syncproto.OfLearner(string(i.LearnerID)) },
	School:   func(i Intent) string { return string(i.SchoolID) },
	Put:      putIntent,
	List:     syncer.ListOf(&pageIntents, scanIntent),
	Get: func(ctx context.Context, tx db.Tx, id string) (Intent, error) {
		return GetIntent(ctx, tx, IntentID(id))
	},
	Bulk: &syncer.Bulk[Intent]{Table: "payment_intents", Columns: intentColumns, Row: intentRow},
}

// Outcomes tell the school how its intents fared.
var Outcomes = syncer.Entity[Outcome]{
	Spec: syncproto.Spec{
		Name: "payments.outcome", Version: 1,
		Lane: syncproto.LaneMoney, Writer: syncproto.CloudOnly, Merge: syncproto.LastWriter,
	},
	ID:       func(o Outcome) string { return string(o.IntentID) },
	Audience: func(o Outcome) syncproto.Audience { return syncproto.OfLearner(string(o.LearnerID)) },
	Put:      putOutcome,
	List:     syncer.ListOf(&pageOutcomes, scanOutcome),
}

// Entitlements unlock paid courses at the learner's schools.
var Entitlements = syncer.Entity[Entitlement]{
	Spec: syncproto.Spec{
		Name: "payments.entitlement", Version: 1,
		Lane: syncproto.LaneMoney, Writer: syncproto.CloudOnly, Merge: syncproto.LastWriter,
	},
	ID:       func(e Entitlement) string { return e.ID },
	Audience: func(e Entitlement) syncproto.Audience { return syncproto.OfLearner(string(e.LearnerID)) },
	Put:      putEntitlement,
	List:     syncer.ListOf(&pageEntitlements, scanEntitlement),
}
