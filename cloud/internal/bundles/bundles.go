// Package bundles takes in what schools send by hand, on a stick or a teacher's
// phone, and writes what goes back: acks, records and course packs.
//
// The rule that surprises: whoever carries a bundle needs no account. The file
// speaks for itself: the box signed it, only the cloud can open it, and the
// worst a carrier can do is not to arrive.
package bundles

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// Packs are the course packs of the cloud.
type Packs interface {
	Pieces(ctx context.Context, school identity.SchoolID) ([]pack.Piece, error)
	OpenPiece(sha256 string) (io.ReadCloser, error)
}

// Options are the parts of the Service.
type Options struct {
	DB      db.DB
	Outbox  *syncer.Outbox
	Applier *syncer.Applier
	Packs   Packs
	// Signer signs what goes down; boxes pinned its public half.
	Signer ed25519.PrivateKey
	// Identity opens what comes up.
	Identity *age.X25519Identity
	Timeline string
	// Members are the people of a school, for a snapshot; nil: none are written, and
	// a box that lacks more than is kept has to connect.
	Members syncer.Members
	// Backed is how much of an uplink a verified backup covers; nil: nothing.
	Backed func(ctx context.Context, tx db.Tx, school string, epoch int64) ([syncproto.Lanes]int64, error)
	// Arrived is called after a bundle of a school; may be nil.
	Arrived func(school string)
	Dir     string
	Clock   clock.Clock
	Log     *slog.Logger
}

// Limits of what can be handed over.
const (
	maxUp  = 2 << 30
	maxDay = 4 << 30
)

// Service reads and writes bundles at the cloud.
type Service struct {
	*service.Loop

	o    Options
	desk *bundle.Desk
	back sync.Mutex // one way back is written at a time
}

// New makes the service.
func New(o Options) *Service {
	s := &Service{o: o}
	s.desk = bundle.NewDesk(bundle.DeskOptions{DB: o.DB, Dir: o.Dir, Clock: o.Clock, Log: o.Log, Admit: s.admit, Arrived: s.arrived, MaxSize: maxUp, MaxDay: maxDay})
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

const retryEvery = time.Minute

func (s *Service) run(ctx context.Context) {
	defer s.desk.Wait()
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		if n%60 == 0 {
			s.desk.Sweep()
			s.sweepBack()
		}
		s.desk.Retry(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// box is the writer of a bundle and what is known of its epoch.
type box struct {
	school, status string
	key            ed25519.PublicKey
	present        int64 // the school's epoch now
	owned          bool  // the bundle's epoch was issued to this box
}

// admit lets only bundles in that a box of ours signed. What a replaced box had
// written still counts, as on every carrier: work is never refused for being
// late. A box an admin has not decided about is kept waiting.
func (s *Service) admit(ctx context.Context, h syncproto.BundleHeader) (bundle.Admitted, error) {
	if h.Way != syncproto.Up {
		return bundle.Admitted{}, bundle.ErrWrongWay
	}
	var b box
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) { b, err = findBox(ctx, tx, h); return err })
	if errors.Is(err, db.ErrNoRows) {
		return bundle.Admitted{}, bundle.Explain(bundle.ErrSigner)
	}
	if err != nil {
		return bundle.Admitted{}, err
	}
	if b.school != h.School || !b.owned {
		return bundle.Admitted{}, bundle.Explain(bundle.ErrSigner)
	}
	in := syncer.Log{School: h.School, Epoch: h.Epoch}
	t := bundle.Target{DB: s.o.DB, Applier: s.o.Applier, Outbox: s.o.Outbox, In: in, Dir: s.o.Dir}
	if h.Epoch == b.present && b.status == active {
		t.Out = syncer.Log{School: h.School, Epoch: syncer.DownEpoch}
		t.Heard = func(ctx context.Context, hello syncproto.Hello) error {
			return s.o.DB.Update(ctx, func(tx db.Tx) error {
				return syncer.NoteHeard(ctx, tx, in, "bundle", hello, s.o.Clock.Now())
			})
		}
	}
	a := bundle.Admitted{Key: b.key, Identity: s.o.Identity, Target: t}
	if b.status != active && b.status != replaced {
		return a, bundle.ErrHeld
	}
	return a, nil
}

// The states of a box whose bundles are read.
const (
	active   = "active"
	replaced = "replaced"
)

// arrived tells the admin of a bundle that needs a decision.
func (s *Service) arrived(ctx context.Context, n bundle.Note) {
	if n.State == bundle.Held || n.State == bundle.Forked {
		kind := map[bundle.State]string{bundle.Held: "bundle_held", bundle.Forked: "bundle_forked"}[n.State]
		if err := s.o.DB.Update(ctx, func(tx db.Tx) error {
			return fleet.NoteIncident(ctx, tx, s.o.Clock.Now(), fleet.Incident{School: n.School, Kind: kind, Facts: map[string]any{"bundle": n.ID, "bytes": n.Size}})
		}); err != nil {
			s.o.Log.Error("note a bundle that waits", logging.School(n.School), logging.Err(err))
		}
	}
	if s.o.Arrived != nil {
		s.o.Arrived(n.School)
	}
}

// Written is a bundle that was written.
type Written struct {
	ID        string
	Records   int64
	Packs     int
	PackBytes int64
	Size      int64
}

// What an export carries beside the acks and records.
type What struct {
	Packs bool
	// Progress is told how much is written, in records and bytes of packs; may be
	// nil.
	Progress func(done, of int64)
}

// ErrNoBox says that nobody could open a bundle for this school.
var ErrNoBox = fault.New(fault.NotFound, "This school has no box.").WithCode("school_without_box")

// Export writes what the school's box needs: acks of its work, and every record
// of the cloud it has not confirmed.
func (s *Service) Export(ctx context.Context, school string, what What, w io.Writer) (Written, error) {
	h := syncproto.BundleHeader{ID: id.New(), Way: syncproto.Down, School: school, Created: s.o.Clock.Now(), Timeline: s.o.Timeline}
	down := syncer.Log{School: school, Epoch: syncer.DownEpoch}
	ack := syncproto.Ack{}
	below := false
	var receipts []bundle.Note
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		if h.SchoolName, h.To, h.Epoch, err = findReader(ctx, tx, school); err != nil {
			return err
		}
		if h.Lanes, err = bundle.Waiting(ctx, tx, down); err != nil {
			return err
		}
		if below, err = belowFloor(ctx, tx, down, h.Lanes); err != nil {
			return err
		}
		ack.Epoch = h.Epoch
		if receipts, err = bundle.List(ctx, tx, bundle.In, school, receiptsBack); err != nil {
			return err
		}
		if ack.Applied, err = syncer.ReadMarks(ctx, tx, syncer.Log{School: school, Epoch: h.Epoch}); err != nil || s.o.Backed == nil {
			return err
		}
		ack.Backed, err = s.o.Backed(ctx, tx, school, h.Epoch)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return Written{}, ErrNoBox
	}
	if err != nil {
		return Written{}, err
	}
	var pieces []pack.Piece
	if what.Packs && s.o.Packs != nil {
		if pieces, err = s.o.Packs.Pieces(ctx, identity.SchoolID(school)); err != nil {
			return Written{}, err
		}
		for _, p := range pieces {
			h.PackBytes += p.Size
			if p.Manifest {
				h.Packs++
			}
		}
	}
	x := writing{w: w, h: h, ack: ack, receipts: receipts, pieces: pieces, progress: what.Progress}
	if !below || s.o.Members == nil {
		return s.write(ctx, x)
	}
	x.anew, err = s.snapshot(ctx, school)
	if err != nil {
		return Written{}, err
	}
	x.h.Lanes = nil // all of it is in the snapshot
	out, err := s.write(ctx, x)
	return out, errors.Join(err, x.anew.drop())
}

// receiptsBack is of how many files the way back tells that they arrived.
const receiptsBack = 20

// writing is one bundle that is being written.
type writing struct {
	w        io.Writer
	h        syncproto.BundleHeader
	ack      syncproto.Ack
	receipts []bundle.Note
	pieces   []pack.Piece
	progress func(done, of int64)
	anew     *snapshot // for a box that frames cannot help; nil for the others
}

func (s *Service) write(ctx context.Context, x writing) (Written, error) {
	out := Written{ID: x.h.ID, Records: x.h.Records(), Packs: x.h.Packs, PackBytes: x.h.PackBytes}
	bw, err := bundle.NewWriter(x.w, x.h, s.o.Signer)
	if err != nil {
		return out, err
	}
	m, err := syncproto.EncodeAck(x.ack)
	if err != nil {
		return out, err
	}
	if err := bw.AddMessage(m); err != nil { // first: a torn file still says what is safe
		return out, err
	}
	for _, n := range x.receipts {
		if n.State == bundle.Held {
			continue // nothing of it was read
		}
		text := s.receipt(x.h.SchoolName, n)
		if err := bw.Add(bundle.Section{SectionHead: syncproto.SectionHead{Kind: syncproto.SectionReceipt}, Data: []byte(text)}); err != nil {
			return out, err
		}
	}
	total := out.Records + out.PackBytes
	told := func(done int64) {
		if x.progress != nil {
			x.progress(done, total)
		}
	}
	if x.anew != nil {
		if err := x.anew.write(bw, x.h.ID, s.o.Signer); err != nil {
			return out, err
		}
	}
	log := syncer.Log{School: x.h.School, Epoch: syncer.DownEpoch}
	if err := bw.Frames(ctx, s.o.DB, log, x.h.Lanes, told); err != nil {
		return out, err
	}
	done := out.Records
	for _, p := range x.pieces {
		if err := s.piece(bw, p); err != nil {
			return out, err
		}
		done += p.Size
		told(done)
	}
	err = bw.Close()
	out.Size = bw.Written
	return out, err
}

func (s *Service) piece(bw *bundle.Writer, p pack.Piece) error {
	r, err := s.o.Packs.OpenPiece(p.SHA256)
	if err != nil {
		return fmt.Errorf("write a pack into a bundle: %w", err)
	}
	defer func() { _ = r.Close() }()
	return bw.Blob(p.SHA256, p.Size, r)
}

// returnPath is where the bundle for the way back of a bundle lies.
func (s *Service) returnPath(id string) string {
	return filepath.Join(s.o.Dir, "return", id+".uhs")
}

// ExportFile writes a bundle to path; the file gets its name only when it is
// whole and on the disk.
func (s *Service) ExportFile(ctx context.Context, school string, what What, path string) (Written, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Written{}, fmt.Errorf("write a bundle: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".uhs-*.part")
	if err != nil {
		return Written{}, fmt.Errorf("write a bundle: %w", err)
	}
	w, err := s.Export(ctx, school, what, tmp)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return w, errors.Join(err, os.Remove(tmp.Name()))
	}
	return w, nil
}
