package consent

import (
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Privacy is a learner's settings, changed at school by herself or at home by her
// guardian; the later one counts.
var Privacy = syncer.Entity[Settings]{
	Spec: syncproto.Spec{
		Name: "consent.settings", Version: 1,
		Lane: syncproto.LaneRoster, Writer: syncproto.EitherSide, Merge: syncproto.LastWriter,
	},
	ID:       func(v Settings) string { return v.ID },
	Audience: func(v Settings) syncproto.Audience { return syncproto.OfLearner(string(v.Learner)) },
	Put:      putSettings,
	List:     syncer.ListOf(&pageSettings, scanSettings),
}
