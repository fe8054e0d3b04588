package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/shared/id"
)

// scratch is a database of its own on a server, to restore into. One process at
// a time has one on a server, so that what a killed one left can be dropped.
type scratch struct {
	url, name string
	admin     *pgx.Conn // on the server's postgres database; holds the lock
	kept      bool
}

// openScratch makes an empty database on the server of address.
func openScratch(ctx context.Context, address string) (*scratch, error) {
	maintenance, err := onDatabase(address, "postgres")
	if err != nil {
		return nil, err
	}
	x := &scratch{name: "uhs_scratch_" + strings.ReplaceAll(id.New(), "-", "")}
	if x.url, err = onDatabase(address, x.name); err != nil {
		return nil, err
	}
	if x.admin, err = pgx.Connect(ctx, maintenance); err != nil {
		return nil, fmt.Errorf("connect to make a scratch database: %w", err)
	}
	if err := x.create(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("make a scratch database: %w", err), x.admin.Close(ctx))
	}
	return x, nil
}

func (x *scratch) create(ctx context.Context) error {
	if _, err := x.admin.Exec(ctx, lockScratch); err != nil {
		return err
	}
	rows, err := x.admin.Query(ctx, listScratch)
	if err != nil {
		return err
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := x.drop(ctx, name); err != nil {
			return err
		}
	}
	// template0: whatever somebody put into template1 is not part of the backup.
	_, err = x.admin.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{x.name}.Sanitize()+" TEMPLATE template0")
	return err
}

func (x *scratch) drop(ctx context.Context, name string) error {
	_, err := x.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	return err
}

// close drops the database, unless it was kept under another name.
func (x *scratch) close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var err error
	if !x.kept {
		err = x.drop(ctx, x.name)
	}
	return errors.Join(err, x.admin.Close(ctx))
}

// restoring is pg_restore reading from us.
type restoring struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

func startRestore(ctx context.Context, bin tools, database string) (*restoring, error) {
	cmd, err := bin.command(ctx, "pg_restore", database, "--no-owner", "--no-privileges", "--exit-on-error")
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = &bytes.Buffer{}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("pg_restore: %w", err)
	}
	return &restoring{cmd, in}, nil
}

// Write implements io.Writer. When pg_restore has ended, its own words say why.
func (r *restoring) Write(p []byte) (int, error) {
	n, err := r.in.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		return n, errEnded
	}
	return n, err
}

var errEnded = errors.New("pg_restore ended early")

func (r *restoring) end() error {
	return errors.Join(r.in.Close(), failed("pg_restore", r.cmd, r.cmd.Wait()))
}

// load reads a whole backup, restores its dump into x and hands the other parts
// to keep. The copy is compared with the manifest.
func (s *Service) load(ctx context.Context, from io.Reader, x *scratch, o Opening, keep func(part string, data []byte) error) (Manifest, error) {
	keys, err := s.identities(o.Identity)
	if err != nil {
		return Manifest{}, err
	}
	var server int
	if err := x.admin.QueryRow(ctx, serverMajor).Scan(&server); err != nil {
		return Manifest{}, err
	}
	bin, err := findTools(ctx, server)
	if err != nil {
		return Manifest{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r, err := startRestore(ctx, bin, x.url)
	if err != nil {
		return Manifest{}, err
	}
	m, err := readArchive(from, keys, s.o.MAC, func(part string, data []byte) error {
		if part != dumpPart {
			return keep(part, data)
		}
		_, err := r.Write(data)
		return err
	})
	if err != nil && !errors.Is(err, errEnded) {
		stop()
		_ = r.end() // it was cut short; the first error counts
		return m, err
	}
	if rerr := r.end(); rerr != nil {
		return m, fmt.Errorf("%w: %w", ErrDamaged, rerr)
	}
	if err != nil {
		return m, err
	}
	return m, s.compare(ctx, x.url, m)
}

// compare looks whether the restored database holds what the manifest says.
func (s *Service) compare(ctx context.Context, url string, m Manifest) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it only reads
	got, err := readContents(ctx, tx)
	if err != nil {
		return fmt.Errorf("%w: the restored copy cannot be read: %w", ErrDamaged, err)
	}
	if d := m.Contents.differs(got); d != "" {
		return fmt.Errorf("%w: the restored copy differs from its manifest: %s", ErrDamaged, d)
	}
	return nil
}
