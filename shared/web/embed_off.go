//go:build no_web

package web

import (
	"embed"
	"io/fs"
)

// FS is empty: this build leaves the application out.
var FS fs.FS = embed.FS{}
