package leaf

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/syncproto"
)

// The hub of these tests is the real one, in a process of its own: the test
// binary of cloud/internal/hub, driven by JSON lines (its driver_test.go).

const patience = 60 * time.Second

var hubBinary = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	dir, err := os.MkdirTemp("", "uhs-hub")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "hub.test")
	cmd := exec.Command("go", "test", "-c", "-o", bin, "./internal/hub")
	cmd.Dir = filepath.Join(filepath.Dir(here), "../../../cloud")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the hub's driver: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := hubBinary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

type enrolment struct {
	School, Appliance string
	Epoch             int64
	UserKey           string
}

type credentials struct{ AccountKey, UserJWT, LeafURL, CAPEM, Domain, EdgeDomain string }

type stats struct {
	UpMessages, UpMirrored, UpHandled                   uint64
	DownMessages, DownLast, DownMirrored, DownPublished uint64
	Connected                                           bool
}

type order struct {
	N          int
	Op         string
	Enrolments []enrolment         `json:",omitempty"`
	School     string              `json:",omitempty"`
	Epoch      int64               `json:",omitempty"`
	UserKey    string              `json:",omitempty"`
	Messages   []syncproto.Message `json:",omitempty"`
	Applied    syncproto.Marks
	Refuse     int
}

type answer struct {
	N           int
	Err         string
	Full        bool
	Credentials credentials
	Stats       stats
	Connected   bool
	School      string
	Epoch       int64
	Message     syncproto.Message
}

// hubProcess is a hub that can be killed.
type hubProcess struct {
	t     *testing.T
	dir   string
	port  int
	extra []string

	mu       sync.Mutex
	cmd      *exec.Cmd
	in       io.WriteCloser
	done     chan struct{}
	n        int
	answers  map[int]chan answer
	received []answer // messages of all schools, in order of arrival, over all runs
}

func newHub(t *testing.T, extra ...string) *hubProcess {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hubProcess{t: t, dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port, extra: extra, answers: map[int]chan answer{}}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h.start()
	t.Cleanup(h.kill)
	return h
}

func (h *hubProcess) start() {
	h.t.Helper()
	bin, err := hubBinary()
	if err != nil {
		h.t.Fatal(err)
	}
	args := append([]string{"-hub.dir", h.dir, "-hub.port", strconv.Itoa(h.port)}, h.extra...)
	cmd := exec.Command(bin, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cmd, h.in, h.done = cmd, in, make(chan struct{})
	go h.listen(out, h.done)
}

func (h *hubProcess) listen(out io.Reader, done chan struct{}) {
	defer close(done)
	lines := json.NewDecoder(bufio.NewReader(out))
	for {
		var a answer
		if lines.Decode(&a) != nil {
			return
		}
		h.mu.Lock()
		if a.N == 0 {
			h.received = append(h.received, a)
		} else if ch := h.answers[a.N]; ch != nil {
			ch <- a
			delete(h.answers, a.N)
		}
		h.mu.Unlock()
	}
}

// kill ends the process at once, as a power cut does.
func (h *hubProcess) kill() {
	h.mu.Lock()
	cmd, done := h.cmd, h.done
	h.cmd = nil
	h.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Kill()
	<-done
	_ = cmd.Wait()
}

func (h *hubProcess) do(o order) answer {
	h.t.Helper()
	h.mu.Lock()
	h.n++
	o.N = h.n
	ch := make(chan answer, 1)
	h.answers[o.N] = ch
	err := json.NewEncoder(h.in).Encode(o)
	done := h.done
	h.mu.Unlock()
	if err != nil {
		h.t.Fatal(err)
	}
	select {
	case a := <-ch:
		return a
	case <-done:
		h.t.Fatalf("the hub ended during %s", o.Op)
	case <-time.After(patience):
		h.t.Fatalf("the hub does not answer %s", o.Op)
	}
	return answer{}
}

func (h *hubProcess) must(o order) answer {
	h.t.Helper()
	a := h.do(o)
	if a.Err != "" {
		h.t.Fatalf("%s: %s", o.Op, a.Err)
	}
	return a
}

// from gives the payloads received from one school.
func (h *hubProcess) from(school string) (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.received {
		if a.School == school {
			out = append(out, string(a.Message.Data))
		}
	}
	return out
}

// box is an appliance: a Leaf behind a line that can be cut.
type box struct {
	t     *testing.T
	hub   *hubProcess
	who   enrolment
	seed  []byte
	creds credentials
	dir   string
	line  *line
	bytes int64

	leaf     *Leaf
	mu       sync.Mutex
	received []string
	refuse   int
	linkUps  int
}

func newBox(t *testing.T, h *hubProcess, school string, epoch int64) *box {
	t.Helper()
	b := &box{t: t, hub: h, dir: t.TempDir(), line: newLine(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(h.port)))}
	b.enrol(school, "box-"+school, epoch)
	t.Cleanup(b.stop)
	return b
}

func (b *box) enrol(school, appliance string, epoch int64) {
	b.t.Helper()
	user, err := nkeys.CreateUser()
	if err != nil {
		b.t.Fatal(err)
	}
	pub, err := user.PublicKey()
	if err != nil {
		b.t.Fatal(err)
	}
	if b.seed, err = user.Seed(); err != nil {
		b.t.Fatal(err)
	}
	b.who = enrolment{school, appliance, epoch, pub}
	b.creds = b.hub.must(order{Op: "enrol", Enrolments: []enrolment{b.who}}).Credentials
}

func (b *box) options() Options {
	u, err := url.Parse(b.creds.LeafURL)
	if err != nil {
		b.t.Fatal(err)
	}
	u.Host = b.line.address()
	return Options{Dir: b.dir, School: b.who.School, Appliance: b.who.Appliance, Epoch: b.who.Epoch,
		Domain: b.creds.EdgeDomain, HubDomain: b.creds.Domain, AccountKey: b.creds.AccountKey, UserJWT: b.creds.UserJWT, UserSeed: b.seed,
		LeafURL: u.String(), CAPEM: b.creds.CAPEM, StreamBytes: b.bytes, Clock: clock.System{}, Log: testLog()}
}

func (b *box) start() {
	b.t.Helper()
	b.startWith(b.options())
}

func (b *box) startWith(opts Options) {
	b.t.Helper()
	l, err := Open(opts)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := l.Start(context.Background(), b.handle, b.up); err != nil {
		b.t.Fatal(err)
	}
	b.leaf = l
}

func (b *box) stop() {
	if b.leaf != nil {
		if err := b.leaf.Stop(context.Background()); err != nil {
			b.t.Error(err)
		}
		b.leaf = nil
	}
}

func (b *box) handle(_ context.Context, m syncproto.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse > 0 {
		b.refuse--
		return errors.New("refused by the test")
	}
	b.received = append(b.received, string(m.Data))
	return nil
}

func (b *box) up() { b.mu.Lock(); b.linkUps++; b.mu.Unlock() }

func (b *box) ups() int { b.mu.Lock(); defer b.mu.Unlock(); return b.linkUps }

func (b *box) got() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.received...)
}

func (b *box) connected() {
	b.t.Helper()
	eventually(b.t, "the link is up at both ends", func() bool {
		return b.leaf.Connected() && b.hub.must(order{Op: "connected", School: b.who.School}).Connected
	})
}

func (b *box) send(names ...string) {
	b.t.Helper()
	if err := b.leaf.Send(context.Background(), opaque(names...)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) sendDown(names ...string) {
	b.t.Helper()
	b.hub.must(order{Op: "send", School: b.who.School, Epoch: b.who.Epoch, Messages: opaque(names...)})
}

// stats are of the box's school at the hub.
func (b *box) stats() stats {
	b.t.Helper()
	return b.hub.must(order{Op: "stats", School: b.who.School, Epoch: b.who.Epoch}).Stats
}

// opaque makes frames that the carriers cannot read and need not.
func opaque(names ...string) (out []syncproto.Message) {
	for _, n := range names {
		out = append(out, syncproto.Message{Kind: syncproto.KindFrame, Lane: syncproto.LaneLearning, Data: []byte(n)})
	}
	return out
}

// frame makes a real frame of one lane.
func frame(t *testing.T, lane syncproto.Lane, first int64, count, size int) syncproto.Message {
	t.Helper()
	f := syncproto.Frame{School: "s", Epoch: 7, Lane: lane, First: first}
	for i := range count {
		body := make([]byte, size) // that zstd cannot make smaller
		_, _ = rand.NewChaCha8([32]byte{byte(first), byte(i)}).Read(body)
		f.Events = append(f.Events, syncproto.Event{Type: "test.thing", Version: 1, Entity: strconv.Itoa(i), HLC: 1, Body: body})
	}
	data, err := syncproto.EncodeFrame(&f)
	if err != nil {
		t.Fatal(err)
	}
	return syncproto.Message{Kind: syncproto.KindFrame, Lane: lane, Data: data}
}

func numbered(prefix string, from, to int) (out []string) {
	for i := from; i <= to; i++ {
		out = append(out, prefix+strconv.Itoa(i))
	}
	return out
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// line is a TCP line that can be cut: open connections break and new ones fail.
type line struct {
	target string
	l      net.Listener

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

func newLine(t *testing.T, target string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &line{target: target, l: l, conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	t.Cleanup(func() { _ = l.Close(); p.setCut(true); p.wg.Wait() })
	return p
}

func (p *line) address() string { return p.l.Addr().String() }

func (p *line) accept() {
	for {
		in, err := p.l.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.join(in) })
	}
}

func (p *line) join(in net.Conn) {
	defer func() { _ = in.Close() }()
	out, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	p.mu.Lock()
	if p.cut {
		p.mu.Unlock()
		return
	}
	p.conns[in], p.conns[out] = true, true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
	both.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, in)
	delete(p.conns, out)
	p.mu.Unlock()
}

func (p *line) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if cut {
		for c := range p.conns {
			_ = c.Close()
		}
	}
}

func testLog() *slog.Logger {
	if *verboseLog {
		return logging.New(os.Stderr, "debug")
	}
	return logging.Discard()
}

var verboseLog = flag.Bool("leaf.log", false, "write the appliances' log to standard error")
