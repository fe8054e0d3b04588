package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// The reasons for which a life begins.
const (
	First    = "first"
	Restored = "restored" // by uhs-cloud restore
	Rewound  = "rewound"  // found at start: somebody put back an older state of the database
)

// Life is one life of the database.
type Life struct {
	Timeline string
	Reason   string
	BegunAt  time.Time
	// CutAt is until when the life before it is known here; zero for the first.
	CutAt  time.Time
	Beat   int64
	BeatAt time.Time
	// PreparedAt is when open payments were set aside, ReconciledAt when the money
	// of the lost time was fetched, all of it.
	PreparedAt, ReconciledAt time.Time
}

// stamp is the copy of the life that is kept outside the database.
type stamp struct {
	Timeline string    `json:"timeline"`
	Beat     int64     `json:"beat"`
	At       time.Time `json:"at"`
}

func (s *Service) stampFile() string { return filepath.Join(s.o.DataDir, "life.json") }

// readStamp gives nil when there is none: a new data directory.
func (s *Service) readStamp() (*stamp, error) {
	raw, err := os.ReadFile(s.stampFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no stamp is nothing unusual
	}
	if err != nil {
		return nil, fmt.Errorf("read the life file: %w", err)
	}
	var x stamp
	if err := json.Unmarshal(raw, &x); err != nil || x.Timeline == "" {
		return nil, fmt.Errorf("the life file %s cannot be read: if the database was not put back to an older state, delete it; if it was, or you do not know, "+
			`write {"timeline":"unknown","beat":0} into it`, s.stampFile())
	}
	return &x, nil
}

// writeStamp replaces the file by a whole one that is on the disk.
func (s *Service) writeStamp(x stamp) error {
	if err := os.MkdirAll(s.o.DataDir, 0o750); err != nil {
		return fmt.Errorf("write the life file: %w", err)
	}
	raw, err := json.Marshal(x)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(s.o.DataDir, "life-*")
	if err != nil {
		return fmt.Errorf("write the life file: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already after the rename
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = errors.Join(os.Rename(f.Name(), s.stampFile()), syncDir(s.o.DataDir))
	}
	if err != nil {
		return fmt.Errorf("write the life file: %w", err)
	}
	return nil
}

// rewound tells whether the database is older than the copy kept outside it.
// The copy is written after the database, so it is never ahead by itself.
func rewound(outside *stamp, inside Life, lives []string) bool {
	switch {
	case outside == nil: // a new data directory: nothing to compare with
		return false
	case outside.Timeline == inside.Timeline:
		return outside.Beat > inside.Beat
	default: // a life we know of has ended in a declared restore; one we never heard of was lost
		return !slices.Contains(lives, outside.Timeline)
	}
}

// ReadLife is the present life; it begins the first one on a new database.
func ReadLife(ctx context.Context, d db.DB, now time.Time) (l Life, err error) {
	err = d.Update(ctx, func(tx db.Tx) error {
		timeline, err := syncer.NodeState(ctx, tx, "timeline")
		if err != nil {
			return err
		}
		if timeline == "" {
			timeline = id.New()
			if err := syncer.SetNodeState(ctx, tx, "timeline", timeline); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, insertLife, timeline, First, now, nil, int64(0)); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, selectLife)
		l, err = db.One(rows, err, scanLife)
		return err
	})
	if err != nil {
		return l, fmt.Errorf("read the life of the database: %w", err)
	}
	return l, nil
}

// openLife compares the database with the copy outside it, and begins a new life
// when the database was rewound behind our back.
func (s *Service) openLife(ctx context.Context, d db.DB) (Life, error) {
	now := s.o.Clock.Now()
	inside, err := ReadLife(ctx, d, now)
	if err != nil {
		return inside, err
	}
	outside, err := s.readStamp()
	if err != nil {
		return inside, err
	}
	var lives []string
	if err := d.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, listLives)
		lives, err = db.Collect(rows, err, db.Scalar[string])
		return err
	}); err != nil {
		return inside, fmt.Errorf("read the life of the database: %w", err)
	}
	if !rewound(outside, inside, lives) {
		return inside, nil
	}
	next := Life{Timeline: id.New(), Reason: Rewound, BegunAt: now, CutAt: inside.BeatAt, Beat: max(outside.Beat, inside.Beat) + 1, BeatAt: now}
	s.o.Log.Error("the database is older than it was: a new timeline begins; schools send again what it lost", "timeline", next.Timeline, "known_until", next.CutAt)
	return next, d.Update(ctx, func(tx db.Tx) error {
		return beginLife(ctx, tx, next, fleet.Incident{Kind: "database_rewound", Facts: map[string]any{
			"known_until": next.CutAt, "last_seen": outside.At, "timeline": next.Timeline}})
	})
}

// beginLife makes next the present life.
func beginLife(ctx context.Context, tx db.Tx, next Life, in fleet.Incident) error {
	if err := syncer.SetNodeState(ctx, tx, "timeline", next.Timeline); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertLife, next.Timeline, next.Reason, next.BegunAt, next.CutAt, next.Beat); err != nil {
		return err
	}
	return fleet.NoteIncident(ctx, tx, next.BegunAt, in)
}

// Prepared notes that open payments were set aside for the life.
func Prepared(ctx context.Context, tx db.Tx, timeline string, at time.Time) error {
	_, err := tx.Exec(ctx, markPrepared, timeline, at)
	return err
}

// Reconciled notes that the money of the lost time was fetched.
func Reconciled(ctx context.Context, tx db.Tx, timeline string, at time.Time) error {
	_, err := tx.Exec(ctx, markReconciled, timeline, at)
	return err
}

// PresentLife is the present life, in the caller's transaction.
func PresentLife(ctx context.Context, tx db.Tx) (Life, error) {
	rows, err := tx.Query(ctx, selectLife)
	return db.One(rows, err, scanLife)
}
