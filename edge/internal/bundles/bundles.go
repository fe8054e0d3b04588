// Package bundles carries the school's work out of the box in a file, and takes
// in what comes back: by a stick, or by a teacher's phone.
//
// The rule that surprises: writing a bundle confirms nothing. Until the cloud
// has said so, on line or in a bundle that came back, the box keeps every
// record, and the next bundle carries it again.
package bundles

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// Box is what the service knows of the box it runs on, read at each use: the
// epoch may change.
type Box struct {
	School, SchoolName, Appliance string
	Epoch                         int64
	Timeline, Software, CloudURL  string
	CloudKey                      ed25519.PublicKey
	// CloudRecipient is empty on a box that was claimed before it was told.
	CloudRecipient string
	Node           ed25519.PrivateKey
	Age            *age.X25519Identity
}

func (b Box) up() syncer.Log   { return syncer.Log{School: b.School, Epoch: b.Epoch} }
func (b Box) down() syncer.Log { return syncer.Log{School: b.School, Epoch: syncer.DownEpoch} }

// Options are the parts of the Service.
type Options struct {
	DB      db.DB
	Box     func() Box
	Outbox  *syncer.Outbox
	Applier *syncer.Applier
	Packs   bundle.Packs
	// Anew keeps a snapshot that comes in a file; nil: it is skipped.
	Anew bundle.Anew
	// Report is what the box says of itself; nil: nothing.
	Report func(ctx context.Context, tx db.Tx) (syncproto.Report, error)
	// Client signs requests as this box.
	Client func() *http.Client
	// Arrived is called after a bundle, so that the rest of the box looks.
	Arrived func()
	Dir     string
	Clock   clock.Clock
	Log     *slog.Logger
}

// Service writes and reads bundles at a school.
type Service struct {
	*service.Loop

	o    Options
	desk *bundle.Desk
	seen time.Time // of the newest bundle another process read
}

// maxBack bounds a bundle that comes back: courses are large.
const maxBack = 16 << 30

// New makes the service.
func New(o Options) *Service {
	s := &Service{o: o}
	s.desk = bundle.NewDesk(bundle.DeskOptions{DB: o.DB, Dir: o.Dir, Clock: o.Clock, Log: o.Log, Admit: s.admit, MaxSize: maxBack,
		Arrived: func(context.Context, bundle.Note) { o.Arrived() }})
	s.Loop = service.NewLoop(s.run)
	return s
}

// Desk takes bundles in; nil of a nil Service, whose routes are only listed.
func (s *Service) Desk() *bundle.Desk {
	if s == nil {
		return nil
	}
	return s.desk
}

// lookEvery is how often the service looks for what the command line has read
// meanwhile; every retryAfter looks it tries whether a parked bundle, which may
// be large, can go on.
const (
	lookEvery  = 15 * time.Second
	retryAfter = 20
)

func (s *Service) run(ctx context.Context) {
	defer s.desk.Wait()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		if n%240 == 0 {
			s.desk.Sweep()
			s.sweepOut()
			s.Learn(ctx)
		}
		if n%retryAfter == 0 {
			s.desk.Retry(ctx)
		}
		s.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look wakes the box when a bundle was read by another process.
func (s *Service) look(ctx context.Context) {
	var last bundle.Note
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		last, _, err = bundle.Last(ctx, tx, bundle.In, s.o.Box().School)
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.o.Log.Warn("look for bundles", logging.Err(err))
	}
	if last.At.After(s.seen) {
		s.seen = last.At
		s.o.Arrived()
	}
}

// admit lets only bundles in that the cloud made for this school.
func (s *Service) admit(_ context.Context, h syncproto.BundleHeader) (bundle.Admitted, error) {
	b := s.o.Box()
	switch {
	case h.Way != syncproto.Down:
		return bundle.Admitted{}, bundle.ErrWrongWay
	case h.School != b.School:
		return bundle.Admitted{}, bundle.ErrOtherSchool
	}
	t := bundle.Target{DB: s.o.DB, Applier: s.o.Applier, Outbox: s.o.Outbox, In: b.down(), Packs: s.o.Packs, Dir: s.o.Dir, Anew: s.o.Anew,
		Receipt: func(ctx context.Context, receipt string) error {
			return s.o.DB.Update(ctx, func(tx db.Tx) error { return bundle.KeepReceipt(ctx, tx, b.School, receipt, b.CloudKey) })
		}}
	if h.Epoch == b.Epoch {
		t.Out = b.up()
	}
	return bundle.Admitted{Key: b.CloudKey, Identity: b.Age, Target: t}, nil
}

// Written is a bundle that was written.
type Written struct {
	ID      string
	Name    string // a good name for the file
	Records int64
	Size    int64
	At      time.Time
}

// ErrNoRecipient says that the box was claimed before clouds told their recipient, and
// has not been on line since.
var ErrNoRecipient = fault.New(fault.Unavailable, "This box must reach the cloud once before it can write such a file.").WithCode("bundle_no_recipient")

// Export writes everything the cloud has not confirmed. progress is told the
// records written; it may be nil.
func (s *Service) Export(ctx context.Context, w io.Writer, progress func(done, of int64)) (Written, error) {
	b := s.o.Box()
	to, err := s.recipient(ctx, b)
	if err != nil {
		return Written{}, err
	}
	h := syncproto.BundleHeader{ID: id.New(), Way: syncproto.Up, School: b.School, SchoolName: b.SchoolName, From: b.Appliance, To: to,
		Created: s.o.Clock.Now(), Epoch: b.Epoch, Timeline: b.Timeline}
	if err := s.o.DB.View(ctx, func(tx db.Tx) (err error) { h.Lanes, err = bundle.Waiting(ctx, tx, b.up()); return err }); err != nil {
		return Written{}, err
	}
	out := Written{ID: h.ID, Name: Name(h), Records: h.Records(), At: h.Created}
	bw, err := bundle.NewWriter(w, h, b.Node)
	if err != nil {
		return out, err
	}
	if err := bw.Frames(ctx, s.o.DB, b.up(), h.Lanes, func(done int64) {
		if progress != nil {
			progress(done, out.Records)
		}
	}); err != nil {
		return out, err
	}
	// The hello comes last: when it is read, the records are in.
	hello, err := s.hello(ctx, b)
	if err != nil {
		return out, err
	}
	if err := bw.AddMessage(hello); err != nil {
		return out, err
	}
	if err := bw.Close(); err != nil {
		return out, err
	}
	out.Size = bw.Written
	return out, nil
}

// Keep remembers that a bundle was written whole.
func (s *Service) Keep(ctx context.Context, w Written) error {
	return s.o.DB.Update(ctx, func(tx db.Tx) error {
		return bundle.Save(ctx, tx, bundle.Out, bundle.Note{ID: w.ID, School: s.o.Box().School, State: bundle.Written, Size: w.Size, Made: w.At, At: w.At,
			Result: bundle.Result{ID: w.ID, State: bundle.Written, New: w.Records}})
	})
}

func (s *Service) hello(ctx context.Context, b Box) (syncproto.Message, error) {
	return syncer.NewPeer(syncer.PeerOptions{DB: s.o.DB, Outbox: s.o.Outbox, Clock: s.o.Clock, Log: s.o.Log, Out: b.up(), In: b.down(), Epoch: b.Epoch,
		Appliance: b.Appliance, Software: b.Software, Timeline: b.Timeline, Report: s.o.Report}).HelloNow(ctx)
}

// ExportFile writes a bundle to path, or below it when it is a folder. The file
// gets its name only when it is whole and on the disk.
func (s *Service) ExportFile(ctx context.Context, path string, progress func(done, of int64)) (w Written, at string, err error) {
	dir, name := filepath.Split(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		dir, name = path, ""
	}
	if dir == "" {
		dir = "."
	}
	tmp, err := os.CreateTemp(dir, ".uhs-*.part")
	if err != nil {
		return w, "", fmt.Errorf("write a bundle: %w", err)
	}
	w, err = s.Export(ctx, tmp, progress)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return w, "", errors.Join(err, os.Remove(tmp.Name()))
	}
	if name == "" {
		name = free(dir, w.Name)
	}
	at = filepath.Join(dir, name)
	if err := os.Rename(tmp.Name(), at); err != nil {
		return w, "", errors.Join(fmt.Errorf("write a bundle: %w", err), os.Remove(tmp.Name()))
	}
	return w, at, s.Keep(ctx, w)
}

// free is name, or name with a number, so that an older bundle is not replaced.
func free(dir, name string) string {
	try := name
	for n := 2; ; n++ {
		if _, err := os.Stat(filepath.Join(dir, try)); err != nil {
			return try
		}
		try = fmt.Sprintf("%s-%d.uhs", strings.TrimSuffix(name, ".uhs"), n)
	}
}

// Name is a file name that a person understands, e.g.
// "lodwar-primary-2026-11-25.uhs".
func Name(h syncproto.BundleHeader) string {
	words := strings.FieldsFunc(strings.ToLower(h.SchoolName), func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) > 4 {
		words = words[:4]
	}
	return strings.Join(append(words, h.Created.Format(time.DateOnly)), "-") + ".uhs"
}

// Last is when work was last carried out in a bundle; zero: never.
func Last(ctx context.Context, tx db.Tx, school string) (time.Time, error) {
	n, _, err := bundle.Last(ctx, tx, bundle.Out, school)
	return n.At, err
}

const recipientKey = "bundle.recipient"

// recipient is the cloud's: from the claim, or asked for once.
func (s *Service) recipient(ctx context.Context, b Box) (string, error) {
	if b.CloudRecipient != "" {
		return b.CloudRecipient, nil
	}
	var known string
	if err := s.o.DB.View(ctx, func(tx db.Tx) (err error) { known, err = syncer.NodeState(ctx, tx, recipientKey); return err }); err != nil || known != "" {
		return known, err
	}
	got, err := s.ask(ctx, b)
	if err != nil {
		return "", ErrNoRecipient.Because(err)
	}
	return got, s.o.DB.Update(ctx, func(tx db.Tx) error { return syncer.SetNodeState(ctx, tx, recipientKey, got) })
}

// Learn asks for the cloud's recipient while the link is up, so that it is known
// when it is not.
func (s *Service) Learn(ctx context.Context) {
	if _, err := s.recipient(ctx, s.o.Box()); err != nil && ctx.Err() == nil {
		s.o.Log.Info("the cloud's recipient is not known yet", logging.Err(err))
	}
}

func (s *Service) ask(ctx context.Context, b Box) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.CloudURL+syncproto.RecipientPath, nil)
	if err != nil {
		return "", err
	}
	resp, err := s.o.Client().Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var in syncproto.CloudRecipient
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<14)).Decode(&in); err != nil {
		return "", err
	}
	if !ed25519.Verify(b.CloudKey, syncproto.RecipientMessage(in.Recipient), in.Signature) {
		return "", errors.New("the recipient is not signed by the cloud")
	}
	_, err = age.ParseX25519Recipient(in.Recipient)
	return in.Recipient, err
}
