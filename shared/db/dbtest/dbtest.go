// Package dbtest runs a test on both databases. It never skips: `make test`
// starts a Postgres server, and without one the test fails and says so.
package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // goose speaks database/sql
	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/postgres"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/id"
)

// Each runs fn on a fresh SQLite file and on a fresh Postgres database, both
// with the newest schema.
func Each(t *testing.T, fn func(t *testing.T, d db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// SQLite is a fresh migrated file that lives as long as the test.
func SQLite(t testing.TB) *sqlite.DB {
	t.Helper()
	d, err := sqlite.Open(filepath.Join(t.TempDir(), "school.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := migrate.Up(t.Context(), d.Writer(), goose.DialectSQLite3, migrations.SQLite()); err != nil {
		t.Fatal(err)
	}
	return d
}

// Postgres is a fresh migrated database on the server of TEST_DATABASE_URL,
// dropped after the test.
func Postgres(t testing.TB) *postgres.DB {
	t.Helper()
	url := PostgresURL(t)
	d, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// template is made once per test process: databases are copied from it.
var template struct {
	once sync.Once
	name string
	err  error
}

// PostgresURL makes a fresh migrated database and gives its address; it is
// dropped after the test.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv("TEST_DATABASE_URL")
	if server == "" {
		t.Fatal("TEST_DATABASE_URL is not set: run `make test`, or `make postgres` and set what it prints")
	}
	template.once.Do(func() { template.name, template.err = makeTemplate(server) })
	if template.err != nil {
		t.Fatal(template.err)
	}
	name := "t_" + strings.ReplaceAll(id.New(), "-", "")
	if err := admin(server, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template.name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin(server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return onDatabase(server, name)
}

// makeTemplate names the template after the schema's files, so that several
// test processes share it.
func makeTemplate(server string) (string, error) {
	ctx := context.Background()
	name := "template_" + schemaHash()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", fmt.Errorf("TEST_DATABASE_URL: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(7416)"); err != nil { // one maker at a time
		return "", err
	}
	var ready bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&ready); err != nil || ready {
		return name, err
	}
	building := name + "_b"
	for _, q := range []string{"DROP DATABASE IF EXISTS " + building, "CREATE DATABASE " + building} {
		if _, err := conn.Exec(ctx, q); err != nil {
			return "", err
		}
	}
	d, err := sql.Open("pgx", onDatabase(server, building))
	if err != nil {
		return "", err
	}
	err = migrate.Up(ctx, d, goose.DialectPostgres, migrations.Postgres())
	_ = d.Close()
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+building+" RENAME TO "+name)
	return name, err
}

func admin(server, q string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, q)
	return err
}

func onDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	u.Path = "/" + name
	return u.String()
}
