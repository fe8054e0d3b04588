package hub

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/syncproto"
)

var (
	farmSizes = flag.String("farm.sizes", "2,6,10", "how many schools stand on the hub at each measurement")
	farmIdle  = flag.Duration("farm.idle", 2*time.Second, "how long the hub is watched at rest")
	farmLoad  = flag.Int("farm.load", 20, "messages each way and school, under load")
)

// farm is a process with many real leaves.
type farm struct {
	t    *testing.T
	in   *json.Encoder
	out  *json.Decoder
	left int // boxes started
}

type farmOrder struct {
	Op    string
	Count int       `json:",omitempty"`
	Size  int       `json:",omitempty"`
	Boxes []farmBox `json:",omitempty"`
}

type farmBox struct {
	School, Appliance string
	Epoch             int64
	Seed              string
	Credentials
}

type farmAnswer struct {
	Err      string
	Keys     [][2]string
	Up       int
	Received uint64
}

func newFarm(t *testing.T) *farm {
	t.Helper()
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("where is this file?")
	}
	bin := filepath.Join(t.TempDir(), "leaffarm")
	build := exec.Command("go", "build", "-o", bin, "./internal/leaf/leaffarm")
	build.Dir = filepath.Join(filepath.Dir(here), "../../../edge")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the farm: %v\n%s", err, out)
	}
	cmd := exec.Command(bin, t.TempDir())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		stuck := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the farm: %v", err)
		}
		stuck.Stop()
	})
	return &farm{t: t, in: json.NewEncoder(in), out: json.NewDecoder(bufio.NewReader(out))}
}

func (f *farm) do(o farmOrder) (a farmAnswer) {
	f.t.Helper()
	if err := f.in.Encode(o); err != nil {
		f.t.Fatal(err)
	}
	if err := f.out.Decode(&a); err != nil || a.Err != "" {
		f.t.Fatalf("%s: %v %s", o.Op, err, a.Err)
	}
	return a
}

func farmSchool(i int) string { return fmt.Sprintf("school-%d", i) }

// grow enrols and starts boxes until there are n, and waits until all are
// connected.
func (f *farm) grow(h *Hub, n int) {
	f.t.Helper()
	for f.left < n {
		batch := min(n-f.left, 25)
		o := farmOrder{Op: "start"}
		for _, key := range f.do(farmOrder{Op: "keys", Count: batch}).Keys {
			e := Enrolment{School: farmSchool(f.left), Appliance: fmt.Sprintf("box-%d", f.left), Epoch: 7, UserKey: key[0]}
			c, err := h.Enrol(f.t.Context(), e)
			if err != nil {
				f.t.Fatal(err)
			}
			o.Boxes = append(o.Boxes, farmBox{e.School, e.Appliance, 7, key[1], c})
			f.left++
		}
		f.do(o)
	}
	deadline := time.Now().Add(5 * time.Minute)
	for f.do(farmOrder{Op: "look"}).Up < n {
		if time.Now().After(deadline) {
			f.t.Fatalf("%d of %d boxes are connected", f.do(farmOrder{Op: "look"}).Up, n)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// sample is what the hub's process holds at one size of the farm.
type sample struct {
	schools                            int
	heap, rss, goroutines, descriptors float64
	idleCPU, loadCPU                   float64 // seconds of processor a second, and microseconds a message
	loadRSS                            float64
}

// TestTheFarm stands real leaves, each with one mirror up and one down, on one
// hub, and measures what a school costs it. `make farm` runs it with 500.
func TestTheFarm(t *testing.T) {
	var heard atomic.Uint64
	h, err := Open(Options{Dir: t.TempDir(), LeafHost: "127.0.0.1", Secret: []byte("a secret for tests only"), Clock: clock.System{}, Log: logging.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	h.OnMessage(func(context.Context, string, int64, syncproto.Message) error { heard.Add(1); return nil })
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	f := newFarm(t)
	var got []sample
	for size := range strings.SplitSeq(*farmSizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			t.Fatal(err)
		}
		f.grow(h, n)
		got = append(got, f.measure(h, &heard, n))
	}
	t.Log(table(got))

	// What a school costs does not grow with their number: the line's end is not
	// above what twice its beginning foretells.
	first, last := got[0], got[len(got)-1]
	if g := last.goroutines / float64(last.schools); g > 2*first.goroutines/float64(first.schools) || g > 60 {
		t.Errorf("%.0f goroutines a school", g)
	}
	if d := last.descriptors / float64(last.schools); d > 40 {
		t.Errorf("%.0f descriptors a school", d)
	}
}

// measure watches the hub at rest, then sends messages both ways in every school
// and waits until all have arrived.
func (f *farm) measure(h *Hub, heard *atomic.Uint64, n int) sample {
	f.t.Helper()
	time.Sleep(time.Second) // what the new ones set off
	began := cpu()
	time.Sleep(*farmIdle)
	s := sample{schools: n, idleCPU: (cpu() - began).Seconds() / farmIdle.Seconds()}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.heap, s.rss = float64(m.HeapAlloc+m.StackInuse)/1e6, rss(f.t)
	s.goroutines, s.descriptors = float64(runtime.NumGoroutine()), descriptors(f.t)

	const size = 4 << 10
	upBefore, downBefore := heard.Load(), f.do(farmOrder{Op: "look"}).Received
	began = cpu()
	down := make(chan error, 1)
	go func() { down <- sendDown(h, n, size) }()
	f.do(farmOrder{Op: "send", Count: *farmLoad, Size: size})
	if err := <-down; err != nil {
		f.t.Fatal(err)
	}
	want, deadline := uint64(n**farmLoad), time.Now().Add(5*time.Minute)
	for heard.Load()-upBefore < want || f.do(farmOrder{Op: "look"}).Received-downBefore < want {
		if time.Now().After(deadline) {
			f.t.Fatalf("of %d messages each way %d came up and %d down", want, heard.Load()-upBefore, f.do(farmOrder{Op: "look"}).Received-downBefore)
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.loadCPU, s.loadRSS = (cpu()-began).Seconds()*1e6/float64(2*want), rss(f.t)
	return s
}

func sendDown(h *Hub, n, size int) error {
	data := make([]byte, size)
	for range *farmLoad {
		for i := range n {
			err := context.DeadlineExceeded
			for errors.Is(err, context.DeadlineExceeded) { // not confirmed in time on a busy computer: once more
				err = h.Send(context.Background(), farmSchool(i), 7, opaque(string(data)))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// table prints the samples and the lines they lie on.
func table(all []sample) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nmachine: %s, %d processors; load before the end %s\n", processor(), runtime.NumCPU(), first("/proc/loadavg", "\n"))
	fmt.Fprintf(&b, "the hub's process alone; each school one mirror up and one down; under load %d messages of 4 KB each way\n", *farmLoad)
	fmt.Fprintf(&b, "%8s %10s %10s %11s %12s %14s %16s %14s\n", "schools", "live MB", "RSS MB", "goroutines", "descriptors", "idle CPU %", "µs CPU/message", "RSS MB, load")
	for _, s := range all {
		fmt.Fprintf(&b, "%8d %10.1f %10.1f %11.0f %12.0f %14.2f %16.0f %14.1f\n", s.schools, s.heap, s.rss, s.goroutines, s.descriptors, 100*s.idleCPU, s.loadCPU, s.loadRSS)
	}
	for _, l := range []struct {
		what string
		of   func(sample) float64
		unit string
	}{
		{"live memory (heap and stacks)", func(s sample) float64 { return s.heap * 1000 }, "kB"}, {"RSS at rest", func(s sample) float64 { return s.rss * 1000 }, "kB"},
		{"RSS under load", func(s sample) float64 { return s.loadRSS * 1000 }, "kB"},
		{"goroutines", func(s sample) float64 { return s.goroutines }, ""}, {"descriptors", func(s sample) float64 { return s.descriptors }, ""},
		{"processor at rest", func(s sample) float64 { return s.idleCPU * 1000 }, "ms/s"},
	} {
		base, slope := line(all, l.of)
		fmt.Fprintf(&b, "%-30s %10.2f %s a school, %10.2f %s without one\n", l.what, slope, l.unit, base, l.unit)
	}
	return b.String()
}

// line is the least-squares line through the samples.
func line(all []sample, of func(sample) float64) (base, slope float64) {
	var n, sx, sy, sxx, sxy float64
	for _, s := range all {
		x, y := float64(s.schools), of(s)
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	if d := n*sxx - sx*sx; d != 0 {
		slope = (n*sxy - sx*sy) / d
	}
	return (sy - slope*sx) / n, slope
}

// cpu is the processor time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func rss(t *testing.T) float64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(b))[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / 1e6
}

func descriptors(t *testing.T) float64 {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return float64(len(all))
}

func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for l := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func first(file, until string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	head, _, _ := strings.Cut(string(b), until)
	return head
}
