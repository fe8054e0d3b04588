package bundles

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// belowFloor tells whether the records of lanes are no longer kept from the first
// one on.
func belowFloor(ctx context.Context, tx db.Tx, log syncer.Log, lanes []syncproto.LaneRange) (bool, error) {
	for _, l := range lanes {
		f, _, err := syncer.Cut(ctx, tx, log, syncer.Piece{Lane: l.Lane, After: l.First - 1, MaxBytes: 1})
		if errors.Is(err, syncer.ErrPruned) || err == nil && f == nil {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// snapshot is everything of a school, on its way into a bundle.
type snapshot struct {
	reader   string // the box that it is for
	manifest syncproto.Snapshot
	store    *pack.Store
}

// snapshot writes one into a folder of its own.
func (s *Service) snapshot(ctx context.Context, school string) (*snapshot, error) {
	var reader string
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		rows, err := tx.Query(ctx, selectActive, school)
		reader, err = db.One(rows, err, db.Scalar[string])
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("write a snapshot: %w", err)
	}
	dir, err := os.MkdirTemp(s.o.Dir, "snapshot-*")
	if err != nil {
		return nil, fmt.Errorf("write a snapshot: %w", err)
	}
	x := &snapshot{reader: reader}
	if x.store, err = pack.OpenStore(dir); err == nil {
		x.manifest, err = fleet.WriteParts(ctx, syncer.Exporter{DB: s.o.DB, Registry: s.o.Applier.Registry,
			Scope: syncer.Scope{School: school, Members: s.o.Members}}, x.store)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write a snapshot: %w", err), os.RemoveAll(dir))
	}
	x.manifest.Timeline, x.manifest.MadeAt = s.o.Timeline, s.o.Clock.Now()
	return x, nil
}

// write puts the snapshot into a bundle. The signature covers the bundle's id, so
// that the manifest counts in this file alone.
func (x *snapshot) write(bw *bundle.Writer, id string, signer ed25519.PrivateKey) error {
	manifest, err := syncproto.EncodeSnapshot(x.manifest)
	if err != nil {
		return err
	}
	answer, err := json.Marshal(syncproto.SnapshotAnswer{Manifest: manifest, Signature: syncproto.SignSnapshot(signer, x.reader, id, manifest)})
	if err != nil {
		return err
	}
	if err := bw.Add(bundle.Section{SectionHead: syncproto.SectionHead{Kind: syncproto.SectionSnapshot}, Data: answer}); err != nil {
		return err
	}
	for _, p := range x.manifest.Parts {
		if err := x.part(bw, hex.EncodeToString(p.SHA256), p.Size); err != nil {
			return fmt.Errorf("write a part of a snapshot: %w", err)
		}
	}
	return nil
}

func (x *snapshot) part(bw *bundle.Writer, sha string, size int64) error {
	path, _ := x.store.Path(sha)
	f, err := os.Open(path) //nolint:gosec // the store gives only paths of its own blobs
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return bw.Blob(sha, size, f)
}

// drop removes the parts.
func (x *snapshot) drop() error { return os.RemoveAll(x.store.Dir()) }
