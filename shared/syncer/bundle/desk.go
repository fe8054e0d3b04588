package bundle

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Admitted is what a side needs to read one bundle.
type Admitted struct {
	Key      ed25519.PublicKey // of its writer
	Identity age.Identity      // what opens it
	Target   Target
}

// DeskOptions are the parts of a Desk.
type DeskOptions struct {
	DB db.DB
	// Dir is where files are kept while they wait; below the data directory.
	Dir   string
	Clock clock.Clock
	Log   *slog.Logger
	// Admit says how a bundle with this front is read here, or refuses it: a
	// fault, or ErrHeld to keep it until an admin decides.
	Admit func(ctx context.Context, h syncproto.BundleHeader) (Admitted, error)
	// Arrived is called after a bundle that brought something; may be nil.
	Arrived func(ctx context.Context, n Note)
	// MaxSize bounds one bundle that is handed over in slices, and MaxDay what one
	// school may hand over in a day.
	MaxSize, MaxDay int64
}

// Desk takes bundles in on one side: from a path, or in slices over HTTP.
type Desk struct {
	o  DeskOptions
	wg sync.WaitGroup

	mu      sync.Mutex // of the uploads
	uploads map[string]*upload
	reading sync.Mutex // one bundle at a time: the memory is bounded
}

// NewDesk makes a desk; the folder is made when it is first needed.
func NewDesk(o DeskOptions) *Desk { return &Desk{o: o, uploads: map[string]*upload{}} }

// ErrHeld tells that the bundle is kept unread until an admin decides about its writer.
var ErrHeld = errors.New("bundle: its writer is not trusted now; kept until an admin decides")

// Held is the state of a bundle that ErrHeld kept.
const Held State = "held"

// Faults of bundles, as a person reads them.
var (
	faultNone      = fault.New(fault.Invalid, "This file is not one of ours.").WithCode("bundle_not_one")
	faultTorn      = fault.New(fault.Invalid, "This file is damaged or incomplete.").WithCode("bundle_torn")
	faultSigner    = fault.New(fault.Forbidden, "This file was not made by a box we know.").WithCode("bundle_signer")
	faultRecipient = fault.New(fault.Forbidden, "This file is for somebody else.").WithCode("bundle_recipient")
	faultNewer     = fault.New(fault.Invalid, "This file was made by newer software.").WithCode("bundle_newer")
	faultLarge     = fault.New(fault.TooLarge, "This file is too large.").WithCode("bundle_too_large")
	// ErrOtherSchool refuses a bundle of another school.
	ErrOtherSchool = fault.New(fault.Forbidden, "This file belongs to another school.").WithCode("bundle_other_school")
	// ErrWrongWay refuses a bundle that goes the other way.
	ErrWrongWay = fault.New(fault.Invalid, "This file goes the other way: it was made here.").WithCode("bundle_wrong_way")
)

// Explain turns a reader's error into a fault for a person; others stay as they
// are.
func Explain(err error) error {
	for _, c := range []struct {
		is error
		to *fault.Error
	}{{ErrReceipt, faultSigner}, {ErrNotABundle, faultNone}, {ErrTorn, faultTorn}, {ErrSigner, faultSigner}, {ErrRecipient, faultRecipient}, {syncproto.ErrSchema, faultNewer},
		{syncproto.ErrTooLarge, faultTorn}, {syncproto.ErrMalformed, faultTorn}} {
		if errors.Is(err, c.is) {
			return c.to.Because(err)
		}
	}
	return err
}

// front opens a file's front and lets the side admit it.
func (d *Desk) front(ctx context.Context, from io.Reader) (*Reader, Admitted, error) {
	r, err := Open(from)
	if err != nil {
		return nil, Admitted{}, Explain(err)
	}
	if !id.Valid(r.Header.ID) { // it becomes a file's name
		return nil, Admitted{}, faultTorn
	}
	a, err := d.o.Admit(ctx, r.Header)
	if err != nil && !errors.Is(err, ErrHeld) {
		return nil, a, err
	}
	if terr := r.Trust(a.Key, a.Identity); terr != nil { // also of one that is held: nobody else fills our disk
		return nil, a, Explain(terr)
	}
	return r, a, err
}

// Read reads the bundle at path. What it brings is stored also when the rest has
// to wait; then the file is kept, and read again when what it waits for came.
func (d *Desk) Read(ctx context.Context, path string, progress func(read int64)) (Note, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	n, err := d.read(ctx, path, progress)
	if err != nil {
		return n, err
	}
	if n.Result.New > 0 {
		d.retry(ctx)
	}
	return n, nil
}

func (d *Desk) read(ctx context.Context, path string, progress func(read int64)) (Note, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's path, or one below the data directory
	if err != nil {
		return Note{}, fmt.Errorf("read a bundle: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return Note{}, fmt.Errorf("read a bundle: %w", err)
	}
	r, a, err := d.front(ctx, f)
	if err != nil && !errors.Is(err, ErrHeld) {
		return Note{}, err
	}
	if err := os.MkdirAll(d.o.Dir, 0o700); err != nil {
		return Note{}, fmt.Errorf("read a bundle: %w", err)
	}
	n := Note{ID: r.Header.ID, School: r.Header.School, State: Held, Size: info.Size(), Made: r.Header.Created, At: d.o.Clock.Now(), Result: Result{ID: r.Header.ID, State: Held}}
	if err == nil {
		a.Target.Progress = progress
		n.Result, err = Apply(ctx, r, a.Target)
		n.State = n.Result.State
		if err != nil {
			return n, Explain(err)
		}
	}
	if err := d.keep(n, path); err != nil {
		return n, err
	}
	changed, err := d.note(ctx, n)
	if err != nil {
		return n, err
	}
	d.o.Log.Info("a bundle was read", logging.School(n.School), slog.String("bundle", n.ID), slog.String("state", string(n.State)),
		slog.Int64("new", n.Result.New), slog.Int64("known", n.Result.Known))
	if changed && d.o.Arrived != nil {
		d.o.Arrived(ctx, n)
	}
	return n, nil
}

// note writes down what became of a bundle, and tells whether that is news. One
// that was applied as a whole keeps its first note: that is the receipt.
func (d *Desk) note(ctx context.Context, n Note) (changed bool, err error) {
	err = d.o.DB.Update(ctx, func(tx db.Tx) error {
		old, ok, err := Find(ctx, tx, In, n.ID)
		if err != nil {
			return err
		}
		changed = !ok || old.State != n.State || n.Result.New > 0
		if ok && old.State.Final() {
			return nil
		}
		if ok {
			n.Result = n.Result.after(old.Result)
			if n.State == Known && n.Result.New > 0 {
				n.State, n.Result.State = Applied, Applied
			}
		}
		return Save(ctx, tx, In, n)
	})
	return changed, err
}

// after adds what an earlier reading of the same file had stored: to this one it
// is known, to whoever asks for the receipt it came with the file.
func (r Result) after(old Result) Result {
	earlier := map[syncproto.Lane]int64{}
	for _, l := range old.Lanes {
		earlier[l.Lane] = l.New
	}
	lanes := slices.Clone(r.Lanes)
	for i := range lanes {
		l := &lanes[i]
		moved := min(earlier[l.Lane], l.Known)
		l.New, l.Known, r.New, r.Known = l.New+moved, l.Known-moved, r.New+moved, r.Known-moved
	}
	r.Lanes = lanes
	r.Confirmed, r.Answers, r.Blobs, r.Aside = r.Confirmed+old.Confirmed, r.Answers+old.Answers, r.Blobs+old.Blobs, r.Aside+old.Aside
	return r
}

// Final tells that nothing more can come of a bundle in this state.
func (s State) Final() bool { return s == Applied || s == Known || s == Below }

// waits tells whether the file must be kept.
func (s State) waits() bool { return s == Parked || s == Held || s == Forked || s == Paused }

// goesOn tells whether the kept file is read again by itself; see ListParked.
func (s State) goesOn() bool { return s == Parked || s == Held || s == Paused }

func (d *Desk) parked(id string) string { return filepath.Join(d.o.Dir, "parked", id+".uhs") }

// keep copies a file that has to wait, and removes the copy when it need not.
func (d *Desk) keep(n Note, path string) error {
	to := d.parked(n.ID)
	if !n.State.waits() {
		if n.State == Torn {
			return nil // a whole copy that waits must not go for a torn one
		}
		if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep a bundle: %w", err)
		}
		return nil
	}
	if path == to {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("keep a bundle: %w", err)
	}
	return copyFile(path, to)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from) //nolint:gosec // the operator's path, or one below the data directory
	if err != nil {
		return fmt.Errorf("keep a bundle: %w", err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // below the data directory
	if err != nil {
		return fmt.Errorf("keep a bundle: %w", err)
	}
	_, cerr := io.Copy(out, in)
	if err := errors.Join(cerr, out.Sync(), out.Close()); err != nil {
		return errors.Join(fmt.Errorf("keep a bundle: %w", err), os.Remove(to+".new"))
	}
	return os.Rename(to+".new", to)
}

// Retry reads the bundles that wait once more: what they wait for may have come,
// by any carrier.
func (d *Desk) Retry(ctx context.Context) {
	d.reading.Lock()
	defer d.reading.Unlock()
	d.retry(ctx)
}

func (d *Desk) retry(ctx context.Context) {
	for again := true; again && ctx.Err() == nil; {
		again = false
		var waiting []Note
		if err := d.o.DB.View(ctx, func(tx db.Tx) (err error) { waiting, err = ListParked(ctx, tx); return err }); err != nil {
			d.o.Log.Warn("list parked bundles", logging.Err(err))
			return
		}
		for _, n := range waiting {
			if d.stillPaused(ctx, n) {
				continue
			}
			got, err := d.read(ctx, d.parked(n.ID), nil)
			if err != nil && ctx.Err() == nil {
				d.o.Log.Warn("read a parked bundle", logging.School(n.School), slog.String("bundle", n.ID), logging.Err(err))
			}
			again = again || got.Result.New > 0 // another may have waited for this one
		}
	}
}

// stillPaused spares the reading of a file, which may be large, while every lane
// it waits for takes nothing.
func (d *Desk) stillPaused(ctx context.Context, n Note) bool {
	if n.State != Paused {
		return false
	}
	var now []syncproto.Lane
	if err := d.o.DB.View(ctx, func(tx db.Tx) (err error) { now, err = syncer.PausedLanes(ctx, tx, n.School); return err }); err != nil {
		return true // looked at again in a while
	}
	return !slices.ContainsFunc(n.Result.Lanes, func(l Lane) bool { return l.Paused && !slices.Contains(now, l.Lane) })
}
