package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/postgres"
)

// Opening says how to open a backup.
type Opening struct {
	// Identity is a file of age identities, if the derived key does not open it.
	Identity string
	// Scratch is a server to restore into; by default the live one.
	Scratch string
}

// Verified is what was proven of a backup.
type Verified struct {
	Manifest Manifest
	// Moved is how many lanes have a new B; Why is why none may, if so.
	Moved int64
	Why   string
}

// Verify opens a backup, checks every hash, restores it into a scratch database
// and compares. Then, and only then, it moves B in the live database: never
// above what is applied, never back, and only if the backup is of the life the
// database is in.
func (s *Service) Verify(ctx context.Context, file string, o Opening, out io.Writer) (v Verified, err error) {
	f, err := os.Open(file) //nolint:gosec // the operator names the file
	if err != nil {
		return v, fmt.Errorf("verify: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return v, fmt.Errorf("verify: %w", err)
	}
	server := o.Scratch
	if server == "" {
		server = s.o.DatabaseURL
	}
	x, err := openScratch(ctx, server)
	if err != nil {
		return v, fmt.Errorf("verify: %w", err)
	}
	defer func() { err = errors.Join(err, x.close(ctx)) }()
	_, _ = fmt.Fprintf(out, "restoring %s, %s, into a scratch database\n", filepath.Base(file), size(info.Size()))
	if v.Manifest, err = s.load(ctx, f, x, o, func(string, []byte) error { return nil }); err != nil {
		return v, fmt.Errorf("verify %s: %w", filepath.Base(file), err)
	}
	if err := checkPacks(v.Manifest); err != nil {
		return v, fmt.Errorf("verify %s: %w", filepath.Base(file), err)
	}
	_, _ = fmt.Fprintf(out, "the copy holds what the manifest says: %d tables, %d rows, %d lanes of schools\n",
		len(v.Manifest.Contents.Rows), v.Manifest.Contents.total(), len(v.Manifest.Contents.Watermarks))
	live, err := postgres.Open(ctx, s.o.DatabaseURL)
	if err != nil {
		return v, fmt.Errorf("verify: %w", err)
	}
	defer live.Close()
	if v.Moved, v.Why, err = s.cover(ctx, live, v.Manifest, file, info.Size()); err != nil {
		return v, fmt.Errorf("verify: %w", err)
	}
	if v.Why != "" {
		_, _ = fmt.Fprintf(out, "nothing is marked as backed up: %s\n", v.Why)
	} else {
		_, _ = fmt.Fprintf(out, "backed up until %s; %d lanes moved\n", v.Manifest.TakenAt.Format("2006-01-02 15:04:05Z"), v.Moved)
	}
	s.o.Log.Info("a backup was verified", slog.String("file", filepath.Base(file)), slog.Int64("lanes_moved", v.Moved), slog.String("why_not", v.Why))
	return v, nil
}

// checkPacks: a course's blob is named by its hash.
func checkPacks(m Manifest) error {
	for _, p := range m.Parts {
		if strings.HasPrefix(p.Name, packsDir+"/") && path.Base(p.Name) != p.SHA256 {
			return fmt.Errorf("%w: a course's file is not what its name says", ErrDamaged)
		}
	}
	return nil
}

// cover moves B to what m holds.
func (s *Service) cover(ctx context.Context, live db.DB, m Manifest, file string, bytes int64) (moved int64, why string, err error) {
	now := s.o.Clock.Now()
	err = live.Update(ctx, func(tx db.Tx) error {
		moved, why = 0, ""
		present, err := PresentLife(ctx, tx)
		if err != nil {
			return fmt.Errorf("read the timeline of the live database: %w", err)
		}
		switch {
		case present.Timeline != m.Contents.Timeline:
			why = "the backup is of another life of the database"
			return nil
		case m.Contents.Beat > present.Beat:
			why = "the backup is newer than the live database"
			return nil
		}
		if _, err := tx.Exec(ctx, insertBackup, m.ID, filepath.Base(file), m.Contents.Timeline, m.TakenAt, bytes, now); err != nil {
			return err
		}
		moved, err = mark(ctx, tx, m, now)
		return err
	})
	return moved, why, err
}

// mark writes B from the watermarks inside a backup.
func mark(ctx context.Context, tx db.Tx, m Manifest, at time.Time) (moved int64, err error) {
	for marks := range slices.Chunk(m.Contents.Watermarks, 10_000) {
		n, err := tx.Exec(ctx, moveBacked, moveBackedArgs(marks, m.ID, at)...)
		if err != nil {
			return moved, err
		}
		moved += n
	}
	return moved, nil
}
