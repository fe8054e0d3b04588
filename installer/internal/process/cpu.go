package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc's processor times: USER_HZ, which is 100 on Linux
// whatever the kernel's own is.
const tick = 10 * time.Millisecond

// CPU is the processor time of the child and of its own children so far. On a
// computer that others use too it says more than the clock on the wall.
func (c *Child) CPU() (time.Duration, error) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	found := false
	for _, file := range all {
		s, err := readStat(file)
		if err != nil {
			continue // it has ended
		}
		if s.pid == c.PID() {
			sum, found = sum+s.own+s.reaped, true
		} else if s.parent == c.PID() {
			sum += s.own
		}
	}
	if !found {
		return 0, fmt.Errorf("read the processor time of %s: it does not run", c.spec.Name)
	}
	return sum, nil
}

type stat struct {
	pid, parent int
	own, reaped time.Duration // reaped: of children that have ended
}

// readStat reads a line of proc_pid_stat(5). The name in brackets may hold
// anything, so the fields are counted from its end.
func readStat(file string) (s stat, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	line := string(b)
	end := strings.LastIndexByte(line, ')')
	fields := strings.Fields(line[end+1:])
	if end < 0 || len(fields) < 15 {
		return s, fmt.Errorf("%s is not as expected", file)
	}
	if s.pid, err = strconv.Atoi(strings.Fields(line)[0]); err != nil {
		return s, err
	}
	if s.parent, err = strconv.Atoi(fields[1]); err != nil {
		return s, err
	}
	var n [4]int64
	for i := range n {
		if n[i], err = strconv.ParseInt(fields[11+i], 10, 64); err != nil {
			return s, err
		}
	}
	s.own, s.reaped = time.Duration(n[0]+n[1])*tick, time.Duration(n[2]+n[3])*tick
	return s, nil
}
