package dbtest

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"

	"urbanhomeschool.org/uhs/migrations"
)

// schemaHash is a short hash of the Postgres migrations.
func schemaHash() string {
	h := sha256.New()
	_ = fs.WalkDir(migrations.Postgres(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(migrations.Postgres(), path)
		h.Write([]byte(path))
		h.Write(b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:16]
}
