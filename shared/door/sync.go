package door

import (
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Sheets are made on either side and never change.
var Sheets = syncer.Entity[Sheet]{
	Spec:     syncproto.Spec{Name: "door.sheet", Version: 1, Lane: syncproto.LaneRoster, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly},
	ID:       func(v Sheet) string { return v.ID },
	Audience: func(v Sheet) syncproto.Audience { return syncproto.OfSchool(string(v.School)) },
	School:   func(v Sheet) string { return string(v.School) },
	Put:      putSheet,
	Forget:   syncer.Names(func(v Sheet) []string { return []string{string(v.Holder)} }),
	Get:      sheetByID,
	List:     syncer.ListOf(&pageSheets, scanSheet),
}

// Uses happen at the school's box; the cloud tells the office, and a spare box
// hears of them, so that no code works twice.
var Uses = syncer.Entity[Use]{
	Spec:     syncproto.Spec{Name: "door.use", Version: 1, Lane: syncproto.LaneControl, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly},
	ID:       func(v Use) string { return v.ID },
	Audience: func(v Use) syncproto.Audience { return syncproto.OfSchool(string(v.School)) },
	School:   func(v Use) string { return string(v.School) },
	Put:      putUse,
	Get:      useByID,
	List:     syncer.ListOf(&pageUses, scanUse),
}
