package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
)

// MaxSlice is the largest slice of a bundle in one request.
const MaxSlice = 1 << 20

// Stage is how far an upload is.
type Stage string

// The stages.
const (
	Receiving Stage = "receiving"
	Reading   Stage = "reading" // all of it is here and is being stored
	Done      Stage = "done"
	Failed    Stage = "failed"
)

// Upload is a bundle that is handed over in slices.
type Upload struct {
	ID     string `json:"id"`
	Bundle string `json:"bundle"` // the bundle's own id
	School string `json:"school"`
	// SchoolName is for display, as the file says it.
	SchoolName string `json:"school_name"`
	Size       int64  `json:"size"`
	Received   int64  `json:"received"`
	// Read is how much of it was dealt with, in bytes.
	Read  int64 `json:"read"`
	Stage Stage `json:"stage"`
	// Again tells that it had been handed over before.
	Again bool `json:"again"`
	// Note is what became of it; set when it is done.
	Note *Note `json:"-"`
	// Err is why it failed.
	Err error `json:"-"`
}

// upload is an Upload under its lock.
type upload struct {
	mu sync.Mutex
	Upload
}

func (u *upload) snapshot() Upload { u.mu.Lock(); defer u.mu.Unlock(); return u.Upload }

// The faults of handing over.
var (
	errSlice   = fault.New(fault.Invalid, "The part of the file could not be read.").WithCode("bundle_slice")
	errUpload  = fault.New(fault.NotFound, "This hand-over is not known. Choose the file again.").WithCode("bundle_upload_unknown")
	errQuota   = fault.New(fault.TooMany, "This school has handed over too much today. Try again tomorrow.").WithCode("bundle_quota")
	uploadName = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// uploadsKept is how long the parts of an unfinished upload stay.
const uploadsKept = 7 * 24 * time.Hour

// Begin starts to hand over a bundle of that size, or finds how far it came
// before: first holds its beginning, up to MaxSlice. The signer is checked
// before anything is stored.
func (d *Desk) Begin(ctx context.Context, size int64, first []byte) (Upload, error) {
	if d.o.MaxSize > 0 && size > d.o.MaxSize {
		return Upload{}, faultLarge
	}
	if size < int64(len(first)) || len(first) > MaxSlice || len(first) < min(FrontSize, int(min(size, MaxSlice))) {
		return Upload{}, errSlice
	}
	r, _, err := d.front(ctx, bytes.NewReader(first))
	if err != nil && !errors.Is(err, ErrHeld) {
		return Upload{}, err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%x %d", r.sum, size))
	u := &upload{Upload: Upload{ID: hex.EncodeToString(key[:16]), Bundle: r.Header.ID, School: r.Header.School, SchoolName: r.Header.SchoolName, Size: size, Stage: Receiving}}
	if known, ok := d.find(u.ID); ok {
		if at := known.snapshot().Stage; at == Receiving || at == Reading {
			return d.advance(ctx, known), nil
		}
	}
	again, err := d.delivered(ctx, u)
	if err != nil || again {
		return u.snapshot(), err
	}
	if err := d.store(u, first); err != nil {
		return Upload{}, err
	}
	d.mu.Lock()
	d.uploads[u.ID] = u
	d.mu.Unlock()
	return d.advance(ctx, u), nil
}

// delivered finds a bundle that is in already, or kept and goes on by itself,
// and refuses one too many.
func (d *Desk) delivered(ctx context.Context, u *upload) (bool, error) {
	var n Note
	var ok bool
	var today int64
	err := d.o.DB.View(ctx, func(tx db.Tx) (err error) {
		if n, ok, err = Find(ctx, tx, In, u.Bundle); err != nil {
			return err
		}
		today, err = BytesSince(ctx, tx, u.School, d.o.Clock.Now().Add(-24*time.Hour))
		return err
	})
	if err != nil {
		return false, err
	}
	if ok && (n.State.Final() || n.State.goesOn()) {
		u.Stage, u.Again, u.Note, u.Received, u.Read = Done, n.State.Final(), &n, u.Size, u.Size
		return true, nil
	}
	if d.o.MaxDay > 0 && today+d.pending(u.School)+u.Size > d.o.MaxDay {
		return false, errQuota
	}
	return false, nil
}

// pending is the size of what a school has begun to hand over.
func (d *Desk) pending(school string) (n int64) {
	names, err := filepath.Glob(filepath.Join(d.o.Dir, "part", "*.json"))
	if err != nil {
		return 0
	}
	for _, name := range names {
		if u, ok := readSidecar(name); ok && u.School == school {
			n += u.Size
		}
	}
	return n
}

func (d *Desk) partPath(id string) string { return filepath.Join(d.o.Dir, "part", id) }

// store writes the first slice, and beside it what the upload is: it survives a
// restart.
func (d *Desk) store(u *upload, first []byte) error {
	if err := os.MkdirAll(filepath.Dir(d.partPath(u.ID)), 0o700); err != nil {
		return fmt.Errorf("store a slice: %w", err)
	}
	side, err := json.Marshal(u.Upload)
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.partPath(u.ID), first, 0o600); err != nil {
		return fmt.Errorf("store a slice: %w", err)
	}
	u.Received = int64(len(first))
	if err := os.WriteFile(d.partPath(u.ID)+".json", side, 0o600); err != nil {
		return fmt.Errorf("store a slice: %w", err)
	}
	return nil
}

func readSidecar(name string) (u Upload, ok bool) {
	b, err := os.ReadFile(name) //nolint:gosec // below the data directory
	return u, err == nil && json.Unmarshal(b, &u) == nil
}

// find gives an upload in memory, or the one that an earlier life left on disk.
func (d *Desk) find(id string) (*upload, bool) {
	if !uploadName.MatchString(id) {
		return nil, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if u, ok := d.uploads[id]; ok {
		return u, true
	}
	left, ok := readSidecar(d.partPath(id) + ".json")
	info, err := os.Stat(d.partPath(id))
	if !ok || err != nil || left.ID != id {
		return nil, false
	}
	u := &upload{Upload: Upload{ID: id, Bundle: left.Bundle, School: left.School, SchoolName: left.SchoolName, Size: left.Size, Received: min(info.Size(), left.Size), Stage: Receiving}}
	d.uploads[id] = u
	return u, true
}

// Append adds a slice. A slice that does not begin where the last one ended
// changes nothing: the answer says where to go on.
func (d *Desk) Append(ctx context.Context, id string, offset int64, slice []byte) (Upload, error) {
	u, ok := d.find(id)
	if !ok {
		return Upload{}, errUpload
	}
	if len(slice) > MaxSlice {
		return Upload{}, errSlice
	}
	if err := d.appendTo(u, offset, slice); err != nil {
		return Upload{}, err
	}
	return d.advance(ctx, u), nil
}

func (d *Desk) appendTo(u *upload, offset int64, slice []byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.Stage != Receiving || offset != u.Received {
		return nil
	}
	if offset+int64(len(slice)) > u.Size {
		return errSlice
	}
	f, err := os.OpenFile(d.partPath(u.ID), os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("store a slice: %w", err)
	}
	_, werr := f.WriteAt(slice, offset)
	if err := errors.Join(werr, f.Close()); err != nil {
		return fmt.Errorf("store a slice: %w", err)
	}
	u.Received += int64(len(slice))
	return nil
}

// Find tells how far an upload is.
func (d *Desk) Find(ctx context.Context, id string) (Upload, error) {
	u, ok := d.find(id)
	if !ok {
		return Upload{}, errUpload
	}
	return d.advance(ctx, u), nil
}

// advance reads the bundle once all of it is here, in a goroutine that Stop
// waits for.
func (d *Desk) advance(ctx context.Context, u *upload) Upload {
	u.mu.Lock()
	start := u.Stage == Receiving && u.Received == u.Size
	if start {
		u.Stage = Reading
	}
	u.mu.Unlock()
	if start {
		ctx := context.WithoutCancel(ctx)
		d.wg.Go(func() { d.finish(ctx, u) })
	}
	return u.snapshot()
}

func (d *Desk) finish(ctx context.Context, u *upload) {
	path := d.partPath(u.ID)
	n, err := d.Read(ctx, path, func(read int64) { u.mu.Lock(); u.Read = read; u.mu.Unlock() })
	if err != nil {
		d.o.Log.Warn("read a bundle", logging.School(u.School), logging.Err(err))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case err != nil && fault.KindOf(err) == fault.Internal: // the database, the disk: asked again, it is read again
		u.Stage = Receiving
		return
	case err != nil:
		u.Stage, u.Err = Failed, err
	case n.State == Torn: // it has to be sent again, whole
		u.Stage, u.Note, u.Err = Failed, &n, faultTorn
	default:
		u.Stage, u.Note, u.Read = Done, &n, u.Size
	}
	d.drop(path)
}

func (d *Desk) drop(path string) {
	for _, p := range []string{path, path + ".json"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.o.Log.Warn("remove an upload", logging.Err(err))
		}
	}
}

// Sweep removes what was begun and not finished for a week.
func (d *Desk) Sweep() {
	names, err := filepath.Glob(filepath.Join(d.o.Dir, "part", "*.json"))
	if err != nil {
		return
	}
	d.mu.Lock()
	for id, u := range d.uploads {
		if stage := u.snapshot().Stage; stage == Done || stage == Failed {
			delete(d.uploads, id)
		}
	}
	d.mu.Unlock()
	for _, name := range names {
		path := strings.TrimSuffix(name, ".json")
		info, err := os.Stat(path)
		if err == nil && d.o.Clock.Now().Sub(info.ModTime()) < uploadsKept {
			continue
		}
		d.mu.Lock()
		delete(d.uploads, filepath.Base(path))
		d.mu.Unlock()
		d.drop(path)
	}
}

// Wait waits for the bundles that are being read.
func (d *Desk) Wait() { d.wg.Wait() }
