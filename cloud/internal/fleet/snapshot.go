package fleet

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// SnapshotOptions are what snapshots need; all are needed.
type SnapshotOptions struct {
	// Dir holds a folder per school: the parts, by their hash, and the manifest.
	Dir string
	// Signer's public half is what boxes have pinned as the cloud's key.
	Signer  ed25519.PrivateKey
	Members syncer.Members
}

// snapshots builds them, one at a time for all schools: it is work for the
// database that nobody waits for with a page open.
type snapshots struct {
	turn chan struct{}

	mu       sync.Mutex
	building map[string]bool // by school
}

const (
	// snapshotFresh is how long a built snapshot is given to whoever asks.
	snapshotFresh = 15 * time.Minute
	// snapshotKept is how long a download may take.
	snapshotKept = 7 * 24 * time.Hour
)

// Errors of snapshots.
var (
	ErrNoSnapshots = fault.New(fault.Unavailable, "This cloud gives no snapshots.").WithCode("no_snapshots")
	errNoNonce     = fault.New(fault.Invalid, "The request is incomplete.").WithCode("snapshot_nonce").At("want at least 16 characters", "nonce")
)

// offer decides whether the box of a school needs a snapshot; see
// syncer.Coverage.
func (s *Service) offer(school string) func(context.Context, db.Tx, syncproto.Marks) (bool, error) {
	if s.o.Snapshots == nil {
		return nil
	}
	return func(ctx context.Context, tx db.Tx, in syncproto.Marks) (bool, error) {
		c, err := syncer.ReadCoverage(ctx, tx, syncer.Log{School: school, Epoch: syncer.DownEpoch}, in)
		return err == nil && c.Choose() == syncer.WaySnapshot, err
	}
}

// Snapshot gives the box the manifest of a snapshot of its school, signed as the
// answer to this very request. While there is none it is built beside, and the
// box asks again.
func (s *Service) Snapshot(ctx context.Context, box Appliance, in syncproto.SnapshotRequest) (syncproto.SnapshotAnswer, error) {
	var out syncproto.SnapshotAnswer
	if s.o.Snapshots == nil {
		return out, ErrNoSnapshots
	}
	if len(in.Nonce) < 16 || len(in.Nonce) > 200 {
		return out, errNoNonce
	}
	have, err := decodeMarks(in.Have)
	if err != nil {
		return out, errNoNonce.At("cannot be read", "have")
	}
	manifest, ok := s.readySnapshot(ctx, box.School, have)
	if !ok {
		began := s.buildSnapshot(box.School, in.Reason) //nolint:contextcheck // it outlives the request
		out.Building = true
		if began && in.Reason == syncproto.ReasonDigest {
			return out, s.noteDigestSnapshot(ctx, box.School)
		}
		return out, nil
	}
	out.Manifest = manifest
	out.Signature = syncproto.SignSnapshot(s.o.Snapshots.Signer, box.ID, in.Nonce, manifest)
	return out, nil
}

func decodeMarks(b []byte) (syncproto.Marks, error) {
	if len(b) == 0 {
		return syncproto.Marks{}, nil
	}
	a, err := syncproto.DecodeAck(b)
	return a.Applied, err
}

// SnapshotPart is the file of a part of the snapshots of the box's own school.
func (s *Service) SnapshotPart(box Appliance, sha string) (path string, ok bool) {
	if s.o.Snapshots == nil || !id.Valid(box.School) {
		return "", false
	}
	store, err := s.snapshotStore(box.School)
	if err != nil {
		return "", false
	}
	return store.Path(sha)
}

func (s *Service) snapshotDir(school string) string { return filepath.Join(s.o.Snapshots.Dir, school) }

func (s *Service) snapshotStore(school string) (*pack.Store, error) {
	return pack.OpenStore(filepath.Join(s.snapshotDir(school), "parts"))
}

func (s *Service) manifestPath(school string) string {
	return filepath.Join(s.snapshotDir(school), "manifest")
}

// readySnapshot is the manifest on disk, if it is fresh, whole, of this life of
// the database, and not behind what the box has already.
func (s *Service) readySnapshot(ctx context.Context, school string, have syncproto.Marks) ([]byte, bool) {
	manifest, err := os.ReadFile(s.manifestPath(school))
	if err != nil {
		return nil, false
	}
	m, err := syncproto.DecodeSnapshot(manifest)
	if err != nil || m.School != school || m.Timeline != s.o.Timeline || s.o.Clock.Now().Sub(m.MadeAt) > snapshotFresh || s.o.Clock.Now().Before(m.MadeAt) {
		return nil, false
	}
	store, err := s.snapshotStore(school)
	if err != nil {
		return nil, false
	}
	for _, p := range m.Parts {
		if _, ok := store.Path(hex.EncodeToString(p.SHA256)); !ok {
			return nil, false
		}
	}
	return manifest, s.notBehind(ctx, m, have)
}

// notBehind tells whether the snapshot has everything the box has of this log,
// and whether the log goes on from the snapshot. Marks of the box that contradict
// the log are of another life: nothing can be said of them.
func (s *Service) notBehind(ctx context.Context, m syncproto.Snapshot, have syncproto.Marks) (ok bool) {
	log := syncer.Log{School: m.School, Epoch: syncer.DownEpoch}
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		after, err := syncer.ReadCoverage(ctx, tx, log, m.Down)
		if err != nil {
			return err
		}
		ok = after.Choose() != syncer.WaySnapshot
		c, err := syncer.ReadCoverage(ctx, tx, log, have)
		for l, lane := range c.Lanes {
			ok = ok && (have[l].Seq <= m.Down[l].Seq || lane.Cursor > lane.Head)
		}
		return err
	})
	return ok && err == nil
}

// buildSnapshot builds one in the background, unless it is being built.
func (s *Service) buildSnapshot(school, reason string) (began bool) {
	s.snaps.mu.Lock()
	busy := s.snaps.building[school]
	s.snaps.building[school] = true
	s.snaps.mu.Unlock()
	if busy {
		return false
	}
	s.mu.Lock()
	ctx := s.ctx
	stopped := ctx == nil || ctx.Err() != nil
	if !stopped {
		s.wg.Add(1)
	}
	s.mu.Unlock()
	done := func() { s.snaps.mu.Lock(); delete(s.snaps.building, school); s.snaps.mu.Unlock() }
	if stopped {
		done()
		return false
	}
	go func() {
		defer s.wg.Done()
		defer done()
		select {
		case s.snaps.turn <- struct{}{}:
			defer func() { <-s.snaps.turn }()
		case <-ctx.Done():
			return
		}
		start := s.o.Clock.Now()
		m, err := s.writeSnapshot(ctx, school)
		if err != nil {
			if ctx.Err() == nil {
				s.o.Log.Error("build a snapshot", logging.School(school), logging.Err(err))
			}
			return
		}
		s.o.Log.Info("a snapshot was built", logging.School(school), slog.String("reason", reason), slog.Int64("bytes", m.Bytes()),
			slog.Int("parts", len(m.Parts)), slog.Duration("took", s.o.Clock.Now().Sub(start)))
	}()
	return true
}

// writeSnapshot writes the parts, at most one of which is in memory, then the
// manifest, and drops the parts of earlier snapshots that nobody can be fetching
// any more.
func (s *Service) writeSnapshot(ctx context.Context, school string) (syncproto.Snapshot, error) {
	store, err := s.snapshotStore(school)
	if err != nil {
		return syncproto.Snapshot{}, err
	}
	x := syncer.Exporter{DB: s.o.DB, Registry: s.o.Applier.Registry, Scope: syncer.Scope{School: school, Members: s.o.Snapshots.Members}}
	m, err := WriteParts(ctx, x, store)
	if err != nil {
		return m, err
	}
	m.Timeline, m.MadeAt = s.o.Timeline, s.o.Clock.Now()
	manifest, err := syncproto.EncodeSnapshot(m)
	if err != nil {
		return m, err
	}
	return m, s.replaceManifest(school, manifest)
}

// WriteParts exports a snapshot into the parts of its manifest. At most one part
// is in memory.
func WriteParts(ctx context.Context, x syncer.Exporter, store *pack.Store) (syncproto.Snapshot, error) {
	parts := &partWriter{store: store}
	m, err := x.Export(ctx, parts.frame)
	if err == nil {
		err = parts.flush()
	}
	m.Parts = parts.parts
	return m, err
}

// replaceManifest keeps the manifest before beside the new one, so that its
// download can end.
func (s *Service) replaceManifest(school string, manifest []byte) error {
	path := s.manifestPath(school)
	if err := os.WriteFile(path+".new", manifest, 0o600); err != nil {
		return err
	}
	if err := os.Rename(path, path+".before"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return s.dropParts(school)
}

// dropParts removes the parts that neither of the two manifests names.
func (s *Service) dropParts(school string) error {
	used := map[string]bool{}
	for _, suffix := range []string{"", ".before"} {
		b, err := os.ReadFile(s.manifestPath(school) + suffix) //nolint:gosec // below the data directory
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		m, err := syncproto.DecodeSnapshot(b)
		if err != nil {
			continue
		}
		for _, p := range m.Parts {
			used[hex.EncodeToString(p.SHA256)] = true
		}
	}
	files, err := filepath.Glob(filepath.Join(s.snapshotDir(school), "parts", "??", "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if !used[filepath.Base(f)] {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweepSnapshots removes the snapshots that are too old for any download.
func (s *Service) sweepSnapshots() {
	if s.o.Snapshots == nil {
		return
	}
	schools, err := os.ReadDir(s.o.Snapshots.Dir)
	if err != nil {
		return // none was ever built
	}
	for _, e := range schools {
		b, err := os.ReadFile(s.manifestPath(e.Name()))
		if err != nil {
			continue // being built for the first time
		}
		m, err := syncproto.DecodeSnapshot(b)
		if err == nil && s.o.Clock.Now().Sub(m.MadeAt) < snapshotKept {
			continue
		}
		if err := os.RemoveAll(s.snapshotDir(e.Name())); err != nil {
			s.o.Log.Warn("remove an old snapshot", logging.School(e.Name()), logging.Err(err))
		}
	}
}

// partWriter gathers frames into parts.
type partWriter struct {
	store *pack.Store
	parts []syncproto.SnapshotPart
	buf   []byte
}

func (w *partWriter) frame(frame []byte) error {
	if len(w.buf)+len(frame)+10 > syncproto.MaxSnapshotPart {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.buf = syncproto.AppendPart(w.buf, frame)
	return nil
}

func (w *partWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	sha, err := w.store.Put(w.buf)
	if err != nil {
		return err
	}
	sum, err := hex.DecodeString(sha)
	if err != nil {
		return fmt.Errorf("the store's hash: %w", err)
	}
	w.parts = append(w.parts, syncproto.SnapshotPart{SHA256: sum, Size: int64(len(w.buf))})
	w.buf = w.buf[:0]
	return nil
}

// DropSnapshots deletes what is prepared for all schools: it may hold a person who
// was erased. A box that is fetching one asks anew.
func (s *Service) DropSnapshots() error {
	schools, err := os.ReadDir(s.o.Snapshots.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range schools {
		if err := os.RemoveAll(s.snapshotDir(e.Name())); err != nil {
			return err
		}
	}
	return nil
}
