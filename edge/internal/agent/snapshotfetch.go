package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/syncproto"
)

// fetch brings the parts that are not here yet.
func (s *Snapshots) fetch(ctx context.Context, store *pack.Store, m syncproto.Snapshot) error {
	var done int64
	for _, p := range m.Parts {
		b := pack.Blob{Path: "part of a snapshot", SHA256: hex.EncodeToString(p.SHA256), Size: p.Size}
		s.show("loading", done, m.Bytes())
		if _, ok := store.Path(b.SHA256); !ok {
			if err := s.room(b.Size - min(store.PartSize(b.SHA256), b.Size)); err != nil {
				return err
			}
			if err := s.fetchPart(ctx, store, b, func(n int64) { s.show("loading", done+n, m.Bytes()) }); err != nil {
				return err
			}
		}
		done += p.Size
	}
	s.show("loading", done, m.Bytes())
	return nil
}

// fetchPart fetches one part from where an earlier attempt stopped.
func (s *Snapshots) fetchPart(ctx context.Context, store *pack.Store, b pack.Blob, seen func(n int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(s.o.Idle, func() { cancel(errCut) }) // a link that died without a word
	defer watchdog.Stop()
	offset := store.PartSize(b.SHA256)
	if offset >= b.Size {
		offset = 0
	}
	resp, err := s.get(ctx, syncproto.SnapshotPartPath+b.SHA256, offset)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusOK:
		offset = 0
	case resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset)):
	case resp.StatusCode == http.StatusNotFound: // swept at the cloud: a new one is asked for next time
		return errors.Join(fmt.Errorf("%w: the cloud no longer has it", errCut), os.Remove(s.manifestPath()))
	default:
		return fmt.Errorf("%w: status %d", errCut, resp.StatusCode)
	}
	at := offset
	return store.Receive(b, offset, readerFunc(func(p []byte) (int, error) {
		n, err := resp.Body.Read(p)
		if n > 0 {
			watchdog.Reset(s.o.Idle)
			at += int64(n)
			seen(at)
		}
		return n, err
	}))
}

type readerFunc func([]byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (s *Snapshots) get(ctx context.Context, path string, offset int64) (*http.Response, error) {
	state, _ := s.o.Agent.State()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, state.CloudURL+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Encoding", "identity") // a range counts stored bytes
	if offset > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	resp, err := s.o.Agent.Client().Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCut, err)
	}
	return resp, nil
}
