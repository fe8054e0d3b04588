package agent

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"urbanhomeschool.org/uhs/shared/db/sqlite"
)

// ErrNoRoom says that the disk has no room for a snapshot beside what the school
// needs to go on writing. The present database stays in use; what was downloaded
// stays too, and the next attempt goes on from it.
var ErrNoRoom = errors.New("agent: no room on the disk for a snapshot")

// schoolsRoom is what a snapshot leaves free for the school's own writes.
const schoolsRoom = 64 << 20

// room fails when the disk would have less than the school's room left after
// another n bytes. It is asked again and again: others write meanwhile.
func (s *Snapshots) room(n int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(s.o.Dir, &st); err != nil {
		return fmt.Errorf("measure the disk: %w", err)
	}
	if free := int64(st.Bavail) * st.Bsize; free-n < s.o.KeepFree {
		return fmt.Errorf("%w: %d bytes are free, %d more are needed and %d are kept for the school", ErrNoRoom, free, n, s.o.KeepFree)
	}
	return nil
}

// roomToBuild fails when the new database, about as large as the one in use,
// does not fit beside it.
func (s *Snapshots) roomToBuild() error {
	present, err := s.o.File.Present()
	if err != nil {
		return err
	}
	info, err := os.Stat(present)
	if err != nil {
		return err
	}
	return s.room(info.Size())
}

// full tells whether an attempt ended for want of room.
func full(err error) bool {
	return errors.Is(err, ErrNoRoom) || errors.Is(err, syscall.ENOSPC) || sqlite.IsFull(err)
}
