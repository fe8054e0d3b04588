package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// endedWell is the file that a run leaves in a directory when it was stopped.
const endedWell = "ended-well"

// Began tells whether the last run that used dir was stopped, not killed, and
// marks that one is going on. A directory that is new was not used by anybody: it
// counts as stopped.
func Began(dir string) (stopped bool, err error) {
	_, err = os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	err = os.Remove(filepath.Join(dir, endedWell))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read how the last run ended: %w", err)
	}
	return true, nil
}

// Ended marks that the run which uses dir was stopped and has written everything.
// Where the directory is gone there is nothing to mark.
func Ended(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, endedWell), nil, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("note how the run ended: %w", err)
	}
	return nil
}
