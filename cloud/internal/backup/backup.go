// Package backup copies the cloud into one encrypted file, proves that the file
// can be restored, and restores it. Its nouns: a *backup* is such a file with a
// *manifest* of what is in it; a *life* of the database is what lies between two
// restores, and its id is the *timeline* that appliances hear in every hello; B,
// the *backed* mark of a lane, is what a verified backup holds of it.
//
// The rule that surprises: only verifying moves B. Appliances delete their own
// copy of a school's work on the word of B, so B is read out of the database
// that was really restored from the file, never from the live one.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/id"
)

// Options wires the Service.
type Options struct {
	// DatabaseURL is the live database.
	DatabaseURL string
	// DataDir is the data directory: its packs are part of a backup, its life file
	// is compared with the database.
	DataDir string
	// Key opens every backup of this installation, and MAC proves that a manifest
	// is its own: both are derived from SECRET_KEY.
	Key *age.X25519Identity
	MAC []byte
	// Recipient, if set, can open new backups too.
	Recipient string
	Clock     clock.Clock
	Log       *slog.Logger
	Software  string
}

// Service takes, verifies and restores backups.
type Service struct{ o Options }

// New makes the Service.
func New(o Options) (*Service, error) {
	if o.Key == nil || len(o.MAC) < 32 {
		return nil, errors.New("backup: it needs a key")
	}
	return &Service{o}, nil
}

// Suffix ends the name of every finished backup; one under way ends in partial.
const (
	Suffix  = ".uhsbackup"
	partial = ".part"
)

// Taken is a finished backup.
type Taken struct {
	Path     string
	Bytes    int64
	Manifest Manifest
}

// ErrBusy says that another process takes a backup of the same database now.
var ErrBusy = errors.New("another backup of this database is under way")

// Take writes a backup into dir, telling progress to out. The file has its
// final name only when it is whole and on the disk.
func (s *Service) Take(ctx context.Context, dir string, out io.Writer) (Taken, error) {
	conn, err := pgx.Connect(ctx, s.o.DatabaseURL)
	if err != nil {
		return Taken{}, fmt.Errorf("backup: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var alone bool
	if err := conn.QueryRow(ctx, lockBackup).Scan(&alone); err != nil {
		return Taken{}, fmt.Errorf("backup: %w", err)
	}
	if !alone {
		return Taken{}, ErrBusy
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Taken{}, fmt.Errorf("backup: %w", err)
	}
	forgetPartial(dir)
	started := s.o.Clock.Now()
	name := filepath.Join(dir, "uhs-"+started.Format("20060102T150405.000000Z")+Suffix)
	t, err := s.write(ctx, conn, name, out)
	if err != nil {
		_ = os.Remove(name + partial)
		if errors.Is(err, syscall.ENOSPC) {
			err = fmt.Errorf("the disk of %s is full: %w", dir, err)
		}
		return Taken{}, fmt.Errorf("backup: %w", err)
	}
	_, _ = fmt.Fprintf(out, "wrote %s, %s in %s\n", t.Path, size(t.Bytes), s.o.Clock.Now().Sub(started).Round(time.Second))
	return t, nil
}

// forgetPartial removes what a killed backup left; the lock says that none is
// under way.
func forgetPartial(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, "uhs-*"+Suffix+partial))
	for _, f := range left {
		_ = os.Remove(f)
	}
}

// write makes the file beside its name and renames it when it is on the disk.
func (s *Service) write(ctx context.Context, conn *pgx.Conn, name string, out io.Writer) (t Taken, err error) {
	f, err := os.OpenFile(name+partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return t, err
	}
	defer func() { _ = f.Close() }() // closed already when all went well
	if t.Manifest, err = s.fill(ctx, conn, &counting{f, out, 0, 0}, out); err != nil {
		return t, err
	}
	info, err := f.Stat()
	if err != nil {
		return t, err
	}
	if err := errors.Join(f.Sync(), f.Close(), os.Rename(f.Name(), name), syncDir(filepath.Dir(name))); err != nil {
		return t, err
	}
	t.Path, t.Bytes = name, info.Size()
	return t, nil
}

// fill writes dump, packs and manifest. The manifest's marks are read in the
// snapshot the dump is made of.
func (s *Service) fill(ctx context.Context, conn *pgx.Conn, to io.Writer, out io.Writer) (Manifest, error) {
	recipients, err := s.recipients()
	if err != nil {
		return Manifest{}, err
	}
	w, err := newArchiveWriter(to, recipients)
	if err != nil {
		return Manifest{}, err
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return Manifest{}, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it only reads
	m := Manifest{Format: format, ID: id.New(), TakenAt: s.o.Clock.Now(), Software: s.o.Software}
	var snapshot string
	if err := tx.QueryRow(ctx, exportSnapshot).Scan(&snapshot, &m.Server); err != nil {
		return m, err
	}
	bin, err := findTools(ctx, m.Server)
	if err != nil {
		return m, err
	}
	if m.Contents, err = readContents(ctx, tx); err != nil {
		return m, err
	}
	_, _ = fmt.Fprintf(out, "database: %d tables, %d rows, %d lanes of schools, schema %d, timeline %s\n",
		len(m.Contents.Rows), m.Contents.total(), len(m.Contents.Watermarks), m.Contents.Schema, m.Contents.Timeline)
	if err := dump(ctx, bin, s.o.DatabaseURL, snapshot, w); err != nil {
		return m, err
	}
	if err := s.addPacks(ctx, w, out); err != nil {
		return m, err
	}
	if err := w.close(m, s.o.MAC); err != nil {
		return m, err
	}
	m.Parts = w.parts
	return m, nil
}

const dumpPart = "postgres.dump"

// dump pipes pg_dump into the archive: nothing is written in the clear.
func dump(ctx context.Context, bin tools, database, snapshot string, w *archiveWriter) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // a full disk ends pg_dump too
	cmd, err := bin.command(ctx, "pg_dump", database, "--format=custom", "--snapshot="+snapshot, "--no-owner", "--no-privileges")
	if err != nil {
		return err
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pg_dump: %w", err)
	}
	if err := w.add(dumpPart, pipe); err != nil {
		stop()
		_ = cmd.Wait() // it was cut short; the first error counts
		return err
	}
	return failed("pg_dump", cmd, cmd.Wait())
}

const packsDir = "packs"

// addPacks adds the blobs of the published courses. They are named by their
// hash and never change, and a blob is stored before the row that names it: so
// whatever the snapshot names is there.
func (s *Service) addPacks(ctx context.Context, w *archiveWriter, out io.Writer) error {
	blobs, err := filepath.Glob(filepath.Join(s.o.DataDir, packsDir, "[0-9a-f][0-9a-f]", "*"))
	if err != nil {
		return err
	}
	var total int64
	for _, path := range blobs {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f, err := os.Open(path) //nolint:gosec // the operator names the file
		if err != nil {
			return err
		}
		before := len(w.parts)
		if err := errors.Join(w.add(packsDir+"/"+filepath.Base(path), f), f.Close()); err != nil {
			return err
		}
		total += w.parts[before].Size
	}
	_, _ = fmt.Fprintf(out, "courses: %d files, %s\n", len(blobs), size(total))
	return nil
}

// counting tells progress every 256 MiB.
type counting struct {
	to, out    io.Writer
	done, told int64
}

// Write implements io.Writer.
func (c *counting) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.done += int64(n)
	if c.done-c.told >= 256<<20 {
		c.told = c.done
		_, _ = fmt.Fprintf(c.out, "%s written\n", size(c.done))
	}
	return n, err
}

func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	default:
		return fmt.Sprintf("%d KiB", (n+1023)/1024)
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// list gives the finished backups of a folder, oldest first: the names sort by
// time.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "uhs-") && strings.HasSuffix(e.Name(), Suffix) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}
