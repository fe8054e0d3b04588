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
	"sync"
	"testing"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

var (
	driveDir    = flag.String("hub.dir", "", "be a hub with its store here, driven by JSON lines on standard input (for the tests of edge/internal/leaf)")
	drivePort   = flag.Int("hub.port", 0, "leaf port of the driven hub")
	driveSecret = flag.String("hub.secret", "a secret for tests only", "secret of the driven hub")
	driveBytes  = flag.Int64("hub.bytes", 0, "size of the driven hub's DOWN streams")
	driveLog    = flag.String("hub.log", "", "log level of the driven hub; none when empty")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *driveDir == "" {
		os.Exit(m.Run())
	}
	if err := drive(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// order and answer are the lines of a driven hub. An answer without N tells of a
// message that arrived.
type order struct {
	N          int
	Op         string
	Enrolments []Enrolment
	School     string
	Epoch      int64
	UserKey    string
	Messages   []syncproto.Message
	Applied    syncproto.Marks
	Refuse     int // refuse so many of the next messages
}

type answer struct {
	N           int `json:",omitempty"`
	Err         string
	Full        bool
	Credentials Credentials
	Stats       Stats
	Connected   bool
	School      string
	Epoch       int64
	Message     syncproto.Message
}

type driven struct {
	hub    *Hub
	mu     sync.Mutex
	out    *json.Encoder
	refuse int
}

func drive(in io.Reader, out io.Writer) error {
	log := logging.Discard()
	if *driveLog != "" {
		log = logging.New(os.Stderr, *driveLog)
	}
	h, err := Open(Options{Dir: *driveDir, LeafHost: "127.0.0.1", LeafPort: *drivePort, Secret: []byte(*driveSecret),
		StreamBytes: *driveBytes, Clock: clock.System{}, Log: log})
	if err != nil {
		return err
	}
	d := &driven{hub: h, out: json.NewEncoder(out)}
	h.OnMessage(d.message)
	ctx := context.Background()
	if err := h.Start(ctx); err != nil {
		return err
	}
	lines := json.NewDecoder(bufio.NewReader(in))
	for {
		var o order
		if err := lines.Decode(&o); errors.Is(err, io.EOF) {
			return h.Stop(ctx)
		} else if err != nil {
			return err
		}
		d.write(d.obey(ctx, o))
	}
}

func (d *driven) write(a answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.out.Encode(a); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func (d *driven) message(_ context.Context, school string, epoch int64, m syncproto.Message) error {
	d.mu.Lock()
	refused := d.refuse > 0
	if refused {
		d.refuse--
	}
	d.mu.Unlock()
	if refused {
		return errors.New("refused by order")
	}
	d.write(answer{School: school, Epoch: epoch, Message: m})
	return nil
}

func (d *driven) obey(ctx context.Context, o order) answer {
	a := answer{N: o.N}
	var err error
	switch o.Op {
	case "enrol":
		a.Credentials, err = d.hub.Enrol(ctx, o.Enrolments[0])
	case "restore":
		err = d.hub.Restore(ctx, o.Enrolments)
	case "revoke":
		err = d.hub.Revoke(ctx, o.School, o.UserKey)
	case "send":
		err = d.hub.Send(ctx, o.School, o.Epoch, o.Messages)
	case "purge":
		d.hub.PurgeDown(ctx, o.School, o.Epoch, o.Applied)
	case "stats":
		a.Stats, err = d.hub.Stats(ctx, o.School, o.Epoch)
	case "connected":
		a.Connected = d.hub.Connected(o.School)
	case "refuse":
		d.mu.Lock()
		d.refuse = o.Refuse
		d.mu.Unlock()
	default:
		err = fmt.Errorf("unknown order %q", o.Op)
	}
	if err != nil {
		a.Err, a.Full = err.Error(), errors.Is(err, syncer.ErrCarrierFull)
	}
	return a
}
