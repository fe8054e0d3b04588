// Package line is how a school's line to the internet may be used. Its one
// noun is the *plan*: budgets, hours, and whether the line is held open. An
// admin sets it at the cloud, the school's box obeys it; talk.Plan decides.
//
// The surprising rule: a plan never holds back control and money.
package line

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
	"urbanhomeschool.org/uhs/syncproto"
)

// Plan is the plan of one school.
type Plan struct {
	SchoolID   string        `cbor:"1,keyasint" json:"school_id"`
	Metered    bool          `cbor:"2,keyasint,omitempty"`
	Every      int64         `cbor:"3,keyasint,omitempty"`
	DayBytes   int64         `cbor:"4,keyasint,omitempty"`
	MonthBytes int64         `cbor:"5,keyasint,omitempty"`
	Windows    []talk.Window `cbor:"6,keyasint,omitempty"`
	// PriceMinor is what a million bytes cost, in cents of a shilling; for the pages.
	PriceMinor int64   `cbor:"7,keyasint,omitempty"`
	At         db.Time `cbor:"8,keyasint"`
}

// Rules are the plan as talk decides by it.
func (p Plan) Rules() talk.Plan {
	return talk.Plan{Metered: p.Metered, Every: p.Every, DayBytes: p.DayBytes, MonthBytes: p.MonthBytes, Windows: p.Windows}
}

// Plans travel from the cloud to the school.
var Plans = syncer.Entity[Plan]{
	Spec: syncproto.Spec{
		Name: "line.plan", Version: 1,
		Lane: syncproto.LaneControl, Writer: syncproto.CloudOnly, Merge: syncproto.LastWriter,
	},
	ID:       func(p Plan) string { return p.SchoolID },
	Audience: func(p Plan) syncproto.Audience { return syncproto.OfSchool(p.SchoolID) },
	School:   func(p Plan) string { return p.SchoolID },
	Put:      putPlan,
	List:     syncer.ListOf(&pagePlans, scanPlan),
}

// Of is the plan of a school; the zero Plan when none was set.
func Of(ctx context.Context, tx db.Tx, school string) (Plan, error) { return plan(ctx, tx, school) }
