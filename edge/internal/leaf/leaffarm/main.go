// Command leaffarm is many appliances' ends of the mirrors in one process: each
// a real leaf with its own embedded server and store. It is what the hub is
// measured with; see cloud/internal/hub, TestTheFarm. It obeys JSON lines on its
// standard input and answers each with one on its standard output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nkeys"

	"urbanhomeschool.org/uhs/edge/internal/leaf"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/syncproto"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "leaffarm: want a directory")
		os.Exit(2)
	}
	f := &farm{dir: os.Args[1]}
	if err := errors.Join(f.run(os.Stdin, os.Stdout), f.stop()); err != nil {
		fmt.Fprintln(os.Stderr, "leaffarm:", err)
		os.Exit(1)
	}
}

// order is one line: keys for so many new boxes, boxes to start with what the
// enrolment gave, messages to send from every box, or a look at the counters.
type order struct {
	Op    string `json:"Op"` // keys, start, send, look
	Count int    `json:"Count"`
	Boxes []box  `json:"Boxes"`
	Size  int    `json:"Size"`
}

// box is one appliance with its enrolment.
type box struct {
	School     string `json:"School"`
	Appliance  string `json:"Appliance"`
	Epoch      int64  `json:"Epoch"`
	Seed       string `json:"Seed"`
	AccountKey string `json:"AccountKey"`
	UserJWT    string `json:"UserJWT"`
	LeafURL    string `json:"LeafURL"`
	CAPEM      string `json:"CAPEM"`
	Domain     string `json:"Domain"`
	EdgeDomain string `json:"EdgeDomain"`
}

// answer is the line that answers an order.
type answer struct {
	Err string `json:"Err"`
	// Keys are pairs of public key and seed.
	Keys [][2]string `json:"Keys"`
	// Up is how many boxes are connected, Received how many messages all of them
	// got.
	Up       int    `json:"Up"`
	Received uint64 `json:"Received"`
}

type farm struct {
	dir      string
	leaves   []*leaf.Leaf
	received atomic.Uint64
}

func (f *farm) run(in io.Reader, out io.Writer) error {
	lines, answers := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	for {
		var o order
		if err := lines.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		a, err := f.obey(context.Background(), o)
		if err != nil {
			a.Err = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

func (f *farm) obey(ctx context.Context, o order) (a answer, err error) {
	switch o.Op {
	case "keys":
		for range o.Count {
			pair, err := newKey()
			if err != nil {
				return a, err
			}
			a.Keys = append(a.Keys, pair)
		}
	case "start":
		for _, b := range o.Boxes {
			if err := f.start(ctx, b); err != nil {
				return a, err
			}
		}
	case "send":
		err = f.send(ctx, o)
	case "look":
		for _, l := range f.leaves {
			if l.Connected() {
				a.Up++
			}
		}
		a.Received = f.received.Load()
	default:
		err = fmt.Errorf("unknown order %q", o.Op)
	}
	return a, err
}

func newKey() (pair [2]string, err error) {
	user, err := nkeys.CreateUser()
	if err != nil {
		return pair, err
	}
	public, err := user.PublicKey()
	if err != nil {
		return pair, err
	}
	seed, err := user.Seed()
	return [2]string{public, string(seed)}, err
}

func (f *farm) start(ctx context.Context, b box) error {
	l, err := leaf.Open(leaf.Options{
		Dir: filepath.Join(f.dir, b.Appliance), School: b.School, Appliance: b.Appliance, Epoch: b.Epoch, Domain: b.EdgeDomain, HubDomain: b.Domain,
		AccountKey: b.AccountKey, UserJWT: b.UserJWT, UserSeed: []byte(b.Seed), LeafURL: b.LeafURL, CAPEM: b.CAPEM,
		Clock: clock.System{}, Log: logging.Discard(),
	})
	if err != nil {
		return err
	}
	handler := func(context.Context, syncproto.Message) error { f.received.Add(1); return nil }
	if err := l.Start(ctx, handler, func() {}); err != nil {
		return err
	}
	f.leaves = append(f.leaves, l)
	return nil
}

// senders is how many boxes send at the same moment: enough to keep this
// computer busy, so that none of them waits longer than the library does.
const senders = 8

// send gives every box so many messages of a size. A message that the box's own
// store does not confirm in time is sent again, as the outbox would.
func (f *farm) send(ctx context.Context, o order) error {
	data := make([]byte, o.Size)
	errs := make([]error, len(f.leaves))
	var crew sync.WaitGroup
	turns := make(chan struct{}, senders)
	for i, l := range f.leaves {
		crew.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			for n := 0; n < o.Count && (errs[i] == nil || errors.Is(errs[i], context.DeadlineExceeded)); {
				errs[i] = l.Send(ctx, []syncproto.Message{{Kind: syncproto.KindFrame, Lane: syncproto.LaneLearning, Data: data}})
				if errs[i] == nil {
					n++
				}
			}
		})
	}
	crew.Wait()
	return errors.Join(errs...)
}

func (f *farm) stop() error {
	var errs []error
	for _, l := range f.leaves {
		errs = append(errs, l.Stop(context.Background()))
	}
	return errors.Join(errs...)
}
