package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"urbanhomeschool.org/uhs/shared/identity"
)

// SyncStatus is where the work is, for the plain sentence that every page
// shows.
type SyncStatus struct {
	Side    string        `json:"side" enum:"school,cloud" doc:"Which side serves this page."`
	Claimed bool          `json:"claimed" doc:"false: this box does not belong to a school yet."`
	School  *SyncedSchool `json:"school" doc:"Null at the cloud and while unclaimed."`
	Link    string        `json:"link" enum:"up,down,none" doc:"Can the school's box reach the cloud now."`
	// Waiting is how many pieces of work exist only at the school.
	Waiting         int64      `json:"waiting"`
	OldestWaitingAt *time.Time `json:"oldest_waiting_at"`
	LastSyncedAt    *time.Time `json:"last_synced_at"`
	Carrier         string     `json:"carrier,omitempty"`
	// Needs are what a grown-up at the school should see to, most urgent first.
	Needs []SyncNeed `json:"needs" nullable:"false" doc:"What a grown-up at the school should see to, most urgent first."`
	// CopyAt is the time of the newest copy on the second medium, CopyState "ok" or
	// the code of what is wrong with it; empty: no second medium is set up.
	CopyAt    *time.Time `json:"copy_at"`
	CopyState string     `json:"copy_state,omitempty" doc:"ok, or what is wrong with the second medium; empty: there is none."`
	Version   string     `json:"version"`
	Now       time.Time  `json:"now" doc:"The server's clock."`
}

// TransformSchema implements huma.SchemaTransformer.
func (SyncStatus) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return mayBeNull(s, "school")
}

// SyncNeed is one thing to see to. The web app has its sentence by the code.
type SyncNeed struct {
	Code string `json:"code" enum:"replaced,second_box,not_known,retiring,retired,disk,clock,stuck,carry,copy,payment"`
	// Count is how many records (carry, stuck, payment), megabytes (disk) or seconds
	// (clock) it is about; Since is from when.
	Count int64      `json:"count"`
	Since *time.Time `json:"since"`
}

// SyncedSchool is the school of the box.
type SyncedSchool struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type syncStatusOut struct{ Body SyncStatus }

// MountSync adds the status that the web app's heartbeat reads. It is public: a
// child who has not signed in must see whether the box is there.
func MountSync(a *API, status func(ctx context.Context) (SyncStatus, error)) {
	Register(a, Op{ID: "sync-status", Method: http.MethodGet, Path: "/api/v1/sync/status", Summary: "Where the work is", Tag: "service", Public: true},
		func(ctx context.Context, _ identity.Actor, _ *struct{}) (*syncStatusOut, error) {
			s, err := status(ctx)
			if s.Needs == nil {
				s.Needs = []SyncNeed{}
			}
			return &syncStatusOut{s}, err
		})
}
