package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/cloud/internal/backup"
	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

// backup gives the key that opens this installation's backups, and the one that
// proves that they are its own.
func (k keys) backup() (*age.X25519Identity, []byte, error) {
	scalar, err := k.derive("backup identity", 32)
	if err != nil {
		return nil, nil, err
	}
	own, err := age.ParseX25519Identity(strings.ToUpper(bech32("age-secret-key-", scalar)))
	if err != nil {
		return nil, nil, err
	}
	mac, err := k.derive("backup manifest", 32)
	return own, mac, err
}

func backups(c Config, logTo io.Writer) (*backup.Service, error) {
	own, mac, err := keys{secret: []byte(c.SecretKey)}.backup()
	if err != nil {
		return nil, err
	}
	return backup.New(backup.Options{DatabaseURL: c.DatabaseURL, DataDir: c.DataDir, Key: own, MAC: mac, Recipient: c.BackupRecipient,
		Clock: clock.System{}, Log: logging.New(logTo, c.LogLevel), Software: Version})
}

// flags reads options that may stand before or after the other arguments.
func flags(set *flag.FlagSet, args []string) (rest []string, err error) {
	set.SetOutput(io.Discard)
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return nil, fmt.Errorf("%s: %w", set.Name(), err)
		}
		if args = set.Args(); len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	return rest, nil
}

// takeBackup is `uhs-cloud backup [--keep N] DIR`.
func takeBackup(ctx context.Context, c Config, args []string, out io.Writer) error {
	set := flag.NewFlagSet("backup", flag.ContinueOnError)
	keep := set.Int("keep", 0, "")
	rest, err := flags(set, args)
	if err != nil || len(rest) != 1 || *keep < 0 {
		return errors.Join(errors.New("usage: uhs-cloud backup [--keep N] DIR"), err)
	}
	s, err := backups(c, io.Discard)
	if err != nil {
		return err
	}
	if _, err := s.Take(ctx, rest[0], out); err != nil {
		return err
	}
	return s.Retain(ctx, rest[0], *keep, out)
}

// verifyBackup is `uhs-cloud verify [--identity FILE] [--scratch URL] FILE`.
func verifyBackup(ctx context.Context, c Config, args []string, out io.Writer) error {
	set := flag.NewFlagSet("verify", flag.ContinueOnError)
	var o backup.Opening
	set.StringVar(&o.Identity, "identity", "", "")
	set.StringVar(&o.Scratch, "scratch", "", "")
	rest, err := flags(set, args)
	if err != nil || len(rest) != 1 {
		return errors.Join(errors.New("usage: uhs-cloud verify [--identity FILE] [--scratch URL] FILE"), err)
	}
	s, err := backups(c, io.Discard)
	if err != nil {
		return err
	}
	_, err = s.Verify(ctx, rest[0], o, out)
	return err
}

// restoreBackup is `uhs-cloud restore [--identity FILE] [--replace] FILE --into URL`.
func restoreBackup(ctx context.Context, c Config, args []string, out io.Writer) error {
	set := flag.NewFlagSet("restore", flag.ContinueOnError)
	var o backup.Restoring
	set.StringVar(&o.Identity, "identity", "", "")
	set.StringVar(&o.Into, "into", "", "")
	set.BoolVar(&o.Replace, "replace", false, "")
	rest, err := flags(set, args)
	if err != nil || len(rest) != 1 || o.Into == "" {
		return errors.Join(errors.New("usage: uhs-cloud restore [--identity FILE] [--replace] FILE --into URL"), err)
	}
	s, err := backups(c, io.Discard)
	if err != nil {
		return err
	}
	if o.Newest, err = newestMigration(); err != nil {
		return err
	}
	if _, err := s.Restore(ctx, rest[0], o, out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "start uhs-cloud on it now; what schools sent since the backup comes again by itself")
	return err
}

// newestMigration is the number of the last schema this software knows.
func newestMigration() (newest int64, err error) {
	files, err := fs.Glob(migrations.Postgres(), "*.sql")
	for _, f := range files {
		number, _, _ := strings.Cut(f, "_")
		n, nerr := strconv.ParseInt(number, 10, 64)
		newest, err = max(newest, n), errors.Join(err, nerr)
	}
	if newest == 0 {
		err = errors.Join(err, os.ErrNotExist)
	}
	return newest, err
}

// keep finds out which life of the database this is, and tells restore to stay
// away while the cloud serves. It comes before everything that speaks with
// schools: they must hear the present timeline.
func (k *core) keep(ctx context.Context, lost context.CancelCauseFunc) (*backup.Keeper, error) {
	s, err := backups(k.config, io.Discard)
	if err != nil {
		return nil, err
	}
	s.Tell(k.log)
	keeper, err := s.Keep(ctx, k.pool, lost)
	if err != nil {
		return nil, err
	}
	k.timeline, k.rewound = keeper.Life().Timeline, keeper.Life().Reason != backup.First
	return keeper, nil
}

// scheduleBackups adds the taking of backups to what serve runs, if a folder is
// configured for them.
func (k *core) scheduleBackups(group *service.Group) error {
	if k.config.BackupDir == "" {
		k.log.Warn("BACKUP_DIR is not set: no backups are taken, and boxes keep their copies of the school's work for 30 days")
		return nil
	}
	s, err := backups(k.config, io.Discard)
	if err != nil {
		return err
	}
	s.Tell(k.log)
	group.Add("backups", s.Schedule(k.pool, backup.Plan{Dir: k.config.BackupDir, Every: k.config.BackupEvery, Keep: k.config.BackupKeep}))
	return nil
}

// backupAge is the age in seconds of the newest verified backup. None at all is
// infinitely old, so that one alert covers both.
func (k *core) backupAge() float64 {
	age, ok, err := backup.Age(context.Background(), k.pool, k.clock.Now())
	switch {
	case err != nil:
		return -1
	case !ok:
		return math.Inf(1)
	}
	return age.Seconds()
}
