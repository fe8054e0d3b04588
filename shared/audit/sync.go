package audit

import (
	"strings"

	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Entries are written by a school's box and kept by the cloud too, which gives
// them back in a snapshot only: hence either side. They are few, and go with the
// roster, before a day's learning.
var Entries = syncer.Entity[Record]{
	Spec: syncproto.Spec{Name: "audit.entry", Version: 1,
		Lane: syncproto.LaneRoster, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly},
	ID:       func(r Record) string { return r.ID },
	Audience: func(r Record) syncproto.Audience { return syncproto.OfSchool(r.School) },
	School:   func(r Record) string { return r.School },
	Put:      putFromBox,
	Forget:   forget,
	Get:      getEntry,
	List:     syncer.ListOf(&pageEntries, scanRecord),
}

// forget empties the details of an entry by or about a person.
func forget(r Record, person string) (Record, syncer.Trace) {
	if r.Details == "" || r.TargetID != person && r.Actor != person && !strings.Contains(r.Details, person) {
		return r, syncer.Untouched
	}
	r.Details = ""
	return r, syncer.Changed
}
