package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// tools are pg_dump and pg_restore of one version, in one folder.
type tools struct {
	dir   string
	major int
}

// places are where distributions put PostgreSQL's client programs.
func places() []string {
	var out []string
	if p, err := exec.LookPath("pg_dump"); err == nil {
		if target, err := filepath.EvalSymlinks(p); err == nil {
			out = append(out, filepath.Dir(target))
		}
		out = append(out, filepath.Dir(p))
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/libexec/postgresql*", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, _ := filepath.Glob(pattern)
		out = append(out, found...)
	}
	return out
}

// findTools gives the programs for a server: of its own major version, else of
// the next newer one. pg_dump refuses a server newer than itself.
func findTools(ctx context.Context, server int) (tools, error) {
	var best tools
	var seen []string
	for _, dir := range places() {
		major := majorOf(ctx, filepath.Join(dir, "pg_dump"))
		if major == 0 || majorOf(ctx, filepath.Join(dir, "pg_restore")) != major {
			continue
		}
		seen = append(seen, fmt.Sprintf("%s (%d)", dir, major))
		if major >= server && (best.major == 0 || major < best.major) {
			best = tools{dir, major}
		}
	}
	if best.major > 0 {
		return best, nil
	}
	had := "none was found"
	if len(seen) > 0 {
		slices.Sort(seen)
		had = "found " + strings.Join(slices.Compact(seen), ", ")
	}
	return best, fmt.Errorf("pg_dump and pg_restore of PostgreSQL %d are needed, %s: install postgresql-client-%d (Debian) or postgresql%d-client (Alpine)",
		server, had, server, server)
}

// majorOf runs "program --version", which says "pg_dump (PostgreSQL) 15.18 (...)".
func majorOf(ctx context.Context, program string) int {
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return 0
	}
	words := strings.Fields(string(out))
	for i, w := range words {
		if w == "(PostgreSQL)" && i+1 < len(words) {
			var n int
			_, _ = fmt.Sscanf(words[i+1], "%d", &n) // "15.18", "18beta1"
			return n
		}
	}
	return 0
}

// command runs one of the programs on a database. The password goes by the
// environment: arguments can be seen by every user of the machine.
func (t tools) command(ctx context.Context, program, database string, args ...string) (*exec.Cmd, error) {
	info, password, err := connInfo(database)
	if err != nil {
		return nil, err
	}
	// #nosec G204 -- our own list of programs
	cmd := exec.CommandContext(ctx, filepath.Join(t.dir, program), append(args, "--dbname="+info, "--no-password")...)
	cmd.Env = append(cmd.Environ(), "PGPASSWORD="+password)
	cmd.Stderr = &tail{}
	return cmd, nil
}

// libpqSettings are those of an address that libpq knows too; pgx takes more.
var libpqSettings = []string{"sslmode", "sslcert", "sslkey", "sslrootcert", "sslsni", "connect_timeout", "channel_binding", "target_session_attrs"}

// connInfo is the address without its password, as libpq reads it.
func connInfo(database string) (info, password string, err error) {
	c, err := pgx.ParseConfig(database)
	if err != nil {
		return "", "", errors.New("the address of the database cannot be read") // its text holds a password
	}
	pairs := []string{"host", c.Host, "port", strconv.Itoa(int(c.Port)), "user", c.User, "dbname", c.Database}
	if u, err := url.Parse(database); err == nil {
		for _, key := range libpqSettings {
			if v := u.Query().Get(key); v != "" {
				pairs = append(pairs, key, v)
			}
		}
	}
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i]+"='"+strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(pairs[i+1])+"'")
	}
	return strings.Join(out, " "), c.Password, nil
}

// onDatabase is the address of another database of the same server.
func onDatabase(address, name string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return "", errors.New("the address of the database must be a URL: postgres://user@host/name")
	}
	u.Path = "/" + name
	return u.String(), nil
}

// tail keeps the end of what a program says.
type tail struct{ b bytes.Buffer }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p)
	if over := t.b.Len() - 4<<10; over > 0 {
		t.b.Next(over)
	}
	return len(p), nil
}

// failed makes an error of a program's end.
func failed(program string, cmd *exec.Cmd, err error) error {
	if err == nil {
		return nil
	}
	said := ""
	if t, ok := cmd.Stderr.(*tail); ok {
		said = strings.TrimSpace(t.b.String())
	}
	return fmt.Errorf("%s: %w: %s", program, err, said)
}
