//go:build crashpoints

package crash

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// at is UHS_CRASH_AT: the name of a point and, after a colon, which pass of it;
// by default the first.
var (
	name, nth = parse(os.Getenv("UHS_CRASH_AT"))
	passed    atomic.Int64
)

func parse(s string) (string, int64) {
	name, count, _ := strings.Cut(s, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		n = 1
	}
	return name, n
}

// Here ends the process without a word when UHS_CRASH_AT names this point.
func Here(point string) {
	if point != name || passed.Add(1) != nth {
		return
	}
	_, _ = os.Stderr.WriteString("crash point " + point + "\n")
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until the signal is here
}
