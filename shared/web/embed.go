//go:build !no_web

package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// FS is the built application with index.html at its root, or the placeholder
// page when the application was not built before the binary.
var FS = built()

func built() fs.FS {
	for _, dir := range []string{"dist/app", "dist"} {
		sub, err := fs.Sub(dist, dir)
		if err != nil {
			continue
		}
		if _, err := fs.Stat(sub, "index.html"); err == nil {
			return sub
		}
	}
	return dist
}
