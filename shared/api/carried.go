package api

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
)

// Carried is a file that was taken along, and the cloud's receipt of it.
type Carried struct {
	ID      string    `json:"id"`
	MadeAt  time.Time `json:"made_at"`
	Records int64     `json:"records"`
	Size    int64     `json:"size"`
	// ArrivedAt and Receipt are there once a receipt came back whose signature is
	// the cloud's.
	ArrivedAt *time.Time `json:"arrived_at,omitempty" doc:"By the cloud's signed receipt."`
	Receipt   string     `json:"receipt,omitempty" doc:"The receipt's text; its signature was checked here."`
}

type carriedOut struct {
	Body struct {
		Items []Carried `json:"items" nullable:"false"`
	}
}

// MountCarried lists, for a school's teachers, what was taken along and what of
// it has arrived.
func MountCarried(a *API, history func(ctx context.Context, who identity.Actor) ([]bundle.Note, error)) {
	Register(a, Op{ID: "list-carried", Method: http.MethodGet, Path: "/api/v1/carry", Summary: "Files that were taken along, and their receipts", Tag: "carry",
		Roles: []identity.Role{identity.Instructor}},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*carriedOut, error) {
			notes, err := history(ctx, who)
			if err != nil {
				return nil, err
			}
			out := &carriedOut{}
			out.Body.Items = []Carried{}
			for _, n := range notes {
				c := Carried{ID: n.ID, MadeAt: n.Made, Records: n.Result.New, Size: n.Size}
				if n.State == bundle.Arrived {
					c.ArrivedAt, c.Receipt = &n.Result.Arrived, n.Result.Receipt
				}
				out.Body.Items = append(out.Body.Items, c)
			}
			return out, nil
		})
}
