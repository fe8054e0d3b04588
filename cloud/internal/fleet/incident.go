package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// Incident is something an admin should know of. Kind is a stable word that
// has its sentence in the web app; Facts are the figures and ids in it, and
// never a person's name.
type Incident struct {
	School string
	Kind   string
	Facts  map[string]any
}

// NoteIncident stores an incident in the caller's transaction, so that it is
// told exactly when what it tells of happened.
func NoteIncident(ctx context.Context, tx db.Tx, at time.Time, in Incident) error {
	facts, err := json.Marshal(in.Facts)
	if err != nil {
		return fmt.Errorf("note incident %s: %w", in.Kind, err)
	}
	if in.Facts == nil {
		facts = []byte("{}")
	}
	_, err = tx.Exec(ctx, insertIncident, id.New(), in.School, in.Kind, string(facts), at)
	return err
}

// LanePaused makes the incident of a lane that takes nothing more: what
// syncer.Applier.Paused is for.
func LanePaused(now func() time.Time) func(ctx context.Context, tx db.Tx, p syncer.Pause) error {
	return func(ctx context.Context, tx db.Tx, p syncer.Pause) error {
		return NoteIncident(ctx, tx, now(), Incident{School: p.School, Kind: "lane_paused",
			Facts: map[string]any{"lane": int(p.Lane), "dead_letters": p.Dead, "waiting": p.Waiting}})
	}
}
