package agent

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/syncproto"
)

// A snapshot also comes in a file that somebody carries. Its parts land where a
// download puts them, and it is taken like a download that has ended: without a
// line. It implements bundle.Anew.

// reasonCarried is the reason of such a snapshot.
const reasonCarried = "a carried file"

// Offer implements bundle.Anew: the manifest has to be the cloud's answer to this
// box and this file. One that the box is beyond brings nothing.
func (s *Snapshots) Offer(ctx context.Context, bundle string, a syncproto.SnapshotAnswer) (map[string]bool, error) {
	m, err := s.verify(offered{Nonce: bundle, Answer: a})
	if err != nil {
		return nil, err
	}
	state, _ := s.o.Agent.State()
	have, err := s.cursor(ctx, state)
	if err != nil {
		return nil, err
	}
	fresh := m.Timeline != state.Timeline
	for l, h := range have {
		fresh = fresh || m.Down[l].Seq > h.Seq
	}
	if err := s.notBehind(m, have); !fresh || errors.Is(err, ErrRollback) {
		return nil, nil //nolint:nilnil // an old file, or one that was read before
	}
	parts := map[string]bool{}
	for _, p := range m.Parts {
		parts[hex.EncodeToString(p.SHA256)] = true
	}
	return parts, nil
}

// Part implements bundle.Anew.
func (s *Snapshots) Part(_ context.Context, sha string, r io.Reader) error {
	store, err := s.parts()
	if err != nil {
		return err
	}
	if _, ok := store.Path(sha); ok {
		return nil
	}
	size, err := sizeOf(r)
	if err != nil {
		return err
	}
	if err := s.room(size); err != nil {
		return err
	}
	return store.Receive(pack.Blob{Path: "part of a snapshot", SHA256: sha, Size: size}, 0, r)
}

// sizeOf is the length of what can be read again from its beginning.
func sizeOf(r io.Reader) (int64, error) {
	f, ok := r.(io.Seeker)
	if !ok {
		return 0, fmt.Errorf("%w: a part of unknown size", syncproto.ErrMalformed)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	return size, err
}

// Whole implements bundle.Anew: with the manifest on the disk the snapshot is as
// if it had been downloaded.
func (s *Snapshots) Whole(_ context.Context, bundle string, a syncproto.SnapshotAnswer) error {
	store, err := s.parts()
	if err != nil {
		return err
	}
	m, err := s.verify(offered{Nonce: bundle, Answer: a})
	if err != nil {
		return err
	}
	for _, p := range m.Parts {
		if _, ok := store.Path(hex.EncodeToString(p.SHA256)); !ok {
			return fmt.Errorf("%w: a part of the snapshot did not come", syncproto.ErrMalformed)
		}
	}
	b, err := json.Marshal(offered{Nonce: bundle, Answer: a})
	if err != nil {
		return err
	}
	if err := writeWhole(s.manifestPath(), b); err != nil {
		return err
	}
	if err := writeWhole(s.wantedPath(), []byte(reasonCarried)); err != nil {
		return err
	}
	s.Want(reasonCarried)
	return nil
}

func (s *Snapshots) parts() (*pack.Store, error) {
	return pack.OpenStore(filepath.Join(s.dir(), "parts"))
}
