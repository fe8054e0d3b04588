package bundles

import (
	"os"
	"path/filepath"
	"time"
)

// outDir is where bundles lie that a phone may fetch.
func (s *Service) outDir() string { return filepath.Join(s.o.Dir, "out") }

// outKept is how long a bundle can be fetched again: a download over a weak
// Wi-Fi may take several tries.
const outKept = 2 * 24 * time.Hour

// sweepOut removes bundles that nobody fetches any more.
func (s *Service) sweepOut() {
	names, err := filepath.Glob(filepath.Join(s.outDir(), "*"))
	if err != nil {
		return
	}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && s.o.Clock.Now().Sub(info.ModTime()) > outKept {
			_ = os.Remove(name) // tried again in an hour
		}
	}
}
