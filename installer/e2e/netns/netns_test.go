package netns_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/e2e/netns"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lay makes a net, or says why there can be none.
func lay(t *testing.T, schools ...string) *netns.Net {
	t.Helper()
	n, err := netns.Lay(schools...)
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("network namespaces cannot be made: %v", err)
	} else if err != nil {
		t.Skipf("network namespaces cannot be made: %v", err)
	}
	return n
}

// TestMain is also the program that the test runs inside a namespace.
func TestMain(m *testing.M) {
	if addr := os.Getenv("NETNS_TEST_SINK"); addr != "" {
		serve(addr)
		return
	}
	if addr := os.Getenv("NETNS_TEST_PUSH"); addr != "" {
		push(addr)
		return
	}
	os.Exit(m.Run())
}

// serve takes one connection, and says on it how much came.
func serve(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		panic(err)
	}
	c, err := l.Accept()
	if err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, c)
	_, _ = c.Write([]byte("all"))
	_ = c.Close()
}

// push sends 64 KiB and waits for the answer.
func push(addr string) {
	c, err := net.DialTimeout("tcp", addr, 20*time.Second)
	if err != nil {
		panic(err)
	}
	_, _ = c.Write(make([]byte, 64<<10))
	_ = c.(*net.TCPConn).CloseWrite()
	b, _ := io.ReadAll(c)
	if string(b) != "all" {
		panic("no answer")
	}
}

// transfer pushes from the school to the cloud and gives how long it took.
func transfer(t *testing.T, n *netns.Net, school string) time.Duration {
	t.Helper()
	addr := n.Line(school).CloudAddress() + ":9000"
	inside := func(key, variable string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", n.Namespace(key), os.Args[0])
		cmd.Env, cmd.Stderr = append(os.Environ(), variable+"="+addr), os.Stderr
		return cmd
	}
	sink := inside(netns.Cloud, "NETNS_TEST_SINK")
	must(t, sink.Start())
	time.Sleep(300 * time.Millisecond) // it listens
	began := time.Now()
	must(t, inside(school, "NETNS_TEST_PUSH").Run())
	took := time.Since(began)
	must(t, sink.Wait())
	return took
}

func TestALineIsAsThinAndAsLossyAsAskedFor(t *testing.T) {
	n := lay(t, "one")
	l := n.Line("one")
	if took := transfer(t, n, "one"); took > 3*time.Second {
		t.Errorf("64 KiB took %v on a line that nobody shaped", took)
	}
	must(t, l.Shape(256, 400*time.Millisecond))
	if took := transfer(t, n, "one"); took < 1800*time.Millisecond || took > 6*time.Second {
		t.Errorf("64 KiB took %v at 256 kbit/s, computed 2.1 s", took)
	}
	if up, down, err := l.Load(); err != nil || up.Sent < 64<<10 || up.Sent > 80<<10 || down.Sent == 0 || down.Sent > 16<<10 || up.Waiting != 0 {
		t.Errorf("the line says that it carried %+v up and %+v down, %v", up, down, err)
	}
	must(t, l.Lose(0.2))
	_ = transfer(t, n, "one")
	if lost, err := l.Dropped(); err != nil || lost < 3 {
		t.Errorf("%d packets were lost, %v", lost, err)
	}
	must(t, l.Hear())
	if lost, err := l.Dropped(); err != nil || lost != 0 {
		t.Errorf("healed, it still has rules: %d, %v", lost, err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	n := lay(t, "one", "two")
	name := n.Namespace("two")
	if _, err := os.Stat(filepath.Join("/run/netns", name)); err != nil {
		t.Fatal(err)
	}
	must(t, n.Close())
	out, err := exec.CommandContext(t.Context(), "ip", "netns", "list").Output()
	must(t, err)
	devices, err := exec.CommandContext(t.Context(), "ip", "-o", "link").Output()
	must(t, err)
	mine := "u" + strings.Split(name, "-")[2] + "w"
	if strings.Contains(string(out), name) || strings.Contains(string(devices), mine) {
		t.Errorf("left are %s%s", out, devices)
	}
}

func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	must(t, lay(t).Close())
	const dead = "uhs-e2e-4194999-cloud" // above the kernel's largest process id
	must(t, exec.CommandContext(t.Context(), "ip", "netns", "add", dead).Run())
	lay(t)
	out, err := exec.CommandContext(t.Context(), "ip", "netns", "list").Output()
	must(t, err)
	if strings.Contains(string(out), dead) {
		t.Errorf("left are %s", out)
	}
}
