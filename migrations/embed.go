// Package migrations embeds the schema of both databases: numbered goose files
// with telling names, forward only. A number names the same step on both; a
// step that only one side needs exists once.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed postgres/*.sql
var postgres embed.FS

//go:embed sqlite/*.sql
var sqlite embed.FS

// Postgres is the cloud's schema.
func Postgres() fs.FS { return sub(postgres, "postgres") }

// SQLite is the appliance's schema.
func SQLite() fs.FS { return sub(sqlite, "sqlite") }

func sub(f embed.FS, dir string) fs.FS {
	s, err := fs.Sub(f, dir)
	if err != nil { // the folder is compiled in
		panic(err)
	}
	return s
}
