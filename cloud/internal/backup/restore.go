package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/postgres"
	"urbanhomeschool.org/uhs/shared/id"
)

// Restoring says where to restore to.
type Restoring struct {
	Opening

	// Into is the database: a URL. It need not exist.
	Into string
	// Replace allows a database that is not empty: it is kept under another name.
	Replace bool
	// Newest is the number of the last migration this software knows.
	Newest int64
}

// Done is a finished restore.
type Done struct {
	Manifest Manifest
	Life     Life
	// Kept is the name under which the database that was there is kept.
	Kept string
}

// What stands in the way of a restore.
var (
	ErrServing  = errors.New("a cloud is running on this database: stop it first")
	ErrNotEmpty = errors.New("this database is not empty: give --replace to put the backup in its place (it is kept under another name)")
)

// Restore puts a backup in the place of a database. It is restored beside it
// and compared with its manifest first, so that a bad file or a full disk
// leaves the target as it was; then the names are exchanged. The restored
// database begins a new life: its timeline tells every appliance that the cloud
// may have forgotten something.
func (s *Service) Restore(ctx context.Context, file string, o Restoring, out io.Writer) (d Done, err error) {
	name, err := databaseName(o.Into)
	if err != nil {
		return d, fmt.Errorf("restore: %w", err)
	}
	f, err := os.Open(file) //nolint:gosec // the operator names the file
	if err != nil {
		return d, fmt.Errorf("restore: %w", err)
	}
	defer func() { _ = f.Close() }()
	x, err := openScratch(ctx, o.Into)
	if err != nil {
		return d, fmt.Errorf("restore: %w", err)
	}
	defer func() { err = errors.Join(err, x.close(ctx)) }()
	if _, err := s.target(ctx, x, o, name); err != nil { // before hours of work
		return d, fmt.Errorf("restore into %s: %w", name, err)
	}
	_, _ = fmt.Fprintf(out, "restoring %s beside %s\n", filepath.Base(file), name)
	if d.Manifest, err = s.loadAll(ctx, f, x, o); err != nil {
		return d, fmt.Errorf("restore %s: %w", filepath.Base(file), err)
	}
	if d.Life, err = s.newLife(ctx, x.url, d.Manifest, file); err != nil {
		return d, fmt.Errorf("restore: begin a new life: %w", err)
	}
	if d.Kept, err = s.exchange(ctx, x, o, name); err != nil {
		return d, fmt.Errorf("restore into %s: %w", name, err)
	}
	if err := s.writeStamp(stamp{d.Life.Timeline, d.Life.Beat, d.Life.BeatAt}); err != nil {
		return d, err
	}
	_, _ = fmt.Fprintf(out, "restored %s as it was at %s; the new timeline is %s\n", name, d.Manifest.TakenAt.Format("2006-01-02 15:04:05Z"), d.Life.Timeline)
	if d.Kept != "" {
		_, _ = fmt.Fprintf(out, "what was there is kept as %s: drop it when you are sure\n", d.Kept)
	}
	return d, nil
}

func databaseName(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || len(u.Path) < 2 {
		return "", errors.New("give the database as a URL with its name: --into postgres://user@host/name")
	}
	return strings.TrimPrefix(u.Path, "/"), nil
}

// target looks whether the database may be replaced, and whether it is there.
func (s *Service) target(ctx context.Context, x *scratch, o Restoring, name string) (there bool, err error) {
	if err := x.admin.QueryRow(ctx, databaseExists, name).Scan(&there); err != nil || !there {
		return there, err
	}
	conn, err := pgx.Connect(ctx, o.Into)
	if err != nil {
		return there, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var free bool
	if err := conn.QueryRow(ctx, lockRestoring).Scan(&free); err != nil {
		return there, err
	}
	if !free {
		return there, ErrServing
	}
	var tables int64
	if err := conn.QueryRow(ctx, countTables).Scan(&tables); err != nil {
		return there, err
	}
	if tables > 0 && !o.Replace {
		return there, ErrNotEmpty
	}
	return there, nil
}

// loadAll restores into x and puts the courses' files into the data directory.
func (s *Service) loadAll(ctx context.Context, f io.Reader, x *scratch, o Restoring) (Manifest, error) {
	dir := filepath.Join(s.o.DataDir, packsDir)
	store, err := pack.OpenStore(dir)
	if err != nil {
		return Manifest{}, err
	}
	sink := &packSink{store: store, dir: filepath.Join(dir, "part")}
	m, err := s.load(ctx, f, x, o.Opening, sink.take)
	if err = errors.Join(err, sink.flush()); err != nil {
		return m, err
	}
	if err := checkPacks(m); err != nil {
		return m, err
	}
	if m.Contents.Schema > o.Newest {
		return m, fmt.Errorf("the backup was made by newer software (%s): its schema is %d, this software knows %d", m.Software, m.Contents.Schema, o.Newest)
	}
	return m, nil
}

// packSink stores the courses' files as they come.
type packSink struct {
	store *pack.Store
	dir   string
	part  string
	file  *os.File
}

func (p *packSink) take(part string, data []byte) error {
	if !strings.HasPrefix(part, packsDir+"/") {
		return nil // a part of a later version
	}
	if part != p.part {
		if err := p.flush(); err != nil {
			return err
		}
		f, err := os.CreateTemp(p.dir, "restore-*")
		if err != nil {
			return err
		}
		p.part, p.file = part, f
	}
	_, err := p.file.Write(data)
	return err
}

func (p *packSink) flush() error {
	if p.file == nil {
		return nil
	}
	f := p.file
	p.file = nil
	defer func() { _ = os.Remove(f.Name()) }()
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return p.store.Receive(pack.Blob{Path: p.part, SHA256: path.Base(p.part), Size: info.Size()}, 0, f)
}

// newLife begins the life of the restored database, before anybody can use it.
// B is what the file holds: it was just proven.
func (s *Service) newLife(ctx context.Context, url string, m Manifest, file string) (Life, error) {
	restored, err := postgres.Open(ctx, url)
	if err != nil {
		return Life{}, err
	}
	defer restored.Close()
	outside, err := s.readStamp()
	if err != nil {
		return Life{}, err
	}
	now := s.o.Clock.Now()
	next := Life{Timeline: id.New(), Reason: Restored, BegunAt: now, CutAt: m.TakenAt, Beat: m.Contents.Beat + 1, BeatAt: now}
	if outside != nil {
		next.Beat = max(next.Beat, outside.Beat+1)
	}
	info, err := os.Stat(file)
	if err != nil {
		return next, err
	}
	return next, restored.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, insertBackup, m.ID, filepath.Base(file), m.Contents.Timeline, m.TakenAt, info.Size(), now); err != nil {
			return err
		}
		if _, err := mark(ctx, tx, m, now); err != nil {
			return err
		}
		return beginLife(ctx, tx, next, fleet.Incident{Kind: "cloud_restored", Facts: map[string]any{
			"known_until": m.TakenAt, "file": filepath.Base(file), "timeline": next.Timeline}})
	})
}

// exchange gives x the name of the target. Renaming fails while anybody is
// connected, so a cloud that started meanwhile stops it.
func (s *Service) exchange(ctx context.Context, x *scratch, o Restoring, name string) (kept string, err error) {
	there, err := s.target(ctx, x, o, name)
	if err != nil {
		return "", err
	}
	if there {
		kept = name + "_before_" + s.o.Clock.Now().Format("20060102t150405z")
		if _, err := x.admin.Exec(ctx, rename(name, kept)); err != nil {
			return "", fmt.Errorf("is somebody connected to it? %w", err)
		}
	}
	if _, err := x.admin.Exec(ctx, rename(x.name, name)); err != nil {
		if there {
			_, back := x.admin.Exec(ctx, rename(kept, name))
			err = errors.Join(err, back)
		}
		return "", err
	}
	x.kept = true
	return kept, nil
}

func rename(from, to string) string {
	return "ALTER DATABASE " + pgx.Identifier{from}.Sanitize() + " RENAME TO " + pgx.Identifier{to}.Sanitize()
}

// Age is how long ago the newest verified backup was taken, the one that was
// restored included; ok is false when there is none.
func Age(ctx context.Context, d db.DB, now time.Time) (age time.Duration, ok bool, err error) {
	err = d.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, lastVerified)
		at, err := db.One(rows, err, db.Scalar[db.Time])
		if err == nil && !at.IsZero() {
			age, ok = now.Sub(at.Time), true
		}
		return err
	})
	return age, ok, err
}
