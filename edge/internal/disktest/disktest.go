// Package disktest gives tests a *small disk* that really fills up. Only tests
// import it.
package disktest

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Small mounts a disk of a size in memory, such as 16m, until the test ends, and
// gives its folder. Where mounting is not allowed the test is skipped, with CI=true
// it fails.
func Small(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	// #nosec G204 -- the size that a test asks for
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		why := "a small disk needs the right to mount one: " + string(out)
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
