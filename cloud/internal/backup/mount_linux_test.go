package backup_test

import (
	"syscall"
	"testing"
)

// mountSmall mounts a memory disk of a size on dir until the test ends.
func mountSmall(t *testing.T, dir, size string) {
	t.Helper()
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
}
