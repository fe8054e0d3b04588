package fleet

import (
	"context"
	"encoding/json"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Told is an incident as the page shows it.
type Told struct {
	ID       string         `json:"id"`
	SchoolID string         `json:"school_id,omitempty" doc:"Empty: it is about the cloud."`
	School   string         `json:"school,omitempty"`
	Kind     string         `json:"kind"`
	Facts    map[string]any `json:"facts"`
	At       time.Time      `json:"at"`
	SeenAt   *time.Time     `json:"seen_at"`
	SeenBy   string         `json:"seen_by,omitempty"`
}

// Incidents lists what happened, unseen first, then the newest; of one school
// when that is not empty. Admins and staff.
func (s *Service) Incidents(ctx context.Context, who identity.Actor, school string, skip, limit int) (out []Told, unseen int64, err error) {
	if err := who.Require(identity.Admin, identity.Staff); err != nil {
		return nil, 0, err
	}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, countUnseen, school)
		if unseen, err = db.One(rows, err, db.Scalar[int64]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, listIncidents, school, limit, skip)
		out, err = db.Collect(rows, err, scanIncident)
		return err
	})
	return out, unseen, err
}

func scanIncident(r db.Rows) (t Told, err error) {
	var at, seen db.Time
	var facts string
	if err := r.Scan(&t.ID, &t.SchoolID, &t.School, &t.Kind, &facts, &at, &seen, &t.SeenBy); err != nil {
		return t, err
	}
	t.At, t.SeenAt = at.Time, moment(seen)
	return t, json.Unmarshal([]byte(facts), &t.Facts)
}

// ErrNoIncident says that there is no such incident.
var ErrNoIncident = fault.New(fault.NotFound, "There is no such incident.").WithCode("no_such_incident")

// SeeIncident marks an incident as seen; the first to do so is kept. Admins only.
func (s *Service) SeeIncident(ctx context.Context, who identity.Actor, id string) error {
	if err := who.Require(identity.Admin); err != nil {
		return err
	}
	return s.o.DB.Update(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, seeIncident, id, string(who.Account), s.o.Clock.Now())
		if err == nil && n == 0 {
			err = ErrNoIncident
		}
		return err
	})
}
