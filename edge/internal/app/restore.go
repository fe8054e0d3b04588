package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	safety "urbanhomeschool.org/uhs/edge/internal/copy"
	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// restore is `uhs-edge restore FROM [KEYFILE]`: on a spare that was claimed for
// the school it puts the newest copy in the place of the spare's empty database.
func restore(ctx context.Context, c Config, args []string, out io.Writer) (err error) {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("uhs-edge restore FROM [FILE OF THE PRINTED KEY]")
	}
	b, err := openBox(ctx, c, io.Discard)
	if err != nil {
		return err
	}
	open := true
	defer func() {
		if open {
			err = errors.Join(err, b.db.Close())
		}
	}()
	if has, err := b.agent.HasWork(ctx); err != nil {
		return err
	} else if has {
		return fault.New(fault.Conflict, "Work was saved on this box already: a copy is only put onto a fresh one.").WithCode("restore_has_work")
	}
	identities, trusted, err := b.recoveryKeys(ctx, args[1:])
	if err != nil {
		return err
	}

	fresh := filepath.Join(c.DataDir, "restored.db")
	if err := removeDatabase(fresh); err != nil {
		return err
	}
	found, err := safety.Restore(ctx, b.medium(args[0]), fresh, identities, trusted)
	if err != nil {
		return errors.Join(err, removeDatabase(fresh))
	}
	adopted, err := b.adopt(ctx, fresh)
	if err != nil {
		return errors.Join(err, removeDatabase(fresh))
	}

	open = false
	if err := b.replaceDatabase(fresh); err != nil {
		return err
	}
	return tell(out, found, adopted)
}

// recoveryKeys are what opens the copy: the key that came sealed with the claim,
// the cloud's answer, or the printed one.
func (b *box) recoveryKeys(ctx context.Context, file []string) (ids []age.Identity, trusted []ed25519.PublicKey, err error) {
	r, _, err := b.agent.KnownRecovery()
	if err != nil {
		return nil, nil, err
	}
	if r.Identity == "" && len(file) == 0 {
		if r, err = b.agent.AskRecovery(ctx); err != nil {
			return nil, nil, fmt.Errorf("this box has no key to the copy, and the cloud does not give one: %w", err)
		}
		if r.Identity == "" {
			return nil, nil, errors.New("this box is its school's first: there is no earlier box whose copy it could take over")
		}
	}
	if r.Identity != "" {
		id, err := age.ParseX25519Identity(r.Identity)
		if err != nil {
			return nil, nil, fmt.Errorf("read the recovery key: %w", err)
		}
		ids = append(ids, id)
	}
	for _, k := range r.NodeKeys {
		trusted = append(trusted, k)
	}
	if len(file) > 0 {
		text, err := os.ReadFile(file[0])
		if err != nil {
			return nil, nil, err
		}
		id, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
		if err != nil {
			return nil, nil, fmt.Errorf("read the printed key: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, trusted, nil
}

// adopt brings the restored file to this release's schema and makes it this box's.
func (b *box) adopt(ctx context.Context, path string) (out agent.Adopted, err error) {
	d, err := sqlite.Open(path)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	d.Seal(b.db.Sealer())
	if err := migrate.Up(ctx, d.Writer(), goose.DialectSQLite3, migrations.SQLite()); err != nil {
		return out, err
	}
	hybrid, err := syncer.OpenHybrid(ctx, d, b.clock)
	if err != nil {
		return out, err
	}
	return b.agent.Adopt(ctx, d, &syncer.Outbox{Hybrid: hybrid, Clock: b.clock})
}

// replaceDatabase puts the file at path in the place of the box's database. Its
// log is gone after the last close; if it is still there, another process has
// the database open.
func (b *box) replaceDatabase(path string) error {
	own := filepath.Join(b.config.DataDir, databaseName)
	now, err := b.db.Present()
	if err != nil {
		return err
	}
	if err := b.db.Close(); err != nil {
		return err
	}
	if _, err := os.Stat(now + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(errors.New("the box is running: stop it, then restore"), removeDatabase(path))
	}
	if err := os.Rename(path, own); err != nil {
		return fmt.Errorf("put the restored database in its place: %w", err)
	}
	dir, err := os.Open(b.config.DataDir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func removeDatabase(path string) error {
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// tell says exactly what was found.
func tell(out io.Writer, found safety.Restored, a agent.Adopted) error {
	_, err := fmt.Fprintf(out, "restored the copy of box %s: everything that was saved until %s\n%d records had not reached the cloud; they are sent when the link is up\n",
		a.Appliance, found.At.Format("2006-01-02 15:04:05 MST"), a.Unsent)
	if err == nil && len(found.Unusable) > 0 {
		_, err = fmt.Fprintf(out, "%d parts of the copy are damaged or missing (%v); %d parts after the last good point could not be used\n",
			len(found.Unusable), found.Unusable, found.Later)
	}
	return err
}
