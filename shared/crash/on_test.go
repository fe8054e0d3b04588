//go:build crashpoints

package crash

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func TestAProcessEndsAtTheNamedPassOfAPoint(t *testing.T) {
	if os.Getenv("UHS_CRASH_AT") != "" {
		for i := range 3 {
			Here(FrameSent)
			_, _ = os.Stdout.WriteString(string(rune('a' + i)))
		}
		return
	}
	for at, want := range map[string]string{FrameSent: "", FrameSent + ":3": "ab", FrameCut: "abcPASS\n", FrameSent + ":9": "abcPASS\n"} {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestAProcessEnds")
		c.Env = append(os.Environ(), "UHS_CRASH_AT="+at)
		out, err := c.Output()
		killed := c.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL && err != nil
		if string(out) != want || killed != (want != "abcPASS\n") {
			t.Errorf("%s: %q, killed %v", at, out, killed)
		}
	}
}
