// Package process runs the programs of a world on one computer as *children*:
// output to a file, a gentle stop, a kill for tests, and no child that outlives
// its parent.
//
// The rule that surprises: a child is always ended by its own process id, and
// the kernel ends it when this program dies, so that a crash leaves nothing
// running and nothing else is ever hit.
package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Spec says what to run.
type Spec struct {
	Name string
	Path string
	Args []string
	// Env replaces the environment when it is not nil.
	Env []string
	Dir string
	// Log is the file that gets the output, appended; empty: the output is dropped.
	Log string
	// User runs the child as somebody else; nil: as the caller.
	User *syscall.Credential
	// StopSignal asks the child to end; the default is SIGTERM.
	StopSignal syscall.Signal
	// StopTimeout is how long it may take before it is killed; the default is 20 s.
	StopTimeout time.Duration
}

// Child is a running program.
type Child struct {
	spec Spec
	cmd  *exec.Cmd
	log  *os.File

	done chan struct{}
	once sync.Once
	err  error
}

// Start runs the program.
func Start(s Spec) (*Child, error) {
	if s.StopSignal == 0 {
		s.StopSignal = syscall.SIGTERM
	}
	if s.StopTimeout == 0 {
		s.StopTimeout = 20 * time.Second
	}
	c := &Child{spec: s, done: make(chan struct{})}
	// #nosec G204 -- the caller names its own binaries
	c.cmd = exec.Command(s.Path, s.Args...) //nolint:noctx // Stop ends it gently, a context would kill it
	c.cmd.Env, c.cmd.Dir = s.Env, s.Dir
	// A process group of its own: Ctrl-C in the terminal reaches only us, and we
	// stop the children in order.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: s.User}
	if s.StopSignal != syscall.SIGTERM {
		c.cmd.SysProcAttr.Pdeathsig = s.StopSignal
	}
	if s.Log != "" {
		if err := os.MkdirAll(filepath.Dir(s.Log), 0o750); err != nil {
			return nil, fmt.Errorf("start %s: %w", s.Name, err)
		}
		f, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", s.Name, err)
		}
		c.log, c.cmd.Stdout, c.cmd.Stderr = f, f, f
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	go c.wait()
	return c, nil
}

func (c *Child) wait() {
	c.err = c.cmd.Wait()
	if c.log != nil {
		_ = c.log.Close()
	}
	close(c.done)
}

// PID is the process id.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended, for whatever reason.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err is how it ended; only after Done.
func (c *Child) Err() error { return c.err }

// Stop asks the child to end and waits for it; it kills it when it does not.
func (c *Child) Stop() error {
	if c == nil {
		return nil
	}
	var late bool
	c.once.Do(func() {
		_ = c.cmd.Process.Signal(c.spec.StopSignal)
		select {
		case <-c.done:
		case <-time.After(c.spec.StopTimeout):
			late = true
			_ = c.cmd.Process.Kill()
		}
	})
	<-c.done
	if late {
		return fmt.Errorf("stop %s: it did not end within %s and was killed; see %s", c.spec.Name, c.spec.StopTimeout, c.spec.Log)
	}
	return nil
}

// Kill ends the child at once, as a power cut of the process would (kill -9).
func (c *Child) Kill() {
	c.once.Do(func() { _ = c.cmd.Process.Kill() })
	<-c.done
}

// RSS is the memory the child holds, in bytes.
func (c *Child) RSS() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID()))
	if err != nil {
		return 0, fmt.Errorf("read the memory of %s: %w", c.spec.Name, err)
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("read the memory of %s: no VmRSS", c.spec.Name)
}

// Tail is the end of the child's output, for error messages.
func (c *Child) Tail() string {
	b, err := os.ReadFile(c.spec.Log)
	if err != nil {
		return ""
	}
	return string(b[max(0, len(b)-3000):])
}

// WaitHTTP waits until a GET of url answers 200, the child ends or the time is
// up.
func (c *Child) WaitHTTP(ctx context.Context, url string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client := &http.Client{Timeout: 2 * time.Second}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("wait for %s: %w", c.spec.Name, err)
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-c.done:
			return fmt.Errorf("%s ended while starting: %w\n%s", c.spec.Name, errors.Join(c.err), c.Tail())
		case <-ctx.Done():
			return fmt.Errorf("%s did not answer at %s within %s\n%s", c.spec.Name, url, limit, c.Tail())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// FreePort is a free TCP port of the loopback: wanted if it is free, otherwise
// any.
func FreePort(ctx context.Context, wanted int) (int, error) {
	var lc net.ListenConfig
	for _, port := range []int{wanted, 0} {
		l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }()
		return l.Addr().(*net.TCPAddr).Port, nil //nolint:forcetypeassert // a TCP listener has a TCP address
	}
	return 0, errors.New("no free port on 127.0.0.1")
}
