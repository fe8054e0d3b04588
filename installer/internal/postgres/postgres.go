// Package postgres runs a private PostgreSQL *server* in a folder: for a demo
// world, for tests and for development. It listens on the loopback only, on a
// free port, with a password of its own.
//
// The rule that surprises: PostgreSQL refuses to run as root, so root's server
// runs as an unprivileged user, and its files move to /var/tmp when that user
// cannot reach the folder that was asked for.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/installer/internal/process"
)

// Options say how to run the server.
type Options struct {
	// Dir holds everything of the server; it is kept between starts.
	Dir string
	// Port is the wanted port; another one is taken when it is not free.
	Port int
	// Throwaway trades safety for speed: for tests only.
	Throwaway bool
	// Socket opens a socket in the file system beside the port: it is reached from
	// every network namespace.
	Socket bool
}

// Server is a running server.
type Server struct {
	child    *process.Child
	port     int
	password string
	place    string
}

const superuser = "uhs"

// Start runs the server in its folder, making it on the first start.
func Start(ctx context.Context, o Options) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	place, err := makePlace(o.Dir, who)
	if err != nil {
		return nil, err
	}
	s := &Server{place: place}
	if s.password, err = s.initialise(ctx, bin, who); err != nil {
		return nil, err
	}
	if s.port, err = process.FreePort(ctx, o.Port); err != nil {
		return nil, err
	}
	sockets := ""
	if o.Socket {
		sockets = place
	}
	args := []string{"-D", filepath.Join(place, "data"), "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=" + sockets, "-c", "max_connections=200", "-c", "timezone=UTC", "-c", "log_timezone=UTC"}
	if o.Throwaway {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "autovacuum=off")
	}
	s.child, err = process.Start(process.Spec{Name: "postgres", Path: filepath.Join(bin, "postgres"), Args: args,
		Dir: place, Env: environment(), Log: filepath.Join(o.Dir, "postgres.log"), User: who, StopSignal: syscall.SIGINT})
	if err != nil {
		return nil, err
	}
	if err := s.waitReady(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// URL is the address of a database of the server, for its superuser.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", superuser, s.password, s.port, database)
}

// SocketURL is the same by the socket, which Options.Socket opens.
func (s *Server) SocketURL(database string) string {
	return fmt.Sprintf("postgres://%s:%s@/%s?host=%s&port=%d&sslmode=disable", superuser, s.password, database, url.QueryEscape(s.place), s.port)
}

// Port is where the server listens.
func (s *Server) Port() int { return s.port }

// CPU is the processor time of the server and its workers so far.
func (s *Server) CPU() (time.Duration, error) { return s.child.CPU() }

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.child.Done() }

// Stop ends the server; connections are cut, nothing committed is lost.
func (s *Server) Stop() error { return s.child.Stop() }

// CreateDatabase makes an empty database unless it is there.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to postgres: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return err
}

// Remove deletes a stopped server's files, wherever they are.
func Remove(dir string) error {
	return errors.Join(os.RemoveAll(elsewhere(dir)), os.RemoveAll(dir))
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second) // recovery after a crash takes a while
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.child.Done():
			return fmt.Errorf("postgres ended while starting: %w\n%s", s.child.Err(), s.child.Tail())
		case <-ctx.Done():
			return fmt.Errorf("postgres is not ready: %w\n%s", err, s.child.Tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// initialise makes the cluster on the first start and gives its password.
func (s *Server) initialise(ctx context.Context, bin string, who *syscall.Credential) (string, error) {
	secret := filepath.Join(s.place, "password")
	if _, err := os.Stat(filepath.Join(s.place, "data", "PG_VERSION")); err == nil {
		b, err := os.ReadFile(secret)
		if err != nil {
			return "", fmt.Errorf("read the database's password: %w", err)
		}
		return strings.TrimSpace(string(b)), nil
	}
	password := rand.Text()
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write the database's password: %w", err)
	}
	if who != nil {
		if err := os.Chown(secret, int(who.Uid), int(who.Gid)); err != nil {
			return "", fmt.Errorf("hand over the database's password: %w", err)
		}
	}
	building := filepath.Join(s.place, "data.new")
	if err := os.RemoveAll(building); err != nil {
		return "", fmt.Errorf("clear an unfinished cluster: %w", err)
	}
	// #nosec G204 -- a found PostgreSQL binary
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", building, "-U", superuser, "--pwfile", secret,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = s.place, environment(), &syscall.SysProcAttr{Credential: who}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return password, os.Rename(building, filepath.Join(s.place, "data"))
}

// environment is what PostgreSQL needs: nothing of ours, so that a PGDATA or
// PGPORT of the caller changes nothing.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"} //nolint:forbidigo // handed on, not a setting
}

// binaries finds the folder of initdb and postgres, newest version first.
func binaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	if p, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(p))
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("PostgreSQL's server programs are missing; install them with: apt-get install postgresql (15 or newer)")
}

func version(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

// unprivileged is who runs the server when we are root, nil otherwise.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // nil is "as the caller" everywhere a credential is taken
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL cannot run as root and there is neither a user postgres nor nobody")
}

// makePlace makes the folder of the server's files, owned by who.
func makePlace(dir string, who *syscall.Credential) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- PostgreSQL's user walks through it to its own 0700 folder
		return "", fmt.Errorf("make %s: %w", dir, err)
	}
	place := filepath.Join(dir, "server")
	if who != nil && !reachable(dir) {
		place = elsewhere(dir)
	}
	if err := os.MkdirAll(place, 0o700); err != nil {
		return "", fmt.Errorf("make %s: %w", place, err)
	}
	if who == nil {
		return place, nil
	}
	err := filepath.WalkDir(place, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(who.Uid), int(who.Gid)) // #nosec G122 -- our own fresh folder; a link is not followed
	})
	return place, err
}

// elsewhere is a folder every user can reach, named after dir.
func elsewhere(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	return "/var/tmp/uhs-postgres" + strings.ReplaceAll(abs, "/", "-")
}

// reachable tells whether everybody may walk down to dir.
func reachable(dir string) bool {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	for ; abs != "/"; abs = filepath.Dir(abs) {
		st, err := os.Stat(abs)
		if err != nil || st.Mode().Perm()&0o001 == 0 {
			return false
		}
	}
	return true
}
